"""Tables as text: what a spec test gives, and what it expects, in the form people read.

    person | variable | value
    -------+----------+------
    1      | alcohol  | -3

An empty cell is null. Several tables in one text are told apart by a line with the name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

Cell = str | None
_NAME = re.compile(r"^[a-z]+\.[a-z_]+$")


@dataclass(frozen=True)
class TextTable:
    """One parsed table: its name ('' if none was given), header and rows."""

    name: str
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def parse_tables(text: str) -> list[TextTable]:
    """All tables of a text, in order."""
    return list(_tables([line.strip() for line in text.splitlines()]))


def parse_table(text: str) -> TextTable:
    """The only table of a text."""
    (table,) = parse_tables(text)
    return table


def _tables(lines: Sequence[str]) -> Iterator[TextTable]:
    name, block = "", []
    for line in [*lines, ""]:
        if _NAME.match(line):
            if block:
                yield _table(name, block)
            name, block = line, []
        elif line and not re.match(r"^[-+]+$", line):
            block.append(line)
        elif not line and block:
            yield _table(name, block)
            name, block = "", []


def _table(name: str, block: Sequence[str]) -> TextTable:
    header, *rows = [tuple(cell.strip() or None for cell in line.split("|")) for line in block]
    names = tuple(cell or "" for cell in header)
    short = [row for row in rows if len(row) != len(names)]
    if short:
        raise ValueError(f"table {name}: {short[0]} has not {len(names)} cells")
    return TextTable(name, names, tuple(rows))
