"""Columns of a person-level table as miceforest can take them, and back again.

Numbers become floats (skewed ones on an arcsinh scale), categories codes with the levels of the
training rows, ordinal values their rank, dates days since 1970. Names become v0, v1, ...
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.core.errors import Fault, SettingsError

_SKEWED = 1.0  # skewness beyond which a number is put on an arcsinh scale
_MICROSECONDS_PER_DAY = 86_400_000_000


@dataclass(frozen=True)
class Column:
    """One column as learnt from the training rows.

    levels: of a category (sorted) or an ordinal (in order); centre and scale: of the arcsinh of
    a skewed number, scale 0 for one that is left as it is.
    """

    name: str
    kind: Literal["number", "category", "ordinal", "time"]
    levels: tuple[Any, ...] = ()
    centre: float = 0.0
    scale: float = 0.0


def describe(training: pa.Table, kinds: Mapping[str, str]) -> tuple[Column, ...]:
    """The columns of the training rows. SettingsError for columns without a value or unknown ones."""
    faults = [
        Fault(f"column {name}", "the table has no such column")
        for name in sorted(set(kinds) - set(training.column_names))
    ]
    faults += [
        Fault(f"column {name}", "has no value in the training rows",
              "at least two different persons with a value", "Leave the column out.")
        for name in training.column_names
        if training.num_rows - training[name].null_count < 2
    ]  # fmt: skip
    if faults:
        raise SettingsError(faults)
    return tuple(_describe(name, training[name], kinds.get(name)) for name in training.column_names)


def _describe(name: str, values: pa.ChunkedArray, wanted: str | None) -> Column:
    kind = wanted or _kind_of(values.type)
    if kind == "time":
        return Column(name, "time")
    if kind == "number":
        return _number(name, _floats(values))
    levels = tuple(sorted(set(_plain(values).drop_null().to_pylist())))
    return Column(name, "ordinal" if kind == "ordinal" else "category", levels)


def _kind_of(kind: pa.DataType) -> str:
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return "number"
    return "time" if pa.types.is_date(kind) or pa.types.is_timestamp(kind) else "category"


def _number(name: str, values: npt.NDArray[np.float64]) -> Column:
    known = values[np.isfinite(values)]
    spread = known.std()
    skew = ((known - known.mean()) ** 3).mean() / spread**3 if spread > 0 else 0.0
    low, centre, high = np.quantile(known, (0.25, 0.5, 0.75))
    is_skewed = abs(skew) > _SKEWED and high > low
    return Column(name, "number", (), float(centre), float(high - low) / 2 if is_skewed else 0.0)


def to_codes(table: pa.Table, columns: tuple[Column, ...]) -> Any:
    """A data frame with a RangeIndex and columns v0, v1, ...; a level unseen in training is empty."""
    import pandas as pd

    missing = [c.name for c in columns if c.name not in table.column_names]
    if missing:
        raise SettingsError([Fault(f"column {n}", "is missing from the table") for n in missing])
    frame = {}
    for place, column in enumerate(columns):
        values = table[column.name]
        if column.kind == "category":
            codes = pc.index_in(
                _plain(values), value_set=pa.array(column.levels, _plain(values).type)
            )
            frame[f"v{place}"] = pd.Categorical.from_codes(
                codes.fill_null(-1).to_numpy(), categories=list(range(len(column.levels)))
            )
        elif column.kind == "ordinal":
            codes = pc.index_in(
                _plain(values), value_set=pa.array(column.levels, _plain(values).type)
            )
            frame[f"v{place}"] = codes.cast(pa.float64()).to_numpy(zero_copy_only=False)
        else:
            raw = _days(values) if column.kind == "time" else _floats(values)
            frame[f"v{place}"] = _scaled(raw, column)
    return pd.DataFrame(frame)


def from_codes(filled: Any, given: pa.Table, columns: tuple[Column, ...]) -> pa.Table:
    """The given table with its empty cells filled; whatever was observed is kept bit for bit."""
    out = given
    for place, column in enumerate(columns):
        values = given[column.name]
        if not values.null_count:
            continue
        drawn = _drawn(filled[f"v{place}"].to_numpy(), column, values.type)
        plain = values.combine_chunks() if values.num_chunks != 1 else values.chunk(0)
        if pa.types.is_dictionary(plain.type):
            plain = plain.dictionary_decode()
            drawn = drawn.cast(plain.type)
        kept = pc.if_else(pc.is_valid(plain), plain, drawn)
        at = out.schema.get_field_index(column.name)
        out = out.set_column(at, column.name, kept)
    return out


def _drawn(values: npt.NDArray[Any], column: Column, kind: pa.DataType) -> pa.Array:
    if column.levels:
        chosen = np.round(values.astype(np.float64)).astype(np.int64)
        levels = pa.array(column.levels)
        return levels.take(pa.array(np.clip(chosen, 0, len(levels) - 1))).cast(_value_type(kind))
    numbers = _unscaled(values.astype(np.float64), column)
    if column.kind == "time":
        if pa.types.is_date(kind):
            return pa.array(np.round(numbers).astype(np.int32), pa.date32()).cast(kind)
        moments = np.round(numbers * _MICROSECONDS_PER_DAY).astype(np.int64)
        return pa.array(moments, pa.timestamp("us", getattr(kind, "tz", None))).cast(
            kind, safe=False
        )
    if pa.types.is_integer(kind):
        return pa.array(np.round(numbers).astype(np.int64)).cast(kind)
    return pa.array(numbers).cast(kind)


def _value_type(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _plain(values: pa.ChunkedArray) -> pa.Array:
    whole = values.combine_chunks()
    if isinstance(whole, pa.ChunkedArray):
        whole = pa.concat_arrays(whole.chunks) if whole.num_chunks else pa.array([], whole.type)
    return whole.dictionary_decode() if pa.types.is_dictionary(whole.type) else whole


def _floats(values: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    found: npt.NDArray[np.float64] = values.cast(pa.float64()).to_numpy()
    return np.where(np.isfinite(found), found, np.nan)


def _days(values: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    zone = values.type.tz if pa.types.is_timestamp(values.type) else None
    moments = values.cast(pa.timestamp("us", zone))
    found: npt.NDArray[np.float64] = moments.cast(pa.int64()).cast(pa.float64()).to_numpy()
    return found / _MICROSECONDS_PER_DAY


def _scaled(values: npt.NDArray[np.float64], column: Column) -> npt.NDArray[np.float64]:
    if not column.scale:
        return values
    scaled: npt.NDArray[np.float64] = np.arcsinh((values - column.centre) / column.scale)
    return scaled


def _unscaled(values: npt.NDArray[np.float64], column: Column) -> npt.NDArray[np.float64]:
    if not column.scale:
        return values
    found: npt.NDArray[np.float64] = np.sinh(values) * column.scale + column.centre
    return found
