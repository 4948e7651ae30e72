"""What is wrong with a text file of a download, line by line: read only after it failed."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import date

import pyarrow as pa

from biobraid.core.errors import Fault
from biobraid.ingest.vocabulary.athena import DELIMITER, Member, athena_schema, cut_fault

_WHOLE = re.compile(rb"-?\d{1,18}")
_DECIMAL = re.compile(rb"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
_DATE = re.compile(rb"(\d{4})-?(\d\d)-?(\d\d)")


def line_faults(member: Member, columns: list[str], needed: Collection[str]) -> list[Fault]:
    """Every kind of fault once, with the number of lines that have it and the first of them."""
    checks = [
        (columns.index(f.name), f.name, f.type, f.name in needed)
        for f in athena_schema(member.table)
    ]
    found: dict[tuple[str, str], list[int]] = {}  # (what, expected) -> [lines, first line]
    delimiter = DELIMITER.encode()
    is_cut = False
    with member.open() as lines:
        for number, line in enumerate(lines, 1):
            if number == 1:
                continue
            is_cut = not line.endswith(b"\n")
            cells = line.rstrip(b"\r\n").split(delimiter)
            if is_cut:
                break  # whatever is wrong with half a line follows from that
            for problem in _problems(cells, len(columns), checks):
                found.setdefault(problem, [0, number])[0] += 1
    faults = [cut_fault(member)] if is_cut else []
    for (what, expected), (n_lines, first) in found.items():
        places = f"line {first}" if n_lines == 1 else f"{n_lines:,} lines, first line {first}"
        faults.append(Fault(f"{member.name}, {places}", what, expected))
    return faults


def _problems(
    cells: list[bytes], n_columns: int, checks: list[tuple[int, str, pa.DataType, bool]]
) -> list[tuple[str, str]]:
    if len(cells) != n_columns:
        return [(f"{len(cells)} cells", f"{n_columns}, with a tab between")]
    problems = []
    for at, name, kind, is_needed in checks:
        cell = cells[at]
        if not cell:
            if is_needed:
                problems.append((f"{name} is empty", "a value"))
        elif pa.types.is_integer(kind):
            if not _WHOLE.fullmatch(cell):
                problems.append((f"{name} is not a whole number", ""))
        elif pa.types.is_floating(kind):
            if not _DECIMAL.fullmatch(cell):
                problems.append((f"{name} is not a number", ""))
        elif pa.types.is_date(kind):
            if not _is_date(cell):
                problems.append((f"{name} is not a date", "YYYYMMDD or YYYY-MM-DD"))
        elif not _is_utf8(cell):
            problems.append((f"{name} is not UTF-8", "UTF-8, as Athena writes it"))
    return problems


def _is_date(cell: bytes) -> bool:
    parts = _DATE.fullmatch(cell)
    try:
        return parts is not None and bool(date(*map(int, parts.groups())))
    except ValueError:
        return False


def _is_utf8(cell: bytes) -> bool:
    try:
        cell.decode()
    except UnicodeDecodeError:
        return False
    return True
