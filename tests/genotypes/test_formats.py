"""Every format gives the same values; variants, samples and books come with them."""

from pathlib import Path

import numpy as np
import pytest

from biobraid.core.errors import SourceFileError
from tests.genotypes.delivery import Delivered, person, read
from tests.genotypes.files import (
    as_dosages,
    drawn,
    write_bgen,
    write_pgen,
    write_plink,
    write_text,
    write_vcf,
)

IDS = [f"p{i:03d}" for i in range(37)]
CALLS = drawn(24, len(IDS))


@pytest.mark.parametrize("name", ["cohort.bed", "cohort.pgen", "cohort.vcf", "cohort.vcf.gz"])
def test_calls_come_back(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    stem = tmp_path / "cohort"
    if name.endswith("bed"):
        delivered = read(write_plink(stem, CALLS, IDS), "plink")
    elif name.endswith("pgen"):
        delivered = read(write_pgen(stem, CALLS, IDS), "pgen")
    else:
        delivered = read(write_vcf(path, CALLS, IDS), "vcf")
    np.testing.assert_array_equal(delivered.dosages, as_dosages(CALLS))
    first, last = delivered.variants[0], delivered.variants[-1]
    assert (first["variant_id"], last["variant_id"]) == ("1:1000:A:C", "7:3300:T:A")
    assert first["source_label"] == "rs900000000"
    assert {v["encoding"] for v in delivered.variants} == {"call2"}
    assert [s["source_person_key"] for s in delivered.samples] == [person(i) for i in IDS]
    assert delivered.tally.records_read == len(IDS) + len(CALLS)
    assert ("native_id", "p000") in delivered.identities


def test_dosages_of_a_pgen_come_back(tmp_path: Path) -> None:
    dosages = np.random.default_rng(4).integers(0, 2 * 16384, (6, len(IDS))) / 16384
    delivered = read(write_pgen(tmp_path / "d", CALLS[:6], IDS, dosages.astype(np.float32)), "pgen")
    assert {v["encoding"] for v in delivered.variants} == {"dosage16"}
    np.testing.assert_allclose(delivered.dosages, dosages, atol=1e-6)


def test_probabilities_of_a_bgen_become_exact_dosages_and_info(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    het = rng.integers(0, 128, (8, len(IDS)))
    hom = rng.integers(0, 128, (8, len(IDS)))
    probabilities = np.stack([255 - het - hom, het, hom], axis=2) / 255
    probabilities[2, 3] = np.nan
    delivered = read(write_bgen(tmp_path / "imputed.bgen", probabilities, IDS), "bgen")
    expected = (het + 2 * hom).astype(np.float32) / np.float32(255)
    expected[2, 3] = np.nan
    np.testing.assert_array_equal(delivered.dosages, expected)
    assert all(0 <= v["imputation_info"] < 0.5 for v in delivered.variants)
    whole = np.eye(3)[CALLS[:4] % 3].astype(float)
    certain = read(write_bgen(tmp_path / "called.bgen", whole, IDS), "bgen")
    assert {v["imputation_info"] for v in certain.variants} == {1.0}


def test_a_slice_of_a_bgen_is_the_same_with_and_without_its_index(tmp_path: Path) -> None:
    whole = np.eye(3)[CALLS % 3].astype(float)
    path = write_bgen(tmp_path / "imputed.bgen", whole, IDS)
    with_index = read(path, "bgen", regions=["chr7:2500-2900"])
    (tmp_path / "imputed.bgen.bgi").unlink()
    without = read(path, "bgen", regions=["7:2500-2900"])
    assert [v["position"] for v in with_index.variants] == [2500, 2600, 2700, 2800, 2900]
    assert with_index.variants == without.variants
    np.testing.assert_array_equal(with_index.dosages, without.dosages)
    assert with_index.tally.ignored["outside-regions"] == len(CALLS) - 5


def test_regions_that_overlap_land_a_variant_once(tmp_path: Path) -> None:
    whole = np.eye(3)[CALLS % 3].astype(float)
    path = write_bgen(tmp_path / "batch#1.bgen", whole, IDS)
    delivered = read(path, "bgen", regions=["chr7:2700-3000", "7:2500-2900"])
    assert [v["position"] for v in delivered.variants] == [2500, 2600, 2700, 2800, 2900, 3000]
    assert delivered.tally.ignored["outside-regions"] == len(CALLS) - 6


HEADER = """\
##fileformat=VCFv4.2
##contig=<ID=chr1>
##contig=<ID=chrX>
##FORMAT=<ID=GT,Number=1,Type=String,Description="genotype">
##FORMAT=<ID=DP,Number=1,Type=Integer,Description="depth">
"""
DS = '##FORMAT=<ID=DS,Number=A,Type=Float,Description="dosage">\n'
COLUMNS = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\ta\tb\tc\td\n"


def _vcf(path: Path, lines: list[str], more: str = "") -> Delivered:
    text = HEADER + more + COLUMNS + "".join("\t".join(line.split()) + "\n" for line in lines)
    return read(write_text(path, text), "vcf")


def test_multiallelic_half_and_haploid_calls_of_a_vcf(tmp_path: Path) -> None:
    delivered = _vcf(
        tmp_path / "odd.vcf",
        [
            "chr1 100 . A C,G 50.5 q10 R2=0.5 GT 0/1 1|2 2/2 ./.",
            "chr1 200 . a g . PASS . GT:DP 0/1:3 ./1:. 1/1:9 0|0",
            "chrX 300 rs1 CAA CA . . . GT:DP 1:4 0:4 0/1:8 .:.",
            "chr1 400 . A C . . . GT 0/1/1 0/1 1/1 0/0",
            "chr1 500 . A " + ",".join("CGT"[i % 3] * (i // 3 + 1) for i in range(11))
            + " . . . GT 0/11 10/11 1/1 0/0",
        ],
    )  # fmt: skip
    nan = np.nan
    expected = [
        [1, 1, 0, nan], [0, 1, 2, nan],  # A>C and A>G of one record
        [1, nan, 2, 0],  # the half-call is missing
        [2, 0, 1, nan],  # haploid calls count twice
        [nan, 1, 2, 0],  # three copies
    ]  # fmt: skip
    np.testing.assert_array_equal(delivered.dosages[:5], np.array(expected, np.float32))
    np.testing.assert_array_equal(delivered.dosages[14:], np.array([[0, 1, 0, 0], [1, 1, 0, 0]]))
    rows = delivered.variants
    assert [r["variant_id"] for r in rows[:4]] == [
        "1:100:A:C", "1:100:A:G", "1:200:A:G", "X:300:CA:C",
    ]  # fmt: skip
    assert (rows[1]["allele_number"], rows[1]["source_alleles"]) == (2, "100:A:C,G")
    assert (rows[0]["filter"], rows[0]["quality"], rows[0]["imputation_info"]) == ("q10", 50.5, 0.5)
    assert rows[3]["source_alleles"] == "300:CAA:CA"
    assert delivered.tally.warnings["half-call"] == 1
    assert delivered.tally.warnings["polyploid-call"] == 1


def test_dosages_are_preferred_to_calls(tmp_path: Path) -> None:
    delivered = _vcf(
        tmp_path / "imputed.vcf",
        [
            "chr1 100 . A C . . . GT:DS 0/1:1.25 0/0:0.001 1/1:1.999 ./.:.",
            "chr1 200 . A C,G . . DR2=0.9 GT:DS 0/1:1,0.5 0/0:0,0 1/1:2,0 0/2:0,1.5",
            "chr1 300 . A C . . . GT 0/1 0/0 1/1 ./.",
        ],
        DS,
    )
    nan = np.nan
    expected = [[1.25, 0.001, 1.999, nan], [1, 0, 2, 0], [0.5, 0, 0, 1.5], [1, 0, 2, nan]]
    np.testing.assert_allclose(delivered.dosages, np.array(expected, np.float32), atol=1e-6)
    encodings = [v["encoding"] for v in delivered.variants]
    assert encodings == ["dosage16", "dosage16", "dosage16", "call2"]
    assert delivered.variants[1]["imputation_info"] == pytest.approx(0.9)


def test_what_is_no_dosage_is_missing_and_counted(tmp_path: Path) -> None:
    delivered = _vcf(
        tmp_path / "odd.vcf",
        [
            "chr1 100 . A C . . . GT:DS 0/1:-9 0/0:2.004 1/1:7 0|1:1.5",
            "chr1 200 . A C . . . . . . . .",
            "chr1 300 . A C,G . . . DS 1 0.5 2 0",  # of which allele?
            "chr1 400 . A C,G . . . GT:DS 0/1:1 0/2:0.5 2/2:2 0/0:0",
        ],
        DS,
    )
    nan = np.nan
    expected = [[nan, 2, nan, 1.5], [nan] * 4, [nan] * 4, [nan] * 4, [1, 0, 0, 0], [0, 1, 2, 0]]
    np.testing.assert_allclose(delivered.dosages, np.array(expected, np.float32), atol=1e-6)
    assert delivered.tally.warnings["dosage-out-of-range"] == 2
    assert delivered.tally.warnings["allele-without-dosage"] == 4


def test_the_other_allele_of_a_bed_can_be_the_reference(tmp_path: Path) -> None:
    path = write_plink(tmp_path / "flipped", CALLS, IDS)
    delivered = read(path, "plink", ref_allele="a1")
    np.testing.assert_array_equal(delivered.dosages, 2 - as_dosages(CALLS))
    assert delivered.variants[0]["variant_id"] == "1:1000:C:A"


def test_a_plain_vcf_without_its_last_line_feed_is_refused(tmp_path: Path) -> None:
    """Cut by two bytes, its last call 0/1 would read as a haploid 0; gzip proves itself whole."""
    calls = drawn(4, 3)
    calls[-1, -1] = 1
    text = write_vcf(tmp_path / "x.vcf", calls, ["a", "b", "c"]).read_text()
    for n in (1, 3):
        with pytest.raises(SourceFileError, match="last line has no end"):
            read(write_text(tmp_path / "x.vcf", text[:-n]), "vcf")
    whole = read(write_text(tmp_path / "x.vcf.gz", text[:-1]), "vcf")
    np.testing.assert_array_equal(whole.dosages, as_dosages(calls))
