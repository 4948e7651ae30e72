"""REDCap in a home: doctor, deliveries one after the other, and the way to the CDM."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from biobraid.cli.main import run
from biobraid.core.home import Home
from biobraid.core.lock import writer
from biobraid.core.manifest import Manifest
from biobraid.core.study import read_study
from biobraid.core.warehouse import connect
from biobraid.ingest.dictionaries import load_variables
from biobraid.ingest.doctor import examine
from biobraid.ingest.landing import check_books, ingest
from tests.redcap.delivery import dictionary

FIELDS = """
    pid; base; text
    dob; base; text; ; date_ymd; y
    sex; base; radio; 0, F | 1, M
    births; base; text; ; integer; ; [sex] = '0'
    day; visit; text; ; date_ymd
    weight; visit; text; ; number
    said; visit; notes
"""
EVENTS = "event_name,arm_num,unique_event_name\nFirst,1,first_arm_1\nSecond,1,second_arm_1\n"
ROWS = """
    pid,redcap_event_name,dob,sex,births,base_complete,day,weight,visit_complete
    007,first_arm_1,1961-04-30,1,,2,2020-01-02,70,2
    008,first_arm_1,1958-11-02,0,2,2,2020-01-03,61,2
    008,second_arm_1,,,,,2021-01-03,62,2
"""
HEADER = (
    "source,variable,source_code,target_concept_id,target_domain_id,unit_concept_id,"
    "value_as_concept_id,rule,rule_arg,absent_reason,status,comment\n"
)


def _declare(home: Home, fields: str = FIELDS, **source: Any) -> Path:
    pack = home.studies / "rc"
    pack.mkdir(exist_ok=True)
    declared = {"connector": "redcap", "files": ["data*.csv"], "origin": "survey",
                "dictionary": {"format": "redcap", "fields": ["fields.csv"],
                               "codings": ["events.csv"]},
                "options": {"dates": {"visit": "day", "base": "day"}}, **source}  # fmt: skip
    study = {"id": "rc", "name": "rc", "release": "1", "licence": "none", "time_zone": "UTC",
             "sources": {"survey": declared}}  # fmt: skip
    (pack / "study.yaml").write_text(yaml.safe_dump(study))
    mapping = "survey,dob,,0,Person,,,direct,birth,,APPROVED,\n"
    (pack / "mapping.csv").write_text(HEADER + mapping)
    folder = home.deliveries / "rc"
    folder.mkdir(parents=True, exist_ok=True)
    dictionary(folder / "fields.csv", fields)
    (folder / "events.csv").write_text(EVENTS)
    return folder


def _deliver(home: Home, text: str, name: str = "data.csv") -> None:
    lines = [line.strip() for line in text.strip().splitlines()]
    (home.deliveries / "rc" / name).write_text("\n".join(lines) + "\n")


def _ingest(home: Home) -> list[dict[str, Any]]:
    with writer(home):
        result = ingest(home, load_variables=load_variables, workers=1)
    assert [f.text() for o in result.outcomes for f in o.faults] == []
    assert check_books(home) == []
    with Manifest(home) as manifest:
        return [dict(f.row) for f in manifest.files()]


def _landed(home: Home, columns: str, table: str = "raw.value") -> list[tuple[Any, ...]]:
    with Manifest(home) as manifest:
        paths = [str(home.landing / p.path) for p in manifest.parts(table)]
    return duckdb.execute(f"SELECT {columns} FROM read_parquet(?) ORDER BY ALL", [paths]).fetchall()


def test_doctor_finds_no_error_in_a_sound_project(home: Home) -> None:
    _declare(home)
    _deliver(home, ROWS)
    found = examine(home)
    assert [f.fault.text() for f in found if f.severity == "error"] == []
    text = "\n".join(f.fault.text() for f in found)
    assert "not in the dictionary" not in text and "no glob matches" not in text
    assert "the file is missing" not in text


def test_doctor_names_all_faults_at_once_and_no_value(home: Home) -> None:
    folder = _declare(home, options={"dates": {"vist": "day"}})
    with (folder / "fields.csv").open("a") as file:
        file.write("broken,visit,,text\n")
    _deliver(home, ROWS.replace("dob,sex", "dob,sxe").replace("second_arm_1", "thrid_arm_1"))
    text = "\n".join(f.fault.text() for f in examine(home))
    assert "fields.csv, line 9" in text and "has 4 cells" in text
    assert "'vist' is no instrument and no event" in text
    _declare(home)
    text = "\n".join(f.fault.text() for f in examine(home))
    assert "column 'sxe' is not in the dictionary" in text
    assert "rejected as unknown event in the sample: redcap_event_name" in text
    assert "said is free text without a rule" not in text, "no file has it"
    for value in ("1961-04-30", "thrid", "007"):
        assert value not in text


def test_a_broken_dictionary_lands_nothing_and_a_mended_one_all(home: Home) -> None:
    _declare(home, FIELDS.replace("0, F | 1, M", ""))
    _deliver(home, ROWS)
    assert run(["--home", str(home.root), "--quiet", "ingest"]) == 10
    _declare(home)
    (books,) = _ingest(home)
    assert books["records_read"] == books["records_landed"] == 3


def test_the_projects_dictionary_may_lie_in_the_pack_under_that_name(home: Home) -> None:
    folder = _declare(home)
    pack = home.studies / "rc"
    (folder / "fields.csv").rename(pack / "dictionary.csv")
    text = (pack / "study.yaml").read_text()
    (pack / "study.yaml").write_text(text.replace("fields.csv", "dictionary.csv"))
    assert "weight" in load_variables(home, read_study(pack), "survey")


def test_dictionary_csv_adds_a_unit_to_a_field_of_the_project(home: Home) -> None:
    _declare(home)
    (home.studies / "rc" / "dictionary.csv").write_text(
        "variable,label,type,unit,allowed_values,instance_rule\nweight,Body weight,number,kg,,\n"
    )
    known = load_variables(home, read_study(home.studies / "rc"), "survey")
    assert known["weight"].unit == "kg"
    assert known["weight"].attributes["form"] == "visit", "which only the project's own says"
    _deliver(home, ROWS)
    _ingest(home)
    assert len(_landed(home, "DISTINCT survey_record_id")) == 5


def test_a_later_batch_replaces_the_records_it_holds(home: Home) -> None:
    _declare(home, delivery="append")
    _deliver(home, ROWS, "data1.csv")
    _ingest(home)
    batch = """
        pid,redcap_event_name,redcap_repeat_instrument,redcap_repeat_instance,weight,visit_complete
        008,second_arm_1,,,63.5,2
        009,first_arm_1,,,80,2
    """
    _deliver(home, batch, "data2.csv")
    files = {b["delivery"]: b for b in _ingest(home)}
    assert files[1]["records_superseded"] == 1 and files[2]["records_landed"] == 2
    weights = [v for n, v in _landed(home, "variable, value") if n == "weight"]
    assert sorted(weights) == ["61", "63.5", "70", "80"], "the columns of a batch may differ"


def test_a_delta_replaces_what_it_names_and_may_empty_it(home: Home) -> None:
    _declare(home, delivery="delta", version="changed", record_key=[])
    rows = [line.strip() for line in ROWS.strip().splitlines()]
    first = "\n".join(
        f"{row},{'changed' if i == 0 else '2022-01-01'}" for i, row in enumerate(rows)
    )
    _deliver(home, first, "data1.csv")
    _ingest(home)
    _deliver(
        home, "pid,redcap_event_name,weight,changed\n008,second_arm_1,,2022-02-02", "data2.csv"
    )
    _ingest(home)
    assert [v for n, v in _landed(home, "variable, value") if n == "weight"] == ["61", "70"]
    assert ("007",) not in _landed(home, "value")


def test_an_eav_export_may_lose_a_field_from_one_delivery_to_the_next(home: Home) -> None:
    _declare(home)
    head = "record,redcap_event_name,field_name,value\n"
    _deliver(home, head + "007,first_arm_1,sex,1\n007,first_arm_1,weight,70\n")
    _ingest(home)
    _deliver(home, head + "007,first_arm_1,sex,0\n")
    _ingest(home)
    assert _landed(home, "variable, value") == [("sex", "0")]
    text = "\n".join(f.fault.text() for f in examine(home))
    assert "not in the dictionary" not in text


def test_a_record_delivered_twice_in_a_file_is_counted(home: Home) -> None:
    _declare(home)
    _deliver(home, ROWS + "    007,first_arm_1,1961-04-30,1,,2,2020-01-02,71,2\n")
    (books,) = _ingest(home)
    assert (books["records_read"], books["records_landed"], books["records_rejected"]) == (4, 3, 1)
    assert [v for n, v in _landed(home, "variable, value") if n == "weight"] == ["61", "62", "71"]


@pytest.mark.slow
def test_answers_reach_the_cdm_with_their_own_survey_and_gaps_with_their_reason(home: Home) -> None:
    _declare(home)
    _deliver(home, ROWS)
    assert run(["--home", str(home.root), "--quiet", "run"]) == 0
    with connect(home, read_only=True) as con:
        surveys = dict(
            con.execute(
                "SELECT survey_source_value, COUNT(*) FROM cdm.survey_conduct GROUP BY ALL"
            ).fetchall()
        )
        pairs = con.execute(
            "SELECT DISTINCT o.observation_source_value, s.survey_source_value, "
            "  o.observation_date = s.survey_start_date, o.person_id = s.person_id "
            "FROM cdm.observation AS o JOIN cdm.survey_conduct AS s "
            "  ON o.observation_event_id = s.survey_conduct_id ORDER BY ALL"
        ).fetchall()
        gaps = con.execute(
            "SELECT variable, absent_reason, n_values FROM mart.missingness "
            "WHERE absent_reason = 'not-asked'"
        ).fetchall()
        born = con.execute("SELECT year_of_birth FROM cdm.person ORDER BY ALL").fetchall()
    assert surveys == {"base": 2, "visit": 3}
    assert pairs == [
        ("base_complete", "base", True, True), ("births", "base", True, True),
        ("day", "visit", True, True), ("sex", "base", True, True),
        ("visit_complete", "visit", True, True), ("weight", "visit", True, True),
    ]  # fmt: skip
    assert gaps == [("births", "not-asked", 1)]
    assert born == [(1958,), (1961,)]
