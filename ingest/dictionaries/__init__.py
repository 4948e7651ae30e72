"""What studies promise about their variables, read from dictionary.csv or their own formats."""

from biobraid.ingest.dictionaries.rows import CodeRow, VariableRow
from biobraid.ingest.dictionaries.study_dictionary import (
    examine_dictionary,
    load_variables,
    read_dictionary,
    rows_of_source,
    variables_of_source,
)

__all__ = [
    "CodeRow",
    "VariableRow",
    "examine_dictionary",
    "load_variables",
    "read_dictionary",
    "rows_of_source",
    "variables_of_source",
]
