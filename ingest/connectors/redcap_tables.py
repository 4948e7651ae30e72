"""A REDCap export as blocks of wide rows, whichever form it was delivered in.

Flat exports are streamed, as often as asked for. An EAV export (record, field_name, value) has
a line for each cell; it is pivoted to the rows that the flat export would have (redcap_eav).
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from biobraid.core.errors import SourceFileError
from biobraid.ingest.connectors.contract import FileJob
from biobraid.ingest.connectors.redcap_eav import EAV, EavExport, open_lines
from biobraid.ingest.connectors.redcap_options import RedcapOptions
from biobraid.ingest.connectors.redcap_plan import label_fault
from biobraid.ingest.connectors.redcap_project import Project
from biobraid.ingest.tabular import (
    TextBlock,
    is_parquet,
)
from biobraid.ingest.tabular.block import REJECT

Ints = npt.NDArray[np.int64]
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
    with open_lines(job, options) as table:
        header = table.header
    if set(EAV) <= set(header):
        return EavExport(job, options, project)
    return FlatExport(job, options, header)


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
        with open_lines(self._job, self._options) as table:
            yield from table
