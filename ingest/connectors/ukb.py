"""Connector `ukb`: UK Biobank's main tables and record tables, as delivered or from the RAP.

What a file is, is told by its header: a main table has a column for each field, instance and
array index (ukb_columns); a record table has the columns of hesin, death, gp_clinical, ...
(ukb_record_tables). Codes must be raw. Values land as delivered, dated by the field that
dates them; coded clinical fields and records land as events.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import partial

from biobraid.core.errors import Fault, SourceFileError
from biobraid.ingest.connectors.contract import Chunk, Counts, FileJob, connector, get_connector
from biobraid.ingest.connectors.ukb_columns import find_eid, is_main_table, plain_name
from biobraid.ingest.connectors.ukb_main import MainReader
from biobraid.ingest.connectors.ukb_options import UkbOptions
from biobraid.ingest.connectors.ukb_plan import Role, make_plan
from biobraid.ingest.connectors.ukb_record_tables import RECORD_TABLES
from biobraid.ingest.connectors.ukb_records import RecordReader
from biobraid.ingest.tabular import (
    Dialect,
    ParquetTable,
    TextTable,
    is_parquet,
    open_parquet_table,
    open_text_table,
)

Reader = MainReader | RecordReader
_HEADER_BYTES = 16 << 20
_MAIN = "main"


@connector("ukb", options=UkbOptions)
def read_ukb(job: FileJob) -> Iterator[Chunk | Counts]:
    """Chunks and counts of one file, block by block."""
    options = get_connector("ukb").check_options(job.source.options)
    if not isinstance(options, UkbOptions):
        raise TypeError("the connector is registered with other options")
    _check_delivery(job)
    with _open(job, options) as table:
        reader, counts = _reader(job, options, table.header)
        yield counts
        bytes_done = 0
        for now_done, chunks in _blocks(reader, table, job.threads):
            counts = Counts(bytes_done=now_done - bytes_done)
            bytes_done = now_done
            yield from chunks(counts)
            yield counts


Finish = Callable[[Counts], Iterator[Chunk]]


def _blocks(
    reader: Reader, table: TextTable | ParquetTable, threads: int
) -> Iterator[tuple[int, Finish]]:
    """Bytes read and the rest of the work of each block, prepared a block ahead if there is
    a second thread: most of the work is done outside the interpreter's lock."""
    blocks = iter(table)

    def prepare() -> tuple[int, Finish] | None:
        block = next(blocks, None)
        if block is None:
            return None
        if isinstance(reader, MainReader):
            return block.bytes_done, partial(reader.finish, reader.prepare(block))
        return block.bytes_done, partial(reader.finish, block)

    if threads < 2:
        yield from iter(prepare, None)
        return
    with ThreadPoolExecutor(1) as pool:
        ahead = pool.submit(prepare)
        while (now := ahead.result()) is not None:
            ahead = pool.submit(prepare)
            yield now


def _open(job: FileJob, options: UkbOptions) -> AbstractContextManager[TextTable | ParquetTable]:
    if is_parquet(job.path):
        return open_parquet_table(
            job.path, null_values=tuple(options.null_values or ()), where=job.where
        )
    first = _first_line(job)
    names = [name.strip('"') for name in first.replace("\t", ",").split(",")]
    is_tab = "\t" in first if options.delimiter == "auto" else options.delimiter == "tab"
    is_main = options.table == _MAIN or is_main_table(names, find_eid(names, job.source.person_id))
    quote: str | None = '"' if options.quote != "none" else None
    if options.quote == "auto" and is_tab and not is_main and not first.startswith('"'):
        quote = None  # drug names and notes hold bare quotes
    null_values = options.null_values
    if null_values is None:
        null_values = ["NA"] if is_main else []
    dialect = Dialect(
        delimiter="\t" if is_tab else ",",
        quote=quote,
        encoding=options.encoding,
        null_values=tuple(null_values),
    )
    return open_text_table(job.path, dialect, where=job.where)


def _first_line(job: FileJob) -> str:
    """The header's line; damage is for the table's reader to report."""
    with job.path.open("rb") as handle:
        is_gzip = handle.read(2) == b"\x1f\x8b"
    try:
        with gzip.open(job.path, "rb") if is_gzip else job.path.open("rb") as file:
            line = file.readline(_HEADER_BYTES)
    except (OSError, EOFError, zlib.error):
        return ""
    text: str = line.decode("utf-8-sig", errors="replace")
    return text.rstrip("\r\n")


def _reader(job: FileJob, options: UkbOptions, header: tuple[str, ...]) -> tuple[Reader, Counts]:
    """The reader of this kind of file, and what is known of the file as a whole."""
    eid = find_eid(header, job.source.person_id)
    plain = [plain_name(name) for name in header]
    if eid is None and "eid" in plain:
        eid = header[plain.index("eid")]
    if eid is not None and (
        options.table == _MAIN or (options.table == "auto" and is_main_table(header, eid))
    ):
        plan = make_plan(job, header, eid)
        counts = Counts(columns=header, keys_are_unique=True)
        unknown = {c.field for c, r in zip(plan.columns, plan.roles, strict=True)
                   if r == Role.UNDECLARED and c.field >= 0}  # fmt: skip
        counts.warnings.update({f"undeclared-variable:{field}": 1 for field in sorted(unknown)})
        return MainReader(job, plan), counts
    if eid is not None:
        known = [t for t in RECORD_TABLES if options.table in ("auto", t.name)]
        columns = [*plain, "eid"]
        table = next((t for t in known if t.fits(columns)), None)
        if table is not None:
            counts = Counts(columns=header, whole_row_keys=not table.key)
            return RecordReader(job, options, table, header, eid), counts
    raise SourceFileError(_unknown(job, options, header, eid))


def _unknown(job: FileJob, options: UkbOptions, header: tuple[str, ...], eid: str | None) -> Fault:
    names = [t.name for t in RECORD_TABLES]
    if options.table not in ("auto", _MAIN, *names):
        return Fault(
            f"{job.where}, option table",
            f"'{options.table}' is no table of UK Biobank",
            ", ".join(("auto", _MAIN, *names)),
        )
    if eid is None:
        found = f"none of the {len(header)} columns holds the eid"
    else:
        found = f"the {len(header)} columns are those of no table of UK Biobank"
    return Fault(
        f"{job.where}, row 1",
        found,
        f"eid beside fields such as p31 or 31-0.0, or the columns of {', '.join(names)}",
        "Is the file complete and written with tabs or commas? See option `table`.",
    )


def _check_delivery(job: FileJob) -> None:
    if job.source.delivery == "delta":
        raise SourceFileError(
            Fault(
                job.where,
                "the source is declared delta, but UK Biobank's tables have no version column",
                "delivery: full, append or columns",
            )
        )
