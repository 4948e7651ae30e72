"""Event, record and consent files: coded events, periods and permissions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from biobraid.core.errors import SettingsError
from biobraid.ingest.hashing import positive, record_ids
from tests.delimited.delivery import KEYS, allow, deliver

VISITS = {
    "visits": {
        "connector": "delimited", "files": ["v*"], "person_id": "id", "record_key": ["spell"],
    }
}  # fmt: skip


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "delivered.csv"


def test_a_diagnosis_file_becomes_events_of_their_visits(file: Path) -> None:
    given = """
      id,spell,rank,icd,at,until
      1,A7,1,J459,03/04/2011,05/04/2011
      1,A7,2,I10,03/04/2011,
      2,,1,E11.9,04/04/2011,
    """
    options = {
        "layout": "event", "kind": "condition", "code": "icd", "code_system": "ICD10",
        "time": "at", "end_time": "until", "visit": {"source": "visits", "columns": ["spell"]},
        "position": {"column": "rank", "values": {"1": "primary", "2": "secondary"}},
    }  # fmt: skip
    got = deliver(
        file, given, options=options, others=VISITS, date_order="dmy", origin="hospital",
        record_key=["id", "spell", "icd"],
    )  # fmt: skip
    columns = ("kind", "code", "code_system", "position", "start_time", "end_time", "origin")
    assert got.rows("raw.event", *columns) == [
        ("condition", "J459", "ICD10", "primary", "2011-04-03", "2011-04-05", "hospital"),
        ("condition", "I10", "ICD10", "secondary", "2011-04-03", None, "hospital"),
        ("condition", "E11.9", "ICD10", "primary", "2011-04-04", None, "hospital"),
    ]
    visit = positive(record_ids(KEYS, "toy/visits", [("spell", pa.array(["A7"]))]))[0].as_py()
    assert [v for (v,) in got.rows("raw.event", "visit_record_id")] == [visit, visit, None]


def test_the_visit_source_gives_the_record_id_that_its_events_point_to(file: Path) -> None:
    visits = deliver(
        file, "id,spell,at\n1,A7,2011-04-03", record_key=["spell"],
        options={"layout": "event", "kind": "visit", "time": "at"},
        others={"d": {"connector": "delimited", "files": ["d*"], "record_key": ["x"]}},
    )  # fmt: skip
    assert visits.rows("raw.event", "kind", "code") == [("visit", None)]
    # The scope is the source: the same key in source q of another file gives the same id.
    pointing = deliver(
        file, "id,s,icd\n1,A7,I10", record_key=["spell"],
        options={"layout": "event", "kind": "condition", "code": "icd", "columns": {"s": "spell"},
                 "visit": {"source": "q", "columns": ["spell"]}},
    )  # fmt: skip
    assert pointing.rows("raw.event", "visit_record_id") == visits.rows("raw.event", "record_id")


def test_several_code_columns_make_several_events(file: Path) -> None:
    given = """
      id,at,read2,dmd,drug,amount
      1,2011-04-03,bu25.,322236009,Aspirin 75mg,28
      2,2011-04-03,,,Aspirin 75mg,56
      3,2011-04-03,,,,56
    """
    options = {
        "layout": "event", "kind": "drug", "code": {"read2": "Read", "dmd": "dm+d"}, "time": "at",
        "text": "drug", "quantity": "amount",
    }  # fmt: skip
    got = deliver(file, given, options=options, free_text=allow("drug"))
    rows = got.rows("raw.event", "code_system", "code", "code_text", "quantity")
    assert sorted(rows, key=str) == [
        ("Read", "bu25.", "Aspirin 75mg", "28"),
        ("Read", None, "Aspirin 75mg", "56"),
        ("dm+d", "322236009", "Aspirin 75mg", "28"),
    ]
    assert got.rejects == [(4, None, "missing-code")]


def test_an_impossible_start_rejects_the_event_an_impossible_end_only_itself(file: Path) -> None:
    given = """
      id,icd,at,until
      1,I10,31/02/2011,01/03/2011
      2,I10,28/02/2011,31/02/2011
    """
    options = {
        "layout": "event", "kind": "condition", "code": "icd", "time": "at", "end_time": "until",
    }  # fmt: skip
    got = deliver(file, given, options=options, date_order="dmy")
    assert got.rows("raw.event", "start_time", "end_time") == [("2011-02-28", None)]
    assert got.rejects == [(2, "at", "invalid-date"), (3, "until", "invalid-date")]


def test_local_codes_get_the_source_as_their_system(file: Path) -> None:
    options = {"layout": "event", "kind": "procedure", "code": "what"}
    got = deliver(file, "id,what\n1,X7", options=options)
    assert got.rows("raw.event", "code_system", "source_table") == [("toy:q", "q")]


def test_kinds_can_stand_in_a_column_and_unknown_ones_are_rejected(file: Path) -> None:
    given = """
      id,type,what,extra
      1,dx,I10,seen
      2,rx,C07,
      3,??,X,
    """
    kind = {"column": "type", "values": {"dx": "condition", "rx": "drug"}}
    got = deliver(file, given, options={"layout": "event", "kind": kind, "code": "what"})
    assert got.rows("raw.event", "kind", "code") == [("condition", "I10"), ("drug", "C07")]
    assert got.rejects == [(4, "type", "unknown-kind")]
    assert got.ignored == {"undeclared-column": 1}


def test_measurements_carry_value_and_unit(file: Path) -> None:
    options: dict[str, Any] = {
        "layout": "event", "kind": "measurement", "code": "loinc", "code_system": "LOINC",
        "value": "result", "unit": "unit", "decimal": ",", "delimiter": ";",
    }  # fmt: skip
    got = deliver(file, "id;loinc;result;unit\n1;2093-3;5,1;mmol/L", options=options)
    assert got.rows("raw.event", "value", "unit") == [("5.1", "mmol/L")]


def test_registrations_have_start_end_and_reason(file: Path) -> None:
    given = """
      id,from,to,why,share
      1,2001-01-01,2009-05-06,moved,0.5
      2,2003-01-01,,,half
    """
    options = {
        "layout": "record", "kind": "registration", "time": "from", "end_time": "to",
        "reason": "why", "number": "share",
    }  # fmt: skip
    got = deliver(file, given, options=options, free_text=allow("why"))
    assert got.rows("raw.record", "kind", "start_time", "end_time", "reason", "number") == [
        ("registration", "2001-01-01", "2009-05-06", "moved", 0.5),
        ("registration", "2003-01-01", None, None, None),
    ]
    assert got.rejects == [(3, "share", "invalid-number")]


def test_records_may_name_nobody(file: Path) -> None:
    options = {"layout": "record", "kind": "care_site", "code": "site", "label": "name"}
    got = deliver(
        file, "site,name\nS1,North clinic", options=options, person_id=None, record_key=["site"],
        free_text=allow("name"),
    )  # fmt: skip
    assert got.rows("raw.record", "source_person_key", "code", "label") == [
        (None, "S1", "North clinic")
    ]
    assert got.identities == []


def test_consents_are_translated_and_unknown_answers_are_never_guessed(file: Path) -> None:
    given = """
      id,scope,answer,on
      1,imaging,Y,2012-01-01
      2,imaging,N,2012-01-01
      3,imaging,perhaps,2012-01-01
      4,everything,Y,2012-01-01
    """
    options = {
        "layout": "consent", "modality": {"column": "scope"}, "time": "on",
        "status": {"column": "answer", "values": {"Y": "given", "N": "refused"}},
    }  # fmt: skip
    got = deliver(file, given, options=options)
    assert got.rows("raw.consent", "modality", "status", "start_time") == [
        ("imaging", "given", "2012-01-01"),
        ("imaging", "refused", "2012-01-01"),
    ]
    assert got.rejects == [(4, "answer", "unknown-status"), (5, "scope", "unknown-modality")]


def test_a_visit_must_name_a_source_with_as_many_key_columns(file: Path) -> None:
    options = {"layout": "event", "kind": "death", "visit": {"source": "visits", "columns": ["id"]}}
    with pytest.raises(SettingsError, match="no source 'visits'"):
        deliver(file, "id\n1", options=options)
    two = {"visits": {**VISITS["visits"], "record_key": ["id", "spell"]}}
    with pytest.raises(SettingsError, match="id, spell"):
        deliver(file, "id\n1", options=options, others=two)
