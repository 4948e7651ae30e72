"""The sample's genotypes: LD, equilibrium, the planted trait and defects, readable by others."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from biobraid.core.genotypes import calls_from_bed, unpack_calls
from biobraid.ingest.sample.draws import Draws
from biobraid.ingest.sample.genotypes.draw import alleles, count_alt, genetic_cholesterol
from biobraid.ingest.sample.genotypes.panel import panel
from biobraid.ingest.sample.genotypes.plink_files import STEM, special_variants
from tests.sample.conftest import Sample


@pytest.fixture(scope="module")
def array(sample: Sample) -> npt.NDArray[np.uint8]:
    """Variant x sample calls of ukdemo's array; 3 is missing."""
    folder = sample.deliveries / "ukdemo" / "genotypes"
    n = len((folder / f"{STEM}.fam").read_text(encoding="utf-8").splitlines())
    raw = np.fromfile(folder / f"{STEM}.bed", np.uint8)[3:].reshape(-1, -(-n // 4))
    return unpack_calls(calls_from_bed(raw, n), n)


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def test_neighbours_are_linked_and_blocks_are_not() -> None:
    made, draws = panel(1), Draws(1, np.arange(4000, dtype=np.int64))
    men = np.zeros(4000, np.bool_)
    counts = np.concatenate(
        [count_alt(*alleles(made, block, draws, men)) for block in (0, 1)], axis=1
    )
    r2 = np.corrcoef(counts.T) ** 2
    within = r2[:10, :10][np.triu_indices(10, 1)]
    assert within.max() > 0.5
    assert r2[:10, 10:].max() < 0.01


def test_men_have_one_x_and_women_no_y() -> None:
    made, draws = panel(1), Draws(1, np.arange(50, dtype=np.int64))
    men = np.arange(50) % 2 == 0
    x = next(b for b in range(made.n_blocks) if made.chromosome_of(b) == "X")
    y = next(b for b in range(made.n_blocks) if made.chromosome_of(b) == "Y")
    assert count_alt(*alleles(made, x, draws, men))[men].max() == 1
    assert (count_alt(*alleles(made, y, draws, men))[~men] == -1).all()


def test_array_calls_hold_what_people_carry_and_their_gaps(
    sample: Sample, array: npt.NDArray[np.uint8]
) -> None:
    on_array = [v for v in table(sample.truth / "variants.csv") if v["on_array"] == "1"]
    assert array.shape[0] == len(on_array)
    made = panel(1)
    chosen = np.flatnonzero(made.on_array)
    autosomal = ~np.isin(made.chromosome[chosen], ("X", "Y", "MT"))
    usable = autosomal & ~np.isin(chosen, special_variants(made))
    called = array[usable]
    frequency = (called * (called < 3)).sum(axis=1) / (2 * (called < 3).sum(axis=1))
    truth = np.array([float(v["alt_frequency"]) for v in on_array])[usable]
    assert np.abs(frequency - truth).max() < 0.03
    assert 0.002 < (called == 3).mean() < 0.006


def test_planted_samples_and_variants_are_where_truth_says(
    sample: Sample, array: npt.NDArray[np.uint8]
) -> None:
    folder = sample.deliveries / "ukdemo" / "genotypes"
    fam = [line.split() for line in (folder / f"{STEM}.fam").read_text().splitlines()]
    place = {row[1]: i for i, row in enumerate(fam)}
    wrong = {r["defect"]: place[r["sample"]] for r in table(sample.truth / "samples.csv")}
    assert set(wrong) == {"sex-mismatch", "duplicate-sample", "low-call-rate"}
    variants = [v for v in table(sample.truth / "variants.csv") if v["on_array"] == "1"]
    on_x = np.array([v["chromosome"] == "X" for v in variants])
    heterozygous = (array[on_x] == 1).any(axis=0)
    looks_male = ~heterozygous[wrong["sex-mismatch"]]
    assert looks_male == (fam[wrong["sex-mismatch"]][4] == "2")
    missing = (array == 3).mean(axis=0)
    assert missing.argmax() == wrong["low-call-rate"]
    assert missing.max() > 0.08
    twin = array[:, [wrong["duplicate-sample"]]]
    agrees = ((array == twin) | (array == 3) | (twin == 3)).mean(axis=0)
    assert (agrees > 0.999).sum() == 2
    (spoilt,) = [i for i, v in enumerate(variants) if v["defect"] == "hwe-violation"]
    assert not (array[spoilt] == 2).any()
    (related,) = (folder / "ukb_rel_a12345_s1.dat").read_text().splitlines()[1:]
    assert fam[wrong["duplicate-sample"]][1] in related.split()[:2]


def test_the_lead_variant_moves_cholesterol_as_truth_says() -> None:
    made, draws = panel(1), Draws(1, np.arange(20_000, dtype=np.int64))
    men = np.zeros(20_000, np.bool_)
    block = int(made.block[made.lead])
    lead = count_alt(*alleles(made, block, draws, men))[:, made.lead - made.of_block(block).start]
    slope = np.polyfit(lead, genetic_cholesterol(draws, men), 1)[0]
    assert slope == pytest.approx(0.40, abs=0.02)
