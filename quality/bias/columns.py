"""Columns of a dataset as a frame, so that two sets of people can be compared by features.

The first side says what a column is and where its tenths lie; the second side, often a file
from where a model is deployed, is cut alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pv
import pyarrow.parquet as pq

from biobraid.core.errors import Fault, SettingsError, SourceFileError, near_misses
from biobraid.quality.bias.frame import MISSING, Attribute, Floats, Frame
from biobraid.quality.bias.levels import band_of, cut

Kind = Literal["number", "concept", "boolean", "text"]
SCHEME = "column"
MAX_LEVELS = 300
N_BINS = 10
_SQL: dict[Kind, str] = {"number": "DOUBLE", "concept": "BIGINT", "boolean": "BOOLEAN",
                         "text": "VARCHAR"}  # fmt: skip


@dataclass(frozen=True)
class Column:
    """What a column holds. cuts: limits between the tenths of the first side; numbers only."""

    name: str
    kind: Kind
    cuts: Floats | None = None


def read_deployment(path: Path, wanted: Sequence[str]) -> pa.Table:
    """The wanted columns of a CSV or Parquet file; SettingsError names all that are missing.

    CSV: UTF-8, comma, a header; every value as text, an empty one missing.
    """
    try:
        header = _header(path)
        gone = [name for name in wanted if name not in header]
        if gone:
            raise SettingsError(
                Fault(f"{path.name}, header", f"no column {', '.join(gone)}",
                      f"all of {', '.join(wanted)}",
                      "Add them, or name those to compare with --column.",
                      tuple(dict.fromkeys(x for name in gone for x in near_misses(name, header))))
            )  # fmt: skip
        if path.suffix == ".parquet":
            return pq.read_table(path, columns=list(wanted))
        options = pv.ConvertOptions(
            include_columns=list(wanted), column_types=dict.fromkeys(wanted, pa.string()),
            strings_can_be_null=True, null_values=[""],
        )  # fmt: skip
        return pv.read_csv(path, convert_options=options)
    except (pa.ArrowInvalid, UnicodeDecodeError):  # the message may quote a row
        raise SourceFileError(
            Fault(path.name, "cannot be read to its end", "Parquet, or CSV in UTF-8 with commas, "
                  "a header and as many values in every row")
        ) from None  # fmt: skip


def _header(path: Path) -> list[str]:
    if path.suffix == ".parquet":
        return list(pq.read_schema(path).names)
    with pv.open_csv(path) as reader:
        return list(reader.schema.names)


def learn(table: pa.Table, columns: Sequence[Column]) -> list[Column]:
    """The columns with the tenths of this table's numbers."""
    out = []
    for column in columns:
        if column.kind == "number":
            values = np.asarray(table[column.name].cast(pa.float64()).to_numpy(), np.float64)
            known = values[np.isfinite(values)]
            inner = np.linspace(0, 1, N_BINS + 1)[1:-1]
            cuts = np.unique(np.quantile(known, inner)) if len(known) else np.zeros(0)
            column = replace(column, cuts=cuts)
        out.append(column)
    return out


def frame_of_columns(table: pa.Table, columns: Sequence[Column], what: str) -> Frame:
    """A frame with one attribute per column; texts of more than 300 kinds are left out.

    what: name of the table in errors. Raises SourceFileError with all columns whose values are
    not of their kind; counted, never quoted.
    """
    attributes, codes, faults = [], [], []
    for column in columns:
        values, n_bad = _typed(table[column.name], column.kind)
        if n_bad:
            faults.append(Fault(f"{what}, column {column.name}", f"{n_bad:,} values are no "
                                f"{column.kind}", f"a {column.kind} in every row, or nothing"))  # fmt: skip
            continue
        names = _binned(values, column) if column.kind == "number" else _named(values)
        known, place = np.unique(names, return_inverse=True)
        if len(known) > MAX_LEVELS:
            continue
        attributes.append(Attribute(column.name, SCHEME, tuple(str(k) for k in known)))
        codes.append(place.astype(np.int16))
    if faults:
        raise SourceFileError(faults)
    return _frame(attributes, codes, table.num_rows)


def frame_like(table: pa.Table, names: Mapping[str, Attribute]) -> Frame:
    """A frame of attributes of another frame, from columns that hold their levels.

    names: attribute by column. Where the attribute's levels are bands, numbers are cut into them.
    """
    attributes, codes = [], []
    for name, attribute in names.items():
        values = _named(_typed(table[name], "text")[0])
        bands = [level for level in attribute.levels if band_of(level)]
        if bands:
            distinct, place, counts = np.unique(values, return_inverse=True, return_counts=True)
            plain = [v if v != MISSING else "nan" for v in distinct.tolist()]
            cuts = cut(plain, counts.tolist(), bands)
            levels = [MISSING if v == "nan" else c for v, c in zip(plain, cuts, strict=True)]
            values = np.array(levels, object)[place]
        known, place = np.unique(values.astype(str), return_inverse=True)
        attributes.append(Attribute(*attribute.key, tuple(str(k) for k in known)))
        codes.append(place.astype(np.int16))
    return _frame(attributes, codes, table.num_rows)


def _frame(attributes: list[Attribute], codes: list[npt.NDArray[np.int16]], n: int) -> Frame:
    stacked = np.stack(codes, axis=1) if codes else np.zeros((n, 0), np.int16)
    return Frame(tuple(attributes), stacked, (), np.zeros((n, 0), np.bool_), np.arange(n))


def _typed(values: pa.ChunkedArray, kind: Kind) -> tuple[pa.ChunkedArray, int]:
    """The values in the type of their kind, and how many are not of it."""
    with duckdb.connect() as con:
        con.register("given", pa.table({"v": values}))
        found = con.execute(
            f"SELECT TRY_CAST(CAST(v AS VARCHAR) AS {_SQL[kind]}) AS v FROM given"  # noqa: S608
        ).to_arrow_table()["v"]
    return found, found.null_count - values.null_count


def _binned(values: pa.ChunkedArray, column: Column) -> npt.NDArray[np.str_]:
    numbers = np.asarray(values.to_numpy(), np.float64)
    cuts = column.cuts if column.cuts is not None else np.zeros(0)
    names = np.array([f"part {i + 1} of {len(cuts) + 1}" for i in range(len(cuts) + 1)])
    out = names[np.searchsorted(cuts, numbers, side="right")].astype(object)
    out[~np.isfinite(numbers)] = MISSING
    return out.astype(str)


def _named(values: pa.ChunkedArray) -> npt.NDArray[np.str_]:
    out: npt.NDArray[np.str_] = values.cast(pa.string()).fill_null(MISSING).to_numpy().astype(str)
    return out
