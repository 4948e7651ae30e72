"""Connector `feature_matrix`: any table of samples by features, or of features by samples.

CSV, TSV, gzip or Parquet, thousands of columns wide, read in blocks. A fact is a sample's
specimen and each measured cell.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Literal

from pydantic import field_validator

from biobraid.ingest.connectors.contract import Chunk, Counts, FileJob, connector, get_connector
from biobraid.ingest.connectors.matrix_columns import ColumnsMatrix
from biobraid.ingest.connectors.matrix_header import first_column, open_matrix
from biobraid.ingest.connectors.matrix_rows import Layout, RowsMatrix, View
from biobraid.ingest.connectors.omics_options import SAMPLE, OmicsOptions


class MatrixOptions(OmicsOptions):
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
    feature_columns: list[str] = []
    plate: str | None = None
    qc: dict[str, str] = {}
    passed: list[str] = ["PASS", "Pass", "pass", "0"]
    ignore: list[str] = []
    feature: str | None = None
    about: dict[Literal["label", "symbol", "accession", "taxonomy", "panel", "unit"], str] = {}

    @field_validator("feature_columns")
    @classmethod
    def _expressions(cls, given: list[str]) -> list[str]:
        for text in given:
            try:
                re.compile(text)
            except re.error as error:
                raise ValueError(f"'{text}' is not a regular expression: {error.msg}") from None
        return given


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
    patterns = [re.compile(text) for text in options.feature_columns]
    features = {
        c: c
        for c in header
        if c not in named and (not patterns or any(p.fullmatch(c) for p in patterns))
    }
    others = [c for c in header if c in options.ignore or (c not in named and c not in features)]
    view = View(features, plate=options.plate, qc=options.qc, others=others)
    return Layout(sample, [view], "other", passed=options.passed)
