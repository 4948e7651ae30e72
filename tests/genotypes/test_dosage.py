"""The dosage rule: multiallelic, half-calls, haploid calls, probabilities, impossible calls."""

import numpy as np
import pytest

from biobraid.core.genotypes import (
    MISSING_CALL,
    calls_of_alleles,
    dosages_of_haplotypes,
    dosages_of_probabilities,
    find_build,
    imputation_info,
    normalised,
    ploidy,
    without_impossible,
)
from biobraid.core.genotypes.builds import chromosome_name
from biobraid.core.genotypes.dosage import n_half_calls

MALE, FEMALE, UNKNOWN = 1, 2, 0


@pytest.mark.parametrize(
    ("call", "first_alt", "second_alt"),
    [
        ((0, 0), 0, 0),
        ((0, 1), 1, 0),
        ((1, 1), 2, 0),
        ((1, 2), 1, 1),  # each alternate allele counts for itself
        ((2, 2), 0, 2),
        ((-1, -1), MISSING_CALL, MISSING_CALL),
        ((-1, 1), MISSING_CALL, MISSING_CALL),  # half-calls are missing, for every allele
        ((1, -1), MISSING_CALL, MISSING_CALL),
        ((0, -2), 0, 0),  # haploid calls count twice
        ((1, -2), 2, 0),
        ((2, -2), 0, 2),
        ((-1, -2), MISSING_CALL, MISSING_CALL),
    ],
)
def test_a_call_becomes_the_copies_of_each_alternate_allele(
    call: tuple[int, int], first_alt: int, second_alt: int
) -> None:
    alleles = np.array([call], np.int8)
    assert calls_of_alleles(alleles, 1).tolist() == [first_alt]
    assert calls_of_alleles(alleles, 2).tolist() == [second_alt]


def test_calls_of_more_than_two_alleles_are_missing() -> None:
    triploid = np.array([[0, 1, 1], [0, 1, -2], [1, -2, -2]], np.int8)
    assert calls_of_alleles(triploid, 1).tolist() == [MISSING_CALL, 1, 2]


def test_half_calls_are_counted() -> None:
    calls = np.array([[-1, 1], [-1, -1], [0, 1], [-1, -2]], np.int8)
    assert n_half_calls(calls) == 1


def test_probabilities_become_dosages() -> None:
    dosages = dosages_of_probabilities(np.array([0.2, 0.0, np.nan]), np.array([0.7, 0.0, np.nan]))
    assert dosages[:2].tolist() == [pytest.approx(1.6), 0.0]
    assert np.isnan(dosages[2])
    haplotypes = np.array([[0.5, 1.0], [0.75, 0.0]])
    assert dosages_of_haplotypes(haplotypes, np.array([2, 1])).tolist() == [1.5, 1.5]


def test_info_is_one_for_certain_and_zero_for_empty_imputation() -> None:
    certain = np.array([0.0, 1.0, 2.0, 1.0, np.nan])
    assert imputation_info(certain, certain**2) == pytest.approx(1.0)
    p = 0.5  # every sample has the population's own probabilities: nothing was learnt
    empty = np.full(100, 2 * p)
    squares = np.full(100, 2 * p * (1 - p) + 4 * p * p)
    assert imputation_info(empty, squares) == pytest.approx(0.0)
    assert imputation_info(np.array([np.nan]), np.array([np.nan])) is None


def test_ploidy_follows_place_and_sex() -> None:
    sexes = np.array([MALE, FEMALE, UNKNOWN], np.int8)
    assert ploidy("GRCh38", "7", 1_000_000, sexes).tolist() == [2, 2, 2]
    assert ploidy("GRCh38", "X", 50_000_000, sexes).tolist() == [1, 2, -1]
    assert ploidy("GRCh38", "X", 2_781_479, sexes).tolist() == [2, 2, 2]  # pseudo-autosomal
    assert ploidy("GRCh37", "X", 2_781_479, sexes).tolist() == [1, 2, -1]  # no longer, on 37
    assert ploidy("GRCh38", "Y", 20_000_000, sexes).tolist() == [1, 0, -1]
    assert ploidy("GRCh38", "MT", 100, sexes).tolist() == [1, 1, 1]


def test_impossible_calls_are_missing_for_analysis() -> None:
    dosages = np.array([1.0, 2.0, 1.0, 1.0, 0.0], np.float32)
    ploidies = np.array([1, 1, 2, -1, 0], np.int8)
    kept = without_impossible(dosages, ploidies)
    np.testing.assert_array_equal(kept, np.array([np.nan, 2, 1, 1, np.nan], np.float32))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((100, "a", "g"), (100, "A", "G")),
        ((100, "CTT", "CTTT"), (100, "C", "CT")),
        ((100, "GGA", "GGT"), (102, "A", "T")),
        ((100, "AG", "A"), (100, "AG", "A")),
        ((100, "A", "<DEL>"), (100, "A", "<DEL>")),
        ((100, "I", "D"), (100, "I", "D")),
        ((100, "A", "0"), (100, "A", ".")),
    ],
)
def test_alleles_are_brought_to_one_form(
    given: tuple[int, str, str], expected: tuple[int, str, str]
) -> None:
    found = normalised(*given)
    assert (found.position, found.ref, found.alt) == expected


def test_names_of_builds_and_chromosomes() -> None:
    assert [find_build(t) for t in ("hg19", "b37", "GRCh38", "build 38", "T2T")] == [
        "GRCh37", "GRCh37", "GRCh38", "GRCh38", None,
    ]  # fmt: skip
    names = ("chr1", "01", "23", "chrX", "25", "M", "chrUn_1", "GL000191.1", "0")
    assert [chromosome_name(n) for n in names] == [
        "1", "1", "X", "X", "X", "MT", "chrUn_1", "GL000191.1", "0",
    ]  # fmt: skip
