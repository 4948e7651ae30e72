"""Headers of matrices: opened without telling a name, and refused where their columns are samples.

Whether rows are samples is declared. A header that contradicts it would land ids of participants
as the names of features, so that what can be seen of it is looked at before anything lands.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import pyarrow as pa

from biobraid.core.errors import Fault, SourceFileError
from biobraid.ingest.connectors.contract import FileJob
from biobraid.ingest.connectors.omics_beside import open_table, read_beside
from biobraid.ingest.connectors.omics_features import FeatureTableBeside
from biobraid.ingest.connectors.omics_options import SAMPLE, ColumnOptions, OmicsOptions
from biobraid.ingest.tabular import ParquetTable, TextTable, UnusableColumns

_N_SHOWN = 5
# What a first column is called whose cells are features.
_FEATURES = re.compile(
    r"(?i)#?(gene|transcript|protein|metabolite|feature|probe|probeset|peptide|compound|analyte|"
    r"assay|otu|asv|taxon|cpg|ensembl|ensg)([ _.-]?(id|ids|name|symbol))?|taxonomy|symbol|olinkid"
)
_SAY_SO = "If the columns are samples, declare rows: features."


def open_matrix(job: FileJob, options: OmicsOptions) -> TextTable | ParquetTable:
    """The table; a message gives the places of its columns, since they might be samples."""
    try:
        return open_table(
            job.path, options.delimiter, options.quote, options.comment, options.encoding,
            job.where, options.decimal,
        )  # fmt: skip
    except UnusableColumns as error:
        raise SourceFileError(
            Fault(
                error.faults[0].where,
                f"{len(error.places)} columns stand more than once in the header, or are no text: "
                f"{places(error.places)}",
                "each once, in columns of text or numbers",
                "Ask for the file again, with a name of its own for each column.",
            )
        ) from None


def known_columns(
    job: FileJob,
    options: ColumnOptions,
    columns: Sequence[str],
    is_feature: Callable[[str], bool],
) -> tuple[dict[str, str], dict[str, str]]:
    """Columns of a vendor's table that are features, as a View has them, and why others are none.

    They are if the vendor names features so, the table of features knows them, or
    `feature_columns` declares them. Any other column of numbers might be anything of a person.
    """
    known = FeatureTableBeside(job, options).knows(pa.array(columns, pa.string())).tolist()
    features, reasons = dict[str, str](), dict[str, str]()
    for column, is_listed in zip(columns, known, strict=True):
        if is_listed or is_feature(column) or options.declares(column):
            features[column] = column
        else:
            reasons[column] = "undeclared-column"
    return features, reasons


def places(numbers: Sequence[int]) -> str:
    """Columns by their numbers."""
    shown = ", ".join(str(n) for n in numbers[:_N_SHOWN])
    more = f" and {len(numbers) - _N_SHOWN} more" if len(numbers) > _N_SHOWN else ""
    return f"column {shown}{more}"


def first_column(job: FileJob, header: Sequence[str], is_declared: bool) -> str:
    """The unnamed index of a table whose rows are samples, as pandas and R write it.

    is_declared: study.yaml says that the rows are samples.
    SourceFileError: it does not say so, or the column is named as one of features.
    """
    where = f"{job.where}, row 1"
    if _FEATURES.fullmatch(header[0]):
        raise SourceFileError(
            Fault(where, "the first column is named as one of features", "a column of samples",
                  f"{_SAY_SO} If not, name the column of samples in option `sample`.")
        )  # fmt: skip
    if not is_declared:
        raise SourceFileError(
            Fault(where, "nothing says whether the rows are samples or features",
                  "rows: samples, rows: features, or the column of samples in option `sample`",
                  _SAY_SO)
        )  # fmt: skip
    return header[0]


def refuse_samples(
    job: FileJob, options: OmicsOptions, header: Sequence[str], features: Mapping[str, str]
) -> None:
    """SourceFileError if columns that would be features (column -> key) are samples.

    They are if the table of samples knows one, or a rule of controls over samples matches one;
    a column that the table of features knows is a feature whatever else it is.
    """
    beside = FeatureTableBeside(job, options)
    names = pa.array(list(features), pa.string())
    is_known = beside.knows(pa.array(list(features.values()), pa.string()))
    is_sample = [False] * len(features)
    if options.samples is not None:
        found = read_beside(job, options.samples, "option samples").find(names)
        is_sample = found.is_valid().to_pylist()
    rules = [re.compile(text) for text in options.controls.get(SAMPLE, [])]
    number = {name: i for i, name in enumerate(header, 1)}
    bad = [
        number[name]
        for name, by_table, known in zip(features, is_sample, is_known.tolist(), strict=True)
        if not known and (by_table or any(rule.fullmatch(name) for rule in rules))
    ]
    where = f"{job.where}, row 1"
    if bad:
        raise SourceFileError(
            Fault(where, f"{len(bad)} columns are samples: {places(bad)}",
                  "rows that are samples, and columns that are features",
                  "Declare rows: features (connector feature_matrix), or turn the table.")
        )  # fmt: skip
    if beside.is_there and features and not is_known.any():
        raise SourceFileError(
            Fault(where, f"the table of features knows none of the {len(features)} columns",
                  "columns that are features", _SAY_SO)
        )  # fmt: skip
