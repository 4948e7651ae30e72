"""REDCap exports, one feature at a time: what lands, where, and what is counted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from biobraid.core.errors import SettingsError, SourceFileError
from biobraid.ingest.connectors.contract import Variable
from tests.redcap.delivery import Delivered, dictionary, read, variables

CLASSIC = """
    pid; base; text
    sex; base; radio; 0, Female | 1, Male
    births; base; text; ; integer; ; [sex] = '0'
    meds; base; checkbox; 1, one | -1, none | A, letter
    weight; visit; text; ; number
    height; visit; text; ; number_comma_decimal
    seen; visit; text; ; date_ymd
    said; visit; notes
    scan; visit; file
"""


def _known(tmp_path: Path, fields: str = CLASSIC, **beside: str) -> dict[str, Variable]:
    codings = []
    for name, text in beside.items():
        path = tmp_path / f"{name}.csv"
        path.write_text("\n".join(line.strip() for line in text.strip().splitlines()) + "\n")
        codings.append(path)
    return variables([dictionary(tmp_path / "dictionary.csv", fields)], codings)


def _read(tmp_path: Path, text: str, fields: str = CLASSIC, **given: Any) -> Delivered:
    return read(tmp_path / "data.csv", _known(tmp_path, fields), text, **given)


def test_each_cell_lands_under_its_field(tmp_path: Path) -> None:
    found = _read(
        tmp_path,
        """
        pid,sex,births,base_complete,weight,height,seen,said,scan,visit_complete
        007,0,2,2,70.5,"1,71",2020-03-01,hello,[document],1
        """,
    )
    assert found.values("absent_reason") == [
        ("births", "2", None), ("height", "1.71", None), ("seen", "2020-03-01", None),
        ("sex", "0", None), ("weight", "70.5", None),
    ]  # fmt: skip
    assert found.value_of("base_complete") == [("2",)]
    assert found.ignored == {"file-field": 1, "free-text-undeclared": 1}
    assert found.books == (1, 1, 0, 0)
    assert found.identities == [("native_id", "007")], "leading zeros are kept"


def test_the_record_id_is_the_first_field_whatever_its_name_and_place(tmp_path: Path) -> None:
    found = _read(tmp_path, "sex,pid\n1,a")
    assert found.identities == [("native_id", "a")]
    assert found.values() == [("sex", "1")]


def test_a_question_that_branching_hid_is_not_asked(tmp_path: Path) -> None:
    text = """
        pid,sex,births,base_complete
        f1,0,3,2
        f2,0,,2
        m1,1,,2
        m2,1,4,2
        u1,,,2
    """
    found = _read(tmp_path, text)
    assert found.value_of("births", "absent_reason") == [
        ("3", None),
        ("4", None),  # an answer counts, whatever branching says
        (None, "not-asked"),  # the man, and the one whose sex is blank: REDCap shows neither
        (None, "not-asked"),
    ]
    assert found.warnings == {"answered-though-hidden:births": 1}
    found = _read(tmp_path, text, options={"branching_reason": "not-applicable"})
    assert (None, "not-applicable") in found.value_of("births", "absent_reason")


def test_a_form_never_opened_hides_nothing(tmp_path: Path) -> None:
    found = _read(tmp_path, "pid,sex,births,base_complete,weight,visit_complete\na,,,,70,2")
    assert found.values() == [("weight", "70")]


def test_logic_that_cannot_be_evaluated_is_counted_and_claims_nothing(tmp_path: Path) -> None:
    fields = """
        pid; base; text
        born; base; text; ; date_ymd
        x; base; text; ; integer; ; datediff([born], 'today', 'y') > 18
        y; base; text; ; integer; ; [elsewhere] = '1'
        z; base; text; ; integer; ; [born] = and
    """
    found = _read(tmp_path, "pid,born,x,y,z\na,2000-01-01,,,\nb,2000-01-01,1,,3", fields)
    assert [v for v in found.values("absent_reason") if v[2]] == []
    assert found.warnings == {
        "branching-not-evaluable:x": 1,
        "branching-not-evaluable:y": 2,
        "branching-not-evaluable:z": 1,
    }


BOXES = "pid,sex,meds___1,meds____1,meds___a,base_complete"


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("a,1,1,0,0,2", {("0", None), ("1", None)}),
        ("a,1,0,0,0,2", {("0", None)}),  # seen, and nothing checked
        ("a,,0,0,0,", {("0", "not-asked")}),  # never opened
        ("a,,0,0,0,0", {("0", "unknown")}),  # REDCap does not say whether it was opened
        ("a,,0,0,0,2", {("0", None)}),  # marked complete: somebody looked at it
        ("a,1,,,,2", set()),
    ],
)
def test_an_unchecked_box_is_no_only_if_the_form_was_seen(
    tmp_path: Path, row: str, expected: set[tuple[str, str | None]]
) -> None:
    fields = "pid; id; text\n" + CLASSIC.replace("pid; base; text", "")
    found = _read(tmp_path, f"{BOXES}\n{row}", fields)
    boxes = [v for v in found.values("absent_reason") if v[0].startswith("meds")]
    assert {v[1:] for v in boxes} == expected


@pytest.mark.parametrize("column", ["meds____1", "meds___neg1", "meds___-1", "MEDS____1"])
def test_columns_of_negative_codes_are_known_in_every_spelling(tmp_path: Path, column: str) -> None:
    found = _read(tmp_path, f"pid,sex,{column}\na,1,1")
    assert found.values() == [("meds____1", "1"), ("sex", "1")]


def test_boxes_that_branching_hid_are_not_asked(tmp_path: Path) -> None:
    fields = CLASSIC.replace("A, letter", "A, letter; ; ; [sex] = '0'")
    found = _read(tmp_path, f"{BOXES}\na,1,0,0,0,2\nb,0,1,0,0,2", fields)
    assert found.value_of("meds___1", "absent_reason") == [("0", "not-asked"), ("1", None)]


def test_identifiers_go_to_the_vault_and_nowhere_else(tmp_path: Path) -> None:
    fields = """
        pid; base; text
        name_last; base; text; ; ; y
        dob; base; text; ; date_ymd; y
        kin; base; text; ; phone
        story; base; notes; ; ; y
        sex; base; radio; 0, F | 1, M; ; y
    """
    text = """
        pid,redcap_survey_identifier,name_last,dob,kin,story,sex
        a,me@x.org,Meier,1961-04-30,555-1,long,1
    """
    found = _read(tmp_path, text, fields)
    assert found.identities == [
        ("birth_date", "1961-04-30"), ("free_text", "long"), ("native_id", "a"),
        ("other", "555-1"), ("other", "me@x.org"), ("sex", "1"), ("surname", "Meier"),
    ]  # fmt: skip
    assert found.values() == [("dob", "1961"), ("sex", "1")], "the birth date at its precision"
    found = _read(
        tmp_path,
        text,
        fields,
        identity={"kin": "phone", "redcap_survey_identifier": "email"},
        free_text=[{"variable": "story", "rule": "drop", "reason": "not needed"}],
    )
    assert ("phone", "555-1") in found.identities and ("email", "me@x.org") in found.identities
    assert ("free_text", "long") not in found.identities
    found = _read(tmp_path, text, fields, options={"survey_identifier": "drop"})
    assert ("other", "me@x.org") not in found.identities
    assert found.ignored == {"survey-identifier-dropped": 1}
    allowed = [{"variable": "story", "rule": "allow", "reason": "wanted"}]
    with pytest.raises(SettingsError, match="cannot be allowed"):
        _read(tmp_path, text, fields, free_text=allowed)


def test_a_flagged_date_may_be_allowed_with_a_reason(tmp_path: Path) -> None:
    fields = "pid; base; text\n drawn; base; text; ; date_ymd; y\n n; base; text; ; integer"
    text = "pid,drawn,n\na,2020-01-02,1"
    found = _read(tmp_path, text, fields)
    assert found.values() == [("n", "1")]
    assert ("other", "2020-01-02") in found.identities
    allowed = [{"variable": "drawn", "rule": "allow", "reason": "a study date, shifted on release"}]
    found = _read(tmp_path, text, fields, free_text=allowed)
    assert found.values() == [("drawn", "2020-01-02"), ("n", "1")]
    assert found.identities == [("native_id", "a")]


def test_an_invalid_birth_date_is_a_rejected_cell(tmp_path: Path) -> None:
    fields = "pid; base; text\n dob; base; text; ; date_ymd; y\n n; base; text; ; integer"
    found = _read(tmp_path, "pid,dob,n\na,1961-02-31,1", fields)
    assert found.rejects == [(2, "dob", "invalid-date")]
    assert found.values() == [("n", "1")]


def test_data_access_groups_land_as_a_variable_unless_told_otherwise(tmp_path: Path) -> None:
    text = "pid,redcap_data_access_group,sex\na,site_b,1"
    assert ("redcap_data_access_group", "site_b") in _read(tmp_path, text).values()
    found = _read(tmp_path, text, options={"data_access_group": "detail"})
    assert found.rows("raw.detail", "kind", "field", "value") == [
        ("survey", "redcap_data_access_group", "site_b")
    ]
    found = _read(tmp_path, text, options={"data_access_group": "ignore"})
    assert found.ignored == {"data-access-group": 1}
    assert found.values() == [("sex", "1")]


def test_each_filled_in_instrument_is_a_survey_its_answers_point_to(tmp_path: Path) -> None:
    found = _read(
        tmp_path,
        """
        pid,base_timestamp,sex,base_complete,visit_timestamp,weight,visit_complete
        a,2020-01-02 03:04:05,1,2,[not completed],71,0
        b,,,0,,,
        """,
    )
    surveys = {row["code"]: row for row in found.tables["raw.event"]}
    assert set(surveys) == {"base", "visit"}, "nothing of b was filled in"
    assert surveys["base"]["start_time"] == "2020-01-02T03:04:05"
    assert surveys["visit"]["start_time"] is None
    assert {(s["kind"], s["code_system"]) for s in surveys.values()} == {("survey", "toy:q")}
    assert found.value_of("weight", "survey_record_id", "start_time") == [
        ("71", surveys["visit"]["row_id"], None)
    ]
    assert found.value_of("sex", "survey_record_id", "start_time") == [
        ("1", surveys["base"]["row_id"], "2020-01-02T03:04:05")
    ]
    assert found.value_of("base_complete", "survey_record_id") == [
        ("0", None), ("2", surveys["base"]["row_id"]),
    ]  # fmt: skip
    assert found.value_of("visit_timestamp") == [("[not completed]",)]


def test_a_date_field_dates_an_instrument_before_its_timestamp(tmp_path: Path) -> None:
    text = """
        pid,sex,weight,seen,visit_timestamp
        a,1,70,2020-05-06,2020-06-01 10:00:00
        b,1,71,,2020-06-02 10:00:00
        c,1,72,2020-13-01,
    """
    found = _read(tmp_path, text, options={"dates": {"visit": "seen"}})
    assert found.value_of("weight", "start_time") == [
        ("70", "2020-05-06"), ("71", "2020-06-02T10:00:00"), ("72", None),
    ]  # fmt: skip
    assert found.value_of("sex", "start_time") == [("1", None)] * 3
    assert found.warnings == {"invalid-date:seen": 1}
    found = _read(tmp_path, text, options={"dates": {"*": "seen"}})
    assert ("1", "2020-05-06") in found.value_of("sex", "start_time")


def test_a_decimal_comma_may_hold_for_the_whole_export(tmp_path: Path) -> None:
    text = 'pid;weight\na;"70,5"\nb;71\n'
    found = _read(tmp_path, text, options={"delimiter": ";", "decimal": ","})
    assert found.values() == [("weight", "70.5"), ("weight", "71")]


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_bytes("\ufeffpid,sex\r\na,1\r\n".encode())
    found = read(tmp_path / "data.csv", _known(tmp_path))
    assert found.values() == [("sex", "1")]


def test_missing_data_codes_are_no_unknown_codes(tmp_path: Path) -> None:
    known = _known(tmp_path, missing="code,meaning\n-99,Refused\n")
    found = read(tmp_path / "data.csv", known, "pid,sex\na,-99\nb,7")
    assert found.warnings == {"unknown-code:sex": 1}
    assert found.values() == [("sex", "-99"), ("sex", "7")]


def test_a_record_of_nothing_but_its_id_is_ignored_and_counted(tmp_path: Path) -> None:
    found = _read(tmp_path, "pid,sex\na,\nb,1")
    assert found.books == (2, 1, 0, 1)
    assert found.tally.ignored["empty-record"] == 1


@pytest.mark.parametrize(
    "text",
    [
        "Participant,Sex of person,Complete?,Weight now,Complete?\na,Male,Complete,70,Complete",
        "pid,sex,base_complete\na,Male,Complete",
        "pid,meds___1\na,Checked",
    ],
)
def test_exports_of_labels_are_refused(tmp_path: Path, text: str) -> None:
    known = {
        name: Variable(v.name, {"sex": "Sex of person", "weight": "Weight now"}.get(name, v.label),
                       v.value_type, v.unit, v.codes, v.is_free_text, v.attributes)
        for name, v in _known(tmp_path).items()
    }  # fmt: skip
    with pytest.raises(SourceFileError) as error:
        read(tmp_path / "data.csv", known, text)
    assert "raw, coded data" in error.value.faults[0].todo
    assert "Male" not in str(error.value)


def test_a_source_without_a_redcap_dictionary_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as error:
        read(tmp_path / "data.csv", {"sex": Variable("sex")}, "pid,sex\na,1")
    assert "format: redcap" in error.value.faults[0].expected
