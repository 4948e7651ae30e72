"""Connector `olink`: NPX files, long (delimited text or Parquet) or wide.

A record is a sample, a fact its specimen and each measurement. Values below the limit of
detection keep their NPX and are marked; warnings stay with the value; control samples are
ignored and counted, control assays are features of role control.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from biobraid.core.errors import Fault, SourceFileError
from biobraid.ingest.connectors.contract import Chunk, Counts, FileJob, connector, get_connector
from biobraid.ingest.connectors.matrix_header import known_columns, open_matrix
from biobraid.ingest.connectors.matrix_rows import Layout, RowsMatrix, View
from biobraid.ingest.connectors.olink_long import LongReader
from biobraid.ingest.connectors.olink_options import (
    NAMES,
    NO_ASSAYS,
    PASSED,
    OlinkOptions,
    find_columns,
    is_assay,
    sample_marks,
)
from biobraid.ingest.connectors.omics_options import SAMPLE


@connector("olink", options=OlinkOptions)
def read_olink(job: FileJob) -> Iterator[Chunk | Counts]:
    """Chunks and counts of one file, block by block."""
    options = get_connector("olink").check_options(job.source.options)
    if not isinstance(options, OlinkOptions):
        raise TypeError("the connector is registered with other options")
    with open_matrix(job, options) as table:
        roles = find_columns(options, table.header)
        is_long = "feature" in roles and "value" in roles
        if options.layout == "long" and not is_long:
            raise SourceFileError(_not_long(job, roles))
        if is_long and options.layout != "wide":
            yield from LongReader(job, options, table, roles).read()
            return
        yield from RowsMatrix(job, options, table, _wide(job, options, table.header, roles)).read()


def _wide(
    job: FileJob, options: OlinkOptions, header: Sequence[str], roles: dict[str, str]
) -> Layout:
    """One line a sample: the columns that are assays by Olink's ids, or that are declared."""
    given = options.sample or roles.get("sample") or job.source.person_id or SAMPLE
    sample = given if isinstance(given, list) else [given]
    marks = sample_marks(roles)
    qc = {"sample": roles["sample_qc"]} if "sample_qc" in roles else {}
    plate = options.plate or roles.get("plate")
    named = {
        *sample, *marks, *options.controls, *qc.values(), plate, job.source.person_id,
        options.collected, options.specimen.column,
    }  # fmt: skip
    no_assays = {*options.ignore, *NO_ASSAYS, *(c for names in NAMES.values() for c in names)}
    free = [c for c in header if c not in named | no_assays]
    features, reasons = known_columns(job, options, free, is_assay)
    others = [c for c in header if c not in named and (c in no_assays or c in reasons)]
    view = View(features, plate=plate, qc=qc, others=others)
    return Layout(sample, [view], "protein", "NPX", PASSED, marks, reasons=reasons)


def _not_long(job: FileJob, roles: dict[str, str]) -> Fault:
    lacking = [role for role in ("feature", "value") if role not in roles]
    usual = "; ".join(f"{role}: {', '.join(NAMES[role])}" for role in lacking)
    return Fault(
        f"{job.where}, row 1",
        f"a long NPX file needs columns for {' and '.join(lacking)}",
        usual,
        "Name them in the source's options (`columns`), or declare layout: wide.",
    )
