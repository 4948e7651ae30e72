"""NPX files in the forms that laboratories and biobanks deliver them."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from biobraid.core.errors import SettingsError, SourceFileError
from tests.omics.delivery import deliver

LONG = """
SampleID;Index;OlinkID;UniProt;Assay;Panel;PlateID;QC_Warning;LOD;NPX;Assay_Warning;Sample_Type
A1;1;OID1;P05231;IL6;Inflammation;P1;PASS;0.5;1.5;PASS;SAMPLE
A1;1;OID2;P01375;TNF;Inflammation;P1;WARN;0.5;0.3;PASS;SAMPLE
A1;1;OID2;P01375;TNF;Inflammation;P1;WARN;0.5;0.31;PASS;SAMPLE
A1;1;OID2;P01375;TNF;Inflammation;P2;PASS;0.5;0.7;WARN;SAMPLE
B2;2;OID1;P05231;IL6;Inflammation;P1;PASS;0.5;NA;PASS;SAMPLE
B2;2;OID2;P01375;TNF;Inflammation;P1;PASS;0.5;<0.4;PASS;SAMPLE
B2;2;OID9;;Incubation control 1;Inflammation;P1;PASS;;2;PASS;SAMPLE
PC_1;3;OID2;P01375;TNF;Inflammation;P1;PASS;0.5;9;PASS;PLATE_CONTROL
;4;OID2;P01375;TNF;Inflammation;P1;PASS;0.5;9;PASS;SAMPLE
C3;5;OID2;P01375;TNF
C3;5;OID2;P01375;TNF;Inflammation;P1;PASS;0.5;high;PASS;SAMPLE
C3;5;;P01375;TNF;Inflammation;P1;PASS;0.5;1;PASS;SAMPLE
"""
COLUMNS = ("value", "limit_value", "censored", "qc_flag", "plate_id")
EXPECTED = [
    (0, "OID1", 1.5, 0.5, None, None, "P1"),
    (0, "OID2", 0.3, 0.5, "left", "sample=WARN", "P1"),
    (0, "OID2", 0.7, 0.5, None, "assay=WARN", "P2"),
    (1, "OID2", None, 0.4, "left", None, "P1"),
    (1, "OID9", 2.0, None, None, None, "P1"),
]


def _with(text: str, delimiter: str) -> str:
    return text.replace(";", delimiter)


@pytest.mark.parametrize("delimiter", [";", ",", "\t"])
def test_a_long_file_keeps_values_limits_and_warnings(tmp_path: Path, delimiter: str) -> None:
    got = deliver(tmp_path / "npx.csv", "olink", text=_with(LONG, delimiter), person_id="SampleID")
    assert got.values(*COLUMNS) == EXPECTED
    # C3 lands as a specimen in which nothing was measured; a line without a sample is nobody's.
    assert got.books == (6, 3, 2, 1)
    assert got.tally.ignored["control-sample"] == 1
    assert got.rejects == [
        (4, "NPX", "duplicate-measurement"), (10, "", "missing-sample-id"), (11, "", "ragged-row"),
        (12, "NPX", "invalid-number"), (13, "OlinkID", "missing-feature"),
    ]  # fmt: skip
    roles = {f["feature"]: f["role"] for f in got.features.values()}
    assert roles == {"OID1": "analyte", "OID2": "analyte", "OID9": "control"}
    il6 = next(f for f in got.features.values() if f["feature"] == "OID1")
    assert (il6["symbol"], il6["accession"], il6["panel"], il6["unit"], il6["kind"]) == (
        "IL6", "P05231", "Inflammation", "NPX", "protein",
    )  # fmt: skip


def test_parquet_lands_the_same_rows(tmp_path: Path) -> None:
    lines = [line for line in LONG.strip().splitlines() if line.count(";") == 11]
    rows: list[dict[str, Any]] = list(csv.DictReader(io.StringIO("\n".join(lines)), delimiter=";"))
    table = {name: [row[name] or None for row in rows] for name in rows[0]}
    table["Index"] = [int(v) for v in table["Index"]]
    path = tmp_path / "npx.parquet"
    pq.write_table(pa.table(table), path)
    got = deliver(path, "olink", person_id="SampleID")
    assert got.values(*COLUMNS) == EXPECTED


def test_a_limit_that_is_no_number_is_rejected_and_its_value_lands(tmp_path: Path) -> None:
    text = "SampleID,OlinkID,LOD,NPX\nA,O1,1,0.5\nA,O2,low,2\nA,O3,NA,3\nA,O4,<1,4\nA,O5,,5\n"
    text += "A,O6,low,\n"
    got = deliver(tmp_path / "npx.csv", "olink", text=text, person_id="SampleID")
    assert got.values("value", "limit_value", "censored") == [
        (0, "O1", 0.5, 1.0, "left"), (0, "O2", 2.0, None, None), (0, "O3", 3.0, None, None),
        (0, "O4", 4.0, None, None), (0, "O5", 5.0, None, None),
    ]  # fmt: skip
    assert got.rejects == [(3, "LOD", "invalid-limit"), (5, "LOD", "invalid-limit")]


def test_measurements_far_apart_in_the_file_are_known_as_repeated(tmp_path: Path) -> None:
    """Samples, assays and plates beyond the first room kept for them, met again at the end."""
    lines = ["SampleID;OlinkID;NPX;PlateID"]
    lines += [f"S{s};O{a};{s}.{a};P{s % 3}" for s in range(90) for a in range(70)]
    lines += ["S0;O0;7;P0", "S89;O69;7;P2", "S89;O69;7;P9"]
    got = deliver(tmp_path / "npx.csv", "olink", text="\n".join(lines), person_id="SampleID")
    assert [r[2] for r in got.rejects] == ["duplicate-measurement"] * 2
    assert len(got.values()) == 90 * 70 + 1


def test_an_id_that_only_looks_like_a_control_is_a_person(tmp_path: Path) -> None:
    text = """
        SampleID,OlinkID,NPX
        controls_study_7,OID1,1
        NEG_CTRL_3,OID1,1
        CONTROL_SAMPLE_AS 1,OID1,1
        Plate Control 2,OID1,1
        IPC1,OID1,1
    """
    got = deliver(tmp_path / "npx.csv", "olink", text=text, person_id="SampleID")
    assert got.books == (5, 1, 0, 4)


def test_a_sample_is_of_one_person_whatever_its_later_lines_say(tmp_path: Path) -> None:
    text = """
        SampleID,who,OlinkID,NPX
        A1,anna,OID1,1
        A1,bert,OID2,2
        A1,,OID3,3
    """
    got = deliver(tmp_path / "npx.csv", "olink", text=text, person_id="who")
    assert got.values() == [(0, "OID1", 1.0), (0, "OID3", 3.0)]
    assert got.rejects == [(3, "NPX", "other-person")]


def test_uk_biobank_s_and_ckb_s_own_columns_are_known(tmp_path: Path) -> None:
    ukb = """
        eid\tins_index\tprotein_id\tresult
        1000011\t0\t5\t0.25
        1000011\t2\t5\t0.5
    """
    options = {"sample": ["eid", "ins_index"]}
    got = deliver(tmp_path / "olink_data.txt", "olink", options, ukb, person_id="eid")
    assert got.values() == [(0, "5", 0.25), (1, "5", 0.5)]
    assert got.persons[0] == got.persons[1]
    ckb = """
        csid,batch,assay,panel_full,olinkid,npx,qc_warning,lod,normalization,plateid
        9,explore,IL6,Inflammation,OID1,-1.5,1,-1,Intensity,P7
    """
    got = deliver(tmp_path / "olink.csv", "olink", {"sample": "csid"}, ckb, person_id="csid")
    assert got.values(*COLUMNS) == [(0, "OID1", -1.5, -1.0, "left", "sample=1", "P7")]


def test_a_wide_file_has_a_column_for_each_assay(tmp_path: Path) -> None:
    text = """
        SampleID,PlateID,QC_Warning,Index,il6,tnf
        A1,P1,PASS,1,1.5,0.3
        B2,P1,WARN,2,,-0.4
        Neg_Ctrl_1,P1,PASS,3,1,1
        B2,P1,WARN,4,1,1
    """
    options = {"feature_columns": ["il6", "tnf"]}
    got = deliver(tmp_path / "wide.csv", "olink", options, text, person_id="SampleID")
    assert got.values("value", "qc_flag", "plate_id") == [
        (0, "il6", 1.5, None, "P1"), (0, "tnf", 0.3, None, "P1"),
        (1, "tnf", -0.4, "sample=WARN", "P1"),
    ]  # fmt: skip
    assert got.books == (4, 2, 1, 1)
    assert got.rejects == [(5, "", "duplicate-sample")]
    assert got.tally.ignored["unread-column"] == 2


def test_columns_of_a_wide_file_are_assays_by_id_or_by_declaration(tmp_path: Path) -> None:
    """A symbol of a gene may be any word: only the study can say that it is one."""
    (tmp_path / "assays.csv").write_text("assay\ntnf\n")
    text = "SampleID,nhs_number,age,tnf,OID20049,P05231,Inc Ctrl 1\nA1,9434765919,61,1,2,3,4\n"
    path = tmp_path / "wide.csv"
    options = {"features": {"files": "assays.csv", "key": "assay"}}
    got = deliver(path, "olink", options, text, person_id="SampleID")
    assert [f for _, f, _ in got.values()] == ["Inc Ctrl 1", "OID20049", "P05231", "tnf"]
    assert got.tally.ignored == {"undeclared-column": 2}
    with pytest.raises(SourceFileError, match="none of the 3 columns is a feature") as caught:
        deliver(path, "olink", text="SampleID,age,tnf\nA1,61,1\n", person_id="SampleID")
    assert "feature_columns" in str(caught.value)


def test_faults_of_a_file_and_of_the_declaration_are_said(tmp_path: Path) -> None:
    path = tmp_path / "npx.csv"
    with pytest.raises(SourceFileError, match="needs columns for value"):
        deliver(path, "olink", {"layout": "long"}, "SampleID,OlinkID\nA,O\n", person_id="SampleID")
    with pytest.raises(SourceFileError, match="no column 'participant'"):
        deliver(path, "olink", text="SampleID,OlinkID,NPX\nA,O,1\n", person_id="participant")
    for change, said in (
        ({"person_id": None}, "there is no person_id"),
        ({"delivery": "delta"}, "neither versions"),
        ({"identity": {"x": "surname"}}, "does not read"),
    ):
        given = {"person_id": "SampleID", **change}
        with pytest.raises(SettingsError, match=said):
            deliver(path, "olink", text="SampleID,OlinkID,NPX\nA,O,1\n", **given)
