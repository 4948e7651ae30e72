"""What is known of UK Biobank's fields without a study's dictionary, from the tables in ukb/."""

from __future__ import annotations

import csv
import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

_FOLDER = Path(__file__).parent / "ukb"
_NONE = re.compile(r"none of the above|less than|fewer than", re.IGNORECASE)
_MEANT = (
    (re.compile(r"prefer(red)? not to (answer|say)", re.I), "asked-declined"),
    (re.compile(r"(do not|don't|did not|can't|cannot) (know|remember|recall)", re.I),
     "asked-unknown"),
    (re.compile(r"not[- ]applicable", re.I), "not-applicable"),
    (re.compile(r"not performed|abandoned", re.I), "not-performed"),
)  # fmt: skip
_PLAINLY_MISSING = {
    "prefer not to answer": "asked-declined",
    "preferred not to answer": "asked-declined",
    "do not know": "asked-unknown",
    "don't know": "asked-unknown",
}


@dataclass(frozen=True)
class DateField:
    """The field that dates a field's values, and how its cell is found.

    instance: the cell of the same instance (array index 0); array: also of the same index.
    """

    field: int
    aligned_by: Literal["instance", "array"]


def date_field(field: int) -> DateField | None:
    """What dates the values of a field; None if nothing is known to."""
    row = _row(_ranges("date_fields.tsv"), field)
    if row is None:
        return None
    return DateField(int(row[0]), "array" if row[1] == "array" else "instance")


def is_bulk(field: int) -> bool:
    """True for a field whose cells name files (bulk, records, samples)."""
    return _row(_ranges("bulk_fields.tsv"), field) is not None


def is_free_text(field: int) -> bool:
    """True for a text field that no encoding bounds."""
    return _row(_ranges("free_text_fields.tsv"), field) is not None


@cache
def missing_codes() -> dict[str, dict[str, str]]:
    """Encoding -> code -> absent reason. A code that is not named is a value (-7, -10 too)."""
    found: dict[str, dict[str, str]] = {}
    for encoding, code, reason, _origin in _rows("missing_codes.tsv"):
        found.setdefault(encoding, {})[code] = reason
    return found


def absent_reason(encoding: str, code: str, meaning: str | None) -> str | None:
    """Why a code of an encoding means absent; None if it is a value.

    The table decides whether, a published meaning why: "None of the above" stays a value
    whatever the table says. A code that the table lacks is absent if its meaning is one of
    the Showcase's two standard sentences and nothing else.
    """
    plain = plain_number(code)
    listed = missing_codes().get(encoding, {}).get(plain)
    text = (meaning or "").strip()
    if listed is None:
        return _PLAINLY_MISSING.get(text.lower()) if plain.startswith("-") else None
    if _NONE.search(text):
        return None
    return next((reason for pattern, reason in _MEANT if pattern.search(text)), listed)


def plain_number(code: str) -> str:
    """A code as cells hold it: the Showcase writes some integers as -1.000."""
    return re.sub(r"^(-?\d+)\.0+$", r"\1", code.strip())


@cache
def _ranges(name: str) -> tuple[list[int], list[tuple[int, list[str]]]]:
    rows = [(int(r[0]), int(r[1]), r[2:]) for r in _rows(name)]
    return [first for first, _, _ in rows], [(last, rest) for _, last, rest in rows]


def _row(ranges: tuple[list[int], list[tuple[int, list[str]]]], field: int) -> list[str] | None:
    firsts, rest = ranges
    at = bisect_right(firsts, field) - 1
    if at < 0 or field > rest[at][0]:
        return None
    return rest[at][1]


def _rows(name: str) -> list[list[str]]:
    with (_FOLDER / name).open(encoding="utf-8", newline="") as handle:
        return list(csv.reader(handle, delimiter="\t"))[1:]
