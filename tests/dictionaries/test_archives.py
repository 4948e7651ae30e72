"""Dictionaries of archives (dbGaP, NDA) and lists of codes: what they say, and damaged ones."""

from __future__ import annotations

import gzip
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from biobraid.core.errors import SettingsError
from biobraid.core.home import Home
from biobraid.core.study import Dictionary, delivery_folder, read_study
from biobraid.ingest.dictionaries import load_variables, read_dictionary
from biobraid.ingest.dictionaries.code_list import read_code_list
from biobraid.ingest.dictionaries.dbgap import read_dbgap
from biobraid.ingest.dictionaries.dictionary_csv import DictionaryRows
from biobraid.ingest.dictionaries.meanings import absent_reason_of
from biobraid.ingest.dictionaries.nda import read_nda
from tests.dictionaries.packs import write_pack

XML = """<?xml version="1.0" encoding="UTF-8"?>
<data_table id="pht000378.v2" study_id="phs000001.v3">
<unique_key phv="00054260" version="2">ID2</unique_key>
<variable id="phv1.v2"><name>ID2</name><description>DUMMY ID</description><type>string</type></variable>
<variable id="phv2.v2"><name>REASON</name><description>Why</description><type>enumerated integer</type>
  <value code="1">Cardiovascular</value><value code="9">Unknown</value></variable>
<variable id="phv3.v2"><name>HGT</name><description>Height</description><type>decimal</type>
  <unit>inches</unit><value code="-9">missing</value></variable>
<variable id="phv4.v2"><name>consent</name><description/><type/><value code="1">GRU</value></variable>
</data_table>
"""
TEMPLATE = [
    ["VARNAME", "VARDESC", "TYPE", "UNITS", "MIN", "VALUES"],
    ["SUBJECT_ID", "Id", "string", "", ""],
    ["weight", "Weight, at enrolment", "decimal, encoded value", "pounds", "99.5", "DECIMALS",
     "9999=Unknown", "1000=Not assessed"],
    ["race", "Race", "string", "", "", "Asian", "African American"],
    ["", "a note", "", "", ""],
    ["age", "Age", "integer", "years", "25"],
]  # fmt: skip
NDA = [
    {"name": "subjectkey", "type": "GUID", "valueRange": "NDAR*", "notes": None},
    {"name": "interview_age", "type": "Integer", "valueRange": "0 :: 1260", "notes": "Age, rounded"},
    {"name": "sex", "type": "String", "valueRange": "M;F; O; NR",
     "notes": "M = Male; F = Female; O=Other; NR = Not reported", "aliases": ["gender"]},
    {"name": "p1_sops", "type": "Integer", "valueRange": "0::6; -300; -900",
     "notes": "0=Absent, 6=Severe; -300 = missing; -900 = N/A"},
    {"name": "visit", "type": "String", "valueRange": None, "notes": None},
    {"name": "scan_type", "type": "String", "valueRange": "MR (PD, T2); fMRI", "notes": None},
    {"name": "answer", "type": "Integer", "valueRange": "1;2;-900", "notes": "1=yes;2=no"},
    {"name": "onset", "type": "Date", "valueRange": None,
     "notes": "1903-03-03 = N/A; 1909-09-09 = missing"},
]  # fmt: skip


def said(rows: DictionaryRows) -> dict[str, Any]:
    """variable -> (type, unit, {code: (meaning, absent reason)})."""
    codes: dict[str, dict[str, Any]] = {}
    for code in rows.codes:
        codes.setdefault(code.variable, {})[code.code] = (code.meaning, code.absent_reason)
    return {
        v.variable: (v.value_type, v.ucum_unit, codes.get(v.variable, {})) for v in rows.variables
    }


def test_a_data_dict_gives_types_units_and_codes(tmp_path: Path) -> None:
    path = tmp_path / "phs1.data_dict.xml"
    path.write_text(XML)
    assert said(read_dbgap([path])) == {
        "ID2": ("text", None, {}),
        "REASON": ("code", None, {"1": ("Cardiovascular", None), "9": ("Unknown", "unknown")}),
        "HGT": ("number", "[in_i]", {"-9": ("missing", "unknown")}),
        "consent": ("code", None, {"1": ("GRU", None)}),
    }


def write_xlsx(path: Path, rows: list[list[str]]) -> None:
    """The least of an .xlsx: shared strings, numbers, inline strings, cells left out."""
    strings: list[str] = []
    main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    rel = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    lines = []
    for r, row in enumerate(rows, start=1):
        cells = ""
        for c, text in enumerate(row):
            place = f"{chr(65 + c)}{r}"
            if not text:
                continue
            if text.replace(".", "").isdigit():
                cells += f'<c r="{place}"><v>{text}</v></c>'
            elif c == 1:
                cells += f'<c r="{place}" t="inlineStr"><is><t>{text}</t></is></c>'
            else:
                strings.append(text)
                cells += f'<c r="{place}" t="s"><v>{len(strings) - 1}</v></c>'
        lines.append(f'<row r="{r}">{cells}</row>')
    shared = "".join(f"<si><r><t>{s[:2]}</t></r><r><t>{s[2:]}</t></r></si>" for s in strings)
    with zipfile.ZipFile(path, "w") as book:
        book.writestr(
            "xl/workbook.xml",
            f'<workbook {main} xmlns:r="{rel}"><sheets><sheet name="DD" r:id="rId7"/></sheets></workbook>',
        )
        book.writestr(
            "xl/_rels/workbook.xml.rels",
            '<Relationships><Relationship Id="rId7" Target="worksheets/sheet1.xml"/></Relationships>',
        )
        book.writestr("xl/sharedStrings.xml", f"<sst {main}>{shared}</sst>")
        book.writestr(
            "xl/worksheets/sheet1.xml",
            f"<worksheet {main}><sheetData>{''.join(lines)}</sheetData></worksheet>",
        )


@pytest.mark.parametrize("form", ["xlsx", "txt"])
def test_the_submission_template_is_read_as_spreadsheet_and_as_text(
    tmp_path: Path, form: str
) -> None:
    path = tmp_path / f"2b_DD.{form}"
    if form == "xlsx":
        write_xlsx(path, TEMPLATE)
    else:
        path.write_text("\n".join("\t".join(row) for row in TEMPLATE))
    rows = read_dbgap([path])
    assert said(rows) == {
        "SUBJECT_ID": ("text", None, {}),
        "weight": (
            "number", "[lb_us]",
            {"9999": ("Unknown", "unknown"), "1000": ("Not assessed", "not-performed")},
        ),
        "race": ("code", None, {"Asian": (None, None), "African American": (None, None)}),
        "age": ("integer", "a", {}),
    }  # fmt: skip
    assert [v.variable for v in rows.variables if v.is_free_text] == ["SUBJECT_ID"]
    assert rows.variables[1].label == "Weight, at enrolment"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (XML[:300].encode(), "is not whole XML"),
        (b"<html></html>", "begins with <html>"),
        (b'<!DOCTYPE d [<!ENTITY a "b">]><data_table/>', "declares XML entities"),
        (b"PK\x03\x04 cut", "the spreadsheet cannot be read"),
        (b"NAME\tTYPE\n", "has no row of column names"),
        (b"VARNAME\tTYPE\na\tstring\n", "column 'VARDESC' is missing"),
        (b"VARNAME\tVARDESC\tTYPE\n\xff\t\t\n", "is not UTF-8"),
    ],
)
def test_damaged_dbgap_dictionaries_are_named(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "dictionary"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match=words):
        read_dbgap([path])


NDA_SAYS = {
    "subjectkey": ("text", None, {}),
    "interview_age": ("integer", "mo", {}),
    "sex": (
        "code", None,
        {"M": ("Male", None), "F": ("Female", None), "O": ("Other", None),
         "NR": ("Not reported", "unknown")},
    ),
    "p1_sops": (
        "integer", None,
        {"-300": ("missing", "unknown"), "-900": ("N/A", "not-applicable"),
         "0": ("Absent", None), "6": ("Severe", None)},
    ),
    "visit": ("text", None, {}),
    "scan_type": ("code", None, {"MR (PD, T2)": (None, None), "fMRI": (None, None)}),
    "answer": ("code", None, {"1": ("yes", None), "2": ("no", None), "-900": (None, None)}),
    "onset": (
        "date", None,
        {"1903-03-03": ("N/A", "not-applicable"), "03/03/1903": ("N/A", "not-applicable"),
         "1909-09-09": ("missing", "unknown"), "09/09/1909": ("missing", "unknown")},
    ),
}  # fmt: skip


@pytest.mark.parametrize("form", ["json", "csv"])
def test_nda_structures_give_ranges_codes_and_absent_reasons(tmp_path: Path, form: str) -> None:
    path = tmp_path / f"sops01.{form}"
    if form == "json":
        path.write_text(json.dumps({"shortName": "sops01", "dataElements": NDA}))
    else:
        lines = [
            "ElementName,DataType,Size,Required,Condition,ElementDescription,ValueRange,Notes,Aliases"
        ]
        for element in NDA:
            value_range, notes = element["valueRange"] or "", element["notes"] or ""
            lines.append(f'{element["name"]},{element["type"]},,,,,"{value_range}","{notes}",')
        path.write_text("\n".join(lines) + "\n")
    rows = read_nda([path])
    assert said(rows) == NDA_SAYS
    assert {v.variable for v in rows.variables if v.is_free_text} == {"subjectkey", "visit"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'{"dataElements": [', "line 1: is not JSON"),
        (b'{"elements": []}', "has no list 'dataElements'"),
        (b'{"dataElements": ["sex"]}', "an element is no object"),
        (b"ElementName,Type\n", "column 'DataType' is missing"),
        (b"\xff\xfe", "is not UTF-8"),
    ],
)
def test_damaged_nda_structures_are_named(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "structure"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match=words):
        read_nda([path])


def test_a_list_of_codes_belongs_to_one_code_system(tmp_path: Path) -> None:
    path = tmp_path / "d_items.csv.gz"
    path.write_bytes(
        gzip.compress(b'itemid,label,x\n50912,Creatinine,\n51003,"Troponin, T",\n,no,\n')
    )
    declared = Dictionary(
        format="codes", fields=["d*"], variable="toy:labs", code="itemid", meaning="label"
    )
    assert said(read_code_list([path], declared)) == {
        "toy:labs": ("code", None, {"50912": ("Creatinine", None), "51003": ("Troponin, T", None)})
    }
    with pytest.raises(SettingsError, match="no column 'lable'"):
        read_code_list([path], declared.model_copy(update={"meaning": "lable"}))
    path.write_bytes(gzip.compress(b"itemid,label\n1,a\n")[:-9])
    with pytest.raises(SettingsError, match="compressed data is damaged"):
        read_code_list([path], declared)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"format": "codes", "variable": "a", "code": "b"}, "needs `variable`, `code` and"),
        ({"format": "nda", "code": "b"}, "`code` belongs to format codes"),
    ],
)
def test_the_columns_of_a_code_list_are_declared(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Dictionary.model_validate(given)


def test_only_a_whole_meaning_makes_a_code_absent() -> None:
    assert absent_reason_of("Not  Applicable.") == "not-applicable"
    assert absent_reason_of("Don\u2019t know") == "asked-unknown"
    assert absent_reason_of("Unknown primary tumour") is None
    assert absent_reason_of(None) is None


DECLARED = """
id: small
name: A small study
release: "1"
licence: none
time_zone: Europe/London
dictionary: {format: dbgap, fields: ["*.data_dict.xml"]}
sources:
  survey:
    connector: delimited
    files: ["survey*.csv"]
    person_id: pid
    dictionary: {format: nda, fields: ["sops01.json"]}
  other: {connector: delimited, files: ["other*.csv"], person_id: pid}
"""


def test_a_study_reads_both_and_its_own_rows_win(home: Home) -> None:
    folder = delivery_folder(home, "small")
    folder.mkdir(parents=True)
    (folder / "a.data_dict.xml").write_text(XML)
    (folder / "sops01.json").write_text(json.dumps({"dataElements": NDA}))
    own = (
        "variable,label,type,unit,allowed_values,instance_rule,source\nvisit,Visit,code,,,,survey\n"
    )
    study = read_study(write_pack(home, study_yaml=DECLARED, dictionary=own))
    survey = load_variables(home, study, "survey")
    assert survey["visit"].value_type == "code" and survey["HGT"].unit == "inches"
    assert "visit" not in load_variables(home, study, "other")
    assert len(read_dictionary(home, study)[0]) == 4 + len(NDA)
