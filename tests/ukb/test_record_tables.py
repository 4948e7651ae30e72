"""UK Biobank's record tables, each with a worked example."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ukb.reader import read_text

HESIN = """
eid     | ins_index | dsource | epistart   | epiend     | admidate   | disdate    | admisorc_uni | disdest_uni
1000011 | 0         | HES     | 01/02/2003 | 04/02/2003 | 31/01/2003 | 05/02/2003 | 1000         | 1001
1000011 | 1         | HES     |            |            | 2004-05-06 | 2004-05-07 |              |
"""


def test_hesin_is_one_visit_an_episode(tmp_path: Path) -> None:
    read = read_text(tmp_path, HESIN, "hesin.txt")
    assert read.events(
        "person", "kind", "start_time", "end_time", "admitted_from", "discharged_to", "origin"
    ) == [
        ("1000011", "visit", "2003-02-01", "2003-02-04", "1000", "1001", "hospital"),
        ("1000011", "visit", "2004-05-06", "2004-05-07", None, None, "hospital"),
    ]
    assert read.counts.ignored == {"record-key": 4, "column-not-used:dsource": 2}
    assert read.rows("raw.event", "row_number") == [(2,), (3,)]


def test_diagnoses_and_operations_point_to_their_visit(tmp_path: Path) -> None:
    visits = read_text(tmp_path, HESIN, "hesin.txt", source={"options": {}}).events(
        "start_time", "record_id"
    )
    diagnoses = read_text(
        tmp_path,
        """
        eid     | ins_index | arr_index | level | diag_icd9 | diag_icd9_nb | diag_icd10 | diag_icd10_nb
        1000011 | 0         | 0         | 1     |           |              | J459       |
        1000011 | 0         | 1         | 2     |           |              | E119       | D
        1000011 | 1         | 0         | 3     | E9068     |              |            |
        1000011 | 1         | 1         | 2     |           |              |            |
        """,
        "hesin_diag.txt",
    )
    assert diagnoses.events(
        "code", "code_system", "kind", "position", "start_time", "visit_record_id"
    ) == [
        ("E119", "ICD10", "condition", "secondary", None, visits[0][1]),
        ("E9068", "ICD9CM", "condition", "external-cause", None, visits[1][1]),
        ("J459", "ICD10", "condition", "primary", None, visits[0][1]),
    ]
    assert diagnoses.counts.ignored == {
        "record-key": 9, "column-not-used:diag_icd10_nb": 1, "empty-record": 1,
    }  # fmt: skip
    operations = read_text(
        tmp_path,
        """
        eid     | ins_index | arr_index | level | opdate     | oper3 | oper4
        1000011 | 1         | 0         | 1     | 06/05/2004 |       | K401
        1000011 | 1         | 1         | 2     | 31/02/2004 | 001   |
        """,
        "hesin_oper.txt",
    )
    assert operations.events(
        "code", "code_system", "position", "start_time", "visit_record_id"
    ) == [
        ("001", "OPCS3", "secondary", None, visits[1][1]),
        ("K401", "OPCS4", "primary", "2004-05-06", visits[1][1]),
    ]
    assert operations.rejects() == [(3, "opdate", "invalid-date")]


def test_visits_may_lie_in_a_source_of_their_own(tmp_path: Path) -> None:
    text = "eid | ins_index | arr_index | diag_icd10\n1000011 | 0 | 0 | J459"

    def visit(**given: object) -> object:
        return read_text(tmp_path, text, "d.txt", **given).events("visit_record_id")

    own = visit()
    named = visit(sources=("hesin",))
    declared = visit(sources=("hospital",), source={"options": {"visit_source": "hospital"}})
    assert len({str(v) for v in (own, named, declared)}) == 3
    assert named == visit(sources=("hesin",), source={"options": {"visit_source": "hesin"}})


def test_deaths_and_their_causes(tmp_path: Path) -> None:
    deaths = read_text(
        tmp_path,
        """
        eid     | ins_index | dsource | source | date_of_death
        1000011 | 0         | E/W     | 1      | 03/04/2015
        1000011 | 1         | SCOT    | 2      | 03/04/2015
        """,
        "death.txt",
    )
    assert deaths.events("kind", "code", "start_time", "origin") == [
        ("death", None, "2015-04-03", "register"),
        ("death", None, "2015-04-03", "register"),
    ]
    causes = read_text(
        tmp_path,
        """
        eid     | ins_index | arr_index | level | cause_icd10
        1000011 | 0         | 0         | 1     | I219
        1000011 | 0         | 1         | 2     | E119
        """,
        "death_cause.txt",
    )
    first = next(r["record_id"] for r in deaths.tables["raw.event"] if r["row_number"] == 2)
    assert causes.events("code", "code_system", "kind", "position", "visit_record_id") == [
        ("E119", "ICD10", "death", "secondary", first),
        ("I219", "ICD10", "death", "primary", first),
    ]


def test_gp_clinical_keeps_all_three_values(tmp_path: Path) -> None:
    read = read_text(
        tmp_path,
        """
        eid     | data_provider | event_dt   | read_2 | read_3 | value1 | value2 | value3
        1000011 | 1             | 05/06/2007 | 246..  |        | 120    | 80     | mmHg
        1000011 | 3             | 07/07/2037 |        | XE2q0  |        | 1.5    |
        1000011 | 2             | 08/09/2010 | C10..  |        |        |        |
        1000022 | 2             | 08/09/2010 | 44P..  |        | -9999999 |      |
        1000022 | 2             | 08/09/2010 |        |        |        |        |
        """,
        "gp_clinical.txt",
    )
    assert read.counts.whole_row_keys
    assert read.events("code", "code_system", "value", "unit", "position", "start_time") == [
        ("246..", "Read", "120", "mmHg", None, "2007-06-05"),
        ("246..", "Read", "80", "mmHg", "value2", "2007-06-05"),
        ("44P..", "Read", None, None, None, "2010-09-08"),
        ("C10..", "Read", None, None, None, "2010-09-08"),
        ("XE2q0", "CTV3", "1.5", None, None, None),
    ]
    assert [r for r in read.events("code", "time_flag") if r[1]] == [("XE2q0", "sentinel-future")]
    assert read.counts.ignored == {
        "record-key": 4, "column-not-used:data_provider": 4, "missing-code": 1, "empty-record": 1,
    }  # fmt: skip


def test_read_codes_keep_case_and_dots(tmp_path: Path) -> None:
    text = "eid | event_dt | read_2 | read_3\n1 | 2001-02-03 | F25.. | \n1 | 2001-02-03 | f25.. | "
    read = read_text(tmp_path, text, "gp.txt")
    assert read.events("code") == [("F25..",), ("f25..",)]
    assert len(set(read.events("record_id"))) == 2


def test_gp_scripts_land_under_the_best_code(tmp_path: Path) -> None:
    text = """
      eid     | data_provider | issue_date | read_2 | bnf_code       | dmd_code | drug_name       | quantity
      1000011 | 1             | 01/02/2003 | bxi3.  |                | 3203     | "Bare" tablets  | 28
      1000011 | 2             | 02/02/2003 | bxi3.  | 02.12.00.00.00 |          | Simvastatin     | 56 tabs
      1000011 | 4             | 03/02/2003 |        |                |          | Only a name     |
      1000011 | 4             | 04/02/2003 |        |                |          |                 | 28
    """
    read = read_text(tmp_path, text, "gp_scripts.txt")
    assert read.events("code", "code_system", "code_text", "quantity", "kind") == [
        (None, None, "Only a name", None, "drug"),
        ("02.12.00.00.00", "BNF", "Simvastatin", "56 tabs", "drug"),
        ("3203", "dm+d", '"Bare" tablets', "28", "drug"),
    ]
    assert read.counts.ignored["secondary-code"] == 2
    assert read.counts.ignored["empty-record"] == 1
    other = {"options": {"script_codes": ["read_2"]}}
    by_read = read_text(tmp_path, text, "gp_scripts.txt", source=other)
    assert by_read.events("code", "code_system")[-1] == ("bxi3.", "Read")


def test_gp_registrations_are_periods(tmp_path: Path) -> None:
    read = read_text(
        tmp_path,
        """
        eid     | data_provider | reg_date   | deduct_date
        1000011 | 1             | 01/02/1990 | 03/04/2005
        1000022 | 3             | 02/02/1902 |
        1000033 | 3             | 1999-08-07 | 07/07/2037
        """,
        "gp_registrations.txt",
    )
    assert read.rows("raw.record", "person", "kind", "start_time", "end_time", "time_flag") == [
        ("1000011", "registration", "1990-02-01", "2005-04-03", None),
        ("1000022", "registration", None, None, "sentinel-birth"),
        ("1000033", "registration", "1999-08-07", None, None),
    ]
    assert read.counts.ignored["sentinel-date"] == 1


def test_covid_tables_withhold_codes_and_values(tmp_path: Path) -> None:
    read = read_text(
        tmp_path,
        """
        eid,event_dt,code_type,code,value,unit
        1000011,2020-03-04,2,840539006,37.5,Cel
        1000011,2020-03-04,3,ESC123,-9000099,
        1000011,2020-03-05,2,-99,,
        1000022,2020-03-05,0,XaLTE,-9999999.000,
        """,
        "covid19_emis_gp_clinical.csv",
    )
    assert read.events("code", "code_system", "value", "unit") == [
        ("840539006", "SNOMED", "37.5", "Cel"),
        ("ESC123", "ukb:main", None, None),
        ("XaLTE", "CTV3", None, None),
    ]
    assert read.counts.ignored["missing-code"] == 2
    assert read.counts.ignored["suppressed-code"] == 1
    assert read.counts.records_ignored == 1


def test_rejected_records_and_rap_names(tmp_path: Path) -> None:
    read = read_text(
        tmp_path,
        """
        hesin.eid,hesin.ins_index,hesin.epistart,hesin.epiend
        1000011,0,2003-02-01,2003-02-04
        ,1,2003-02-01,2003-02-04
        -4,1,2003-02-01,2003-02-04
        1000022,,2003-02-01,2003-02-04
        """,
    )
    assert read.events("person", "start_time") == [("1000011", "2003-02-01")]
    assert read.rejects() == [
        (3, None, "missing-person-id"),
        (4, None, "missing-person-id"),
        (5, None, "missing-record-key"),
    ]


@pytest.mark.parametrize("order", [("ymd", "2007-06-05"), ("mdy", "2007-05-06")])
def test_slashed_dates_are_day_first_unless_declared_otherwise(
    order: tuple[str, str], tmp_path: Path
) -> None:
    text = "eid | reg_date | deduct_date\n1000011 | 05/06/2007 | "
    read = read_text(tmp_path, text, "r.txt", source={"date_order": order[0]})
    assert read.rows("raw.record", "start_time") == [(order[1],)]
