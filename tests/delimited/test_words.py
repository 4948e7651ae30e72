"""Identifiers and words that nobody declared reach no landing table through an option."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from biobraid.core.errors import SettingsError
from biobraid.ingest.connectors.contract import Variable
from tests.delimited.delivery import allow, deliver

GIVEN = """
  id,icd,serial,comment,remark,aside,ward
  1,I10,SN-CANARY,COMMENT-CANARY,REMARK-CANARY,ASIDE-CANARY,W1
"""
DEVICE: dict[str, Any] = {"layout": "event", "kind": "device", "code": {"icd": "ICD10"}}
SITE: dict[str, Any] = {"layout": "record", "kind": "care_site", "code": "icd"}
DECLARED: dict[str, Any] = {
    "identity": {"serial": "device_serial"},
    "free_text": [*allow("comment", rule="drop"), *allow("remark", rule="vault")],
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "delivered.csv"


@pytest.mark.parametrize(
    ("options", "where"),
    [
        (DEVICE | {"text": "remark"}, "options.text"),
        (DEVICE | {"text": ["ward", "comment"]}, "options.text"),
        (DEVICE | {"value": "remark"}, "options.value"),
        (DEVICE | {"lot_number": "serial"}, "options.lot_number"),
        (DEVICE | {"code": ["icd", "serial"]}, "options.code"),
        (DEVICE | {"code": {"icd": {"stop_reason": "comment"}}}, "options.stop_reason"),
        (DEVICE | {"code_system": {"column": "serial"}}, "options.code_system"),
        (DEVICE | {"admitted_from": "remark"}, "options.admitted_from"),
        (DEVICE | {"concepts": {"concept_id": "serial"}}, "options.concepts.concept_id"),
        (DEVICE | {"detail": {"unique_device_id": "serial"}}, "options.detail.unique_device_id"),
        (DEVICE | {"detail": {"sig": "comment"}}, "options.detail.sig"),
        (DEVICE | {"text": "id"}, "options.text"),
        (SITE | {"label": "serial"}, "options.label"),
        (SITE | {"reason": "remark"}, "options.reason"),
        ({"layout": "long", "variable": "icd", "value": "remark"}, "options.value"),
    ],
)
def test_an_option_may_not_land_what_is_declared_as_an_identifier_or_kept_out(
    file: Path, options: dict[str, Any], where: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        deliver(file, GIVEN, options=options, **DECLARED)
    assert where in str(caught.value) and "CANARY" not in str(caught.value)


def test_what_an_option_only_looks_at_may_be_declared(file: Path) -> None:
    others = {"devices": {"connector": "delimited", "files": ["y*"], "record_key": ["serial"]}}
    options = DEVICE | {
        "only": {"remark": ["REMARK-CANARY"]},
        "parent": {"source": "devices", "columns": ["serial"]},
    }
    got = deliver(file, GIVEN, options=options, others=others, **DECLARED)
    assert "CANARY" not in str(got.tables)
    assert got.identities == [
        ("device_serial", "SN-CANARY"), ("free_text", "REMARK-CANARY"), ("native_id", "1"),
    ]  # fmt: skip
    assert got.ignored == {"free-text-dropped": 1, "undeclared-column": 2}


@pytest.mark.parametrize(
    "options",
    [
        DEVICE | {"text": "aside"},
        DEVICE | {"code": {"icd": {"system": "ICD10", "text": "aside"}}},
        DEVICE | {"stop_reason": "aside"},
        DEVICE | {"qualifier_text": "aside"},
        DEVICE | {"detail": {"priority": "aside"}},
        {"layout": "event", "kind": "note", "code": "icd", "value": "aside"},
        SITE | {"label": "aside"},
        SITE | {"reason": "aside"},
        SITE | {"detail": {"place_of_service_source_value": "aside"}},
    ],
)
def test_words_land_where_they_are_allowed_or_coded_and_are_counted_elsewhere(
    file: Path, options: dict[str, Any]
) -> None:
    rest = {"drop": ["serial", "comment", "remark", "ward"]}
    got = deliver(file, GIVEN, options=options | rest)
    assert "CANARY" not in str(got.tables)
    assert got.ignored == {"dropped-column": 4, "free-text-undeclared": 1}
    text = Variable("aside", is_free_text=True)
    assert "CANARY" not in str(deliver(file, GIVEN, options=options, variables=[text]).tables)
    landed = deliver(file, GIVEN, options=options | rest, free_text=allow("aside"))
    assert "ASIDE-CANARY" in str(landed.tables) and landed.ignored == {"dropped-column": 4}
    coded = Variable("aside", value_type="code", codes={"ASIDE-CANARY": "an aside"})
    assert "ASIDE-CANARY" in str(deliver(file, GIVEN, options=options, variables=[coded]).tables)


def test_results_land_unless_the_dictionary_calls_them_free_text(file: Path) -> None:
    options = DEVICE | {"kind": "measurement", "value": "ward"}
    assert deliver(file, GIVEN, options=options).rows("raw.event", "value") == [("W1",)]
    text = Variable("ward", is_free_text=True)
    got = deliver(file, GIVEN, options=options, variables=[text])
    assert got.rows("raw.event", "value") == [(None,)]
    assert got.ignored["free-text-undeclared"] == 1


def test_a_guarded_field_needs_leave_though_its_column_is_coded(file: Path) -> None:
    coded = [Variable("ward", value_type="code", codes={"W1": "one"})]
    options = DEVICE | {"detail": {"note_title": "ward", "zip": "aside"}}
    got = deliver(file, GIVEN, options=options, variables=coded)
    assert "raw.detail" not in got.tables
    assert got.ignored["free-text-undeclared"] == got.ignored["identifier-undeclared"] == 1
    got = deliver(file, GIVEN, options=options, free_text=allow("ward"))
    assert got.rows("raw.detail", "field", "value") == [("note_title", "W1")]


def test_a_record_with_nothing_but_words_that_may_not_land_is_rejected(file: Path) -> None:
    options = {"layout": "event", "kind": "drug", "code": "ndc", "text": "drug"}
    got = deliver(file, "id,ndc,drug\n1,,CANARY\n2,7,CANARY", options=options)
    assert got.rejects == [(2, None, "missing-code")]
    assert got.rows("raw.event", "code", "code_text") == [("7", None)]
