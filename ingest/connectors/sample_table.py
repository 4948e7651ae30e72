"""Tables of numbers about genotyped samples: text with one line per sample or pair of samples."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from biobraid.core.errors import near_misses
from biobraid.ingest.connectors.contract import Chunk, Counts, FileJob
from biobraid.ingest.connectors.genotype_files import broken, read_text
from biobraid.ingest.connectors.genotype_options import WithdrawnIds

_NEGATIVE = r"^-\d+$"
_NUMBER = re.compile(r"[-+0-9.eE]+|nan|NA", re.IGNORECASE)


@dataclass(frozen=True)
class SampleTable:
    """Cells as delivered, by column; line: of each row in the file."""

    names: tuple[str, ...]
    cells: pl.DataFrame
    line: npt.NDArray[np.int64]

    def first_of(self, *names: str) -> str | None:
        """The first of some columns that is there, whatever its case."""
        by_lower = {name.lower(): name for name in self.names}
        return next((by_lower[n.lower()] for n in names if n.lower() in by_lower), None)

    def number(self, *names: str) -> pa.Array:
        """A column as numbers; null where it is not there or no number."""
        name = self.first_of(*names)
        if name is None:
            return pa.nulls(self.cells.height, pa.float64())
        found = self.cells[name].cast(pl.Float64, strict=False)
        return found.fill_nan(None).to_arrow().cast(pa.float64())


def read_sample_table(job: FileJob, header: Sequence[str] | None = None) -> SampleTable:
    """A table separated by blanks or tabs.

    header: names if the file has none (a first line whose third cell is a number).
    Raises SourceFileError for lines of another width.
    """
    text = read_text(job, job.path, "table").decode("utf-8-sig", errors="replace")
    rows = [(n, line.split()) for n, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not rows:
        raise broken(job, "the file is empty", "a header and lines")
    first = rows[0][1]
    if header is not None and len(first) > 2 and _NUMBER.fullmatch(first[2]):
        names = [*header, *(f"PC{k + 1}" for k in range(len(first) - len(header)))]
    else:
        names, rows = [first[0].lstrip("#"), *first[1:]], rows[1:]
    odd = [n for n, cells in rows if len(cells) != len(names)]
    if odd or len(set(names)) != len(names):
        found = (
            f"{len(odd)} lines have not the {len(names)} cells of the header, the first is "
            f"line {odd[0]}" if odd else "a column stands twice in the header"
        )  # fmt: skip
        raise broken(job, found, "lines of one width")
    columns = {name: [cells[i] for _, cells in rows] for i, name in enumerate(names)}
    frame = pl.DataFrame(columns, schema=dict.fromkeys(names, pl.String))
    return SampleTable(tuple(names), frame, np.array([n for n, _ in rows], np.int64))


def needed(job: FileJob, table: SampleTable, *names: str) -> str:
    """The first of some columns; SourceFileError if none is there."""
    found = table.first_of(*names)
    if found is None:
        near = ", ".join(near_misses(names[0], table.names))
        hint = f"; is it {near}?" if near else ""
        raise broken(job, f"there is no column {' or '.join(names)}{hint}", "a column of ids")
    return found


@dataclass(frozen=True)
class Sorted:
    """Rows that land, and the chunk and counts of those that do not."""

    kept: npt.NDArray[np.int64]
    chunks: tuple[Chunk, ...]
    counts: Counts


def sort_rows(
    table: SampleTable,
    ids: Sequence[str],
    bad: npt.NDArray[np.bool_],
    withdrawn_ids: WithdrawnIds = None,
) -> Sorted:
    """Which rows land: not those of the withdrawn, without an id, unreadable, or repeated.

    ids: columns that name the row; the order of two ids does not matter. bad: rows whose
    numbers cannot be read.
    """
    cells = [table.cells[name] for name in ids]
    gone = np.zeros(table.cells.height, np.bool_)
    nobody = gone.copy()
    for column in cells:
        if withdrawn_ids == "negative":
            gone |= column.str.contains(_NEGATIVE).to_numpy()
        nobody |= column.is_in(["", "0", "NA", "."]).to_numpy()
    key = _pair_key(cells)
    candidates = ~gone & ~nobody & ~bad
    again = np.zeros(len(gone), np.bool_)
    at = np.flatnonzero(candidates)
    again[at] = ~key.gather(at).is_first_distinct().to_numpy()
    reasons = [
        (nobody & ~gone, "missing-person-id", "a sample id"),
        (bad & ~gone & ~nobody, "not-a-number", "numbers"),
        (again, "duplicate-key", "each sample or pair once"),
    ]
    counts = Counts(records_read=len(gone), keys_are_unique=True)
    counts.records_ignored = int(gone.sum())
    if counts.records_ignored:
        counts.ignored = Counter({"withdrawn-sample": counts.records_ignored})
    lines, why, expected = [], [], []
    for rows, reason, wanted in reasons:
        lines += table.line[rows].tolist()
        why += [reason] * int(rows.sum())
        expected += [wanted] * int(rows.sum())
    counts.records_rejected = len(lines)
    chunks = []
    if lines:
        chunks.append(
            Chunk(
                "raw.reject",
                pa.table(
                    {
                        "row_number": pa.array(lines, pa.int64()),
                        "unit_of_count": ["record"] * len(lines),
                        "reason": why,
                        "expected": expected,
                    }
                ),
            )
        )
    return Sorted(np.flatnonzero(candidates & ~again), tuple(chunks), counts)


def _pair_key(columns: Sequence[pl.Series]) -> pl.Series:
    frame = pl.DataFrame([c.alias(f"c{i}") for i, c in enumerate(columns)])
    low, high = pl.min_horizontal(pl.all()), pl.max_horizontal(pl.all())
    return frame.select(pl.concat_str(low, pl.lit(" "), high).alias("key"))["key"]
