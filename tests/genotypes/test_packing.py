"""Packing gives back what went in, .bed codes included."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biobraid.core.genotypes import (
    call_counts,
    calls_from_bed,
    codes_of_dosages,
    codes_of_row,
    dosages_of_codes,
    mask_samples,
    pack_calls,
    packed_size,
    unpack_calls,
)

TO_BED = {True: np.array([3, 2, 0, 1], np.uint8), False: np.array([0, 2, 3, 1], np.uint8)}


@given(n_samples=st.integers(1, 70), seed=st.integers(0, 999))
def test_calls_come_back(n_samples: int, seed: int) -> None:
    calls = np.random.default_rng(seed).integers(0, 4, (3, n_samples)).astype(np.uint8)
    packed = pack_calls(calls)
    assert packed.shape == (3, packed_size("call2", n_samples))
    np.testing.assert_array_equal(unpack_calls(packed, n_samples), calls)
    np.testing.assert_array_equal(codes_of_row(packed[1].tobytes(), "call2", n_samples), calls[1])
    counted = call_counts(packed, n_samples)
    for code in range(4):
        np.testing.assert_array_equal(counted[:, code], (calls == code).sum(axis=1))
    for alt_is_first, table in TO_BED.items():
        found = calls_from_bed(pack_calls(table[calls]), n_samples, alt_is_first)
        np.testing.assert_array_equal(found, packed)


@pytest.mark.parametrize(("encoding", "scale"), [("dosage8", 127), ("dosage16", 30000)])
def test_dosages_come_back_within_half_a_step(encoding: str, scale: int) -> None:
    dosages = np.append(np.linspace(0, 2, 101), np.nan)
    codes = codes_of_dosages(dosages, scale, encoding)
    assert codes.nbytes == packed_size(encoding, 102)
    back = dosages_of_codes(codes_of_row(codes.tobytes(), encoding, 102), encoding, scale)
    np.testing.assert_allclose(back[:-1], dosages[:-1], atol=0.5 / scale + 1e-7)
    assert np.isnan(back[-1])


def test_dosages_of_eight_bit_probabilities_are_exact() -> None:
    codes = np.arange(511)
    back = codes_of_dosages(codes / 255, 255, "dosage16")
    np.testing.assert_array_equal(back, codes)


@pytest.mark.parametrize("encoding", ["call2", "dosage8", "dosage16"])
def test_masking_touches_only_the_samples_named(encoding: str) -> None:
    rng = np.random.default_rng(3)
    if encoding == "call2":
        packed = pack_calls(rng.integers(0, 3, (4, 10)).astype(np.uint8))
    else:
        codes = codes_of_dosages(rng.random((4, 10)) * 2, 100, encoding)
        packed = codes.view(np.uint8).reshape(4, -1)
    masked = mask_samples(packed, encoding, np.array([0, 5, 6]))
    for before, after in zip(packed, masked, strict=True):
        old, new = (codes_of_row(row.tobytes(), encoding, 10) for row in (before, after))
        gone = np.isnan(dosages_of_codes(new, encoding, 1))
        assert gone.tolist() == [n in (0, 5, 6) for n in range(10)]
        np.testing.assert_array_equal(old[~gone], new[~gone])
