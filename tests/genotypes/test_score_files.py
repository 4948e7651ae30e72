"""Scores over sources of several files, and over records of several alternate alleles."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from biobraid.core.home import Home
from biobraid.export.scores.run import score_file
from biobraid.ingest.landing import ingest
from tests.genotypes.landed import Made, land, needs_plink2, plink_table
from tests.genotypes.test_scores import scores, scoring_file

_VCF_STUDY = """\
id: s
name: s
release: "1"
licence: synthetic
time_zone: UTC
sources:
  calls: {connector: vcf, files: ["*.vcf"], modality: genotype, options: {build: GRCh38}}
"""


def test_files_of_other_people_and_of_other_chromosomes_make_one_source(
    home: Home, tmp_path: Path
) -> None:
    """Two batches of an array; the first comes by chromosome. p is in both batches."""

    def file(batch: str, chromosome: str, ids: str, *rows: list[int]) -> None:
        n = len(rows)
        sexes = np.zeros(len(ids), np.int8)
        calls = np.array(rows, np.uint8)
        land(home, Made(calls, [chromosome] * n, sexes, batch=batch, ids=list(ids)))

    file("a1", "1", "abp", [0, 1, 2], [2, 2, 0])
    file("a2", "2", "abp", [1, 0, 2])
    file("b1", "1", "cdp", [2, 1, 0])
    weights = scoring_file(tmp_path, """
        rs0  1  5000000  C  A  1.0
        rs1  1  5000100  C  A  10.0
        rs0  2  5000000  C  A  100.0
    """)  # fmt: skip
    result = score_file(home, weights)
    assert scores(home) == {
        "a": 0 + 20 + 100, "b": 1 + 20 + 0, "p": 2 + 0 + 200, "c": 2, "d": 1
    }  # fmt: skip
    assert scores(home, "n_variants") == {"a": 3, "b": 3, "p": 3, "c": 1, "d": 1}
    assert (result.n_samples, result.reports[0].n_used) == (5, 3)


def test_two_samples_of_a_person_in_a_file_are_not_added_up(home: Home, tmp_path: Path) -> None:
    calls = np.array([[1, 2, 2]], np.uint8)
    land(home, Made(calls, ["1"], np.zeros(3, np.int8), ids=["a", "a", "b"]))
    score_file(home, scoring_file(tmp_path, "rs0 1 5000000 C A 0.5"))
    assert scores(home) == {"a": 0.5, "b": 1.0}
    assert scores(home, "n_variants") == {"a": 1, "b": 1}


@needs_plink2
def test_the_reference_of_a_multiallelic_record_counts_as_in_plink2(
    home: Home, tmp_path: Path
) -> None:
    """0/2 has one copy of the reference, though it has none of the first alternate allele."""
    calls = ["0/0", "0/1", "0/2", "1/2", "2/2", "./."]
    ids = [f"p{i}" for i in range(len(calls))]
    header = [*["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT"], *ids]
    lines = [
        ["1", "5000", "rs1", "A", "C,G", ".", ".", ".", "GT", *calls],
        ["1", "6000", "rs2", "A", "C", ".", ".", ".", "GT", *["0/1"] * len(ids)],
    ]
    delivery = home.deliveries / "s"
    delivery.mkdir(parents=True)
    (home.studies / "s").mkdir(parents=True)
    (home.studies / "s" / "study.yaml").write_text(_VCF_STUDY)
    vcf = delivery / "a.vcf"
    text = "\n".join("\t".join(cells) for cells in (header, *lines))
    vcf.write_text(
        f'##fileformat=VCFv4.2\n##FORMAT=<ID=GT,Number=1,Type=String,Description="">\n{text}\n'
    )
    assert ingest(home).exit_code == 0
    score_file(home, scoring_file(tmp_path, "rs1 1 5000 A C 0.3\nrs2 1 6000 A C 0.1"))
    plain = tmp_path / "weights.txt"
    plain.write_text("rs1 A 0.3\nrs2 A 0.1\n")
    subprocess.run(
        ["plink2", "--vcf", str(vcf), "--bad-freqs", "--score", str(plain), "cols=+scoresums",
         "--out", str(tmp_path / "peer")],
        check=True, capture_output=True,
    )  # fmt: skip
    peer = plink_table(tmp_path / "peer.sscore")
    expected = sorted(map(float, peer["SCORE1_SUM"]))
    assert sorted(scores(home).values()) == pytest.approx(expected, abs=1e-6)
    assert sorted(scores(home, "n_imputed").values()) == [0, 0, 0, 0, 0, 1]
    assert set(scores(home, "n_variants").values()) == {2}
