"""Who and what of a UK Biobank main table lands, goes to the vault, or is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from biobraid.core.errors import SourceFileError
from biobraid.ingest.connectors.contract import Chunk, get_connector
from tests.ukb.reader import dictionary, job_for, read_job, read_text

FIELDS = """
  31    | Sex                       | Categorical single   |          | 9
  34    | Year of birth             | Integer              | years    |
  52    | Month of birth            | Categorical single   |          | 8
  53    | Date of attending         | Date                 |          |
  1558  | Alcohol intake frequency  | Categorical single   |          | 100402
  1031  | Frequency of visits       | Categorical single   |          | 100326
  1269  | Exposure to smoke at home | Integer              | hours    | 100294
  6138  | Qualifications            | Categorical multiple |          | 100305
  21001 | Body mass index           | Continuous           | Kg/m2    |
  41270 | Diagnoses - ICD10         | Categorical multiple |          | 19
  41280 | Date of diagnosis         | Date                 |          |
  130000| Date A00 first reported   | Date                 |          | 819
  6023  | Description of exercise   | Text                 |          |
"""
CODINGS = """
  9      | 0  | Female
  9      | 1  | Male
  100402 | 1  | Daily or almost daily
  100402 | -3 | Prefer not to answer
  100305 | 1  | College or University degree
  100305 | 2  | A levels
  100305 | -7 | None of the above
  100305 | -3 | Prefer not to answer
"""

STYLES = {
    "ukbconv csv": ("a.csv", '"eid","53-0.0","21001-0.0","93-0.1"'),
    "R tab": ("a.tab", "f.eid | f.53.0.0 | f.21001.0.0 | f.93.0.1"),
    "underscores": ("a.csv", "f_eid,f_53_0_0,f_21001_0_0,f_93_0_1"),
    "PHESANT": ("a.csv", "xeid,x53_0_0,x21001_0_0,x93_0_1"),
    "RAP": ("a.csv", "eid,p53_i0,p21001_i0,p93_i0_a1"),
    "extract_dataset": (
        "a.csv",
        "participant.eid,participant.p53_i0,participant.p21001_i0,participant.p93_i0_a1",
    ),
    "gzip": ("a.csv.gz", "eid,53-0.0,21001-0.0,93-0.1"),
}


def test_whose_records_are_rejected(tmp_path: Path) -> None:
    read = read_text(
        tmp_path,
        """
        eid,21001-0.0
        1000011,24.5
        -1,30.0
        ,31.0
        1000011,99.9
        1000022,
        1000033,24.5,7
        """,
    )
    assert read.values() == [("1000011", "21001", "24.5")]
    assert read.rejects() == [
        (3, None, "missing-person-id"),
        (4, None, "missing-person-id"),
        (5, None, "duplicate-key"),
        (7, None, "ragged-row"),
    ]
    assert read.counts.ignored == {"record-key": 1, "empty-record": 1}
    assert read.counts.keys_are_unique
    assert [r[0] for r in read.identities("native_id")] == ["1000011", "1000022"]


def test_only_declared_fields_land(tmp_path: Path) -> None:
    read = read_text(
        tmp_path,
        "eid,p21001_i0,p99999_i0,notes\n1000011,24.5,1,x\n1000022,24.5,,",
        variables=dictionary(tmp_path, FIELDS, CODINGS),
        source={"options": {"table": "main"}},
    )
    assert read.values("variable") == [("21001",), ("21001",)]
    assert read.counts.ignored["undeclared-column"] == 2
    assert read.counts.warnings == {"undeclared-variable:99999": 1}


def test_file_names_never_land(tmp_path: Path) -> None:
    text = "eid,p20252_i2,p31,p1558_i0\n1000011,1000011_20252_2_0.zip,1,1000011_1558_0_0.zip"
    for variables in (None, dictionary(tmp_path, FIELDS)):
        read = read_text(tmp_path, text, variables=variables)
        assert read.values() == [("1000011", "31", "1")]
        names = ("bulk-file-name", "undeclared-column")
        assert sum(read.counts.ignored[name] for name in names) == 2


def test_free_text_lands_only_where_the_study_allows_it(tmp_path: Path) -> None:
    variables = dictionary(tmp_path, FIELDS)
    text = "eid,p6023_i0,p31\n1000011,Mr Smith rang,1"

    def read(rule: str | None) -> tuple[list[tuple[str, ...]], dict[str, int], int]:
        rules = [{"variable": "6023", "rule": rule, "reason": "a test"}] if rule else []
        got = read_text(tmp_path, text, variables=variables, source={"free_text": rules})
        texts = [v for v in got.values("value") if v != ("1",)]
        return texts, dict(got.counts.ignored), got.counts.facts_to_vault

    assert read(None) == ([], {"record-key": 1, "free-text-undeclared": 1}, 0)
    assert read("drop") == ([], {"record-key": 1, "free-text-dropped": 1}, 0)
    assert read("vault") == ([], {"record-key": 1}, 1)
    assert read("allow") == ([("Mr Smith rang",)], {"record-key": 1}, 0)


def test_what_does_not_land_stays_in_no_dictionary_of_a_column(tmp_path: Path) -> None:
    """A Parquet writer writes the whole dictionary of a column, used or not."""
    path = tmp_path / "a.csv"
    path.write_text(
        "eid,p33,p52,p53_i0,p6023_i0,p1558_i0,p21001_i0\n"
        "1000011,1950-03-17,3,2008-05-06,Mr Smith,1000011_1558_0_0.zip,24.5\n"
    )
    for item in get_connector("ukb").read(job_for(path)):
        if isinstance(item, Chunk) and item.table.startswith("raw"):
            for column in item.rows.columns:
                held = column.combine_chunks()
                if isinstance(held, pa.DictionaryArray):
                    texts = " ".join(held.dictionary.cast(pa.string()).to_pylist())
                    assert not any(s in texts for s in ("1950-03", "Smith", "1000011", "03-17"))


def test_birth_goes_to_the_vault_and_lands_as_precisely_as_declared(tmp_path: Path) -> None:
    text = "eid,p31,p34,p52\n1000011,0,1950,3\n1000022,1,1951,\n1000033,1,,7"
    year = read_text(tmp_path, text, birth_precision="year")
    month = read_text(tmp_path, text, birth_precision="month")
    assert [r for r in year.values() if r[1] == "52"] == []
    assert [r for r in month.values() if r[1] == "52"] == [
        ("1000011", "52", "3"),
        ("1000033", "52", "7"),
    ]
    assert year.counts.facts_to_vault == 1 and year.counts.ignored["birth-precision"] == 1
    assert (
        year.identities("birth_date", "sex")
        == month.identities("birth_date", "sex")
        == [
            ("1000011", "birth_date", "1950-03"),
            ("1000011", "sex", "0"),
            ("1000022", "birth_date", "1951"),
            ("1000022", "sex", "1"),
            ("1000033", "sex", "1"),
        ]
    )


def test_a_full_date_of_birth_lands_cut(tmp_path: Path) -> None:
    read = read_text(tmp_path, "eid,p33,p34\n1000011,1950-03-17,1950", birth_precision="month")
    assert read.values("variable", "value", "start_time") == [
        ("33", "1950-03", None),
        ("34", "1950", None),
    ]
    assert read.identities("birth_date") == [("1000011", "birth_date", "1950-03-17")]


def test_declared_identities_go_to_the_vault_only(tmp_path: Path) -> None:
    read = read_text(
        tmp_path,
        "eid,p31,nhs\n1000011,0,9434765919",
        source={"identity": {"nhs": "nhs_number"}, "options": {"table": "main"}},
    )
    assert read.values("variable") == [("31",)]
    assert read.identities("nhs_number") == [("1000011", "nhs_number", "9434765919")]
    assert read.counts.facts_to_vault == 1


def test_labels_instead_of_codes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceFileError, match="labels of the codes") as error:
        read_text(tmp_path, "eid,p31\n1000011,Female")
    assert "RAW" in str(error.value) and "Female" not in str(error.value)
    variables = dictionary(tmp_path, FIELDS, CODINGS)
    with pytest.raises(SourceFileError) as error:
        read_text(
            tmp_path,
            "eid,p31,p1558_i0\n1000011,1,Daily or almost daily\n1000022,Male,1",
            variables=variables,
        )
    columns = {fault.where.split(", column ")[1] for fault in error.value.faults}
    assert columns == {"p31", "p1558_i0"}


def test_codes_that_the_dictionary_lacks_land_with_a_warning(tmp_path: Path) -> None:
    read = read_text(
        tmp_path,
        "eid,p1558_i0,p1031_i0\n1000011,17,4\n1000022,-3,4",
        variables=dictionary(tmp_path, FIELDS, CODINGS),
    )
    assert read.values("variable", "value") == [
        ("1031", "4"),  # a coding without published codes is held against nothing
        ("1031", "4"),
        ("1558", "-3"),
        ("1558", "17"),
    ]
    assert read.counts.warnings == {"unknown-code:1558": 1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("person,height\n1,170", "none of the 2 columns holds the eid"),
        ("eid,height,weight\n1,170,60", "those of no table of UK Biobank"),
    ],
)
def test_what_is_no_table_of_uk_biobank_is_refused(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text)
    with pytest.raises(SourceFileError, match=message):
        read_job(job_for(path))


def test_two_threads_give_what_one_gives(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    lines = [f"{1000000 + i},2008-01-{i % 28 + 1:02d},{i}" for i in range(500)]
    path.write_text("\n".join(["eid,53-0.0,21001-0.0", *lines]) + "\n")
    one = read_job(job_for(path))
    two = read_job(replace(job_for(path), threads=2))
    assert one.tables == two.tables and one.counts == two.counts
