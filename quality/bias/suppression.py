"""The form of the audits that may leave the engineers' warehouse: no small group, by no way.

Three steps. A count below min_cell (or whose complement within its row is) hides its row. Where
hiding one row of an additive family (the levels of an attribute) would let it be had from the
total, the next smallest row is hidden, too. Every count that stays is rounded to a multiple of
min_cell, so that any sum or difference of shown counts is a multiple of it: sets of modalities
lie inside each other, and their differences would else be small. Shares and everything else
that follows from a count are computed anew from the rounded one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from biobraid.quality.bias.verdict import NOT_ASSESSED

Row = dict[str, Any]


@dataclass(frozen=True)
class Shape:
    """Which columns of a table are what.

    counts: people or facts; the first is the whole of the row, the others parts of it. family:
    columns whose equal values make rows add up. estimates: hidden with their row. recompute:
    estimates again from the rounded counts, in place, given the row and min_cell. steps: shares
    of n that only move by whole multiples of min_cell people. beside: counts that are no part
    of the first, such as another side's people, so that no complement of theirs is small.
    """

    counts: tuple[str, ...]
    family: tuple[str, ...] = ()
    estimates: tuple[str, ...] = ()
    recompute: Callable[[Row, int], None] | None = None
    digits: int = 2
    steps: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()


def suppressed(rows: Sequence[Row], shape: Shape, min_cell: int) -> list[Row]:
    """Rows fit to leave; n_suppressed counts the numbers that were taken out of each."""
    hidden = [_is_small(row, shape, min_cell) for row in rows]
    families: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        families[tuple(row.get(c) for c in shape.family)].append(place)
    if shape.family:
        for places in families.values():
            _complete(rows, places, hidden, shape.counts[0], min_cell)
    return [
        _hide(row, shape, min_cell) if is_hidden else _rounded(row, shape, min_cell)
        for row, is_hidden in zip(rows, hidden, strict=True)
    ]


def rounded(n: float | None, min_cell: int) -> int | None:
    """A count as a multiple of min_cell."""
    return None if n is None else int(min_cell * ((int(n) + min_cell // 2) // min_cell))


def _is_small(row: Row, shape: Shape, min_cell: int) -> bool:
    whole = row.get(shape.counts[0])
    if whole is not None and 0 < whole < min_cell:
        return True
    for column in shape.counts[1:]:
        part = row.get(column)
        if part is None:
            continue
        if 0 < part < min_cell:
            return True
        if column not in shape.beside and whole is not None and 0 < whole - part < min_cell:
            return True
    return False


def _complete(
    rows: Sequence[Row], places: list[int], hidden: list[bool], count: str, min_cell: int
) -> None:
    """Hide more rows of a family until those hidden together are no small group."""
    while True:
        gone = [p for p in places if hidden[p]]
        together = sum(rows[p].get(count) or 0 for p in gone)
        if not gone or (len(gone) > 1 and together >= min_cell):
            return
        shown = [p for p in places if not hidden[p] and (rows[p].get(count) or 0) > 0]
        if not shown:
            return
        hidden[min(shown, key=lambda p: (rows[p].get(count) or 0, p))] = True


def _hide(row: Row, shape: Shape, min_cell: int) -> Row:
    out = dict(row)
    taken = [c for c in (*shape.counts, *shape.estimates, *shape.steps) if out.get(c) is not None]
    for column in taken:
        out[column] = None
    out["n_suppressed"] = len([c for c in taken if c in shape.counts])
    out["verdict"] = NOT_ASSESSED
    out["reason"] = f"hidden: a group under {min_cell}, or one that would give such a group away"
    return out


def _rounded(row: Row, shape: Shape, min_cell: int) -> Row:
    out = dict(row)
    for column in shape.counts:
        out[column] = rounded(out.get(column), min_cell)
    if shape.recompute:
        shape.recompute(out, min_cell)
    for column in shape.steps:
        n = out.get(shape.counts[0])
        if out.get(column) is not None and n:
            out[column] = round((rounded(out[column] * n, min_cell) or 0) / n, 6)
    for column in shape.estimates:
        if isinstance(out.get(column), float):
            out[column] = round(out[column], shape.digits)
    return out
