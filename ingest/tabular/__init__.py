"""Delivered tables as blocks of text cells: every record is yielded or rejected, none is lost.

with open_table(path, Dialect(delimiter="\\t"), where=job.where) as table:
    for block in table:
        block.rejects, block.row_numbers, block.cells(wanted), block.column("eid"), ...
"""

from biobraid.ingest.tabular.block import REJECT, Cells, TextBlock, trimmed
from biobraid.ingest.tabular.dialect import Dialect
from biobraid.ingest.tabular.parquet_table import ParquetTable, is_parquet, open_parquet_table
from biobraid.ingest.tabular.text_table import (
    BLOCK_BYTES,
    TextTable,
    UnusableColumns,
    open_text_table,
)

__all__ = [
    "BLOCK_BYTES",
    "REJECT",
    "Cells",
    "Dialect",
    "ParquetTable",
    "TextBlock",
    "TextTable",
    "UnusableColumns",
    "is_parquet",
    "open_parquet_table",
    "open_text_table",
    "trimmed",
]
