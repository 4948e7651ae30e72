"""Landing: what connectors yield becomes Parquet under the manifest, whole files at a time."""

from biobraid.ingest.landing.books import check_books, ensure_empty_parts, raw_file_table
from biobraid.ingest.landing.engine import ingest
from biobraid.ingest.landing.parts import PartFile, rewrite_part
from biobraid.ingest.landing.results import FileOutcome, IngestResult, Progress

__all__ = [
    "FileOutcome",
    "IngestResult",
    "PartFile",
    "Progress",
    "check_books",
    "ensure_empty_parts",
    "ingest",
    "raw_file_table",
    "rewrite_part",
]
