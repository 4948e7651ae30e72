"""dbGaP's dictionaries: `*.data_dict.xml` of a release and the submission template's table.

The template (VARNAME, VARDESC, TYPE, UNITS, ..., VALUES) comes as .xlsx or as tab-delimited
text; VALUES is its last named column and each further cell of a row is one more value. Units
stand only in these files. What a file is, its first bytes tell, never its name.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.etree import ElementTree

from biobraid.core.errors import Fault, SettingsError
from biobraid.ingest.dictionaries.dictionary_csv import DictionaryRows
from biobraid.ingest.dictionaries.meanings import absent_reason_of
from biobraid.ingest.dictionaries.rows import CodeRow, VariableRow
from biobraid.ingest.dictionaries.worksheet import read_worksheet
from biobraid.ingest.units import stated_unit, to_ucum

_MARKERS = ("integers", "decimals", "dates", "strings")  # VALUES cells that are no values
_NEEDED = ("VARNAME", "VARDESC", "TYPE")


def read_dbgap(paths: Sequence[Path]) -> DictionaryRows:
    """Variables and codes of all the files together; a variable counts as first met.

    A code whose whole meaning is "Missing", "Not assessed" and the like has its absent reason.
    SettingsError: a file of neither form, or damaged.
    """
    out = DictionaryRows()
    met: set[str] = set()
    for path in paths:
        for variable, codes in _read(path):
            if variable.variable not in met:
                met.add(variable.variable)
                out.variables.append(variable)
                out.codes += codes
    return out


def _read(path: Path) -> Iterator[tuple[VariableRow, list[CodeRow]]]:
    where = path.name
    start = path.read_bytes()[:512].lstrip(b"\xef\xbb\xbf \r\n\t")
    if start.startswith(b"PK"):
        yield from _template(read_worksheet(path, where), where)
    elif start.startswith(b"<"):
        yield from _xml(path, where)
    else:
        try:
            text = path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError:
            raise SettingsError(Fault(where, "is not UTF-8", "a text file in UTF-8")) from None
        yield from _template(list(csv.reader(text.splitlines(), delimiter="\t")), where)


def _xml(path: Path, where: str) -> Iterator[tuple[VariableRow, list[CodeRow]]]:
    data = path.read_bytes()
    if b"<!ENTITY" in data:
        raise SettingsError(Fault(where, "declares XML entities", "dbGaP's data_dict.xml"))
    try:
        root = ElementTree.fromstring(data)
    except ElementTree.ParseError as error:
        line = f"{where}, line {error.position[0]}"
        raise SettingsError(Fault(line, "is not whole XML", "dbGaP's data_dict.xml")) from None
    if root.tag != "data_table":
        raise SettingsError(Fault(where, f"begins with <{root.tag}>", "<data_table>"))
    for variable in root.iterfind("variable"):
        values = [
            (value.get("code") or "", (value.text or "").strip())
            for value in variable.iterfind("value")
        ]
        name, label, kind, unit = (
            (variable.findtext(part) or "").strip()
            for part in ("name", "description", "type", "unit")
        )
        if name:
            yield _variable(name, label, kind, unit, [(c.strip(), m) for c, m in values])


def _template(rows: list[list[str]], where: str) -> Iterator[tuple[VariableRow, list[CodeRow]]]:
    at = next((i for i, row in enumerate(rows) if "VARNAME" in _upper(row)), None)
    if at is None:
        raise SettingsError(
            Fault(where, "has no row of column names", "data_dict.xml, or VARNAME, VARDESC, TYPE")
        )
    header = _upper(rows[at])
    missing = [name for name in _NEEDED if name not in header]
    if missing:
        raise SettingsError([Fault(where, f"column '{name}' is missing") for name in missing])
    first_value = header.index("VALUES") if "VALUES" in header else len(header)
    for row in rows[at + 1 :]:
        cells = dict(zip(header[:first_value], (c.strip() for c in row), strict=False))
        if not cells.get("VARNAME"):
            continue
        values = [v.strip() for v in row[first_value:] if v.strip()]
        codes = [_code_and_meaning(v) for v in values if v.lower() not in _MARKERS]
        yield _variable(
            cells["VARNAME"],
            cells.get("VARDESC", ""),
            cells.get("TYPE", ""),
            cells.get("UNITS", ""),
            codes,
        )


def _upper(row: Sequence[str]) -> list[str]:
    return [cell.strip().upper() for cell in row]


def _code_and_meaning(text: str) -> tuple[str, str]:
    code, _, meaning = text.partition("=")
    return code.strip(), meaning.strip()


def _variable(
    name: str, label: str, kind: str, unit: str, values: Sequence[tuple[str, str]]
) -> tuple[VariableRow, list[CodeRow]]:
    codes = {code: meaning or None for code, meaning in values if code}
    value_type = _value_type(kind.lower(), bool(codes))
    row = VariableRow(
        variable=name,
        label=label,
        value_type=value_type,
        unit=stated_unit(unit),
        ucum_unit=to_ucum(unit) or None,
        is_free_text=value_type == "text",
    )
    return row, [
        CodeRow(name, code, meaning, absent_reason_of(meaning)) for code, meaning in codes.items()
    ]


def _value_type(kind: str, has_codes: bool) -> str:
    """A type as submitters write it: `decimal, encoded value`, `enumerated integer`, `num`."""
    words = set(re.split(r"[^a-z]+", kind))
    if "date" in words:
        return "date"
    if words & {"enumerated", "enum"}:
        return "code"
    if words & {"decimal", "float", "double", "num", "number", "numeric", "real"}:
        return "number"
    if words & {"integer", "int"}:
        return "integer"
    return "code" if has_codes or words & {"encoded", "coded"} else "text"
