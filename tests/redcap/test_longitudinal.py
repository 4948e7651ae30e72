"""Events, arms and repeats: instances, fields of other rows, what belongs where."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from biobraid.core.errors import SettingsError, SourceFileError
from tests.redcap.delivery import Delivered, dictionary, read, variables

FIELDS = """
    pid; base; text
    sex; base; radio; 0, F | 1, M
    day; base; text; ; date_ymd
    weight; visit; text; ; number
    pregnant; visit; yesno; ; ; ; [first_arm_1][sex] = '0'
    later; visit; yesno; ; ; ; [event-name] = 'second_arm_1'
    sbp; bp; text; ; integer
    cuff; bp; checkbox; 1, left | 2, right
    births; bp; text; ; integer; ; [sex] = '0'
    drug; med; dropdown; 1, a | 2, b
    dose; med; text; ; number; ; [drug] = '2'
"""
EVENTS = """
    event_name,arm_num,unique_event_name
    First,1,first_arm_1
    Second,1,second_arm_1
    First,2,first_arm_2
"""
FORMS = """
    arm_num,unique_event_name,form
    1,first_arm_1,base
    1,first_arm_1,bp
    1,first_arm_1,med
    1,second_arm_1,visit
    1,second_arm_1,bp
    2,first_arm_2,base
"""
HEADER = (
    "pid,redcap_event_name,redcap_repeat_instrument,redcap_repeat_instance,sex,day,"
    "base_complete,weight,pregnant,later,visit_complete,sbp,cuff___1,cuff___2,births,"
    "bp_complete,drug,dose,med_complete"
)
ROWS = """
    a,first_arm_1,,,0,2020-01-01,2,,,,,,0,0,,,,,
    a,first_arm_1,bp,1,,,,,,,,120,1,0,3,2,,,
    a,first_arm_1,bp,2,,,,,,,,121,0,0,,2,,,
    a,first_arm_1,med,1,,,,,,,,,0,0,,,1,,2
    a,second_arm_1,,,,,,61.5,1,0,2,,0,0,,,,,
    b,first_arm_1,,,1,2020-01-02,2,,,,,,0,0,,,,,
    b,first_arm_1,bp,1,,,,,,,,130,0,1,,2,,,
    b,second_arm_1,,,,,,80,,,2,,0,0,,,,,
"""


def _read(tmp_path: Path, text: str | None = None, beside: str = "both", **given: Any) -> Delivered:
    codings = []
    for name, listed in (("events", EVENTS), ("forms", FORMS)):
        path = tmp_path / f"{name}.csv"
        path.write_text("\n".join(line.strip() for line in listed.strip().splitlines()) + "\n")
        if beside in ("both", name):
            codings.append(path)
    known = variables([dictionary(tmp_path / "dictionary.csv", FIELDS)], codings)
    return read(tmp_path / "data.csv", known, text or HEADER + ROWS, **given)


def test_an_instance_is_the_events_place_and_the_repeat(tmp_path: Path) -> None:
    found = _read(tmp_path)
    assert found.value_of("sbp", "instance") == [("120", 1), ("121", 2), ("130", 1)]
    assert found.value_of("weight", "instance") == [("61.5", 1000), ("80", 1000)]
    assert found.value_of("sex", "instance") == [("0", 0), ("1", 0)]
    other = _read(tmp_path, f"{HEADER}\nc,first_arm_2,,,1,2020-01-01,2{',' * 12}")
    assert other.value_of("sex", "instance") == [("1", 2000)]


def test_repeats_are_surveys_of_their_own(tmp_path: Path) -> None:
    found = _read(tmp_path)
    codes = [row["code"] for row in found.tables["raw.event"]]
    assert {c: codes.count(c) for c in set(codes)} == {"base": 2, "bp": 3, "med": 1, "visit": 2}
    assert found.books == (8, 8, 0, 0)
    details = found.rows("raw.detail", "field", "value")
    assert details.count(("redcap_event_name", "first_arm_1")) == 6


def test_a_repeat_asks_the_plain_row_of_its_event(tmp_path: Path) -> None:
    births = _read(tmp_path).value_of("births", "absent_reason", "instance")
    assert births == [("3", None, 1), (None, "not-asked", 1)], "b is a man; a's second is a gap"


def test_a_repeat_asks_its_own_row_for_its_own_fields(tmp_path: Path) -> None:
    assert _read(tmp_path).value_of("dose", "absent_reason") == [(None, "not-asked")]


def test_logic_may_ask_another_event_or_the_events_name(tmp_path: Path) -> None:
    found = _read(tmp_path)
    assert found.value_of("pregnant", "absent_reason") == [("1", None), (None, "not-asked")]
    assert found.value_of("later", "absent_reason") == [("0", None)], "b's is shown, and empty"


def test_boxes_on_rows_of_other_forms_are_ignored_and_counted(tmp_path: Path) -> None:
    found = _read(tmp_path)
    assert found.ignored == {"box-of-another-form": 6}
    assert found.value_of("cuff___1", "absent_reason", "instance") == [
        ("0", None, 1), ("0", None, 2), ("0", "not-asked", 1000), ("0", "not-asked", 1000),
        ("1", None, 1),
    ], "in the second event bp could have been filled in"  # fmt: skip


def test_without_a_list_of_instruments_boxes_of_unopened_forms_are_not_asked(
    tmp_path: Path,
) -> None:
    rows = "a,first_arm_1,0,0,0,\na,second_arm_1,,1,0,2"
    text = f"pid,redcap_event_name,sex,cuff___1,cuff___2,bp_complete\n{rows}"
    found = _read(tmp_path, text, beside="events")
    assert found.value_of("cuff___2", "absent_reason", "instance") == [
        ("0", None, 1000), ("0", "not-asked", 0),
    ]  # fmt: skip


def test_a_date_may_be_that_of_the_event_or_of_another(tmp_path: Path) -> None:
    found = _read(tmp_path, options={"dates": {"first_arm_1": "day"}})
    assert found.value_of("sbp", "start_time") == [
        ("120", "2020-01-01"), ("121", "2020-01-01"), ("130", "2020-01-02"),
    ]  # fmt: skip
    assert found.value_of("weight", "start_time") == [("61.5", None), ("80", None)]
    found = _read(tmp_path, options={"dates": {"visit": "first_arm_1.day"}})
    assert found.value_of("weight", "start_time") == [("61.5", "2020-01-01"), ("80", "2020-01-02")]


def test_an_event_the_project_lacks_is_rejected_with_its_row(tmp_path: Path) -> None:
    text = """
        pid,redcap_event_name,redcap_repeat_instrument,redcap_repeat_instance,sex
        a,first_arm_1,,,1
        a,thrid_arm_1,,,1
        b,,,,1
        c,first_arm_1,nothing,1,1
        d,first_arm_1,bp,two,1
        ,first_arm_1,,,1
        e,first_arm_1
    """
    found = _read(tmp_path, text)
    assert found.rejects == [
        (3, "redcap_event_name", "unknown-event"),
        (4, "redcap_event_name", "missing-event"),
        (5, "redcap_repeat_instrument", "unknown-instrument"),
        (6, "redcap_repeat_instance", "invalid-number"),
        (7, "pid", "missing-person-id"),
        (8, None, "ragged-row"),
    ]
    assert found.books == (7, 1, 6, 0)


def test_undeclared_events_are_numbered_as_they_appear_and_said(tmp_path: Path) -> None:
    text = "pid,redcap_event_name,sex\na,y_arm_1,1\na,x_arm_1,0"
    found = _read(tmp_path, text, beside="none")
    assert found.value_of("sex", "instance") == [("0", 1000), ("1", 0)]
    assert "events-numbered-as-they-appear:no list of events" in found.warnings
    with pytest.raises(SourceFileError, match="order of the events"):
        _read(tmp_path, text, beside="none", delivery="append")


def test_a_form_outside_its_events_lands_and_is_said(tmp_path: Path) -> None:
    found = _read(tmp_path, "pid,redcap_event_name,weight\na,first_arm_1,70")
    assert found.value_of("weight", "instance") == [("70", 0)]
    assert found.warnings == {"form-where-it-should-not-be:visit": 1}


def test_a_repeating_event_holds_every_form_of_its_row(tmp_path: Path) -> None:
    text = """
        pid,redcap_event_name,redcap_repeat_instrument,redcap_repeat_instance,sex,weight,sbp,births
        a,first_arm_1,,,1,,,
        a,second_arm_1,,1,,70,120,
        a,second_arm_1,,2,,71,121,
    """
    found = _read(tmp_path, text)
    assert found.value_of("weight", "instance") == [("70", 1001), ("71", 1002)]
    assert found.value_of("births", "absent_reason", "instance") == [
        (None, "not-asked", 1001), (None, "not-asked", 1002),
    ]  # fmt: skip


def test_repeats_that_outgrow_the_numbering_are_said(tmp_path: Path) -> None:
    header = "pid,redcap_event_name,redcap_repeat_instrument,redcap_repeat_instance,sbp"
    found = _read(tmp_path, f"{header}\na,first_arm_1,bp,999,120\na,first_arm_1,bp,1000,121")
    assert found.value_of("sbp", "instance") == [("120", 999), ("121", 1000)]
    assert found.warnings == {"repeat-beyond-999:redcap_repeat_instance": 1}


def test_record_ids_do_not_depend_on_the_columns_of_a_batch(tmp_path: Path) -> None:
    whole = _read(tmp_path, f"{HEADER}\na,first_arm_1,,,0,2020-01-01,2{',' * 12}")
    part = _read(tmp_path, "pid,redcap_event_name,sex\na,first_arm_1,0")
    assert whole.value_of("sex", "record_id", "row_id", "instance") == part.value_of(
        "sex", "record_id", "row_id", "instance"
    )


def test_settings_that_the_project_contradicts_come_all_at_once(tmp_path: Path) -> None:
    options = {"dates": {"vist": "day", "bp": "dya", "*": "frist_arm_1.day"}}
    with pytest.raises(SettingsError) as error:
        _read(tmp_path, options=options, person_id="sex", record_key=["pid"])
    assert len(error.value.faults) == 5
    assert {s for f in error.value.faults for s in f.suggestions} >= {"visit", "day", "first_arm_1"}
