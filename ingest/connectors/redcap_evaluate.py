"""Branching logic over all rows of a block at once, in three values: true, false, unknown."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

import pyarrow as pa
import pyarrow.compute as pc

from biobraid.ingest.connectors.redcap_logic import Compare, Junction, Literal, Node, Not, Ref

_NUMBER = r"^\s*[+-]?(\d+\.?\d*|\.\d+)\s*$"
_DATE = r"^\s*\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2})?)?\s*$"

# Values of a field for each row: '' where it is blank, null where it is not known.
Values = Callable[[Ref], pa.StringArray | None]


def evaluate(node: Node, values: Values, n_rows: int) -> pa.BooleanArray:
    """Truth of the expression for each row; null where it is not known (Kleene's logic)."""
    if isinstance(node, Not):
        return pc.invert(evaluate(node.part, values, n_rows))
    if isinstance(node, Junction):
        join = pc.and_kleene if node.op == "and" else pc.or_kleene
        return reduce(join, (evaluate(part, values, n_rows) for part in node.parts))
    if isinstance(node, Compare):
        left, right = _side(node.left, values, n_rows), _side(node.right, values, n_rows)
        if left is not None and right is not None:
            return _compared(node.op, left, right)
    return pa.nulls(n_rows, pa.bool_())


def _side(side: Ref | Literal, values: Values, n_rows: int) -> pa.StringArray | None:
    if isinstance(side, Ref):
        return values(side)
    return pa.array([side.value], pa.string()).take(pa.array([0] * n_rows, pa.int32()))


def _compared(op: str, left: pa.StringArray, right: pa.StringArray) -> pa.BooleanArray:
    """As REDCap does: numbers as numbers; nothing is less or more than a blank."""
    both_numbers = pc.and_(_matches(left, _NUMBER), _matches(right, _NUMBER))
    a, b = _numbers(left, both_numbers), _numbers(right, both_numbers)
    if op in ("=", "<>"):
        same = pc.or_(pc.equal(left, right), pc.fill_null(pc.equal(a, b), False))
        return same if op == "=" else pc.invert(same)
    order = {"<": pc.less, "<=": pc.less_equal, ">": pc.greater, ">=": pc.greater_equal}[op]
    is_blank = pc.or_(pc.equal(left, ""), pc.equal(right, ""))
    both_dates = pc.and_(_matches(left, _DATE), _matches(right, _DATE))
    unknown = pa.scalar(None, pa.bool_())
    other = pc.if_else(both_dates, order(left, right), unknown)
    found = pc.if_else(both_numbers, order(a, b), other)
    return pc.if_else(is_blank, pa.scalar(False), found)


def _matches(text: pa.StringArray, pattern: str) -> pa.BooleanArray:
    return pc.match_substring_regex(text, pattern)


def _numbers(text: pa.StringArray, mask: pa.BooleanArray) -> pa.DoubleArray:
    trimmed = pc.utf8_trim_whitespace(pc.if_else(mask, text, pa.scalar(None, pa.string())))
    return pc.cast(pc.replace_substring_regex(trimmed, r"^\+", ""), pa.float64())
