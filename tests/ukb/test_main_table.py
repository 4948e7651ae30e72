"""UK Biobank main tables: naming styles, dates, lists, codes, what is rejected or ignored."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

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


@pytest.mark.parametrize("style", STYLES)
def test_every_naming_style_gives_the_same_rows(style: str, tmp_path: Path) -> None:
    name, header = STYLES[style]
    cell = " | " if name.endswith(".tab") else ","
    empty = "NA" if name.endswith(".tab") else ""
    lines = [("1000011", "2008-05-06", "24.5", "130"), ("1000022", "2009-07-08", empty, "141")]
    read = read_text(tmp_path, "\n".join([header, *map(cell.join, lines)]), name)
    assert read.values("person", "variable", "instance", "array_index", "value", "start_time") == [
        ("1000011", "21001", 0, 0, "24.5", "2008-05-06"),
        ("1000011", "53", 0, 0, "2008-05-06", "2008-05-06"),
        ("1000011", "93", 0, 1, "130", "2008-05-06"),
        ("1000022", "53", 0, 0, "2009-07-08", "2009-07-08"),
        ("1000022", "93", 0, 1, "141", "2009-07-08"),
    ]
    plain = read_text(tmp_path, "eid,p53_i0,p21001_i0\n1000011,2008-05-06,24.5", "plain.csv")
    assert set(plain.values("row_id")) < set(read.values("row_id"))


def test_a_field_without_instances_and_one_with_arrays_only(tmp_path: Path) -> None:
    read = read_text(tmp_path, "eid,p31,p41280_a3\n1000011,1,2001-02-03")
    assert read.values("variable", "instance", "array_index", "start_time") == [
        ("31", 0, 0, None),
        ("41280", 0, 3, "2001-02-03"),
    ]


def test_parquet_is_read_like_text(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"eid": [1000011, 1000022], "p21001_i0": [24.5, None]}), path)
    assert read_job(job_for(path)).values() == [("1000011", "21001", "24.5")]


def test_each_value_is_dated_by_the_field_that_dates_it(tmp_path: Path) -> None:
    read = read_text(
        tmp_path,
        """
        eid,53-0.0,53-2.0,21001-0.0,21001-1.0,21001-2.0,40005-1.0,40008-1.0,40000-0.0,40007-0.0
        1000011,06/05/2008,2014-01-02,24.5,25.0,26.0,2010-11-12,61.2,2020-01-01,70.1
        """,
    )
    got = read.values("variable", "instance", "start_time", "time_source")
    assert [r for r in got if r[0] not in ("53", "40000", "40005")] == [
        ("21001", 0, "2008-05-06", "06/05/2008"),
        ("21001", 1, None, None),
        ("21001", 2, "2014-01-02", None),
        ("40007", 0, "2020-01-01", None),
        ("40008", 1, "2010-11-12", None),
    ]


def test_diagnoses_become_events_with_the_date_at_their_array_index(tmp_path: Path) -> None:
    read = read_text(
        tmp_path,
        """
        eid,41270-0.0,41270-0.1,41280-0.0,41280-0.1,41272-0.0,41282-0.0,40001-0.0,40002-0.1,40000-0.0
        1000011,E119,I10,2001-01-01,2002-02-03,K401,2003-03-04,I219,E119,2020-06-07
        """,
    )
    assert read.events("kind", "code_system", "code", "position", "start_time", "variable") == [
        ("condition", "ICD10", "E119", None, "2001-01-01", "41270"),
        ("condition", "ICD10", "I10", None, "2002-02-03", "41270"),
        ("death", "ICD10", "E119", "secondary", "2020-06-07", "40002"),
        ("death", "ICD10", "I219", "primary", "2020-06-07", "40001"),
        ("procedure", "OPCS4", "K401", None, "2003-03-04", "41272"),
    ]
    assert [r[0] for r in read.values("variable")] == ["40000", "41280", "41280", "41282"]


@pytest.mark.parametrize(
    "cell", ["E119|I10|J459", '"[""E119"",""I10"",""J459""]"', '"[E119,I10,J459]"']
)
def test_a_list_cell_gives_the_same_facts_as_columns_of_their_own(
    cell: str, tmp_path: Path
) -> None:
    dates = "p41280_a0,p41280_a1,p41280_a2"
    listed = read_text(
        tmp_path, f"eid,p41270,{dates}\n1000011,{cell},2001-01-01,2002-02-03,2003-03-04"
    )
    apart = read_text(
        tmp_path,
        f"eid,p41270_a0,p41270_a1,p41270_a2,{dates}\n"
        "1000011,E119,I10,J459,2001-01-01,2002-02-03,2003-03-04",
    )
    columns = ("row_id", "code", "start_time")
    assert listed.events(*columns) == apart.events(*columns)
    assert listed.events("code", "start_time") == [
        ("E119", "2001-01-01"),
        ("I10", "2002-02-03"),
        ("J459", "2003-03-04"),
    ]


def test_a_multiple_choice_list_keeps_empty_places_and_counts_its_values(tmp_path: Path) -> None:
    variables = dictionary(tmp_path, FIELDS, CODINGS)
    read = read_text(
        tmp_path,
        "eid,p6138_i0\n1000011,1||-7\n1000022,[]\n1000033,2",
        variables=variables,
    )
    assert read.values("person", "array_index", "value") == [
        ("1000011", 0, "1"),
        ("1000011", 2, "-7"),
        ("1000033", 0, "2"),
    ]
    assert read.counts.ignored == {"record-key": 3, "empty-list": 1}


def test_pseudo_dates_are_flagged_as_times_and_land_as_values(tmp_path: Path) -> None:
    read = read_text(
        tmp_path,
        """
        eid,130000-0.0,130001-0.0
        1000011,1902-02-02,40
        1000022,2037-07-07,40
        1000033,1900-01-01,40
        1000044,2004-05-06,40
        """,
        variables=dictionary(tmp_path, FIELDS + "130001 | Source | Categorical single | | 2171\n"),
    )
    assert read.values("value", "start_time", "time_flag", "time_source")[:4] == [
        ("1900-01-01", None, "sentinel-unknown", "1900-01-01"),
        ("1902-02-02", None, "sentinel-birth", "1902-02-02"),
        ("2004-05-06", "2004-05-06", None, None),
        ("2037-07-07", None, "sentinel-future", "2037-07-07"),
    ]
    assert read.values("value", "time_flag")[-4:] == [
        ("40", None),
        ("40", "sentinel-birth"),
        ("40", "sentinel-future"),
        ("40", "sentinel-unknown"),
    ]


def test_a_date_that_never_was_is_a_rejected_cell(tmp_path: Path) -> None:
    read = read_text(tmp_path, "eid,53-0.0,21001-0.0\n1000011,31/02/2008,24.5")
    assert read.values("variable", "start_time") == [("21001", None)]
    assert read.rejects() == [(2, "53-0.0", "invalid-date")]
