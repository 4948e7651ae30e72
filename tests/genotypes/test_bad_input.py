"""Broken files are refused in words that say what is wrong; bad records are counted."""

import gzip
import struct
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import zstandard
from bgen import BgenWriter
from pydantic import ValidationError

from biobraid.core.errors import SourceFileError
from biobraid.core.genotypes.bgen_block import bgen_dosages
from biobraid.ingest.connectors import bgen
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


def test_a_sample_file_in_another_order_than_the_bgen_is_refused(tmp_path: Path) -> None:
    path = write_bgen(tmp_path / "x.bgen", np.eye(3)[CALLS % 3].astype(float), IDS)
    listed = tmp_path / "x.sample"

    def write(first: Sequence[str], second: Sequence[str]) -> None:
        lines = [f"{a} {b} 0" for a, b in zip(first, second, strict=True)]
        listed.write_text("\n".join(["ID_1 ID_2 missing", "0 0 0", *lines]) + "\n")

    write(IDS, [f"person{i}" for i in IDS])
    assert len(read(path, "bgen").samples) == len(IDS), "ID_1 is in order, ID_2 names the persons"
    swapped = [IDS[1], IDS[0], *IDS[2:]]
    for first, second in ((swapped, swapped), (swapped, [f"person{i}" for i in IDS])):
        write(first, second)
        with pytest.raises(SourceFileError, match="2 samples stand elsewhere") as refused:
            read(path, "bgen")
        assert "p0" not in str(refused.value)


def one_allele_bgen(path: Path, n_alleles: Sequence[int]) -> Path:
    """A .bgen 1.2 without compression; its samples are certain to have the first allele only."""
    n = len(IDS)
    out = struct.pack("<IIII4sI", 20, 20, len(n_alleles), n, b"bgen", 2 << 2)
    for number, k in enumerate(n_alleles):
        for word in ("v", "v", "1"):
            out += struct.pack("<H", len(word)) + word.encode()
        out += struct.pack("<IH", 1000 + number, k)
        for allele in "ACG"[:k]:
            out += struct.pack("<I", 1) + allele.encode()
        stored = k * (k + 1) // 2 - 1
        body = struct.pack("<IHBB", n, k, 2, 2) + b"\x02" * n + b"\x00\x08"
        body += (b"\xff" + b"\x00" * (stored - 1)) * n if stored else b""
        out += struct.pack("<I", len(body)) + body
    path.write_bytes(out)
    return path


@pytest.mark.parametrize("storage", ["landing", "reference"])
def test_records_of_one_allele_are_counted(
    tmp_path: Path, storage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whole chunks of them too, and what follows them lands."""
    monkeypatch.setattr(bgen, "_CHUNK_VALUES", 2 * len(IDS))
    path = one_allele_bgen(tmp_path / "x.bgen", [2, 1, 1, 1, 1, 1, 3])
    listed = "".join(f"{i} {i} 0\n" for i in IDS)
    (tmp_path / "x.sample").write_text(f"ID_1 ID_2 missing\n0 0 0\n{listed}")
    delivered = read(path, "bgen", storage=storage)
    found = [v["variant_id"] for v in delivered.variants]
    assert found == ["1:1000:A:C", "1:1006:A:C", "1:1006:A:G"]
    assert delivered.tally.ignored == {"no-alternate-allele": 5}
    assert delivered.tally.records_read == len(IDS) + 7


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
    landed = read(path, "plink", build_check="warn")
    assert landed.tally.warnings["marker-of-other-build"] == 1
    assert read(path, "plink", build="hg19").variants[-1]["build"] == "GRCh37"
    vcf = write_vcf(tmp_path / "x.vcf", CALLS, IDS)
    vcf.write_text(vcf.read_text().replace("<ID=1>", "<ID=1,length=249250621>"))
    with pytest.raises(SourceFileError, match="the length it has on GRCh37"):
        read(vcf, "vcf")
    landed = read(vcf, "vcf", build_check="warn")
    assert landed.tally.records_rejected == 0
    assert landed.tally.warnings["contig-of-other-build"] == 1


def test_positions_beyond_a_chromosome(tmp_path: Path) -> None:
    calls = drawn(200, len(IDS))
    path = write_plink(tmp_path / "x", calls, IDS)
    bim = tmp_path / "x.bim"
    lines = bim.read_text().splitlines()
    lines[7] = "21\tfar\t0\t99999999\tC\tT"
    bim.write_text("\n".join(lines) + "\n")
    delivered = read(path, "plink")
    assert delivered.rejects == [(8, ".bim", "position-beyond-chromosome")]
    pgen = write_pgen(tmp_path / "x", calls, IDS)
    pvar = tmp_path / "x.pvar"
    pvar.write_text("##source=here\n" + pvar.read_text().replace("\t1700\t", "\t999999999\t"))
    (line, *_) = read(pgen, "pgen").rejects[0]
    assert "999999999" in pvar.read_text().splitlines()[line - 1]
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
    with pytest.raises(SourceFileError, match="last line has no end"):
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


@pytest.mark.parametrize("compression", [None, "zlib", "zstd"])
def test_probabilities_beyond_rounding_are_missing_and_counted(
    tmp_path: Path, compression: str | None
) -> None:
    """Sums of 256 and 257 of 255 are rounding, of 400 and 510 are none."""
    stored = bytes([200, 200, 255, 0, 128, 128, 255, 255, 128, 129])
    path = tmp_path / "x.bgen"
    with BgenWriter(str(path), 5, samples=IDS[:5], compression=compression) as writer:
        for at in (5, 6):
            writer.add_variant(
                "v", "v", "1", at, ["A", "C"], np.eye(3)[[0] * 5], ploidy=2, bit_depth=8
            )
    data, whole = path.read_bytes(), bytes([255, 0] * 5)
    unpack: Callable[[bytes], bytes] = lambda packed: packed  # noqa: E731
    pack = unpack
    if compression == "zlib":
        unpack, pack = zlib.decompress, zlib.compress
    if compression == "zstd":
        unpack = lambda packed: zstandard.ZstdDecompressor().decompress(packed)  # noqa: E731
        pack = lambda body: zstandard.ZstdCompressor().compress(body)  # noqa: E731
    start = data.rindex(b"C") + 1
    sizes = 8 if compression else 4
    body = unpack(data[start + sizes :])
    assert body.endswith(whole)
    packed = pack(body[: -len(whole)] + stored)
    length = struct.pack("<I", len(packed) + (4 if compression else 0))
    head = length + struct.pack("<I", len(body)) if compression else length
    path.write_bytes(data[:start] + head + packed)
    got = read(path, "bgen")
    assert got.tally.warnings["malformed-probabilities"] == 2
    assert np.isnan(got.dosages[1]).tolist() == [True, False, False, True, False]
    assert not np.isnan(got.dosages[0]).any()
    of = {"layout": 2, "compression": {"zlib": 1, "zstd": 2}.get(compression or "", 0)}
    there = bgen_dosages(head + packed, **of, n_samples=5, n_alleles=2, allele=1)
    assert np.isnan(there).tolist() == [True, False, False, True, False]
