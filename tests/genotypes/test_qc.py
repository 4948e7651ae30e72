"""Quality of variants and samples: hand-worked, by brute force, and against plink2."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from biobraid.core.home import Home, create_home
from biobraid.core.manifest import Manifest, Part
from biobraid.core.schemas.raw_genotype_qc import RAW_KINSHIP
from biobraid.quality.genotypes import publish_evidence, refresh_qc
from tests.genotypes.landed import (
    Made,
    land,
    needs_plink2,
    plink2,
    plink_table,
    simulated,
    write_bed,
)

N_SAMPLES = 421


def rows(home: Home, table: str) -> dict[str, list[object]]:
    with Manifest(home) as manifest:
        path, _, _ = manifest.objects()[table]
    found: dict[str, list[object]] = pq.read_table(home.landing / path).to_pydict()
    return found


def home_of(root: Path) -> Home:
    return create_home(root / "bank", memory_limit_gb=1.0, threads=2)


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Home, Made, Path]]:
    """A simulated array that was landed and counted, and the same as PLINK files."""
    root = tmp_path_factory.mktemp("qc")
    made = simulated(1, 600, N_SAMPLES)
    home = home_of(root)
    land(home, made)
    refresh_qc(home)
    write_bed(root / "peer", made)
    yield home, made, root / "peer"


def test_hand_worked_variants(tmp_path: Path) -> None:
    """
    sample   1 2 3 4 5   (1, 2 men)
    chr 1    0 1 2 1 .
    chr X    0 2 2 1 0
    chr X    1 0 0 0 0   a heterozygous man
    chr Y    2 . . . .
    """
    calls = np.array([[0, 1, 2, 1, 3], [0, 2, 2, 1, 0], [1, 0, 0, 0, 0], [2, 3, 3, 3, 3]], np.uint8)
    home = home_of(tmp_path)
    land(home, Made(calls, ["1", "X", "X", "Y"], np.array([1, 1, 2, 2, 2], np.int8)))
    result = refresh_qc(home)
    assert result.counted == ("s/array",)
    found = rows(home, "raw.variant_qc")
    assert found["n_samples"] == [5, 5, 5, 2]
    assert found["n_called"] == [4, 5, 5, 1]
    assert found["call_rate"] == [0.8, 1.0, 1.0, 0.5]
    assert found["n_het"] == [2, 1, 0, 0]
    assert found["n_haploid_ref"] == [0, 1, 1, 0]
    assert found["n_haploid_alt"] == [0, 1, 0, 1]
    assert found["n_haploid_het"] == [0, 0, 1, 0]
    assert found["alt_frequency"] == [0.5, 4 / 8, 0.0, 1.0]
    assert found["minor_frequency"] == [0.5, 0.5, 0.0, 0.0]
    assert found["hwe_p"] == [1.0, pytest.approx(1.0), 1.0, None]


def test_samples_of_unstated_sex_are_left_out_of_the_exact_test_on_x(tmp_path: Path) -> None:
    """Twenty men of unstated sex look like homozygous women; they are no evidence of anything."""
    women = [0] * 5 + [1] * 10 + [2] * 5
    unstated = [0, 2] * 10
    calls = np.array([women + unstated] * 3, np.uint8)
    sexes = np.array([2] * 20 + [0] * 20, np.int8)
    home = home_of(tmp_path)
    land(home, Made(calls, ["1", "X", "Y"], sexes))
    land(home, Made(calls, ["1", "X", "Y"], np.zeros(40, np.int8)), source="unstated")
    refresh_qc(home)
    found = rows(home, "raw.variant_qc")
    places = zip(found["source"], found["variant_index"], strict=True)
    at = {place: i for i, place in enumerate(places)}
    stated = [at["array", i] for i in range(3)]
    assert [found["hwe_p"][i] for i in stated] == [pytest.approx(0.0016, rel=0.01), 1.0, None]
    assert [found["n_samples"][i] for i in stated] == [40, 40, 0]
    assert [found["alt_frequency"][i] for i in stated] == [0.5, 0.5, None]
    assert found["hwe_p"][at["unstated", 1]] is None, "nobody is stated to be a woman"


def test_samples_equal_a_count_by_brute_force(counted: tuple[Home, Made, Path]) -> None:
    home, made, _ = counted
    found = rows(home, "raw.sample_qc")
    names = np.array(made.chromosome)
    calls = made.calls.astype(float)
    calls[made.calls == 3] = np.nan
    auto, on_x = np.isin(names, ("1", "2")), names == "X"
    part = calls[auto]
    frequency = np.nanmean(part, axis=1) / 2
    expected = (1 - 2 * frequency * (1 - frequency)) @ ~np.isnan(part)
    n, n_het = (~np.isnan(part)).sum(axis=0), (part == 1).sum(axis=0)
    assert found["n_autosomal"] == n.tolist()
    assert found["n_het"] == n_het.tolist()
    assert found["inbreeding_f"] == pytest.approx((n - n_het - expected) / (n - expected))
    assert found["n_x"] == (~np.isnan(calls[on_x])).sum(axis=0).tolist()
    counts = ~np.isnan(calls[names != "Y"])
    assert found["call_rate"] == pytest.approx(counts.mean(axis=0))


def test_x_tells_the_sex(counted: tuple[Home, Made, Path], tmp_path: Path) -> None:
    home, made, _ = counted
    found = rows(home, "raw.sample_qc")
    men = made.sexes == 1
    assert np.array(found["x_f"], float)[men].min() > 0.99
    assert np.array(found["y_call_rate"], float)[~men].max() == 0.0
    known = [s for s in found["is_sex_mismatch"] if s is not None]
    assert len(known) > 0.5 * N_SAMPLES
    told = [found["sex_inferred"].index(sex) for sex in ("male", "female")]
    is_told = np.isin(np.arange(N_SAMPLES), told)
    swapped = replace(made, sexes=np.where(is_told, 3 - made.sexes, made.sexes).astype(np.int8))
    other = home_of(tmp_path)
    land(other, swapped)
    refresh_qc(other)
    again = rows(other, "raw.sample_qc")
    assert [found["is_sex_mismatch"][i] for i in told] == [False, False]
    assert [again["is_sex_mismatch"][i] for i in told] == [True, True]
    assert [again["sex_stated"][i] for i in told] == ["female", "male"]
    others = np.flatnonzero(~is_told)
    assert [again["sex_stated"][i] for i in others] == [found["sex_stated"][i] for i in others]


def test_dosages_count_as_calls_near_whole_numbers(tmp_path: Path) -> None:
    dosages = np.array([[0.05, 1.0, 1.95, 1.5, np.nan], [0.0, 0.0, 2.0, 2.0, 1.0]])
    made = Made(np.zeros((2, 5), np.uint8), ["1", "2"], np.zeros(5, np.int8), dosages)
    home = home_of(tmp_path)
    land(home, made)
    refresh_qc(home)
    found = rows(home, "raw.variant_qc")
    assert found["n_called"] == [3, 5]
    assert (found["n_hom_ref"][0], found["n_het"][0], found["n_hom_alt"][0]) == (1, 1, 1)
    assert found["alt_frequency"] == pytest.approx([(0.05 + 1 + 1.95 + 1.5) / 8, 0.5], abs=1e-4)
    mean = (0.05 + 1 + 1.95 + 1.5) / 4
    spread = (0.05**2 + 1 + 1.95**2 + 1.5**2) / 4 - mean**2
    expected = mean * (2 - mean) / 2
    assert found["dosage_r2"][0] == pytest.approx(spread / expected, rel=1e-3)


def test_a_person_may_have_two_samples_and_two_sexes(tmp_path: Path) -> None:
    """a has two samples in each file; the second file calls her a man."""
    home = home_of(tmp_path)
    calls = np.array([[0, 3, 1], [1, 2, 0]], np.uint8)
    made = Made(calls, ["1", "1"], np.array([2, 2, 1], np.int8), ids=["a", "a", "b"])
    land(home, made)
    land(home, replace(made, batch="b1", sexes=np.array([1, 1, 1], np.int8)))
    refresh_qc(home)
    found = rows(home, "raw.sample_qc")
    assert found["source_person_key"] == ["a", "b"]
    assert (found["n_variants"], found["n_called"], found["n_het"]) == ([8, 4], [6, 4], [2, 2])
    assert found["sex_stated"] == [None, "male"]


def test_counts_only_what_changed(tmp_path: Path) -> None:
    home = home_of(tmp_path)
    land(home, simulated(2, 60, 50))
    land(home, simulated(3, 60, 50), source="chip")
    assert refresh_qc(home).counted == ("s/array", "s/chip")
    before = rows(home, "raw.variant_qc")
    assert refresh_qc(home).counted == ()
    land(home, simulated(4, 80, 50), source="chip")
    assert refresh_qc(home).counted == ("s/chip",)
    after = rows(home, "raw.variant_qc")
    kept = [i for i, s in enumerate(after["source"]) if s == "array"]
    assert [after["alt_frequency"][i] for i in kept] == [
        f for f, s in zip(before["alt_frequency"], before["source"], strict=True) if s == "array"
    ]
    assert len(after["source"]) == 140
    assert len(list((home.landing / "genotype_qc").iterdir())) == 2


@needs_plink2
def test_equal_to_plink2(counted: tuple[Home, Made, Path]) -> None:
    home, made, stem = counted
    plink2(stem, "--freq", "--hardy", "--missing", "--het")
    found = rows(home, "raw.variant_qc")
    peer = plink_table(stem.with_suffix(".afreq"))
    known = [f is not None for f in found["alt_frequency"]]
    assert len(peer["ID"]) == len(known)
    assert [float(f) for f, k in zip(peer["ALT_FREQS"], known, strict=True) if k] == pytest.approx(
        [f for f in found["alt_frequency"] if f is not None], abs=1e-5, rel=1e-5
    )
    auto = [i for i, c in enumerate(made.chromosome) if c in ("1", "2")]
    hardy = plink_table(stem.with_suffix(".hardy"))
    assert [float(p) for p in hardy["P"]] == pytest.approx(
        [found["hwe_p"][i] for i in auto], rel=2e-5
    )
    missing = plink_table(stem.with_suffix(".vmiss"))
    assert [float(f) for f in missing["F_MISS"]] == pytest.approx(
        [1 - f for f in found["call_rate"]], abs=1e-5
    )
    samples = rows(home, "raw.sample_qc")
    het = plink_table(stem.with_suffix(".het"))
    # plink2 leaves variants without variation out of its counts; they cancel out of F.
    varies = np.array([0 < found["alt_frequency"][i] < 1 for i in auto])
    called = (made.calls[auto][varies] < 3).sum(axis=0)
    assert [int(n) for n in het["OBS_CT"]] == called.tolist()
    assert (np.array(samples["n_autosomal"]) >= called).all()
    assert [float(f) for f in het["F"]] == pytest.approx(samples["inbreeding_f"], abs=2e-5)


def test_linkage_is_told_of_sexes_and_pairs_once(
    counted: tuple[Home, Made, Path], tmp_path: Path
) -> None:
    """What X shows where it shows anything, beside what the file states; relatives as delivered."""
    _, made, _ = counted
    home = home_of(tmp_path)
    land(home, replace(made, sexes=np.where(np.arange(N_SAMPLES) == 7, 0, made.sexes)))
    refresh_qc(home)
    assert publish_evidence(home)
    assert not publish_evidence(home)
    told, qc = rows(home, "link_input.genetic_sex"), rows(home, "raw.sample_qc")
    shown = {k: s[0] for k, s in zip(qc["source_person_key"], qc["sex_inferred"], strict=True) if s}  # type: ignore[index]
    assert dict(zip(told["source_person_key"], told["sex"], strict=True)) == shown
    stated = dict(zip(told["source_person_key"], told["sex_stated"], strict=True))
    expected = {f"p{i:05d}": "mf"[s - 1] for i, s in enumerate(made.sexes)} | {"p00007": None}
    assert stated == {k: expected[str(k)] for k in shown}
    assert rows(home, "link_input.genetic_pair")["relation"] == []

    pairs = [("p00001", "p00002", 0.49), ("p00003", "p00004", 0.24), ("p00001", "p00002", 0.30)]
    names = ("source_person_key", "other_person_key", "kinship")
    table = pa.Table.from_pylist(
        [dict(zip(names, p, strict=True)) for p in pairs], schema=RAW_KINSHIP.arrow
    )
    pq.write_table(table, home.landing / "kinship.parquet")
    with Manifest(home) as manifest, manifest.transaction():
        manifest.put_part(Part("kinship.parquet", "raw.kinship", "s", "rel", "b", 3, "1"))
    assert publish_evidence(home)
    found = rows(home, "link_input.genetic_pair")
    assert list(zip(found["source_person_key_1"], found["relation"], strict=True)) == [
        ("p00001", "duplicate"), ("p00003", "different"),
    ]  # fmt: skip
    assert not publish_evidence(home)


def test_samples_of_one_genotype_are_found_over_files_and_sources(tmp_path: Path) -> None:
    """Two ids with one DNA (errors and gaps on top), one id with two, and siblings, who are none."""
    n, rng = 300, np.random.default_rng(7)
    names = ["1", "2"] * 150
    frequency = rng.uniform(0.25, 0.5, n)[:, None]
    mother, father = rng.random((2, n, 40)) < frequency
    other = rng.random((2, n, 40)) < frequency

    def child() -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
        pick = rng.random((2, n)) < 0.5
        from_mother = np.where(pick[0], mother[:, 0], father[:, 0])
        return from_mother.astype(np.uint8) + np.where(pick[1], mother[:, 1], father[:, 1])

    calls = mother.astype(np.uint8) + father
    calls[:, 2], calls[:, 3] = child(), child()
    calls[:, 11] = calls[:, 10]  # one tube under two ids
    calls[rng.random(n) < 0.01, 11] = 1
    calls[rng.random(calls.shape) < 0.01] = 3
    second = calls.copy()
    second[:, 7] = other[0, :, 7].astype(np.uint8) + other[1, :, 7]  # another's tube, elsewhere
    home = home_of(tmp_path)
    sexes = np.zeros(40, np.int8)
    # The array comes as two files, as those of a biobank by chromosome do.
    half = n // 2
    land(home, Made(calls[:half], names[:half], sexes, batch="b1"))
    land(home, Made(calls[half:], [c + "0" for c in names[half:]], sexes, batch="b2"))
    land(home, Made(second[:half], names[:half], sexes, batch="c1"), source="chip")
    refresh_qc(home)
    assert publish_evidence(home)
    found = rows(home, "link_input.genetic_pair")
    pairs = list(zip(found["source_person_key_1"], found["source_person_key_2"],
                     found["relation"], found["origin"], strict=True))  # fmt: skip
    assert pairs == [("p00007", "p00007", "different", "compared"),
                     ("p00010", "p00011", "duplicate", "compared")]  # fmt: skip
    assert found["kinship"][1] > 0.45  # type: ignore[operator]
    assert not publish_evidence(home)
