"""A REDCap export as blocks of wide rows, whichever form it was delivered in.

Flat exports are streamed, as often as asked for. An EAV export (record, field_name, value) has
a line for each cell; it is pivoted in memory to the rows that the flat export would have.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.core.errors import SourceFileError
from biobraid.ingest.connectors.contract import FileJob
from biobraid.ingest.connectors.redcap_options import RedcapOptions
from biobraid.ingest.connectors.redcap_plan import label_fault
from biobraid.ingest.connectors.redcap_project import ACCESS_GROUP, KEYS, Project
from biobraid.ingest.dictionaries.redcap_fields import CHECKED, column_suffix
from biobraid.ingest.tabular import (
    ParquetTable,
    TextBlock,
    TextTable,
    is_parquet,
    open_parquet_table,
    open_text_table,
)
from biobraid.ingest.tabular.block import REJECT, ArrowBlock, reject_table

Ints = npt.NDArray[np.int64]
_EAV = ("record", "field_name", "value")
ROWS_PER_BLOCK = 20_000
BLOCK_BYTES = 2 << 20  # cells of one character: a block of 2 MB has a million facts
_HEADER_BYTES = 1 << 20


class Export(Protocol):
    """Wide rows of a file."""

    header: tuple[str, ...]
    rejects: pa.Table  # of cells, schema REJECT
    n_keys: int  # cells that only repeat the record id

    def blocks(self) -> Iterator[TextBlock]:
        """All rows, from the start; may be called again."""


def open_export(job: FileJob, options: RedcapOptions, project: Project) -> Export:
    """The file as wide rows; SourceFileError where it holds labels or is damaged."""
    if not is_parquet(job.path):
        _refuse_labels(job, options, project)
    with _open(job, options) as table:
        header = table.header
    if set(_EAV) <= set(header):
        return EavExport(job, options, project)
    return FlatExport(job, options, header)


def _open(job: FileJob, options: RedcapOptions) -> AbstractContextManager[TextTable | ParquetTable]:
    if is_parquet(job.path):
        return open_parquet_table(job.path, null_values=(), where=job.where)
    return open_text_table(job.path, options.dialect(), block_bytes=BLOCK_BYTES, where=job.where)


def _refuse_labels(job: FileJob, options: RedcapOptions, project: Project) -> None:
    """Before the file is opened: labels such as 'Complete?' repeat, which no reader takes."""
    with Path(job.path).open("rb") as file:
        line = file.readline(_HEADER_BYTES).decode("utf-8-sig", errors="replace")
    try:
        names = next(csv.reader([line], delimiter=options.delimiter), [])
    except csv.Error:  # compressed or damaged: for the table's reader to say
        return
    fault = label_fault(job, [name.strip() for name in names], project)
    if fault is not None:
        raise SourceFileError(fault)


class FlatExport:
    """A row for each record, event and instance."""

    def __init__(self, job: FileJob, options: RedcapOptions, header: tuple[str, ...]) -> None:
        self._job, self._options = job, options
        self.header = header
        self.rejects = REJECT.empty_table()
        self.n_keys = 0

    def blocks(self) -> Iterator[TextBlock]:
        """All rows, read anew."""
        with _open(self._job, self._options) as table:
            yield from table


class EavExport:
    """A line for each cell, pivoted. A cell delivered twice keeps the later value.

    Only fields that some line names are columns: of the others nothing can be said.
    """

    def __init__(self, job: FileJob, options: RedcapOptions, project: Project) -> None:
        lines, self._damaged, self._bytes = _lines(job, options)
        keys = [name for name in (*KEYS, ACCESS_GROUP) if name in lines.column_names]
        is_named = _given(lines["record"]) & _given(lines["field_name"])
        numbers = lines["row_number"].to_numpy()
        nameless = _rejected(
            numbers[~is_named], "missing-record-or-field", "a record and the name of a field"
        )
        lines = lines.filter(pa.array(is_named))
        group, first = _groups(lines, [n for n in ("record", *KEYS) if n in lines.column_names])
        self._heads = lines.select(["record", *keys, "row_number"]).take(pa.array(first))
        is_id = pc.equal(lines["field_name"], project.record_id).to_numpy()
        self.n_keys = int(is_id.sum())
        is_cell = _given(lines["value"]) & ~is_id
        lines, group = lines.filter(pa.array(is_cell)), group[is_cell]
        variables = _variables(lines, project)
        is_choice = variables.is_valid().to_numpy(zero_copy_only=False)
        wrong = lines.filter(pa.array(~is_choice))
        unknown = _rejected(
            wrong["row_number"].to_numpy(), "unknown-code", "a choice of the field",
            wrong["field_name"].combine_chunks(),
        )  # fmt: skip
        lines, group = lines.filter(pa.array(is_choice)), group[is_choice]
        variables = variables.filter(pa.array(is_choice))
        names = variables.dictionary.to_pylist()
        column = variables.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        place = group * max(len(names), 1) + column
        last, twice = _last_of(place)
        numbers = lines["row_number"].to_numpy()[twice]
        again = _rejected(
            numbers, "duplicate-key", "one line per cell",
            pa.array(names, pa.string()).take(pa.array(column[twice])),
        )  # fmt: skip
        self.rejects = pa.concat_tables([nameless, unknown, again])
        value = pa.array(lines["value"].combine_chunks())
        is_checked = np.array(["___" in name for name in names] or [False])[column]
        value = pc.if_else(pa.array(is_checked), CHECKED, value)
        self._group, self._column, self._value = group[last], column[last], value.take(last)
        self._names = names
        self.header = (project.record_id, *keys, *names)

    def blocks(self) -> Iterator[TextBlock]:
        """All rows, some thousand records at a time."""
        n = len(self._heads)
        order = np.argsort(self._group, kind="stable")
        group = self._group[order]
        bounds = np.searchsorted(group, [*range(0, n, ROWS_PER_BLOCK), n])
        for i, start in enumerate(range(0, n, ROWS_PER_BLOCK)):
            mine = order[bounds[i] : bounds[i + 1]]
            heads = self._heads.slice(start, ROWS_PER_BLOCK)
            rows = self._wide(heads, mine, start)
            block = ArrowBlock(rows, heads["row_number"].to_numpy(), self._bytes, self.header)
            if start == 0:
                block.rejects = self._damaged
            yield block

    def _wide(self, heads: pa.Table, mine: pa.Array, start: int) -> pa.Table:
        """The rows of some records, cells `mine` of them scattered to their columns."""
        columns = [heads[name] for name in heads.column_names if name != "row_number"]
        n = len(heads)
        by_column = mine[np.argsort(self._column[mine], kind="stable")]
        bounds = np.searchsorted(self._column[by_column], np.arange(len(self._names) + 1))
        for i in range(len(self._names)):
            cells = by_column[bounds[i] : bounds[i + 1]]
            at = np.zeros(n, dtype=np.int64)
            is_empty = np.ones(n, dtype=bool)
            at[self._group[cells] - start] = cells
            is_empty[self._group[cells] - start] = False
            columns.append(self._value.take(pa.array(at, mask=is_empty)))
        return pa.table(columns, names=list(self.header))


def _rejected(
    numbers: Ints, reason: str, expected: str, fields: pa.StringArray | None = None
) -> pa.Table:
    """Rejected cells, with the field each belongs to."""
    rows = reject_table(numbers, reason, expected, "field_name")
    if fields is None:
        return rows
    return rows.set_column(rows.column_names.index("column_name"), "column_name", fields)


def _lines(job: FileJob, options: RedcapOptions) -> tuple[pa.Table, pa.Table, int]:
    """All lines as text with their numbers, the damaged ones, and the bytes read."""
    tables, rejects, n_bytes = [], [REJECT.empty_table()], 0
    with _open(job, options) as table:
        wanted = [n for n in (*_EAV, *KEYS, ACCESS_GROUP) if n in table.header]
        for block in table:
            columns: Mapping[str, pa.Array] = {name: block.column(name) for name in wanted}
            tables.append(pa.table({**columns, "row_number": pa.array(block.row_numbers)}))
            rejects.append(block.rejects)
            n_bytes = block.bytes_done
    schema = pa.schema([*((n, pa.string()) for n in wanted), ("row_number", pa.int64())])
    lines = pa.concat_tables(tables) if tables else schema.empty_table()
    for i, name in enumerate(wanted):
        if name != "value":
            lines = lines.set_column(i, name, pc.utf8_trim_whitespace(lines[name]))
    return lines.combine_chunks(), pa.concat_tables(rejects), n_bytes


def _given(column: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    text = pc.fill_null(pc.not_equal(column, ""), False).combine_chunks()
    given: npt.NDArray[np.bool_] = text.to_numpy(zero_copy_only=False)
    return given


def _groups(lines: pa.Table, keys: Sequence[str]) -> tuple[Ints, Ints]:
    """Row of the wide table that each line belongs to, and the first line of each row."""
    parts = [pc.fill_null(lines[name], "") for name in keys]
    joined = pc.binary_join_element_wise(*parts, "\x1f").combine_chunks()
    group = joined.dictionary_encode().indices.to_numpy(zero_copy_only=False).astype(np.int64)
    _, first = np.unique(group, return_index=True)
    return group, first


def _variables(lines: pa.Table, project: Project) -> pa.DictionaryArray:
    """Variable of each line: of a checkbox the one of the choice that is its value.

    Null where the value is no choice: it is nothing that a name may be made of.
    """
    field = lines["field_name"].combine_chunks()
    checkboxes = {
        project.told(name, "field")
        for name in project.variables
        if project.kind_of(name) == "checkbox"
    }
    is_checkbox = pc.is_in(field, pa.array(sorted(checkboxes), pa.string()))
    codes = pc.if_else(is_checkbox, lines["value"].combine_chunks(), pa.scalar(None, pa.string()))
    encoded = pc.utf8_trim_whitespace(codes).dictionary_encode()
    suffixes = [column_suffix(code) for code in encoded.dictionary.to_pylist()]
    suffix = pa.array(suffixes, pa.string()).take(encoded.indices)
    named = pc.binary_join_element_wise(field, suffix, "___")
    is_known = pc.is_in(named, pa.array(list(project.variables), pa.string()))
    choice = pc.if_else(is_known, named, pa.scalar(None, pa.string()))
    return pc.if_else(is_checkbox, choice, field).dictionary_encode()


def _last_of(places: Ints) -> tuple[pa.Array, Ints]:
    """Indices of the last line of each place, in the file's order, and of all others."""
    _, from_end = np.unique(places[::-1], return_index=True)
    last = np.sort(len(places) - 1 - from_end)
    is_last = np.zeros(len(places), dtype=bool)
    is_last[last] = True
    return last, np.flatnonzero(~is_last)
