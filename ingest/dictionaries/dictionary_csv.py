"""dictionary.csv: what a study promises about its variables."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from biobraid.core.errors import Fault, near_misses
from biobraid.ingest.csv_rows import read_csv_rows
from biobraid.ingest.dictionaries.rows import CodeRow, VariableRow
from biobraid.ingest.units import stated_unit, to_ucum

VALUE_TYPES = (
    "number",
    "integer",
    "code",
    "multicode",
    "date",
    "datetime",
    "time",
    "text",
    "boolean",
)
_OTHER_NAMES = {
    "int": "integer", "float": "number", "double": "number", "decimal": "number",
    "numeric": "number", "continuous": "number", "categorical": "code", "string": "text",
    "bool": "boolean", "timestamp": "datetime",
}  # fmt: skip
_RANGE = re.compile(r"-?\d+(\.\d+)?\.\.-?\d+(\.\d+)?")
_CODED = ("code", "multicode", "boolean", "integer", "number", "text")


@dataclass
class DictionaryRows:
    """What a dictionary says, and what is wrong with it."""

    variables: list[VariableRow] = field(default_factory=list)
    codes: list[CodeRow] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


def read_dictionary_csv(path: Path, where: str, sources: Collection[str]) -> DictionaryRows:
    """Variables and codes of a dictionary.csv, with all its faults.

    Columns: variable, label, type, unit, allowed_values, instance_rule and, optionally, source.
    allowed_values: `1=yes|2=no|-3`, or one range `0..120`. instance_rule: empty, `once`, or
    `time:VARIABLE` where that variable's date dates the instance. Text without allowed values
    is free text: it is not landed unless study.yaml says so.
    """
    read = read_csv_rows(
        path,
        where,
        ("variable", "label", "type"),
        ("unit", "allowed_values", "instance_rule", "source"),
    )
    out = DictionaryRows(faults=list(read.faults))
    names = {row["variable"] for _, row in read.rows}
    first_line: dict[tuple[str, str], int] = {}
    for line, row in read.rows:
        place = f"{where}, line {line}"
        out.faults += _row_faults(row, place, names, sources)
        key = (row["source"], row["variable"])
        if key in first_line:
            out.faults.append(
                Fault(place, f"variable '{key[1]}' already stands on line {first_line[key]}")
            )
            continue
        first_line[key] = line
        out.variables.append(_variable(row))
        out.codes += _codes(row)
    return out


def _variable(row: dict[str, str]) -> VariableRow:
    kind = _value_type(row["type"])
    time_variable = row["instance_rule"].partition("time:")[2] or None
    low, high = _range(row["allowed_values"])
    return VariableRow(
        variable=row["variable"],
        label=row["label"],
        value_type=kind if kind in VALUE_TYPES else "text",
        unit=stated_unit(row["unit"]),
        ucum_unit=to_ucum(row["unit"]) or None,
        time_variable=time_variable,
        source=_source(row),
        is_free_text=kind == "text" and not row["allowed_values"],
        low=low,
        high=high,
    )


def _range(text: str) -> tuple[float | None, float | None]:
    """Both ends of `0..120`; nothing where codes or nothing stand."""
    if not _RANGE.fullmatch(text):
        return None, None
    low, _, high = text.partition("..")
    return float(low), float(high)


def _codes(row: dict[str, str]) -> list[CodeRow]:
    text = row["allowed_values"]
    if not text or _RANGE.fullmatch(text):
        return []
    codes = []
    for part in text.split("|"):
        code, _, meaning = part.partition("=")
        codes.append(
            CodeRow(row["variable"], code.strip(), meaning.strip() or None, source=_source(row))
        )
    return codes


def _row_faults(
    row: dict[str, str], place: str, names: Collection[str], sources: Collection[str]
) -> list[Fault]:
    faults = []
    if not row["variable"]:
        faults.append(Fault(place, "no variable is named"))
    kind = _value_type(row["type"])
    if kind not in VALUE_TYPES:
        near = near_misses(kind, VALUE_TYPES)
        faults.append(
            Fault(place, f"there is no type '{row['type']}'", _one_of(VALUE_TYPES), "", near)
        )
    if _source(row) and row["source"] not in sources:
        near = near_misses(row["source"], sources)
        faults.append(
            Fault(place, f"the study has no source '{row['source']}'", _one_of(sources), "", near)
        )
    codes = [code.code for code in _codes(row)]
    doubles = sorted({code for code in codes if codes.count(code) > 1})
    if doubles or "" in codes:
        faults.append(
            Fault(place, f"allowed_values of '{row['variable']}' repeat or leave out a code")
        )
    if codes and kind in VALUE_TYPES and kind not in _CODED:
        faults.append(Fault(place, f"a {kind} has no codes", "allowed_values left empty"))
    faults += _instance_faults(row["instance_rule"], place, names)
    return faults


def _instance_faults(rule: str, place: str, names: Collection[str]) -> list[Fault]:
    if rule in ("", "once"):
        return []
    head, _, variable = rule.partition(":")
    if head != "time":
        expected = "empty, once, or time:VARIABLE"
        return [Fault(place, f"there is no instance rule '{rule}'", expected)]
    if variable in names:
        return []
    near = near_misses(variable, names)
    return [Fault(place, f"time variable '{variable}' is not in the dictionary", "", "", near)]


def _value_type(text: str) -> str:
    kind = text.lower()
    return _OTHER_NAMES.get(kind, kind)


def _source(row: dict[str, str]) -> str | None:
    return None if row["source"] in ("", "*") else row["source"]


def _one_of(words: Collection[str]) -> str:
    return f"one of {', '.join(sorted(words))}"
