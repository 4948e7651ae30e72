"""A UK-Biobank-shaped wide table, mostly empty, written in blocks of rows."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count, islice
from pathlib import Path

import numpy as np
import polars as pl

from biobraid.ingest.dictionaries import ukb_facts

_BLOCK_ROWS = 2_500
_ATTENDED = (1.0, 0.04, 0.15, 0.01)  # share of persons seen at each instance
_FILLED = 0.5  # share of a visit's cells that hold something
_VISIT_FIELD = 53
_KINDS = ("code", "integer", "number", "date")
_KIND_SHARES = (0.40, 0.30, 0.25, 0.05)
_SHOWCASE_TYPES = {
    "code": "Categorical single", "integer": "Integer", "number": "Continuous", "date": "Date",
}  # fmt: skip


def fields(n_columns: int) -> list[int]:
    """Field ids for so many columns of four instances each, dated by the visit."""
    n = -(-n_columns // len(_ATTENDED)) - 1
    return [_VISIT_FIELD, *islice(filter(_is_plain, count(60)), n)]


def kinds(field_ids: list[int], seed: int) -> dict[int, str]:
    """Kind of value of each field."""
    drawn = np.random.default_rng(seed).choice(_KINDS, len(field_ids), p=_KIND_SHARES)
    return {f: str(k) for f, k in zip(field_ids, drawn, strict=True)} | {_VISIT_FIELD: "date"}


def write_main_table(
    path: Path, persons: int, columns: int, seed: int, progress: Callable[[str], None]
) -> None:
    """Write a CSV of eid and `columns` columns."""
    field_ids = fields(columns)
    kind_of = kinds(field_ids, seed)
    names = [f"{f}-{i}.0" for f in field_ids for i in range(len(_ATTENDED))][:columns]
    with path.open("wb") as out:
        for start in range(0, persons, _BLOCK_ROWS):
            n = min(_BLOCK_ROWS, persons - start)
            rng = np.random.default_rng([seed, start])
            seen = rng.random((n, len(_ATTENDED))) < np.array(_ATTENDED)
            cells = {"eid": pl.Series(np.arange(start, start + n) + 1_000_000)}
            for name in names:
                field, _, rest = name.partition("-")
                visit = int(rest[0])
                here = seen[:, visit]
                if int(field) != _VISIT_FIELD:
                    here = here & (rng.random(n, dtype=np.float32) < _FILLED)
                cells[name] = _column(rng, kind_of[int(field)], here)
            frame = pl.DataFrame(cells)
            frame.write_csv(out, include_header=start == 0, date_format="%Y-%m-%d")
    progress(f"{persons:,} x {columns:,}: {path.stat().st_size / 1e6:.0f} MB")


def write_dictionary(path: Path, columns: int, seed: int) -> None:
    """A Data_Dictionary_Showcase.tsv with the fields of the table."""
    header = "Path\tCategory\tFieldID\tField\tValueType\tUnits\tItemType\tInstances\tArray\tCoding"
    lines = [
        f"Bench\t1\t{f}\tField {f}\t{_SHOWCASE_TYPES[kind]}\t\tData\t4\t1\t"
        f"{'100349' if kind == 'code' else ''}"
        for f, kind in kinds(fields(columns), seed).items()
    ]
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")


def write_codings(path: Path) -> None:
    """A Codings.tsv with the one coding that the table uses."""
    meanings = {
        **{str(i): f"Answer {i}" for i in range(1, 8)},
        "-1": "Do not know",
        "-3": "Prefer not to answer",
    }
    lines = [f"100349\t{code}\t{meaning}" for code, meaning in meanings.items()]
    path.write_text("\n".join(["Coding\tValue\tMeaning", *lines]) + "\n", encoding="utf-8")


def head(source: Path, target: Path, rows: int) -> None:
    """The header and the first rows of a table."""
    with source.open("rb") as given, target.open("wb") as out:
        out.writelines(islice(given, rows + 1))


def _column(
    rng: np.random.Generator, kind: str, here: np.ndarray[tuple[int], np.dtype[np.bool_]]
) -> pl.Series:
    n = len(here)
    if kind == "date":
        days = rng.integers(13_000, 18_000, n).astype("datetime64[D]")
        return pl.Series(np.where(here, days, np.datetime64("NaT")))
    if kind == "number":
        values = pl.Series(np.round(rng.gamma(9.0, 3.0, n), 4))
    elif kind == "integer":
        values = pl.Series(rng.integers(0, 400, n))
    else:
        values = pl.Series(rng.choice(np.array([1, 2, 3, 4, 5, 6, 7, -1, -3]), n))
    return pl.select(pl.when(pl.Series(here)).then(values)).to_series()


def _is_plain(field: int) -> bool:
    by = ukb_facts.date_field(field)
    return (
        by is not None
        and by.field == _VISIT_FIELD
        and not ukb_facts.is_bulk(field)
        and not ukb_facts.is_free_text(field)
    )
