"""Connector imaging_index: tables of series, of images, and of what was derived from them."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from biobraid.core.errors import SettingsError, SourceFileError
from biobraid.ingest.connectors.contract import Variable
from tests.imaging.delivery import KEYS, deliver

IDC = """\
PatientID,SeriesInstanceUID,StudyInstanceUID,PatientAge,PatientSex,StudyDate,StudyDescription,BodyPartExamined,Modality,SOPClassUID,Manufacturer,SeriesDate,instanceCount,series_size_MB,series_aws_url
A1,1.2.1,1.2,061Y,F,2003-02-22,Knee of Ada,CHEST,CT,1.2.840.10008.5.1.4.1.1.2,ACME,2003-02-23,62,32.9,s3://bucket/1
A1,1.2.2,1.2,061Y,F,2003-02-22,,CHEST,SR,1.2.840.10008.5.1.4.1.1.88.33,ACME,,1,0.1,s3://bucket/2
B2,1.3.1,1.3,018M,M,2004-01-01,,head and neck (both),MR,1.2.840.10008.5.1.4.1.1.4,,,many,1,
,1.4.1,1.4,,,2004-01-01,,,MR,,,,1,1,
B2,1.3.1,1.3,018M,M,2004-01-01,,,MR,,,,1,1,
B2,,1.3,018M,M,2004-01-01,,,MR,,,,1,1,
"""
CXR = """\
dicom_id,subject_id,study_id,PerformedProcedureStepDescription,ViewPosition,Rows,Columns,StudyDate,StudyTime
02aa804e,10000032,50414267,CHEST (PA AND LAT),PA,3056,2544,21800506,213014.53100000002
174413ec,10000032,50414267,CHEST (PA AND LAT),LATERAL,3056,2544,21800506,80556.875
"""


def _write(folder: Path, text: str) -> Path:
    path = folder / "index.csv"
    path.write_text(text)
    return path


def test_an_index_of_series_lands_like_the_series_themselves(tmp_path: Path) -> None:
    got = deliver(_write(tmp_path, IDC), "imaging_index")
    assert got.books == (6, 3, 3, 0)
    assert got.rows("raw.asset", "kind", "modality", "body_part", "n_instances", "n_bytes",
                    "start_time") == [
        ("image_series", "CT", "CHEST", 62, 32_900_000, "2003-02-23"),
        ("image_series", "MR", None, None, 1_000_000, "2004-01-01"),
        ("report", "SR", "CHEST", 1, 100_000, "2003-02-22"),
    ]  # fmt: skip
    assert {a for (a,) in got.rows("raw.asset", "asset_id")} >= {
        KEYS.record_id("toy", "asset", "1.2.1")
    }
    assert got.rows("raw.event", "code") == [("CT",), ("MR",), ("SR",)]
    assert got.rows("raw.value", "variable", "value") == [
        ("PatientAge", "1.5"), ("PatientAge", "61"), ("PatientSex", "F"), ("PatientSex", "M"),
    ]  # fmt: skip


def test_its_rejects_and_what_it_drops_are_counted(tmp_path: Path) -> None:
    got = deliver(_write(tmp_path, IDC), "imaging_index")
    assert got.rows("raw.reject", "row_number", "column_name", "reason") == [
        (4, "n_instances", "invalid-value"), (5, None, "missing-person-id"),
        (6, None, "duplicate-key"), (7, None, "missing-uid"),
    ]  # fmt: skip
    assert got.tally.ignored == {"record-key": 9, "undeclared-column": 1, "code-not-defined": 1}
    assert got.found("asset_location") == ["s3://bucket/1", "s3://bucket/2"]
    for secret in ("Ada", "s3://", "A1", "'1.2'", "1.2.1"):
        assert secret not in repr(got.tables), secret


def test_parquet_and_text_land_the_same(tmp_path: Path) -> None:
    header, *lines = IDC.splitlines()
    cells = [line.split(",") for line in lines]
    columns = {
        name: pa.array([row[i] or None for row in cells])
        for i, name in enumerate(header.split(","))
    }
    pq.write_table(pa.table(columns), tmp_path / "index.parquet")
    names = ("row_id", "asset_id", "record_id", "series_uid", "start_time")
    assert deliver(tmp_path / "index.parquet", "imaging_index").rows("raw.asset", *names) == (
        deliver(_write(tmp_path, IDC), "imaging_index").rows("raw.asset", *names)
    )


def test_a_table_of_images_as_mimic_cxr_has_it(tmp_path: Path) -> None:
    got = deliver(_write(tmp_path, CXR), "imaging_index", options={"modality": "DX"})
    assert got.rows("raw.asset", "modality", "view_position", "n_rows", "start_time") == [
        ("DX", "LATERAL", 3056, "2180-05-06T08:05:56.875"),
        ("DX", "PA", 3056, "2180-05-06T21:30:14.531000"),
    ]  # fmt: skip
    assert len(got.rows("raw.event", "code")) == 1
    assert got.found("native_id") == ["10000032"]


def test_features_become_values_that_name_their_image(tmp_path: Path) -> None:
    table = _write(
        tmp_path,
        "PatientID,SeriesInstanceUID,StudyDate,volume_ml,comment,software\n"
        "A1,1.2.1,2003-02-22,1102.5,fine,seg 2.1\nA1,1.2.2,2003-02-22,,,seg 2.1\n",
    )
    variables = {"volume_ml": Variable("volume_ml", value_type="number")}
    options = {"lands": "features", "columns": {"algorithm": "software"}}
    got = deliver(table, "imaging_index", variables, options=options)
    assert got.rows("raw.value", "variable", "value", "start_time") == [
        ("volume_ml", "1102.5", "2003-02-22")
    ]
    assert ("image_feature", "alg_system", "seg 2.1") in got.rows(
        "raw.detail", "kind", "field", "value"
    )
    ((record,),) = got.rows("raw.value", "record_id")
    named = {r: v for r, f, v in got.rows("raw.detail", "record_id", "field", "value")
             if f == "asset_id"}  # fmt: skip
    assert named[record] == str(KEYS.record_id("toy", "asset", "1.2.1"))
    assert got.tally.ignored["undeclared-column"] == 1 and "raw.asset" not in got.tables


def test_a_table_without_what_is_needed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceFileError, match="series uid"):
        deliver(_write(tmp_path, "PatientID,Modality\nA,MR\n"), "imaging_index")
    table = _write(tmp_path, "PatientID,SeriesInstanceUID,x\nA,1.2,3\n")
    with pytest.raises(SettingsError, match="declares no column"):
        deliver(table, "imaging_index", options={"lands": "features"})


@pytest.mark.parametrize(
    ("column", "value"), [("Rows", "99999999999"), ("series_size_MB", "1e50"), ("Columns", "-1e12")]
)
def test_a_number_that_no_image_has_costs_its_cell_only(
    tmp_path: Path, column: str, value: str
) -> None:
    text = f"PatientID,SeriesInstanceUID,{column}\nA,1.2,{value}\nA,1.3,7\n"
    got = deliver(_write(tmp_path, text), "imaging_index")
    assert got.books == (2, 2, 0, 0)
    assert got.rows("raw.reject", "row_number", "reason") == [(2, "invalid-value")]


def test_a_date_in_another_form_costs_its_cell_and_is_counted(tmp_path: Path) -> None:
    text = "PatientID,SeriesInstanceUID,StudyDate\nA,1.2,31/12/2020\nA,1.3,20201231\n"
    got = deliver(_write(tmp_path, text), "imaging_index")
    assert got.rows("raw.asset", "start_time") == [("2020-12-31",), (None,)]
    assert got.rows("raw.reject", "row_number", "column_name") == [(2, "date")]


def test_a_name_in_a_coded_column_is_withheld_and_counted(tmp_path: Path) -> None:
    text = (
        "PatientID,SeriesInstanceUID,Modality,BodyPartExamined,Laterality,ViewPosition,SOPClassUID,"
        "PatientSex\n"
        "A,1.2,ADA OKAFOR,Ada Okafor,ADA,Okafor Ada,Okafor,Okafor\n"
        "A,1.3,mr,whole body,l,pa,1.2.840.10008.5.1.4.1.1.4,f\n"
    )
    got = deliver(_write(tmp_path, text), "imaging_index")
    assert got.rows("raw.asset", "modality", "body_part", "laterality", "view_position",
                    "sop_class") == [
        ("MR", "WHOLEBODY", "L", "PA", "1.2.840.10008.5.1.4.1.1.4"),
        (None, None, None, None, None),
    ]  # fmt: skip
    assert "OKAFOR" not in repr(got.tables).upper()
    assert got.tally.ignored["code-not-defined"] == 6


def test_birth_and_age_come_from_the_first_row_of_a_study_that_has_one(tmp_path: Path) -> None:
    text = (
        "PatientID,SeriesInstanceUID,StudyInstanceUID,PatientBirthDate,PatientAge,PatientSex\n"
        "A,1.2.1,1.2,,061Y,\nA,1.2.2,1.2,19610430,061Y,F\n"
        "B,1.3.1,1.3,,,\nB,1.3.2,1.3,,018M,\n"
        "C,1.4.1,1.4,,about 40,\n"
    )
    got = deliver(_write(tmp_path, text), "imaging_index")
    assert got.rows("raw.value", "variable", "value") == [
        ("PatientAge", "1.5"), ("PatientBirthDate", "1961"), ("PatientSex", "F"),
    ]  # fmt: skip
    assert got.tally.ignored["age-beside-birth-date"] == 2
    assert got.rows("raw.reject", "row_number", "column_name", "reason") == [
        (6, "age", "invalid-value")
    ]
