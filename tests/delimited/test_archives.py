"""The forms in which archives give out tables: dbGaP's text, NDA's packages and templates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from biobraid.ingest.connectors.contract import Variable
from tests.delimited.delivery import allow, deliver, person


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "delivered.txt"


def test_a_dbgap_table_has_comments_and_accessions_above_its_header(file: Path) -> None:
    file.write_text(
        "# Study accession: phs000001.v3.p1\n"
        "# Consent group: General Research Use\n"
        "\n"
        "##\t\tphv00054261.v2.p1.c1\tphv00054264.v2.p1.c1\tphv00054265.v2.p1.c1\n"
        "dbGaP_Subject_ID\tID2\tREASON\tADMTIME\tHOSPTIME\n"
        "101\tA\t1\t2.5\t10\n"
        "102\tB\t\t0\t\n"
    )
    options: dict[str, Any] = {
        "layout": "event", "kind": "visit", "delimiter": "tab", "comment": "#",
        "code": {"REASON": "toy:reason"}, "text": "ID2",
        "time": {"column": "ADMTIME", "kind": "offset_years", "anchor": "1992-01-01"},
        "end_time": {"column": "HOSPTIME", "kind": "offset_days", "anchor": "start"},
    }  # fmt: skip
    got = deliver(file, None, options=options, person_id="dbGaP_Subject_ID", free_text=allow("ID2"))
    assert got.rows("raw.event", "source_person_key", "code", "start_time", "end_time") == [
        (person("101"), "1", "1994-07-01", "1994-07-11"),
        (person("102"), None, "1992-01-01", None),
    ]
    assert got.books == (2, 2, 0, 0)


def test_an_nda_package_describes_its_columns_in_the_second_row(file: Path) -> None:
    file.write_text(
        '"collection_id"\t"subjectkey"\t"interview_date"\t"interview_age"\t"sex"\t"collection_title"\n'
        '"collection_id"\t"The GUID"\t"MM/DD/YYYY"\t"Age in months"\t"Sex"\t"collection_title"\n'
        '"17"\t"NDARAA1"\t"12/22/2009"\t"141"\t"F"\t"Test ""Collection"" "\n'
        '"17"\t"NDARAA2"\t"03/03/1903"\t"-300"\t"NR"\t""\n'
    )
    variables = [
        Variable("interview_age", value_type="integer", unit="months"),
        Variable("sex", value_type="code", codes={"F": None, "NR": None}),
        Variable("interview_date", value_type="date"),
    ]
    time = {"column": "interview_date", "kind": "date", "sentinels": ["1903-03-03"]}
    got = deliver(
        file, None, person_id="subjectkey", date_order="mdy", variables=variables,
        options={"delimiter": "tab", "skip_after_header": 1, "time": time},
    )  # fmt: skip
    assert got.rows("raw.value", "variable", "value", "start_time") == [
        ("interview_date", "12/22/2009", "2009-12-22"),
        ("interview_age", "141", "2009-12-22"),
        ("sex", "F", "2009-12-22"),
        ("interview_date", "03/03/1903", None),
        ("interview_age", "-300", None),
        ("sex", "NR", None),
    ]
    assert got.ignored == {"undeclared-column": 3}, "collection_id twice, collection_title once"


def test_an_nda_upload_template_names_its_structure_in_the_first_row(file: Path) -> None:
    file.write_text(
        "image,3,,\nSUBJECTKEY,INTERVIEW_DATE,SEX,SCAN_TYPE\nNDARAA1,12/22/2009,F,fMRI\n"
    )
    got = deliver(
        file, None, person_id="subjectkey", date_order="mdy",
        variables=[Variable("scan_type", value_type="code")],
        options={
            "skip_rows": 1, "header_case": "lower", "drop": ["sex"],
            "time": {"column": "interview_date", "kind": "date"},
        },
    )  # fmt: skip
    assert got.rows("raw.value", "variable", "value", "start_time") == [
        ("scan_type", "fMRI", "2009-12-22")
    ]


def test_a_header_that_begins_with_the_comment_sign_is_renamed(file: Path) -> None:
    """American Gut: `#SampleID` heads the first column, and there are no comments."""
    options = {"delimiter": "tab", "columns": {"#SampleID": "id"}}
    got = deliver(
        file, "#SampleID\tBMI\n000007112.1075685\t22.1", options=options,
        variables=[Variable("BMI", value_type="number")],
    )  # fmt: skip
    assert got.identities == [("native_id", "000007112.1075685")]
    assert got.values == [("BMI", "22.1")]
