"""Rows of people who withdrew, kept from landing again and counted (rule `withdrawn`)."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from biobraid.ingest.connectors.contract import Chunk, Counts, FileJob
from biobraid.ingest.landing.parts import FACT_TABLES
from biobraid.ingest.landing.tally import Tally
from biobraid.ingest.withdrawals import SOURCE_ID

RULE = "withdrawn"
# Whom these rows are about is asked of the whole person only: a refusal is to be remembered.
_OF_THE_PERSON = ("identity", "raw.consent")


class Withheld:
    """The filter of one file; it does nothing where nobody withdrew."""

    def __init__(self, job: FileJob) -> None:
        self._suppressed = job.suppressed
        self._modality = None if job.source_id == SOURCE_ID else job.source.modality
        self._n_facts = 0
        self._dropped: set[int] = set()
        self._kept: set[int] = set()

    def without(self, items: Iterator[Chunk | Counts]) -> Iterator[Chunk | Counts]:
        """The items, with only the rows that may land; versions come last, without theirs."""
        if not self._suppressed:
            yield from items
            return
        versions: list[pa.Table] = []
        for item in items:
            if isinstance(item, Counts):
                yield item
            elif item.table == "version":
                versions.append(item.rows)
            elif "source_person_key" in item.rows.column_names:
                yield Chunk(item.table, self._filtered(item))
            else:
                yield item
        for rows in versions:
            gone = pa.array(sorted(self._dropped - self._kept), pa.int64())
            stays = pc.invert(pc.is_in(rows.column("record_id"), gone))
            yield Chunk("version", rows.filter(stays))

    def _filtered(self, chunk: Chunk) -> pa.Table:
        if self._suppressed is None:
            return chunk.rows
        modality = None if chunk.table in _OF_THE_PERSON else self._modality
        barred = self._suppressed.may_not_land(chunk.rows, modality)
        n = pc.sum(barred).as_py() or 0
        if not n:
            return chunk.rows
        if "record_id" in chunk.rows.column_names and chunk.table != "identity":
            records = chunk.rows.column("record_id")
            self._dropped |= set(records.filter(barred).to_pylist())
            kept = records.filter(pc.invert(barred))
            both = kept.filter(pc.is_in(kept, pa.array(sorted(self._dropped), pa.int64())))
            self._kept |= set(both.to_pylist())
        if chunk.table in FACT_TABLES:
            self._n_facts += n
        return chunk.rows.filter(pc.invert(barred))

    def count(self, tally: Tally) -> None:
        """Enter in the books what did not land; a record counts if nothing of it did."""
        if not self._n_facts:
            return
        tally.facts_ignored += self._n_facts
        tally.records_ignored += len(self._dropped - self._kept)
        tally.ignored[RULE] += self._n_facts
