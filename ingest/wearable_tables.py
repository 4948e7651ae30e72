"""Streams of wearables, and which variables of which format feed them, for the SQL models.

`ingest/shipped/wearable/streams.csv` and `variables.csv` are data: a new device's variable is a
row there. Anything not listed lands, is kept in raw, and is counted in stem.leftover.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from biobraid.core.home import Home
from biobraid.core.keys import concept_key
from biobraid.core.schemas import VOCAB_WEARABLE_STREAM, VOCAB_WEARABLE_VARIABLE
from biobraid.ingest.vocabulary.publish import Published, write_table

_FOLDER = Path(__file__).parent / "shipped" / "wearable"


def _rows(name: str) -> Iterator[dict[str, str]]:
    with (_FOLDER / name).open(encoding="utf-8", newline="") as handle:
        yield from csv.DictReader(handle)


def stream_table() -> pa.Table:
    """vocab.wearable_stream as shipped."""
    made: list[dict[str, object]] = [
        {**row, "loinc_code": row["loinc_code"] or None, "id_key": _id_key(row["stream"])}
        for row in _rows("streams.csv")
    ]
    return pa.Table.from_pylist(made, VOCAB_WEARABLE_STREAM.arrow)


def _id_key(stream: str) -> int:
    """A number of its own for each stream, as mappings have one for each table and concept."""
    return concept_key(f"wearable/{stream}", 0)


def variable_table() -> pa.Table:
    """vocab.wearable_variable as shipped."""
    made = [
        row | {"scale_factor": float(row["scale_factor"]), "is_daily": row["is_daily"] == "true"}
        for row in _rows("variables.csv")
    ]
    return pa.Table.from_pylist(made, VOCAB_WEARABLE_VARIABLE.arrow)


def write_wearable_tables(home: Home) -> list[Published]:
    """Write both tables; nothing is in force before `put_in_force`."""
    return [
        write_table(home, declared.name, declared.arrow, table.to_batches())
        for declared, table in (
            (VOCAB_WEARABLE_STREAM, stream_table()),
            (VOCAB_WEARABLE_VARIABLE, variable_table()),
        )
    ]
