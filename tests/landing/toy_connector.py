"""A connector so small that its books can be checked by hand; workers import it by name.

A file is CSV text. First line: names of the columns, the first of which is `person`. An empty
cell is no fact. Options: `key` (columns that name a record; none: the whole row), `version`,
`deleted` (column that is "1" in a deletion record), `numbers` (give row numbers),
`misbehave` (how), `pause_seconds` before each chunk, `marks` (file that gets a byte before each).
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pydantic import BaseModel

from biobraid.core.errors import Fault, SourceFileError
from biobraid.core.home import Home
from biobraid.core.study import Study
from biobraid.ingest.connectors.contract import Chunk, Counts, FileJob, Variable, connector
from biobraid.ingest.hashing import mix, person_keys, positive, record_ids, value_hashes


class ToyOptions(BaseModel):
    key: list[str] = []
    version: str | None = None
    deleted: str | None = None
    numbers: bool = False
    misbehave: str = ""
    pause_seconds: float = 0.0
    rows_per_chunk: int = 1000
    marks: str = ""


@connector("toy", options=ToyOptions)
def read_toy(job: FileJob) -> Iterator[Chunk | Counts]:
    options = ToyOptions.model_validate(
        {k: v for k, v in job.source.options.items() if k != "dropped_columns"}
    )
    text = job.path.read_text()
    lines = text.splitlines()
    names = lines[0].split(",")
    if names[0] != "person":
        raise SourceFileError(Fault(job.where, "the first column is not person"))
    rows = [(i, line.split(",")) for i, line in enumerate(lines[1:], start=2)]
    for start in range(0, len(rows), options.rows_per_chunk):
        if options.marks:
            with Path(options.marks).open("ab") as marks:
                marks.write(b".")
        time.sleep(options.pause_seconds)
        yield from _chunk(job, options, names, rows[start : start + options.rows_per_chunk])
    if options.misbehave == "bug":
        raise KeyError(lines[1])
    if options.misbehave == "die":
        os._exit(9)
    unique = options.misbehave == "" and not options.numbers and bool(options.key)
    yield Counts(
        columns=tuple(names),
        keys_are_unique=unique,
        whole_row_keys=not options.key,
        bytes_done=len(text),
        facts_read=1 if options.misbehave == "books" else 0,
    )


def _chunk(
    job: FileJob, options: ToyOptions, names: list[str], rows: list[tuple[int, list[str]]]
) -> Iterator[Chunk | Counts]:
    counts = Counts(records_read=len(rows))
    good = [(n, r) for n, r in rows if len(r) == len(names) and r[0]]
    bad = [n for n, r in rows if len(r) != len(names) or not r[0]]
    counts.records_rejected = len(bad)
    if bad:
        yield Chunk(
            "raw.reject",
            pa.table(
                {
                    "row_number": pa.array(bad, pa.int64()),
                    "unit_of_count": ["record"] * len(bad),
                    "reason": ["ragged-row"] * len(bad),
                }
            ),
        )
    if not good:
        yield counts
        return
    by_name = {n: pa.array([r[i] for _, r in good]) for i, n in enumerate(names)}
    key = options.key or names
    ids = record_ids(job.keys, f"{job.study.id}/{job.source_id}", [(k, by_name[k]) for k in key])
    persons = person_keys(job.keys, job.study.person_namespace, by_name["person"])
    yield Chunk("identity", _native_ids(by_name["person"], persons, ids))
    gone = (
        np.array([v == "1" for v in by_name[options.deleted].to_pylist()])
        if (options.deleted)
        else np.zeros(len(good), bool)
    )
    numbers = np.array([n for n, _ in good])
    if options.version:
        columns: dict[str, Any] = {
            "record_id": positive(ids),
            "version": by_name[options.version],
            "is_deleted": pa.array(gone),
        }
        if options.numbers:
            columns["row_number"] = pa.array(numbers)
        yield Chunk("version", pa.table(columns))
    counts.records_ignored += int(gone.sum())
    counts.ignored["deletion-record"] += int(gone.sum())
    skip = {"person", *options.key, options.version, options.deleted}
    for name in [n for n in names if n not in skip]:
        cells = by_name[name]
        where = np.array([bool(c) for c in cells.to_pylist()]) & ~gone
        if not where.any():
            continue
        labels = pa.array([name] * len(good))
        facts: dict[str, Any] = {
            "row_id": positive(mix(ids, value_hashes(job.keys, "variable", labels))),
            "record_id": positive(ids),
            "source_person_key": persons,
            "variable": labels,
            "instance": pa.array([0] * len(good), pa.int32()),
            "array_index": pa.array([0] * len(good), pa.int32()),
            "value": cells,
        }
        if options.numbers:
            facts["row_number"] = pa.array(numbers)
        table = pa.table(facts).filter(pa.array(where))
        counts.facts_read += table.num_rows
        yield Chunk("raw.value", table)
    yield counts


def _native_ids(native: pa.Array, persons: pa.Array, ids: Any) -> pa.Table:
    return pa.table(
        {
            "source_person_key": persons,
            "type": ["native_id"] * len(native),
            "value": native,
            "record_id": positive(ids),
        }
    )


@dataclass(frozen=True)
class ToyVariable(Variable):
    """Lives here so that a worker that unpickles it registers the connector."""


def toy_variables(home: Home, study: Study, source_id: str) -> dict[str, Variable]:
    """Stands in for the dictionary."""
    return {"x": ToyVariable("x")}
