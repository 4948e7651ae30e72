"""Connector `delimited`: CSV, TSV, gzip or Parquet files with the study's own dictionary.

Records: every record of the file is landed, rejected with a reason, or ignored by a rule.
Facts: in wide and long files each non-empty cell (each value of a multi-valued cell); in
event, record and consent files each landed row, and each cell that no option names.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

import pyarrow as pa

from biobraid.ingest.connectors.contract import Chunk, Counts, FileJob, connector, get_connector
from biobraid.ingest.connectors.delimited_events import read_events
from biobraid.ingest.connectors.delimited_frame import Frame, make_frame, version_chunk
from biobraid.ingest.connectors.delimited_identities import Seen, native_ids
from biobraid.ingest.connectors.delimited_lookup import open_table
from biobraid.ingest.connectors.delimited_options import DelimitedOptions, Layout
from biobraid.ingest.connectors.delimited_plan import Plan, make_plan
from biobraid.ingest.connectors.delimited_records import read_consents, read_records
from biobraid.ingest.connectors.delimited_values import read_long, read_wide

_READERS: dict[Layout, Callable[[Frame, Seen, Counts], Iterator[Chunk]]] = {
    "wide": read_wide,
    "long": read_long,
    "event": read_events,
    "record": read_records,
    "consent": read_consents,
}


@connector("delimited", options=DelimitedOptions)
def read_delimited(job: FileJob) -> Iterator[Chunk | Counts]:
    """Chunks and counts of one file, block by block."""
    options = get_connector("delimited").check_options(job.source.options)
    if not isinstance(options, DelimitedOptions):
        raise TypeError("the connector is registered with other options")
    with open_table(job.path, options.dialect(), job.where) as table:
        plan = make_plan(job, options, table.header)
        yield _file_counts(job, plan)
        seen, bytes_done = Seen(), 0
        for block in table:
            counts = Counts(bytes_done=block.bytes_done - bytes_done)
            bytes_done = block.bytes_done
            yield from _frame_chunks(make_frame(job, plan, block), seen, counts)
            yield counts
        if table.n_records == 0:
            yield Counts(warnings=Counter({"no-records": 1}))


def _file_counts(job: FileJob, plan: Plan) -> Counts:
    counts = Counts(columns=(*plan.names, *plan.joined), whole_row_keys=not job.source.record_key)
    counts.warnings.update({f"missing-variable:{name}": 1 for name in plan.absent_variables})
    return counts


def _frame_chunks(frame: Frame, seen: Seen, counts: Counts) -> Iterator[Chunk]:
    yield from native_ids(frame, seen)
    for chunk in _READERS[frame.plan.options.layout](frame, seen, counts):
        if chunk.rows.num_rows:
            yield chunk
    versions = version_chunk(frame)
    if versions is not None and versions.rows.num_rows:
        yield versions
    if frame.rejects:
        yield Chunk("raw.reject", pa.concat_tables(frame.rejects))
    counts.records_read = frame.block.n_rows + frame.block.rejects.num_rows
    counts.records_rejected = frame.n_rejected
    counts.records_ignored += frame.n_deletions + frame.n_ignored
    counts.ignored.update(frame.ignored)
    counts.facts_rejected += frame.rejected_cells
    counts.facts_read += frame.rejected_cells
