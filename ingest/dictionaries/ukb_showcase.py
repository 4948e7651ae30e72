"""UK Biobank's own dictionaries: the Showcase's lists, its schema files, and those of the RAP.

Fields: `Data_Dictionary_Showcase.tsv|csv`, schema 1 `field.txt[.gz]`, or the RAP's
`*.data_dictionary.csv`. Codings: `Codings.tsv|csv`, `codingN.tsv`, the schema's value lists
(encoding_id, value, meaning), or the RAP's `*.codings.csv`; `encoding.txt` names encodings
only and gives no codes. A file's form is told by its header, never by its name.
"""

from __future__ import annotations

import csv
import gzip
import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from biobraid.core.errors import Fault, SettingsError
from biobraid.ingest.dictionaries.rows import CodeRow, VariableRow
from biobraid.ingest.dictionaries.ukb_facts import (
    absent_reason,
    date_field,
    missing_codes,
    plain_number,
)
from biobraid.ingest.units import stated_unit, to_ucum

Row = Mapping[str, str]
_TYPES = {
    "11": "integer", "21": "code", "22": "multicode", "31": "number", "41": "text",
    "51": "date", "61": "datetime", "101": "text",
    "integer": "integer", "categorical single": "code", "categorical (single)": "code",
    "categorical multiple": "multicode", "categorical (multiple)": "multicode",
    "continuous": "number", "text": "text", "date": "date", "time": "datetime",
    "compound": "text", "curve": "text",
    "float": "number", "string": "text", "datetime": "datetime",
}  # fmt: skip
_RAP_NAME = re.compile(r"^p(\d+)(?:_i\d+)?(?:_a\d+)?$")
_RAP_CODING = re.compile(r"^data_coding_(\d+)$")
_CODING_FILE = re.compile(r"coding(\d+)\b", re.IGNORECASE)
_NO_ENCODING = ("", "0", "NA")


@dataclass(frozen=True)
class _Field:
    number: str
    label: str
    value_type: str
    unit: str
    encoding: str


@dataclass(frozen=True)
class _Code:
    encoding: str
    code: str
    meaning: str


def read_showcase(
    fields: Sequence[Path], codings: Sequence[Path], only: Container[str] | None = None
) -> tuple[list[VariableRow], list[CodeRow]]:
    """Variables (named by field id) and their codes, with what each code's absence means.

    only: field ids to keep (default: all). Of a field that stands in several files the first
    counts. Without codings the shipped missing codes are still given, without meanings.
    Raises SettingsError with a fault for each file of unknown form.
    """
    faults: list[Fault] = []
    found: dict[str, _Field] = {}
    for path in fields:
        for field in _fields(path, faults):
            if only is None or field.number in only:
                found.setdefault(field.number, field)
    needed = {f.encoding for f in found.values()} - set(_NO_ENCODING)
    codes: dict[str, dict[str, str | None]] = {}
    for path in codings:
        for code in _codes(path, faults):
            if code.encoding in needed:
                codes.setdefault(code.encoding, {}).setdefault(code.code, code.meaning or None)
    if faults:
        raise SettingsError(faults)
    rows = {e: _encoding_rows(e, codes.get(e, {})) for e in needed}
    return (
        [_variable(f) for f in found.values()],
        [
            CodeRow(f.number, code, meaning, reason)
            for f in found.values()
            for code, meaning, reason in rows.get(f.encoding, ())
        ],
    )


def _variable(field: _Field) -> VariableRow:
    is_coded = field.encoding not in _NO_ENCODING
    value_type = field.value_type
    if value_type == "text" and is_coded:
        value_type = "code"
    dated_by = date_field(int(field.number))
    unit = stated_unit(field.unit)
    return VariableRow(
        variable=field.number,
        label=field.label,
        value_type=value_type,
        unit=unit,
        ucum_unit=to_ucum(unit) or None,
        time_variable=str(dated_by.field) if dated_by else None,
        is_free_text=value_type == "text",
    )


def _encoding_rows(
    encoding: str, published: Mapping[str, str | None]
) -> list[tuple[str, str | None, str | None]]:
    """(code, meaning, absent reason) of an encoding, missing codes without meaning included."""
    codes = dict(published)
    for code, meaning in published.items():
        codes.setdefault(plain_number(code), meaning)
    for code in missing_codes().get(encoding, {}):
        codes.setdefault(code, None)
    return [(c, m, absent_reason(encoding, c, m)) for c, m in codes.items()]


def _fields(path: Path, faults: list[Fault]) -> Iterator[_Field]:
    header, rows = _table(path)
    if {"FieldID", "Field", "ValueType"} <= header:
        names = ("FieldID", "Field", "ValueType", "Units", "Coding")
    elif {"field_id", "title", "value_type", "encoding_id"} <= header:
        names = ("field_id", "title", "value_type", "units", "encoding_id")
    elif {"entity", "name", "type", "coding_name"} <= header:
        yield from _rap_fields(rows)
        return
    else:
        faults.append(
            Fault(
                path.name,
                "this is no field list of UK Biobank",
                "Data_Dictionary_Showcase, field.txt, or a RAP data_dictionary.csv",
            )
        )
        return
    for row in rows:
        number, label, kind, unit, encoding = (row.get(n) or "" for n in names)
        if number.strip().isdigit():
            value_type = _TYPES.get(kind.strip().lower(), "text")
            yield _Field(number.strip(), label.strip(), value_type, unit.strip(), encoding.strip())


def _rap_fields(rows: Iterable[Row]) -> Iterator[_Field]:
    for row in rows:
        name = _RAP_NAME.match(row["name"])
        if row["entity"] != "participant" or name is None:
            continue
        coding = _RAP_CODING.match(row["coding_name"] or "")
        value_type = _TYPES.get((row["type"] or "").lower(), "text")
        if row.get("is_multi_select") == "yes":
            value_type = "multicode"
        elif coding and value_type in ("text", "integer") and row.get("is_sparse_coding") != "yes":
            value_type = "code"
        label = (row.get("title") or "").split(" | ")[0]
        unit = (row.get("units") or "").strip()
        yield _Field(name[1], label.strip(), value_type, unit, coding[1] if coding else "")


def _codes(path: Path, faults: list[Fault]) -> Iterator[_Code]:
    header, rows = _table(path)
    of_one = _CODING_FILE.search(path.name)
    if {"Coding", "Value", "Meaning"} <= header:
        names = ("Coding", "Value", "Meaning")
    elif {"encoding_id", "value", "meaning"} <= header:
        names = ("encoding_id", "value", "meaning")
    elif {"coding_name", "code", "meaning"} <= header:
        names = ("coding_name", "code", "meaning")
    elif {"coding", "meaning"} <= header and of_one:
        names = ("", "coding", "meaning")
    elif {"encoding_id", "title"} <= header:
        return
    else:
        faults.append(
            Fault(
                path.name,
                "this is no list of codings of UK Biobank",
                "Codings.tsv, codingN.tsv, encoding.txt, or a RAP codings.csv",
            )
        )
        return
    for row in rows:
        encoding = of_one[1] if of_one and not names[0] else (row.get(names[0]) or "").strip()
        encoding = _RAP_CODING.sub(r"\1", encoding)
        code = (row.get(names[1]) or "").strip()
        if code:
            yield _Code(encoding, code, (row.get(names[2]) or "").strip())


def _table(path: Path) -> tuple[set[str], Iterator[Row]]:
    """Header and rows. Tab-separated files of the Showcase hold bare quotes: no quoting."""
    text = _text(path)
    first = text.split("\n", 1)[0]
    if "\t" in first:
        reader = csv.DictReader(
            text.split("\n"), delimiter="\t", quoting=csv.QUOTE_NONE, restval=""
        )
    else:
        reader = csv.DictReader(StringIO(text, newline=""), restval="")
    return set(reader.fieldnames or ()), iter(reader)


def _text(path: Path) -> str:
    raw = path.read_bytes()
    if raw[:2] == b"\x1f\x8b":
        raw = gzip.decompress(raw)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:  # older downloads are in the author's Windows code page
        text = raw.decode("cp1252", errors="replace")
    return text.replace("\r\n", "\n")
