"""REDCap's data dictionary, its project.xml, and what stands beside them."""

from __future__ import annotations

from pathlib import Path

import pytest

from biobraid.core.errors import Fault
from biobraid.ingest.dictionaries.dictionary_csv import DictionaryRows
from biobraid.ingest.dictionaries.redcap import read_redcap
from biobraid.ingest.dictionaries.redcap_fields import parse_choices
from tests.redcap.delivery import dictionary

FIELDS = """
    pid; base; text
    born; base; text; ; date_ymd; y
    mail; base; text; ; email; y
    kin_phone; base; text; ; phone
    fname; base; text; ; ; y
    weight; base; text; ; number_1dp
    height; base; text; ; number_2dp_comma_decimal
    n; base; text; ; integer
    seen; visit; text; ; datetime_seconds_dmy
    at; visit; text; ; time_hh_mm_ss
    said; visit; notes
    open; visit; text
    smoker; visit; radio; 1, Yes, now | -2, No | x, Other
    happy; visit; slider; sad | glad
    bmi; visit; calc; round([weight], 1)
    ok; visit; yesno
    true; visit; truefalse
    box; visit; checkbox; 1, one | -1, minus, one | A, letter
    scan; visit; file
    told; visit; descriptive
    drawn; visit; sql; SELECT 1
"""


def _read(tmp_path: Path, fields: str = FIELDS, **beside: str) -> DictionaryRows:
    codings = []
    for name, text in beside.items():
        path = tmp_path / f"{name}.csv"
        path.write_text("\n".join(line.strip() for line in text.strip().splitlines()) + "\n")
        codings.append(path)
    return read_redcap([dictionary(tmp_path / "dictionary.csv", fields)], codings)


def _codes(rows: DictionaryRows, variable: str) -> list[tuple[str, str | None, str | None]]:
    return [(c.code, c.meaning, c.absent_reason) for c in rows.codes if c.variable == variable]


def _said(fault: Fault) -> str:
    return f"{fault.where}: {fault.found}"


def test_each_field_has_the_type_its_validation_promises(tmp_path: Path) -> None:
    rows = _read(tmp_path)
    assert rows.faults == []
    types = {v.variable: v.value_type for v in rows.variables}
    assert "told" not in types, "descriptive text has no data"
    expected = {
        "pid": "text", "born": "date", "mail": "text", "weight": "number", "height": "number",
        "n": "integer", "seen": "datetime", "at": "time", "said": "text", "smoker": "code",
        "happy": "integer", "bmi": "number", "ok": "boolean", "true": "boolean",
        "box___1": "boolean", "box____1": "boolean", "box___a": "boolean", "drawn": "code",
        "base_complete": "code", "visit_timestamp": "datetime", "redcap_event_name": "code",
    }  # fmt: skip
    assert {name: types[name] for name in expected} == expected
    assert {v.variable for v in rows.variables if v.is_free_text} == {"said", "open"}
    assert _codes(rows, "smoker") == [
        ("1", "Yes, now", None),
        ("-2", "No", None),
        ("x", "Other", None),
    ]
    labels = {v.variable: v.label for v in rows.variables}
    assert labels["box____1"] == "box: minus, one"
    assert _codes(rows, "ok") == [("1", "Yes", None), ("0", "No", None)]
    assert _codes(rows, "happy") == [], "a slider's labels are no codes"


def test_identifiers_are_named_by_validation_name_or_flag(tmp_path: Path) -> None:
    rows = _read(tmp_path)
    found = {v.variable: v.attributes["identity"] for v in rows.variables
             if "identity" in v.attributes}  # fmt: skip
    assert found == {
        "born": "birth_date", "mail": "email", "fname": "first_name",
        "kin_phone": "other",  # not flagged: it may be somebody else's
    }  # fmt: skip


def test_an_unflagged_birth_date_is_still_one(tmp_path: Path) -> None:
    rows = _read(
        tmp_path, "id; a; text\n dob; a; text; ; date_dmy\n child_dob; a; text; ; date_dmy"
    )
    found = {v.variable: v.attributes.get("identity") for v in rows.variables[:3]}
    assert found == {"id": None, "dob": "birth_date", "child_dob": None}


def test_missing_data_codes_hold_for_every_field_but_the_record_id(tmp_path: Path) -> None:
    given = """
        code,meaning,absent_reason
        -99,Declined to say,
        NASK,Not asked,
        -7,Below detection,not-performed
    """
    rows = _read(tmp_path, missing=given)
    assert rows.faults == []
    assert _codes(rows, "weight") == [
        ("-99", "Declined to say", "asked-declined"),
        ("NASK", "Not asked", "not-asked"),
        ("-7", "Below detection", "not-performed"),
    ]
    assert _codes(rows, "pid") == []
    assert ("-99", "Declined to say", "asked-declined") in _codes(rows, "smoker")
    assert "box___nask" in {v.variable for v in rows.variables}, "REDCap adds such columns"


def test_events_keep_their_order_and_their_instruments(tmp_path: Path) -> None:
    events = """
        event_name,arm_num,unique_event_name
        Later,1,later_arm_1
        First,1,first_arm_1
    """
    forms = """
        arm_num,unique_event_name,form
        1,first_arm_1,base
        1,later_arm_1,visit
        1,later_arm_1,vist
    """
    rows = _read(tmp_path, events=events, forms=forms, arms="arm_num,name\n1,Arm 1")
    assert [c[0] for c in _codes(rows, "redcap_event_name")] == ["later_arm_1", "first_arm_1"]
    (fault,) = rows.faults
    assert "'vist'" in _said(fault) and fault.suggestions == ("visit",)


def test_the_apis_names_are_understood(tmp_path: Path) -> None:
    path = tmp_path / "meta.csv"
    path.write_text(
        "\ufefffield_name,form_name,section_header,field_type,field_label,"
        "select_choices_or_calculations,field_note,text_validation_type_or_show_slider_number,"
        "identifier,branching_logic\n"
        'id,f,,text,"The\nid",,,,,\nsex,f,,dropdown,Sex,"0, F | 1, M",,,,"[id] <> \'\'"\n',
        encoding="utf-8",
    )
    rows = read_redcap([path], [])
    assert rows.faults == []
    assert [v.label for v in rows.variables[:2]] == ["The id", "Sex"]
    assert rows.variables[1].attributes["branching"] == "[id] <> ''"


def test_project_xml_says_what_the_csv_says(tmp_path: Path) -> None:
    path = tmp_path / "project.xml"
    path.write_text(
        """<?xml version="1.0" encoding="UTF-8"?>
        <ODM xmlns="http://www.cdisc.org/ns/odm/v1.3" xmlns:redcap="https://projectredcap.org">
        <Study OID="s"><GlobalVariables>
        <redcap:MissingDataCodes>-99, Refused | NI, No information</redcap:MissingDataCodes>
        </GlobalVariables><MetaDataVersion OID="m" Name="m">
        <StudyEventDef OID="Event.first_arm_1" Name="First" redcap:UniqueEventName="first_arm_1">
          <FormRef FormOID="Form.base" redcap:FormName="base"/></StudyEventDef>
        <FormDef OID="Form.base" Name="Base" redcap:FormName="base">
          <ItemGroupRef ItemGroupOID="g"/><ItemGroupRef ItemGroupOID="s"/></FormDef>
        <ItemGroupDef OID="g"><ItemRef ItemOID="pid" redcap:Variable="pid"/>
          <ItemRef ItemOID="box___1" redcap:Variable="box"/>
          <ItemRef ItemOID="box____1" redcap:Variable="box"/></ItemGroupDef>
        <ItemGroupDef OID="s"><ItemRef ItemOID="base_complete" redcap:Variable="base_complete"/>
        </ItemGroupDef>
        <ItemDef OID="pid" redcap:Variable="pid" redcap:FieldType="text">
          <Question><TranslatedText>Participant</TranslatedText></Question></ItemDef>
        <ItemDef OID="box___1" redcap:Variable="box" redcap:FieldType="checkbox"
          redcap:BranchingLogic="[pid] &lt;&gt; ''">
          <Question><TranslatedText>Boxes</TranslatedText></Question></ItemDef>
        <ItemDef OID="box____1" redcap:Variable="box" redcap:FieldType="checkbox"/>
        <ItemDef OID="base_complete" redcap:Variable="base_complete" redcap:FieldType="select"/>
        <CodeList OID="c" redcap:Variable="box" redcap:CheckboxChoices="1, one | -1, none"/>
        </MetaDataVersion></Study>
        <ClinicalData><ItemData Value="not read"/></ClinicalData></ODM>""",
        encoding="utf-8",
    )
    rows = read_redcap([path], [])
    assert rows.faults == []
    names = [v.variable for v in rows.variables]
    assert names[:5] == ["pid", "box___1", "box____1", "box____99", "box___ni"]
    assert rows.variables[1].attributes["branching"] == "[pid] <> ''"
    assert names.count("base_complete") == 1
    assert _codes(rows, "redcap_event_name") == [("first_arm_1", "First", None)]
    (event,) = (v for v in rows.variables if v.variable == "redcap_event_name")
    assert event.attributes["forms:first_arm_1"] == "base"


def test_all_faults_of_a_dictionary_come_at_once(tmp_path: Path) -> None:
    fields = """
        pid; base; text
        Bad Name; base; text
        lost; ; text
        odd; base; rdio; 1, a
        empty; base; radio
        twice; base; dropdown; 1, a | 1, b
        same; base; checkbox; -1, a | _1, b
        pid; base; text
    """
    path = dictionary(tmp_path / "dictionary.csv", fields)
    path.write_text(path.read_text() + "short,base,,text\n")
    rows = read_redcap([path], [])
    text = "\n".join(map(_said, rows.faults))
    for expected in (
        "line 3: 'bad name' is no field name",
        "line 4: field 'lost' stands on no form",
        "line 5: there is no field type 'rdio'",
        "line 6: field 'empty' has no choices",
        "line 7: choices of 'twice' repeat the code '1'",
        "line 8: choices of 'same' repeat the code '_1'",
        "line 9: field 'pid' already stands at line 2",
        "line 10: has 4 cells",
    ):
        assert expected in text, expected


@pytest.mark.parametrize(
    ("content", "told"),
    [("a,b\n1,2\n", "no data dictionary of REDCap"), ("", "no data dictionary of REDCap")],
)
def test_another_file_is_no_dictionary(tmp_path: Path, content: str, told: str) -> None:
    path = tmp_path / "d.csv"
    path.write_text(content)
    assert told in _said(read_redcap([path], []).faults[0])


def test_broken_xml_is_said_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "p.xml"
    path.write_text("<ODM>\n<Study>\n</ODM>")
    assert "line 3: is not well-formed XML" in _said(read_redcap([path], []).faults[0])


def test_choices() -> None:
    assert parse_choices("1, one|2, two, or more | a,<b>A</b>") == [
        ("1", "one"), ("2", "two, or more"), ("a", "A"),
    ]  # fmt: skip
    assert parse_choices("") == []
