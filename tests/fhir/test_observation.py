"""Observations: every kind of value, components, and values that are absent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.fhir.delivery import ndjson, read
from tests.fhir.samples import HL7, LOINC, SCT, coded, observation, quantity


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "Observation.ndjson"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"valueQuantity": quantity(5.5, "mmol/L")}, ("measurement", "5.5", "mmol/L", None)),
        ({"valueQuantity": quantity(5, "mg/dL") | {"comparator": "<"}},
         ("measurement", "<5", "mg/dL", None)),
        ({"valueQuantity": {"value": 7, "unit": "points"}}, ("measurement", "7", "points", None)),
        ({"valueInteger": 3}, ("measurement", "3", None, None)),
        ({"valueBoolean": False}, ("observation", "false", None, None)),
        ({"valueDateTime": "2019-02-03"}, ("observation", "2019-02-03", None, None)),
        ({"valueTime": "07:30:00"}, ("observation", "07:30:00", None, None)),
        ({"valueCodeableConcept": coded(SCT, "260385009", "Negative")},
         ("observation", None, None, "260385009")),
        ({}, ("observation", None, None, None)),
    ],
)  # fmt: skip
def test_every_kind_of_value_arrives(file: Path, given: Any, expected: tuple[Any, ...]) -> None:
    found = read(file, ndjson(observation(**given)))
    assert found.events("kind", "value", "unit", "value_code") == [expected]
    assert found.ignored == {}


def test_a_decimal_stays_as_it_was_written(file: Path) -> None:
    text = ndjson(observation(valueQuantity=quantity(5, "mg"))).replace(':5,"unit"', ':5.10,"unit"')
    assert read(file, text).events("value") == [("5.10",)]


def test_words_as_a_value_are_free_text(file: Path) -> None:
    text = ndjson(observation(valueString="call Mrs. Smith"))
    found = read(file, text)
    assert found.events("value") == [(None,)]
    assert found.ignored == {"free-text-undeclared": 1}
    rule = {"variable": "Observation.valueString", "rule": "allow", "reason": "for the test"}
    assert read(file, text, free_text=[rule]).events("value") == [("call Mrs. Smith",)]


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"valueRange": {"low": {"value": 1}}}, "valueRange.low.value"),
        ({"valueRatio": {"numerator": {"value": 1}}}, "valueRatio.numerator.value"),
        ({"valueSampledData": {"data": "1 2 3"}}, "valueSampledData.data"),
        ({"note": [{"text": "ask again"}]}, "note.text"),
    ],
)
def test_values_without_a_place_are_counted_by_path(file: Path, given: Any, path: str) -> None:
    found = read(file, ndjson(observation(**given)))
    assert found.ignored == {f"element:Observation.{path}": 1}
    assert found.books == (1, 1, 0, 0)


def test_a_blood_pressure_is_two_events(file: Path) -> None:
    systolic, diastolic = coded(LOINC, "8480-6"), coded(LOINC, "8462-4")
    found = read(file, ndjson(observation(
        "bp", code=coded(LOINC, "85354-9", "Blood pressure panel"),
        component=[{"code": systolic, "valueQuantity": quantity(120, "mm[Hg]")},
                   {"code": diastolic, "valueQuantity": quantity(80, "mm[Hg]")}]),
        observation("o2", valueInteger=1)))  # fmt: skip
    rows = found.events("code", "value", "start_time", "start_offset_minutes")
    assert sorted(rows) == [
        ("2339-0", "1", "2020-03-04T05:06:07", 120),
        ("8462-4", "80", "2020-03-04T05:06:07", 120),
        ("8480-6", "120", "2020-03-04T05:06:07", 120),
    ]
    assert found.ignored["element:Observation.code.coding.code"] == 1, "the panel's own code"


def test_a_panel_with_a_value_of_its_own_makes_an_event_too(file: Path) -> None:
    found = read(file, ndjson(observation(
        valueInteger=7, component=[{"code": coded(LOINC, "8480-6"), "valueInteger": 3}])))  # fmt: skip
    assert sorted(found.events("code", "value")) == [("2339-0", "7"), ("8480-6", "3")]


def test_an_absent_value_arrives_with_its_reason(file: Path) -> None:
    absent = coded(f"{HL7}/data-absent-reason", "not-performed", "Not Performed")
    strange = coded("http://x.example", "lost-in-the-post")
    found = read(file, ndjson(
        observation("a", dataAbsentReason=absent),
        observation("b", dataAbsentReason=strange),
        observation("c", component=[
            {"code": coded(LOINC, "8480-6"), "valueInteger": 120},
            {"code": coded(LOINC, "8462-4"), "dataAbsentReason": absent}]),
    ))  # fmt: skip
    assert sorted(found.events("code", "value", "absent_reason"), key=str) == [
        ("2339-0", None, "not-performed"),
        ("2339-0", None, "unknown"),
        ("8462-4", None, "not-performed"),
        ("8480-6", "120", None),
    ]
    assert found.tally.warnings == {"unknown-absent-reason:Observation": 1}


def test_range_and_interpretation_come_along(file: Path) -> None:
    found = read(file, ndjson(observation(
        valueQuantity=quantity(9, "mmol/L"),
        interpretation=[coded(f"{HL7}/v3-ObservationInterpretation", "H", "High")],
        referenceRange=[{"high": quantity(6.1, "mmol/L")}, {"low": quantity(1, "mmol/L")}])))  # fmt: skip
    assert found.events("range_low", "range_high", "qualifier_code", "qualifier_code_system") == [
        (None, "6.1", "H", "fhir:v3-ObservationInterpretation")
    ], "the ends of one range never mix with another's"
    assert found.ignored["element:Observation.referenceRange.low.value"] == 1


def test_visit_specimen_and_category_are_linked(file: Path) -> None:
    found = read(file, ndjson(observation(
        valueInteger=1, encounter={"reference": "Encounter/v1"},
        specimen={"reference": "Specimen/s1"},
        category=[coded(f"{HL7}/observation-category", "laboratory")])))  # fmt: skip
    ((visit,),) = found.events("visit_record_id")
    assert visit > 0
    assert int(found.details["specimen_record_id"]) > 0
    assert found.details["category"] == "fhir:observation-category|laboratory"


def test_components_keep_their_ids_in_any_order(file: Path) -> None:
    systolic = {"code": coded(LOINC, "8480-6"), "valueInteger": 120}
    diastolic = {"code": coded(LOINC, "8462-4"), "valueInteger": 80}
    again = systolic | {"valueInteger": 125}
    first = read(file, ndjson(observation(component=[systolic, diastolic, again])))
    second = read(file, ndjson(observation(component=[diastolic, systolic, again])))
    ids = dict(first.events("value", "row_id"))
    assert dict(second.events("value", "row_id")) == ids
    assert len(set(ids.values())) == 3, "a code that stands twice makes two events"
