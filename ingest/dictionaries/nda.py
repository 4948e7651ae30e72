"""Data structure definitions of the NIMH Data Archive, as JSON of its API or as CSV.

Both name for each element its type, value range ("0::1260; -300", "M;F; O; NR") and notes
("M = Male; F = Female", "-900 = N/A"); `::` spans a range, anything else is a code.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from biobraid.core.errors import Fault, SettingsError
from biobraid.ingest.dictionaries.dictionary_csv import DictionaryRows
from biobraid.ingest.dictionaries.meanings import absent_reason_of
from biobraid.ingest.dictionaries.rows import CodeRow, VariableRow

_TYPES = {
    "guid": "text", "string": "text", "file": "text", "manifest": "text", "thumbnail": "text",
    "integer": "integer", "float": "number", "date": "date", "datetime": "datetime",
    "boolean": "boolean",
}  # fmt: skip
# As the CSV heads its columns -> as the JSON names them.
_CSV = {
    "ElementName": "name", "DataType": "type", "ElementDescription": "description",
    "ValueRange": "valueRange", "Notes": "notes",
}  # fmt: skip
_NEEDED = ("ElementName", "DataType", "ValueRange")
# `code = meaning`, up to the next one or a semicolon; meanings may hold commas.
_NOTE = re.compile(r"(?:^|[;,\n])\s*([^\s=;,]+)\s*=\s*(.*?)(?=\s*(?:[;\n]|,\s*[^\s=;,]+\s*=|$))")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
_SPAN = re.compile(r"(-?\d+(?:\.\d+)?)\s*::\s*(-?\d+(?:\.\d+)?)")
_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})")
_AGE_IN_MONTHS = "interview_age"  # the one unit that NDA fixes, in words only


def read_nda(paths: Sequence[Path]) -> DictionaryRows:
    """Variables and codes of all the structures together; an element counts as first met.

    Elements are named as the archive names them; a file that uses an alias renames its column.
    A code whose whole meaning is "missing", "N/A" and the like has its absent reason.
    SettingsError: a file of neither form.
    """
    out = DictionaryRows()
    met: set[str] = set()
    for path in paths:
        for element in _elements(path):
            name = str(element.get("name") or "").strip()
            if name and name not in met:
                met.add(name)
                variable, codes = _variable(name, element)
                out.variables.append(variable)
                out.codes += codes
    return out


def _elements(path: Path) -> Iterator[Mapping[str, Any]]:
    where = path.name
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise SettingsError(Fault(where, "is not UTF-8", "a text file in UTF-8")) from None
    if text.lstrip().startswith(("{", "[")):
        yield from _json_elements(text, where)
        return
    reader = csv.DictReader(StringIO(text, newline=""))
    header = [name.strip() for name in reader.fieldnames or []]
    missing = [name for name in _NEEDED if name not in header]
    if missing:
        raise SettingsError([Fault(where, f"column '{name}' is missing") for name in missing])
    reader.fieldnames = header
    for row in reader:
        yield {ours: row.get(theirs) for theirs, ours in _CSV.items()}


def _json_elements(text: str, where: str) -> Iterator[Mapping[str, Any]]:
    try:
        loaded = json.loads(text)
    except json.JSONDecodeError as error:
        raise SettingsError(Fault(f"{where}, line {error.lineno}", "is not JSON")) from None
    for structure in loaded if isinstance(loaded, list) else [loaded]:
        elements = structure.get("dataElements") if isinstance(structure, dict) else None
        if not isinstance(elements, list):
            raise SettingsError(Fault(where, "has no list 'dataElements'", "a data structure"))
        for element in elements:
            if not isinstance(element, dict):
                raise SettingsError(Fault(where, "an element is no object", "a data structure"))
            yield element


def _variable(name: str, element: Mapping[str, Any]) -> tuple[VariableRow, list[CodeRow]]:
    kind = str(element.get("type") or "").strip().lower()
    value_type = _TYPES.get(kind, "text")
    codes, has_range = _codes(str(element.get("valueRange") or ""))
    meanings = _meanings(str(element.get("notes") or ""))
    for code in meanings:
        if code not in codes and (_is_number(code, value_type) or _is_date(code, value_type)):
            codes.append(code)
    if codes and not has_range and value_type in ("text", "integer", "number"):
        value_type = "code" if value_type == "text" or _are_all(codes, meanings) else value_type
    is_months = name == _AGE_IN_MONTHS
    low, high = _range(str(element.get("valueRange") or ""))
    row = VariableRow(
        variable=name,
        label=str(element.get("description") or "").strip(),
        value_type=value_type,
        unit="months" if is_months else None,
        ucum_unit="mo" if is_months else None,
        is_free_text=value_type == "text",
        low=low if value_type in ("integer", "number") else None,
        high=high if value_type in ("integer", "number") else None,
    )
    return row, [
        CodeRow(name, spelling, meanings.get(code), absent_reason_of(meanings.get(code)))
        for code in codes
        for spelling in _spellings(code, value_type)
    ]


def _codes(value_range: str) -> tuple[list[str], bool]:
    """Codes of a value range, and whether it spans a range of numbers."""
    parts = [part.strip() for part in value_range.split(";")]
    codes = [part for part in parts if part and "::" not in part and "*" not in part]
    return list(dict.fromkeys(codes)), any("::" in part for part in parts)


def _range(value_range: str) -> tuple[float | None, float | None]:
    """Ends of all the ranges of numbers together; nothing where none is closed on both sides."""
    spans = [span for part in value_range.split(";") if (span := _SPAN.fullmatch(part.strip()))]
    if not spans or sum("::" in part for part in value_range.split(";")) > len(spans):
        return None, None
    return min(float(s[1]) for s in spans), max(float(s[2]) for s in spans)


def _meanings(notes: str) -> dict[str, str]:
    return {found[1]: found[2].strip() for found in _NOTE.finditer(notes) if found[2].strip()}


def _are_all(codes: Sequence[str], meanings: Mapping[str, str]) -> bool:
    """True where a number can only be one of the codes: one of them is a value."""
    return any(absent_reason_of(meanings.get(code)) is None for code in codes)


def _is_number(code: str, value_type: str) -> bool:
    return value_type in ("integer", "number") and _NUMBER.fullmatch(code) is not None


def _is_date(code: str, value_type: str) -> bool:
    return value_type == "date" and _DATE.fullmatch(code) is not None


def _spellings(code: str, value_type: str) -> list[str]:
    """A date is noted as YYYY-MM-DD and delivered as MM/DD/YYYY."""
    date = _DATE.fullmatch(code) if value_type == "date" else None
    return [code] if date is None else [code, f"{date[2]}/{date[3]}/{date[1]}"]
