"""Broken files are refused in words that say what is wrong; bad records are counted."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from biobraid.core.errors import SourceFileError
from biobraid.ingest.connectors.contract import get_connector
from tests.genotypes.delivery import read
from tests.genotypes.files import (
    as_dosages,
    drawn,
    write_bgen,
    write_pgen,
    write_plink,
    write_text,
    write_vcf,
)

IDS = [f"p{i}" for i in range(9)]
CALLS = drawn(40, len(IDS))


def _cut(path: Path, share: float = 0.6) -> Path:
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    return path


@pytest.mark.parametrize(
    ("connector", "words"),
    [("plink", "cut off"), ("pgen", "cut off|damaged"), ("bgen", "cut off"), ("vcf", "cut off")],
)
def test_a_truncated_file_is_refused(tmp_path: Path, connector: str, words: str) -> None:
    stem = tmp_path / "x"
    whole = np.eye(3)[CALLS % 3].astype(float)
    path = {
        "plink": lambda: write_plink(stem, CALLS, IDS),
        "pgen": lambda: write_pgen(stem, CALLS, IDS),
        "bgen": lambda: write_bgen(tmp_path / "x.bgen", whole, IDS),
        "vcf": lambda: write_vcf(tmp_path / "x.vcf.gz", CALLS, IDS),
    }[connector]()
    with pytest.raises(SourceFileError, match=words):
        read(_cut(path), connector)


@pytest.mark.parametrize("connector", ["plink", "pgen", "bgen", "vcf"])
def test_another_kind_of_file_is_refused(tmp_path: Path, connector: str) -> None:
    write_plink(tmp_path / "x", CALLS, IDS)
    write_pgen(tmp_path / "x", CALLS, IDS)
    path = tmp_path / "x.thing"
    path.write_bytes(b"PK\x03\x04 this is no genotype file at all")
    with pytest.raises(SourceFileError, match="does not begin as"):
        read(path, connector)


def test_a_fam_with_another_count_is_refused(tmp_path: Path) -> None:
    path = write_plink(tmp_path / "x", CALLS, IDS)
    fam = tmp_path / "x.fam"
    fam.write_text("\n".join(fam.read_text().splitlines()[:4]) + "\n")
    with pytest.raises(
        SourceFileError, match=r"4 samples in the \.fam and 40 variants in the \.bim"
    ):
        read(path, "plink")
    fam.unlink()
    with pytest.raises(SourceFileError, match=r"no \.fam beside it"):
        read(path, "plink")


def test_lists_that_disagree_with_a_pgen_or_bgen_are_refused(tmp_path: Path) -> None:
    pgen = write_pgen(tmp_path / "x", CALLS, IDS)
    psam = tmp_path / "x.psam"
    psam.write_text(psam.read_text() + "p99\t0\n")
    with pytest.raises(SourceFileError, match="holds 9 samples and 40 variants"):
        read(pgen, "pgen")
    bgen = write_bgen(tmp_path / "y.bgen", np.eye(3)[CALLS % 3].astype(float), IDS)
    (tmp_path / "y.sample").write_text("ID_1 ID_2 missing sex\n0 0 0 D\np0 p0 0 1\n")
    with pytest.raises(SourceFileError, match="holds 9 samples"):
        read(bgen, "bgen")


@pytest.mark.parametrize("ending", ["bim", "pvar"])
def test_a_list_with_a_line_cut_short_is_refused(tmp_path: Path, ending: str) -> None:
    """Its number of lines is right, so that the size of the .bed says nothing."""
    write_plink(tmp_path / "x", CALLS, IDS)
    write_pgen(tmp_path / "x", CALLS, IDS)
    listed = tmp_path / f"x.{ending}"
    whole = listed.read_text().splitlines()
    for at, n in ((5, 3), (-1, 4)):
        lines = whole.copy()
        lines[at] = "\t".join(lines[at].split("\t")[:n])
        listed.write_text("\n".join(lines))
        with pytest.raises(SourceFileError, match="different numbers of columns"):
            if ending == "bim":
                read(tmp_path / "x.bed", "plink")
            else:
                read(tmp_path / "x.pgen", "pgen")


def test_damaged_lists_of_a_pgen_are_refused(tmp_path: Path) -> None:
    path = write_pgen(tmp_path / "x", CALLS, IDS)
    psam, pvar = tmp_path / "x.psam", tmp_path / "x.pvar"
    whole = psam.read_text()
    psam.write_text(whole.replace("#IID", "#FID"))
    with pytest.raises(SourceFileError, match="no column IID"):
        read(path, "pgen")
    psam.write_text(whole)
    packed = bytearray(gzip.compress(pvar.read_bytes()))
    packed[20:60] = b"\xff" * 40
    pvar.write_bytes(packed)
    with pytest.raises(SourceFileError, match="cannot be unpacked"):
        read(path, "pgen")


def test_an_unknown_build_is_no_build() -> None:
    with pytest.raises(ValidationError, match="not one of GRCh37, GRCh38"):
        get_connector("vcf").check_options({"build": "hg17"})
    with pytest.raises(ValidationError, match="build"):
        get_connector("plink").check_options({})


def test_a_file_of_the_other_build_is_refused(tmp_path: Path) -> None:
    path = write_plink(tmp_path / "x", CALLS, IDS)
    bim = tmp_path / "x.bim"
    lines = bim.read_text().splitlines()
    lines[-1] = "19\trs429358\t0\t45411941\tC\tT"
    bim.write_text("\n".join(lines) + "\n")
    with pytest.raises(SourceFileError, match="rs429358 lies where the other build has it"):
        read(path, "plink")
    assert read(path, "plink", build="hg19").variants[-1]["build"] == "GRCh37"
    vcf = write_vcf(tmp_path / "x.vcf", CALLS, IDS)
    vcf.write_text(vcf.read_text().replace("<ID=1>", "<ID=1,length=249250621>"))
    with pytest.raises(SourceFileError, match="the length it has on GRCh37"):
        read(vcf, "vcf")
    assert read(vcf, "vcf", build_check="warn").tally.records_rejected == 0


def test_positions_beyond_a_chromosome(tmp_path: Path) -> None:
    calls = drawn(200, len(IDS))
    path = write_plink(tmp_path / "x", calls, IDS)
    bim = tmp_path / "x.bim"
    lines = bim.read_text().splitlines()
    lines[7] = "21\tfar\t0\t99999999\tC\tT"
    bim.write_text("\n".join(lines) + "\n")
    delivered = read(path, "plink")
    assert delivered.rejects == [(8, ".bim", "position-beyond-chromosome")]
    np.testing.assert_array_equal(delivered.dosages, as_dosages(np.delete(calls, 7, axis=0)))
    bim.write_text("\n".join(lines[7:8] * 200) + "\n")
    with pytest.raises(SourceFileError, match="200 of 200 positions"):
        read(path, "plink")
    assert len(read(path, "plink", build_check="warn").variants) == 200


def test_bad_lines_of_a_vcf_are_rejected_and_the_others_land(tmp_path: Path) -> None:
    path = write_vcf(tmp_path / "x.vcf", CALLS, IDS)
    lines = path.read_text().splitlines()
    lines[6] = lines[6].rsplit("\t", 1)[0]
    lines[8] = lines[8].replace("\tGT\t", "\tGT\tx", 1)
    lines[9] = lines[9].replace("1\t1", "1\tfar", 1)
    lines[10] = lines[10].replace("0/1", "0/3")
    lines[11] = lines[11].replace("0/1", "0/70000")
    lines[12] = lines[12].replace("0/1", f"0/{'9' * 5000}")
    path.write_text("\n".join(lines) + "\n")
    delivered = read(path, "vcf")
    assert delivered.rejects == [
        (7, "vcf", "ragged-row"), (9, "vcf", "malformed-genotype"),
        (10, "vcf", "invalid-position"), (11, "vcf", "unknown-allele"),
        (12, "vcf", "malformed-genotype"), (13, "vcf", "malformed-genotype"),
    ]  # fmt: skip
    assert len(delivered.variants) == len(CALLS) - 6


def test_a_vcf_cut_in_a_line_or_without_samples_is_refused(tmp_path: Path) -> None:
    path = write_vcf(tmp_path / "x.vcf", CALLS, IDS)
    with pytest.raises(SourceFileError, match="cut off in the middle of a line"):
        read(_cut(path, 0.83), "vcf")
    bare = write_text(
        tmp_path / "y.vcf",
        "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n1\t5\t.\tA\tC\t.\t.\t.\n",
    )
    with pytest.raises(SourceFileError, match="names no samples"):
        read(bare, "vcf")
    packed = tmp_path / "z.vcf.gz"
    packed.write_bytes(
        gzip.compress(write_vcf(path, CALLS, IDS).read_bytes())[:-150] + b"\x00" * 80
    )
    with pytest.raises(SourceFileError, match=r"damaged|cut off"):
        read(packed, "vcf")
