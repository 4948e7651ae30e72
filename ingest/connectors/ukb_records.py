"""Reading UK Biobank's record tables: hesin, death, gp and the like, block by block."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from biobraid.ingest.connectors.contract import Chunk, Counts, FileJob
from biobraid.ingest.connectors.ukb_columns import plain_name
from biobraid.ingest.connectors.ukb_options import UkbOptions
from biobraid.ingest.connectors.ukb_persons import EXPECTED_EID, clean_eids, keys_of, native_ids
from biobraid.ingest.connectors.ukb_record_rows import (
    Bools,
    Emitted,
    Records,
    given,
    scope,
    trimmed,
)
from biobraid.ingest.connectors.ukb_record_tables import RecordTable, unused
from biobraid.ingest.connectors.ukb_times import A_DATE
from biobraid.ingest.hashing import U64, mix, positive, record_ids, value_hash
from biobraid.ingest.tabular import TextBlock
from biobraid.ingest.tabular.block import reject_table


class RecordReader:
    """Reads the blocks of one record table."""

    def __init__(
        self,
        job: FileJob,
        options: UkbOptions,
        table: RecordTable,
        header: Sequence[str],
        eid: str,
    ) -> None:
        self._job, self._options, self._table = job, options, table
        self._columns = {plain_name(name): name for name in header} | {"eid": eid}
        self._unused = unused(table, list(self._columns))
        self._told: set[str] = set()

    def finish(self, block: TextBlock, counts: Counts) -> Iterator[Chunk]:
        """Chunks of a block; adds what was met to counts."""
        rejects = [block.rejects]
        eids = clean_eids(block.column(self._columns["eid"]))
        key = [trimmed(block.column(self._columns[name])) for name in self._table.key]
        has_eid, has_key = given(eids), np.ones(block.n_rows, dtype=bool)
        for part in key:
            has_key &= given(part)
        numbers = block.row_numbers
        rejects.append(reject_table(numbers[~has_eid], "missing-person-id", EXPECTED_EID))
        no_key = has_eid & ~has_key
        rejects.append(
            reject_table(numbers[no_key], "missing-record-key", ", ".join(self._table.key))
        )
        kept = np.flatnonzero(has_eid & has_key)
        counts.records_read += block.n_rows + block.rejects.num_rows
        counts.records_rejected += sum(r.num_rows for r in rejects)
        if len(kept):
            eids = eids.take(pa.array(kept))
            persons = keys_of(self._job, eids)
            told = native_ids(eids, persons, self._told)
            if told is not None:
                yield told
            ids = self._ids(block, eids, key)[kept]
            records = Records(self._job, self._table.name, block, self._columns, kept, ids)
            yield from self._settle(records, persons, counts, rejects)
        if any(r.num_rows for r in rejects):
            yield Chunk("raw.reject", pa.concat_tables(rejects))

    def _ids(self, block: TextBlock, eids: pa.StringArray, key: list[pa.StringArray]) -> U64:
        """64-bit record ids; of a table without a key the whole row is one."""
        if self._table.key:
            parts = [("eid", eids), *zip(self._table.key, key, strict=True)]
        else:
            names = sorted(set(self._columns) - {"eid"})
            parts = [("eid", eids), *((n, block.column(self._columns[n])) for n in names)]
        return record_ids(
            self._job.keys, scope(self._job.study, self._job.source_id, self._table.name), parts
        )

    def _settle(
        self, records: Records, persons: pa.DictionaryArray, counts: Counts, rejects: list[pa.Table]
    ) -> Iterator[Chunk]:
        """What the records make lands; every cell nobody uses is counted."""
        emitted = [e for e in self._table.emit(records, self._options) if len(e.at)]
        lands = np.zeros(len(records), dtype=bool)
        for rows in emitted:
            lands[rows.at] = True
            counts.facts_read += len(rows.at)
        self._ignore_records(records, lands, counts)
        for name, invalid in records.invalid.items():
            bad = invalid & lands
            numbers = records.block.row_numbers[records.rows[bad]]
            rejects.append(reject_table(numbers, "invalid-date", A_DATE, self._columns[name]))
            counts.facts_read += len(numbers)
            counts.facts_rejected += len(numbers)
        for rule, cells in self._ignored_cells(records):
            n = int((cells & lands).sum())
            if n:
                counts.ignored[rule] += n
                counts.facts_read += n
                counts.facts_ignored += n
        for rows in emitted:
            yield self._chunk(rows, records, persons)

    def _ignore_records(self, records: Records, lands: Bools, counts: Counts) -> None:
        """Count the records that make nothing."""
        for rule, mask in (
            ("suppressed-code", ~lands & records.suppressed),
            ("empty-record", ~lands & ~records.suppressed),
        ):
            if mask.any():
                counts.ignored[rule] += int(mask.sum())
                counts.records_ignored += int(mask.sum())

    def _ignored_cells(self, records: Records) -> Iterator[tuple[str, Bools]]:
        for name in ("eid", *self._table.key):
            yield "record-key", given(records.text(name))
        for name in self._unused:
            yield f"column-not-used:{name}", given(records.text(name))
        for rule, cells in records.ignored.items():
            for mask in cells:
                yield rule, mask

    def _chunk(self, rows: Emitted, records: Records, persons: pa.DictionaryArray) -> Chunk:
        hashed = np.uint64(value_hash(self._job.keys, "ukb-record", rows.label))
        ids = records.ids[rows.at]
        columns: dict[str, pa.Array] = {
            "row_id": positive(mix(ids, hashed)),
            "record_id": positive(ids),
            "source_person_key": persons.take(pa.array(rows.at)),
            **rows.columns,
        }
        if self._table.key:  # landing then keeps one record of a key that stands twice
            columns["row_number"] = pa.array(records.block.row_numbers[records.rows[rows.at]])
        return Chunk(rows.table, pa.table(columns))
