"""ADAT files: analytes, samples and their checks; what is no person's; damage."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from biobraid.core.errors import SourceFileError
from tests.omics.delivery import deliver

HEAD = (
    "^HEADER\n!Version\t1.2\n!Title\tmade up\n^COL_DATA\n!Name\tSeqId\n^ROW_DATA\n!Name\tPlateId\n"
)
OWN = ("PlateId", "PlateRunDate", "SampleId", "SampleType", "RowCheck", "SampleNotes")
ANALYTES = {
    "SeqId": ("10000-28", "2000-1", "999-9"),
    "TargetFullName": ("Beta-crystallin B2", "Leptin", "Hybridization control"),
    "UniProt": ("P43320", "P41159", ""),
    "EntrezGeneSymbol": ("CRYBB2", "LEP", ""),
    "Units": ("RFU", "RFU", "RFU"),
    "Type": ("Protein", "Protein", "Hybridization Control Elution"),
    "Dilution": ("20", "0.5", "0"),
    "ColCheck": ("PASS", "FLAG", "PASS"),
}
SAMPLES = (
    ("Set 1", "2020-06-18", "7", "Sample", "PASS", "", "476.5", "310.1", "100.3"),
    ("Set 1", "2020-06-18", "8", "Sample", "FLAG", "haemolysed", "474.4", "", "101.8"),
    ("Set 1", "2020-06-18", "170261", "Calibrator", "PASS", "", "1", "1", "1"),
    ("Set 1", "2020-06-18", "170261", "Calibrator", "PASS", "", "1", "1", "1"),
    ("Set 2", "2020-07-20", "", "Buffer", "PASS", "", "1", "1", "1"),
    ("Set 2", "2020-07-20", "7", "Sample", "PASS", "", "1", "1", "1"),
)


def adat(samples: tuple[tuple[str, ...], ...] = SAMPLES) -> str:
    """A whole file; the analytes' lines stand above the line of names."""
    lead = "\t" * len(OWN)
    lines = [lead + "\t".join((name, *values)) for name, values in ANALYTES.items()]
    lines.append("\t".join((*OWN, "", *[""] * 3)))
    lines += ["\t".join((*s[: len(OWN)], "", *s[len(OWN) :])) for s in samples]
    return HEAD + "^TABLE_BEGIN\n" + "\n".join(lines) + "\n"


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_an_adat_lands_with_its_checks(tmp_path: Path, ending: str) -> None:
    path = tmp_path / "x.adat.gz"
    path.write_bytes(gzip.compress(adat().replace("\n", ending).encode()))
    got = deliver(path, "somascan", {"collected": "PlateRunDate"}, person_id="SampleId")
    assert got.books == (6, 2, 1, 3)
    assert got.rejects == [(23, "", "duplicate-sample")]
    assert got.values("value", "qc_flag", "plate_id") == [
        (0, "10000-28", 476.5, None, "Set 1"), (0, "2000-1", 310.1, None, "Set 1"),
        (0, "999-9", 100.3, None, "Set 1"), (1, "10000-28", 474.4, "sample=FLAG", "Set 1"),
        (1, "999-9", 101.8, "sample=FLAG", "Set 1"),
    ]  # fmt: skip
    found = {f["feature"]: (f["symbol"], f["role"], f["qc_flag"]) for f in got.features.values()}
    assert found == {
        "10000-28": ("CRYBB2", "analyte", None), "2000-1": ("LEP", "analyte", "FLAG"),
        "999-9": (None, "control", None),
    }  # fmt: skip
    assert got.tally.ignored == {"control-sample": 3, "unread-column": 1}, "a note is dropped"
    assert {e["start_time"] for e in got.tables["raw.event"]} == {"2020-06-18"}


def test_a_ragged_line_and_a_word_for_a_number_are_rejected(tmp_path: Path) -> None:
    text = adat((*SAMPLES[:1], ("Set 1", "2020-06-18", "9", "Sample", "PASS", "", "x", "2", "3")))
    path = tmp_path / "x.adat"
    path.write_text(text + "Set 1\t2020-06-18\t10\n")
    got = deliver(path, "somascan", person_id="SampleId")
    assert got.rejects == [(19, "", "invalid-number"), (20, "", "ragged-row")]
    assert got.books == (3, 2, 1, 0)


def test_bytes_that_are_no_text_are_no_number(tmp_path: Path) -> None:
    path = tmp_path / "x.adat"
    path.write_bytes(adat(SAMPLES[:1]).encode().replace(b"\t310.1", b"\t3\xff1"))
    got = deliver(path, "somascan", person_id="SampleId")
    assert got.rejects == [(18, "", "invalid-number")]
    assert len(got.values()) == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (adat().replace("^TABLE_BEGIN\n", ""), "TABLE_BEGIN is missing"),
        (adat().split("PlateId\tPlateRunDate")[0], "ends before its lines of analytes"),
        (adat().replace("SeqId\t10000-28", "SeqNr\t10000-28"), "no line SeqId"),
        (adat().replace("\tSampleId\t", "\tSample\t"), "no column 'SampleId'"),
        (adat().replace("2000-1\t", "10000-28\t"), "1 analytes stand more than once"),
        (adat().replace("\t0.5\t0", "\t0.5"), "of different lengths"),
    ],
)
def test_a_file_that_is_no_adat_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "x.adat"
    path.write_text(text)
    with pytest.raises(SourceFileError, match=said):
        deliver(path, "somascan", person_id="SampleId")


def test_a_truncated_gzip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.adat.gz"
    path.write_bytes(gzip.compress(adat().encode())[:-20])
    with pytest.raises(SourceFileError, match="ends in the middle"):
        deliver(path, "somascan", person_id="SampleId")
