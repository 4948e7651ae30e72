"""Connector `feature_matrix`: any table of samples by features, or of features by samples.

CSV, TSV, gzip or Parquet, thousands of columns wide, read in blocks. A fact is a sample's
specimen and each measured cell.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import pyarrow as pa

from biobraid.ingest.connectors.contract import Chunk, Counts, FileJob, connector, get_connector
from biobraid.ingest.connectors.guarded import HIDDEN, allowed_columns, names_identifier
from biobraid.ingest.connectors.matrix_columns import ColumnsMatrix
from biobraid.ingest.connectors.matrix_header import first_column, open_matrix
from biobraid.ingest.connectors.matrix_rows import Layout, RowsMatrix, View
from biobraid.ingest.connectors.omics_features import FeatureTableBeside
from biobraid.ingest.connectors.omics_options import SAMPLE, ColumnOptions


class MatrixOptions(ColumnOptions):
    """Beside the options that all omics connectors share:

    rows: what a row is; it may be left out where the column of samples is known by its name.
    Rows of samples: `feature_columns` are regular expressions of the
    columns that are features (default: every column that no option names), `plate` and `qc`
    (scope -> column) columns about the sample, `passed` the flags that say that all is well,
    `ignore` columns that are left out. Rows of features: `feature` is the column of their names
    (default: the first), `about` says which columns describe them (label, symbol, accession,
    taxonomy, panel, unit -> column), and every other column is a sample.
    """

    rows: Literal["samples", "features"] | None = None
    plate: str | None = None
    qc: dict[str, str] = {}
    passed: list[str] = ["PASS", "Pass", "pass", "0"]
    feature: str | None = None
    about: dict[Literal["label", "symbol", "accession", "taxonomy", "panel", "unit"], str] = {}


@connector("feature_matrix", options=MatrixOptions)
def read_feature_matrix(job: FileJob) -> Iterator[Chunk | Counts]:
    """Chunks and counts of one file, block by block."""
    options = get_connector("feature_matrix").check_options(job.source.options)
    if not isinstance(options, MatrixOptions):
        raise TypeError("the connector is registered with other options")
    with open_matrix(job, options) as table:
        if options.rows == "features":
            yield from ColumnsMatrix(
                job, options, table, options.feature or table.header[0], {str(word): column for word, column in options.about.items()},
                options.ignore,
            ).read()  # fmt: skip
        else:
            layout = _layout(job, options, table.header)
            yield from RowsMatrix(job, options, table, layout).read()


def _layout(job: FileJob, options: MatrixOptions, header: Sequence[str]) -> Layout:
    given = options.sample or job.source.person_id or SAMPLE
    if given == SAMPLE and SAMPLE not in header:
        is_declared = options.rows == "samples" or bool(options.feature_columns)
        given = first_column(job, header, is_declared)
    sample = given if isinstance(given, list) else [given]
    named = {
        *sample, job.source.person_id, options.collected, options.specimen.column,
        options.plate, *options.qc.values(), *options.controls, *options.ignore,
    }  # fmt: skip
    free = [c for c in header if c not in named]
    known = FeatureTableBeside(job, options).knows(pa.array(free, pa.string())).tolist()
    declared = {c for c, is_known in zip(free, known, strict=True) if is_known}
    declared |= {c for c in free if options.declares(c)}
    allowed = allowed_columns(job.source)
    reasons = {
        c: HIDDEN for c in free if c not in declared and names_identifier(c) and c not in allowed
    }
    if options.feature_columns:
        reasons |= {c: "unread-column" for c in free if not options.declares(c)}
    features = {c: c for c in free if c not in reasons}
    others = [c for c in header if c in options.ignore or c in reasons]
    view = View(features, plate=options.plate, qc=options.qc, others=others)
    return Layout(sample, [view], "other", passed=options.passed, reasons=reasons)
