"""Delivered cells as numbers, limits and reasons for absence."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Bools = npt.NDArray[np.bool_]
_PLAIN = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
NUMBER = f"^{_PLAIN}$"
_IS_NUMBER = re.compile(rf"\s*{_PLAIN}\s*")
_LIMIT = f"^(?P<sign><=|>=|<|>) *(?P<number>{_PLAIN})$"
A_NUMBER = "a number, a limit (<0.5), or a declared absent code"


@dataclass(frozen=True)
class Numbers:
    """Columns of raw.feature for cells, and which cells are empty or no number.

    value is null where only a limit (limit_value with censored) or absent_reason is known.
    """

    value: pa.DoubleArray
    limit_value: pa.DoubleArray
    censored: pa.StringArray
    absent_reason: pa.StringArray
    is_empty: Bools
    is_bad: Bools

    @property
    def lands(self) -> Bools:
        """Cells that become a row."""
        return ~(self.is_empty | self.is_bad)

    def columns(self, keep: Bools | None = None) -> dict[str, pa.Array]:
        """The columns of raw.feature, of the cells to keep; without those that say nothing."""
        found = {
            "value": self.value,
            "limit_value": self.limit_value,
            "censored": self.censored,
            "absent_reason": self.absent_reason,
        }
        if keep is not None and not keep.all():
            mask = pa.array(keep)
            found = {name: column.filter(mask) for name, column in found.items()}
        return found


def read_numbers(
    cells: pa.StringArray,
    absent: Mapping[str, str],
    null_values: Sequence[str],
    decimal: str = ".",
) -> Numbers:
    """Text of cells as numbers: one cast where all are, a closer look where some are not."""
    n = len(cells)
    nothing = pa.nulls(n, pa.string())
    try:
        value = pc.cast(cells, pa.float64())
        is_plain = decimal == "." and not _has_words(cells, [*absent, *null_values])
        if is_plain and pc.all(pc.fill_null(pc.is_finite(value), True)).as_py():
            is_null = value.is_null().to_numpy(zero_copy_only=False)
            no = np.zeros(n, dtype=bool)
            return Numbers(value, pa.nulls(n, pa.float64()), nothing, nothing, is_null, no)
    except pa.ArrowInvalid:
        pass
    encoded = cells.dictionary_encode()
    distinct = _read_distinct(encoded.dictionary, absent, null_values, decimal)
    at = encoded.indices
    missing = at.is_null().to_numpy(zero_copy_only=False)
    place = at.fill_null(0).to_numpy(zero_copy_only=False)
    if not len(encoded.dictionary):
        empty = np.ones(n, dtype=bool)
        return Numbers(
            pa.nulls(n, pa.float64()), pa.nulls(n, pa.float64()), nothing, nothing, empty, ~empty
        )
    return Numbers(
        distinct.value.take(at),
        distinct.limit_value.take(at),
        distinct.censored.take(at),
        distinct.absent_reason.take(at),
        distinct.is_empty[place] | missing,
        distinct.is_bad[place] & ~missing,
    )


def _has_words(cells: pa.StringArray, words: Sequence[str]) -> bool:
    """Whether a cell is a declared word: a number may be one too (-9)."""
    numeric = [w for w in words if _IS_NUMBER.fullmatch(w)]
    if not numeric:
        return False
    found: bool = pc.any(pc.is_in(cells, pa.array(numeric, pa.string()))).as_py()
    return found


def _read_distinct(
    texts: pa.StringArray, absent: Mapping[str, str], null_values: Sequence[str], decimal: str
) -> Numbers:
    text = pc.utf8_trim_whitespace(texts)
    if decimal == ",":
        text = pc.replace_substring(text, ",", ".", max_replacements=1)
    none = pa.scalar(None, pa.string())
    is_empty = pc.is_in(text, pa.array(["", *null_values], pa.string()))
    places = pc.index_in(text, pa.array(list(absent), pa.string()))
    reason = pa.array(list(absent.values()), pa.string()).take(places)
    is_number = pc.match_substring_regex(text, NUMBER)
    value = pc.cast(pc.if_else(is_number, text, none), pa.float64())
    value = pc.if_else(pc.is_finite(value), value, pa.scalar(None, pa.float64()))
    parts = pc.extract_regex(text, _LIMIT)
    is_limit = parts.is_valid()
    sign = pc.if_else(is_limit, pc.struct_field(parts, "sign"), none)
    limit = pc.cast(pc.if_else(is_limit, pc.struct_field(parts, "number"), none), pa.float64())
    limit = pc.if_else(pc.is_finite(limit), limit, pa.scalar(None, pa.float64()))
    is_limit = limit.is_valid()
    sign = pc.if_else(is_limit, sign, none)
    is_left = pc.starts_with(sign, "<")
    censored = pc.if_else(is_left, "left", "right")  # null where there is no sign
    is_reason = reason.is_valid()
    known = pc.or_(pc.or_(is_empty, is_reason), pc.or_(value.is_valid(), is_limit))
    is_empty = pc.and_(is_empty, pc.invert(is_reason))
    return Numbers(
        pc.if_else(is_reason, pa.scalar(None, pa.float64()), value),
        limit,
        censored,
        reason,
        is_empty.to_numpy(zero_copy_only=False),
        pc.invert(known).to_numpy(zero_copy_only=False),
    )
