"""Shared genotype files: every value equals the reference reader's, and the books balance."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pgenlib
import pytest
from bed_reader import open_bed
from cyvcf2 import VCF

from tests.genotypes.delivery import read
from tests.shared.packs import Bank, bank

pytestmark = [pytest.mark.shared, pytest.mark.xdist_group("shared_genotypes")]


@pytest.mark.parametrize("name", ["small", "some_missing", "plink_sim_10s_100v_10pmiss"])
def test_a_bed_equals_bed_reader(shared_data: Path, name: str) -> None:
    path = shared_data / "plink" / f"{name}.bed"
    delivered = read(path, "plink", build_check="warn", sample_id="fid_iid")
    with open_bed(path) as opened:
        expected = opened.read(dtype="float32").T
    np.testing.assert_array_equal(delivered.dosages, expected)


def test_a_pgen_equals_pgenlib_and_its_vcf(shared_data: Path) -> None:
    """Alleles of multiallelic records are counted from pgenlib's allele codes."""
    pgen = shared_data / "pgen" / "chr21_phase3_start.pgen"
    delivered = read(pgen, "pgen", build="GRCh37")
    n_alts = [v["n_alt_alleles"] for v in delivered.variants if v["allele_number"] == 1]
    offsets = np.concatenate([[0], np.cumsum(np.array(n_alts) + 1)]).astype(np.uintp)
    rows = []
    with pgenlib.PgenReader(
        str(pgen).encode(), variant_ct=len(n_alts), allele_idx_offsets=offsets
    ) as reader:
        codes = np.empty(2 * reader.get_raw_sample_ct(), np.int32)
        for record, n in enumerate(n_alts):
            reader.read_alleles(record, codes)
            pairs = codes.reshape(-1, 2)
            for allele in range(1, n + 1):
                copies = (pairs == allele).sum(axis=1).astype(np.float32)
                rows.append(np.where((pairs < 0).any(axis=1), np.nan, copies))
    np.testing.assert_array_equal(delivered.dosages, np.array(rows, np.float32))
    assert sum(n > 1 for n in n_alts) > 0
    vcf = shared_data / "pgen" / "1kg_phase3_chr21_start.vcf.gz"
    from_vcf = read(vcf, "vcf", build="GRCh37")
    by_id = {v["variant_id"]: i for i, v in enumerate(from_vcf.variants)}
    both = [(i, by_id[v["variant_id"]]) for i, v in enumerate(delivered.variants)
            if v["variant_id"] in by_id]  # fmt: skip
    assert len(both) > 100
    ours, theirs = (list(side) for side in zip(*both, strict=True))
    np.testing.assert_array_equal(delivered.dosages[ours], from_vcf.dosages[theirs])


@pytest.mark.parametrize(
    "name",
    [
        "vcf/test.vcf.gz", "vcf/test-genotypes.vcf", "vcf/multi-contig.bcf",
        "vcf/test.snpeff.bcf", "pgen/1kg_phase3_chr21_start.vcf.gz",
    ],
)  # fmt: skip
def test_a_vcf_equals_cyvcf2(shared_data: Path, name: str) -> None:
    """All alleles, half-calls and haploid calls, from cyvcf2's allele numbers."""
    delivered = read(shared_data / name, "vcf", build="GRCh37")
    rows = []
    for variant in VCF(str(shared_data / name)):
        alleles = variant.genotype.array()[:, :-1]
        n_called, n_there = (alleles >= 0).sum(axis=1), (alleles > -2).sum(axis=1)
        for allele in range(1, max(1, len(variant.ALT)) + 1):
            share = (alleles == allele).sum(axis=1) / np.maximum(n_there, 1)
            rows.append(np.where(n_called == n_there, 2 * share, np.nan))
    np.testing.assert_array_equal(delivered.dosages, np.array(rows, np.float32))


def test_half_calls_and_haploid_calls_are_there(shared_data: Path) -> None:
    delivered = read(shared_data / "vcf" / "test-genotypes.vcf", "vcf", build="GRCh37")
    assert delivered.tally.warnings["half-call"] == 1
    np.testing.assert_array_equal(
        delivered.dosages,
        np.array([[np.nan, 2], [np.nan, np.nan], [np.nan, 2], [1, 0], [0, 1]], np.float32),
    )


@pytest.fixture(scope="module")
def genotypes(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bank]:
    """All of them as one delivery."""
    folder = tmp_path_factory.mktemp("shared_genotypes")
    for name in ("plink", "pgen", "vcf"):
        place = folder / "shared" / "genotypes" / name
        place.mkdir(parents=True)
        for path in (shared_data / name).iterdir():
            if path.name != "SOURCE.txt":
                (place / path.name).symlink_to(path)
    with bank("genotypes", folder / "shared", folder) as found:
        yield found


@pytest.mark.slow
def test_every_file_lands_and_balances(genotypes: Bank) -> None:
    assert sum(books["files"] for books in genotypes.report["files"]) == 9
    landed = genotypes.query("SELECT source, count(*) FROM omics.variant GROUP BY 1 ORDER BY 1")
    assert landed == [
        ("array", 104), ("calls", 143), ("panel", 488), ("panel_vcf", 600), ("simulated", 100),
    ]  # fmt: skip
    n_samples = genotypes.query("SELECT count(*) FROM omics.genotype_sample")
    assert n_samples == [(3 + 100 + 10 + 2504 + 2504 + 189 + 2 + 3 + 4,)]
