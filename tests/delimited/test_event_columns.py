"""Every column of raw.event from a column of the file, and raw.detail for the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from biobraid.core.errors import SettingsError
from biobraid.ingest.hashing import positive, record_ids
from tests.delimited.delivery import KEYS, allow, deliver


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "delivered.csv"


def source(*key: str) -> dict[str, Any]:
    return {"connector": "delimited", "files": ["x*"], "person_id": "id", "record_key": [*key]}


def record_id(name: str, **key: str) -> int:
    parts = [(column, pa.array([value])) for column, value in key.items()]
    found: int = positive(record_ids(KEYS, f"toy/{name}", parts))[0].as_py()
    return found


def test_a_lab_result_with_its_range_flag_and_verbatim_value(file: Path) -> None:
    given = """
      id,item,value,valuenum,uom,low,high,flag,priority
      1,50912,1.8,1.8,mg/dL,0.5,1.2,abnormal,STAT
      1,51003,<0.01,,ng/mL,,0.01,,
      2,50912,___,0.9,mg/dL,0.5,1.2,,
    """
    options = {
        "layout": "event", "kind": "measurement", "code": {"item": "toy:labs"},
        "null_values": ["___"], "value": ["value", "valuenum"], "value_source": "value",
        "unit": "uom", "range_low": "low", "range_high": "high", "qualifier_text": "flag",
        "detail": {"priority": "priority"},
    }  # fmt: skip
    got = deliver(file, given, options=options, free_text=allow("flag", "priority"))
    columns = ("value", "value_source", "range_low", "range_high", "qualifier_text")
    assert got.rows("raw.event", *columns) == [
        ("1.8", "1.8", "0.5", "1.2", "abnormal"),
        ("<0.01", "<0.01", None, "0.01", None),
        ("0.9", None, "0.5", "1.2", None),
    ]
    (detail,) = got.tables["raw.detail"]
    assert (detail["kind"], detail["field"], detail["value"]) == ("measurement", "priority", "STAT")
    assert detail["record_id"] == got.rows("raw.event", "record_id")[0][0]


def test_a_prescription_with_all_its_fields(file: Path) -> None:
    given = """
      id,ndc,route,dose,unit,days,refill,why,lot
      1,00904,IV,"5-50",mg,10,2,finished,L7
      2,00904,PO,650,mg,,,,
    """
    options = {
        "layout": "event", "kind": "drug", "code": {"ndc": "NDC"}, "qualifier_code": "route",
        "quantity": "dose", "dose_unit": "unit", "days_supply": "days", "refills": "refill",
        "stop_reason": "why", "lot_number": "lot",
    }  # fmt: skip
    got = deliver(file, given, options=options, free_text=allow("why"))
    columns = (
        "qualifier_code", "qualifier_code_system", "quantity", "dose_unit", "days_supply",
        "refills", "stop_reason", "lot_number",
    )  # fmt: skip
    assert got.rows("raw.event", *columns) == [
        ("IV", "toy:q", "5-50", "mg", "10", "2", "finished", "L7"),
        ("PO", "toy:q", "650", "mg", None, None, None, None),
    ]
    assert got.tally.warnings == {"not-a-number:dose": 1}, "a range stays text, and is told"


def test_an_event_names_records_of_other_sources(file: Path) -> None:
    others = {
        "visits": source("visit"), "stays": source("stay"), "staff": source("staff"),
        "sites": source("site"), "orders": source("order"),
    }  # fmt: skip
    given = "id,c,visit,stay,who,where,order\n1,X,V1,S1,P1,W1,O1\n2,X,V1,,,,"
    options = {
        "layout": "event", "kind": "procedure", "code": "c",
        "visit": {"source": "visits", "columns": ["visit"]},
        "visit_detail": {"source": "stays", "columns": ["stay"]},
        "provider": {"source": "staff", "columns": ["who"]},
        "care_site": {"source": "sites", "columns": ["where"]},
        "parent": {"source": "orders", "columns": ["order"]},
    }  # fmt: skip
    got = deliver(file, given, options=options, others=others)
    names = ("visit", "visit_detail", "provider", "care_site", "parent")
    assert got.rows("raw.event", *(f"{name}_record_id" for name in names)) == [
        (
            record_id("visits", visit="V1"), record_id("stays", stay="S1"),
            record_id("staff", staff="P1"), record_id("sites", site="W1"),
            record_id("orders", order="O1"),
        ),
        (record_id("visits", visit="V1"), None, None, None, None),
    ]  # fmt: skip
    wrong = {**options, "provider": {"source": "staf", "columns": ["who"]}}
    with pytest.raises(SettingsError, match="no source 'staf'"):
        deliver(file, given, options=wrong, others=others)


def test_concepts_that_the_file_states_itself(file: Path) -> None:
    options = {
        "layout": "event", "kind": "condition", "code": "c",
        "concepts": {"concept_id": "cid", "type_concept_id": "tid"},
    }  # fmt: skip
    got = deliver(file, "id,c,cid,tid\n1,X,201826,32817\n2,Y,many,0", options=options)
    assert got.rows("raw.event", "concept_id", "type_concept_id") == [(201826, 32817), (None, 0)]
    assert got.rejects == [(3, "cid", "invalid-number")]


CULTURES = {
    "layout": "event",
    "kind": "measurement",
    "code": {
        "spec": {"system": "toy:micro", "kind": "specimen", "once_per": ["sample"]},
        "test": {
            "system": "toy:micro", "value": "org", "value_code": "org_id",
            "once_per": ["sample", "org_id"],
        },
        "ab": {"system": "toy:micro", "value": "result"},
    },
}  # fmt: skip


def test_a_culture_repeated_for_each_antibiotic_is_one_culture(file: Path) -> None:
    given = """
      n,id,sample,spec,test,org_id,org,ab,result
      1,1,A,SPUTUM,CULTURE,80155,E FAECALIS,CIPRO,S
      2,1,A,SPUTUM,CULTURE,80155,E FAECALIS,VANCO,R
      3,1,B,URINE,CULTURE,,,,
      4,2,A,SPUTUM,CULTURE,80155,E FAECALIS,CIPRO,I
      5,2,A,SPUTUM,CULTURE,80155,E FAECALIS,,
    """
    got = deliver(file, given, options=CULTURES, record_key=["n"])
    assert got.rows("raw.event", "kind", "code", "value", "value_code") == [
        ("specimen", "SPUTUM", None, None),
        ("specimen", "URINE", None, None),
        ("specimen", "SPUTUM", None, None),
        ("measurement", "CULTURE", "E FAECALIS", "80155"),
        ("measurement", "CULTURE", None, None),
        ("measurement", "CULTURE", "E FAECALIS", "80155"),
        ("measurement", "CIPRO", "S", None),
        ("measurement", "VANCO", "R", None),
        ("measurement", "CIPRO", "I", None),
    ]
    assert got.books == (5, 4, 0, 1), "record 5 has nothing of its own"
    assert got.ignored == {"repeated-event": 2, "repeated-record": 1}
    assert got.rows("raw.event", "value_code_system")[3] == ("toy:q",)


def test_repeats_are_known_over_all_blocks_of_a_file(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from biobraid.ingest.connectors import delimited_lookup

    whole = delimited_lookup.open_text_table
    monkeypatch.setattr(
        delimited_lookup, "open_text_table",
        lambda path, dialect, where: whole(path, dialect, where=where, block_bytes=64),
    )  # fmt: skip
    rows = "\n".join(f"{i},1,A,SPUTUM,CULTURE,8,E FAECALIS,D{i},S" for i in range(40))
    got = deliver(
        file, f"n,id,sample,spec,test,org_id,org,ab,result\n{rows}",
        options=CULTURES, record_key=["n"],
    )  # fmt: skip
    codes = [code for (code,) in got.rows("raw.event", "code")]
    assert (codes.count("SPUTUM"), codes.count("CULTURE"), len(codes)) == (1, 1, 42)


def test_every_other_word_of_a_column_can_mean_one_thing(file: Path) -> None:
    options = {
        "layout": "event", "kind": "condition", "code": "icd",
        "code_system": {"column": "version", "values": {"9": "ICD9CM", "10": "ICD10CM"}},
        "position": {"column": "seq", "values": {"1": "primary"}, "otherwise": "secondary"},
    }  # fmt: skip
    got = deliver(
        file, "id,seq,icd,version\n1,1,25000  ,9\n1,2,E119,10\n1,,I10,10", options=options
    )
    assert got.rows("raw.event", "code", "code_system", "position") == [
        ("25000", "ICD9CM", "primary"), ("E119", "ICD10CM", "secondary"), ("I10", "ICD10CM", None),
    ]  # fmt: skip


def test_records_have_details_too(file: Path) -> None:
    options = {
        "layout": "record", "kind": "payer_plan_period", "time": "from",
        "detail": {"payer_source_value": "payer"},
    }  # fmt: skip
    got = deliver(
        file, "id,from,payer\n1,2001-01-01,Medicare\n2,2002-01-01,",
        options=options, free_text=allow("payer"),
    )  # fmt: skip
    assert len(got.tables["raw.record"]) == 2
    assert got.rows("raw.detail", "kind", "field", "value") == [
        ("payer_plan_period", "payer_source_value", "Medicare")
    ]
