"""Polygenic scores: matching by hand, sums by hand, and against plink2's --score."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pyarrow.parquet as pq
import pytest

from biobraid.core.errors import QualityError, SettingsError, SourceFileError
from biobraid.core.home import Home, create_home
from biobraid.core.manifest import Manifest
from biobraid.export.scores.pgs_file import load_weights, open_scoring_file
from biobraid.export.scores.run import score_file
from tests.genotypes.landed import (
    Made,
    land,
    needs_plink2,
    plink2,
    plink_table,
    simulated,
    write_bed,
)

HEADER = "#pgs_id=PGS000001\n#trait_reported=Height\n#genome_build=GRCh38\n"
NAMES = "rsID\tchr_name\tchr_position\teffect_allele\tother_allele\teffect_weight\n"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return create_home(tmp_path / "bank", memory_limit_gb=1.0, threads=2)


def scoring_file(folder: Path, rows: str, header: str = HEADER, names: str = NAMES) -> Path:
    path = folder / "PGS000001.txt"
    lines = ["\t".join(line.split()) for line in rows.strip().splitlines()]
    path.write_text(header + names + "\n".join(lines) + "\n", encoding="utf-8")
    return path


def scores(home: Home, column: str = "score") -> dict[str, float]:
    with Manifest(home) as manifest:
        path, _, _ = manifest.objects()["raw.score"]
    table = pq.read_table(home.landing / path)
    return dict(zip(table["source_person_key"].to_pylist(), table[column].to_pylist(), strict=True))


def small() -> Made:
    """Three variants A>C at 1:5000000, 1:5000100 and X:5000200 of four people, two of them men."""
    calls = np.array([[0, 1, 2, 3], [2, 1, 0, 0], [2, 1, 1, 0]], np.uint8)
    return Made(calls, ["1", "1", "X"], np.array([1, 1, 2, 2], np.int8), ids=list("abcd"))


def test_hand_worked_sum_counts_the_effect_allele_and_fills_gaps(
    home: Home, tmp_path: Path
) -> None:
    land(home, small())
    file = scoring_file(tmp_path, """
        rs0  1  5000000  C  A  0.5
        rs1  1  5000100  A  C  1.0
        rs2  X  5000200  G  T  2.0
    """)  # fmt: skip
    result = score_file(home, file)
    (report,) = result.reports
    assert (report.counts["matched"], report.counts["flipped"], report.n_swapped) == (2, 1, 1)
    assert report.coverage == 1.0
    # rs0: d's gap is the mean 1.0. rs1 counts A: 2 - copies of C. rs2 counts C, told as G of
    # the other strand; b, a man, cannot be heterozygous: C is 2 x (1 + 1 + 0) / (1 + 2 + 2) = 0.8.
    assert scores(home) == pytest.approx(
        {"a": 0 + 0 + 4, "b": 0.5 + 1 + 1.6, "c": 1 + 2 + 2, "d": 0.5 + 2 + 0}
    )


def test_every_status_is_told(home: Home, tmp_path: Path) -> None:
    made = small()
    land(home, made)
    header = HEADER.replace("#genome", "#weight_type=beta\n#genome")
    names = NAMES.rstrip("\n") + "\tis_dominant\n"
    file = scoring_file(tmp_path, """
        rs0  1  5000000  C  A  0.5  False
        rs0  1  5000000  C  A  0.1  False
        rs1  1  5000100  C  G  1.0  False
        rs9  1  9        C  A  1.0  False
        rs2  X  5000200  C  A  1.0  True
    """, header, names)  # fmt: skip
    (report,) = score_file(home, file, min_coverage=0.1).reports
    assert report.counts == {
        "matched": 1, "flipped": 0, "ambiguous": 0, "mismatch": 1, "missing": 1, "duplicate": 1,
        "unsupported": 1,
    }  # fmt: skip
    assert report.n_used == 1
    assert report.coverage == 0.2
    folder = home.reports / "scores" / "PGS000001"
    detail = pq.read_table(folder / "s.array.parquet").to_pydict()
    assert detail["status"] == ["matched", "duplicate", "mismatch", "missing", "unsupported"]


def test_a_weight_with_other_alleles_takes_no_variant_from_the_next(
    home: Home, tmp_path: Path
) -> None:
    """A scoring file names two alternate alleles of a place, the source knows the second."""
    land(home, small())
    file = scoring_file(tmp_path, """
        rs0  1  5000000  T  A  0.5
        rs0  1  5000000  G  T  9.0
        rs0  1  5000000  C  A  0.5
    """)  # fmt: skip
    (report,) = score_file(home, file, min_coverage=0.1).reports
    told = {status: n for status, n in report.counts.items() if n}
    # G of T is C of A on the other strand, but C of A stands there as it is.
    assert told == {"mismatch": 1, "duplicate": 1, "matched": 1}
    assert scores(home)["c"] == 1.0


def test_palindromes_are_left_out_unless_asked_for(tmp_path: Path) -> None:
    con = duckdb.connect()
    con.execute("""CREATE TABLE variant AS SELECT 'b' AS batch, 0 AS variant_index,
        'x' AS variant_id, 'GRCh38' AS build, '1' AS chromosome, 7 AS position,
        'A' AS ref_allele, 'T' AS alt_allele, 1 AS allele_number, 1 AS n_alt_alleles,
        'rs0' AS source_label""")
    from biobraid.export.scores.match import match_weights

    load_weights(con, open_scoring_file(scoring_file(tmp_path, "rs0 1 7 T A 0.5")))
    for keep, n_used in ((False, 0), (True, 1)):
        report = match_weights(
            con, score_name="p", study="s", source="a", build="GRCh38", keep_ambiguous=keep
        )
        assert report.counts["ambiguous"] == 1
        assert report.n_used == n_used


def test_other_builds_match_by_rs_number_only(home: Home, tmp_path: Path) -> None:
    land(home, small())
    old = HEADER.replace("GRCh38", "GRCh37")
    rows = "rs0 1 5000100 C A 0.5\nrs7 1 5000000 C A 1.0"
    (report,) = score_file(home, scoring_file(tmp_path, rows, old), min_coverage=0.1).reports
    assert (report.counts["matched"], report.counts["missing"]) == (1, 1)
    assert scores(home)["c"] == 1.0


def test_harmonised_columns_and_gzip(home: Home, tmp_path: Path) -> None:
    land(home, small())
    text = (
        HEADER.replace("38", "37") + "#HmPOS_build=GRCh38\n"
        "rsID\tchr_name\tchr_position\teffect_allele\teffect_weight\thm_chr\thm_pos\t"
        "hm_inferOtherAllele\nrs5\t1\t1\tC\t0.25\t1\t5000000\tA\n"
    )
    path = tmp_path / "PGS000001_hmPOS_GRCh38.txt.gz"
    path.write_bytes(gzip.compress(text.encode()))
    result = score_file(home, path)
    assert result.score_name == "PGS000001"
    assert scores(home)["c"] == 0.5


def test_a_score_again_replaces_itself_and_no_other(home: Home, tmp_path: Path) -> None:
    land(home, small())
    score_file(home, scoring_file(tmp_path, "rs0 1 5000000 C A 0.5"))
    other = scoring_file(tmp_path, "rs0 1 5000000 C A 3.0", HEADER.replace("0001", "0002"))
    score_file(home, other)
    score_file(home, scoring_file(tmp_path, "rs0 1 5000000 C A 0.25"))
    with Manifest(home) as manifest:
        path, _, _ = manifest.objects()["raw.score"]
    table = pq.read_table(home.landing / path)
    best = table.group_by("score_name").aggregate([("score", "max")]).sort_by("score_name")
    assert best["score_name"].to_pylist() == ["PGS000001", "PGS000002"]
    assert best["score_max"].to_pylist() == [0.5, 6.0]


@pytest.mark.parametrize(
    ("rows", "names", "said"),
    [
        ("rs0 1 5000000 C A x", NAMES, "lack a numeric effect_weight"),
        ("rs0 1 5000000 C A", NAMES, "has not the 6 cells"),
        ("rs0 1 5000000 C A 1", NAMES.replace("effect_weight", "effect_wieght"), "effect_weight"),
    ],
)
def test_bad_files_are_refused(
    home: Home, tmp_path: Path, rows: str, names: str, said: str
) -> None:
    land(home, small())
    with pytest.raises(SourceFileError, match=said):
        score_file(home, scoring_file(tmp_path, rows, names=names))
    with Manifest(home) as manifest:
        assert "raw.score" not in manifest.objects()


def test_a_damaged_file_is_refused_and_any_name_is_read(home: Home, tmp_path: Path) -> None:
    land(home, small())
    text = scoring_file(tmp_path, "rs0 1 5000000 C A 0.5\n" * 5_000).read_bytes()
    (tmp_path / "[1]").mkdir()
    odd = tmp_path / "[1]" / "it's.txt"
    odd.write_bytes(text)
    assert score_file(home, odd, min_coverage=0.0).n_samples == 4
    packed = gzip.compress(np.random.default_rng(1).bytes(200_000) + text)
    whole = gzip.compress(text)
    for name, data in {
        "begin": whole[:20] + b"\xff" * 20 + whole[40:], "end": whole[:-60], "binary": packed
    }.items():  # fmt: skip
        path = tmp_path / f"{name}.txt.gz"
        path.write_bytes(data)
        with pytest.raises(SourceFileError, match=r"cannot be read|cells of the header"):
            score_file(home, path)


def test_too_little_coverage_and_no_genotypes_are_refused(home: Home, tmp_path: Path) -> None:
    file = scoring_file(tmp_path, "rs0 1 5000000 C A 0.5\nrs8 1 8 C A 0.5")
    with pytest.raises(SettingsError, match="no genotypes"):
        score_file(home, file)
    land(home, small())
    with pytest.raises(QualityError, match="1 of 2 weights"):
        score_file(home, file)
    told = score_file(home, file, dry_run=True)
    assert (told.refused, told.reports[0].n_used) == (("s/array",), 1)


@needs_plink2
def test_equal_to_plink2(home: Home, tmp_path: Path) -> None:
    made = simulated(5, 400, 333, missing=0.05)
    land(home, made)
    rng = np.random.default_rng(6)
    chosen = [i for i in range(0, 400, 4) if made.chromosome[i] in ("1", "2", "X")]
    weights = rng.normal(scale=0.01, size=len(chosen))  # sums below 1 are printed to 1e-7
    lines = [
        f"rs{i} {made.chromosome[i]} {made.positions[i]} {'C' if w > -0.005 else 'A'} "
        f"{'A' if w > -0.005 else 'C'} {w:.9f}"
        for i, w in zip(chosen, weights, strict=True)
    ]
    score_file(home, scoring_file(tmp_path, "\n".join(lines)))
    stem = tmp_path / "peer"
    write_bed(stem, replace(made))
    plain = tmp_path / "weights.txt"
    plain.write_text("".join(f"{c[0]} {c[3]} {c[5]}\n" for c in (line.split() for line in lines)))
    plink2(stem, "--score", str(plain), "1", "2", "3", "cols=+scoresums")
    peer = plink_table(stem.with_suffix(".sscore"))
    ours = scores(home)
    expected = dict(zip(peer["IID"], map(float, peer["SCORE1_SUM"]), strict=True))
    assert ours == pytest.approx(expected, rel=0, abs=1e-6)
