"""UK Biobank main tables: one row a participant, one column a field, instance and array index.

A fact is a non-empty cell; a list cell is as many facts as it holds values. Cells of coded
clinical fields become raw.event, all others raw.value, in the participant's record.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from biobraid.ingest.connectors.contract import Chunk, Counts, FileJob
from biobraid.ingest.connectors.ukb_cells import Facts, Ints, file_names, make_facts, take_apart
from biobraid.ingest.connectors.ukb_codes import CodeCheck
from biobraid.ingest.connectors.ukb_dating import block_times
from biobraid.ingest.connectors.ukb_identity import birth_dates, birth_identities, declared_ids
from biobraid.ingest.connectors.ukb_main_rows import Landing, Rows
from biobraid.ingest.connectors.ukb_persons import (
    EXPECTED_EID,
    clean_eids,
    keys_of,
    native_ids,
)
from biobraid.ingest.connectors.ukb_plan import IGNORED_BY, MainPlan, Role
from biobraid.ingest.connectors.ukb_times import A_DATE
from biobraid.ingest.hashing import U64, record_ids
from biobraid.ingest.tabular import TextBlock
from biobraid.ingest.tabular.block import reject_table


@dataclass(frozen=True)
class Prepared:
    """A block with its facts: `kept` are the indices of the rows that count."""

    block: TextBlock
    kept: Ints
    rows: Rows
    facts: Facts
    rejects: list[pa.Table]


class MainReader:
    """Reads the blocks of one main table; remembers whose records it has seen."""

    def __init__(self, job: FileJob, plan: MainPlan) -> None:
        self._job, self._plan = job, plan
        self._seen: set[int] = set()
        self._told: set[str] = set()
        self._check_codes = CodeCheck(job, plan)
        self._landing = Landing(job, plan)

    def prepare(self, block: TextBlock) -> Prepared:
        """The facts of the next block; blocks come in the file's order."""
        rejects = [block.rejects]
        eids = clean_eids(block.column(self._plan.eid))
        scope = f"{self._job.study.id}/{self._job.source_id}/main"
        records = record_ids(self._job.keys, scope, [("eid", eids)])
        kept = self._keep(block, eids, records, rejects)
        eids = eids.take(pa.array(kept))
        rows = Rows(eids, keys_of(self._job, eids), records[kept], block.row_numbers[kept])
        return Prepared(block, kept, rows, self._facts(block, kept), rejects)

    def finish(self, given: Prepared, counts: Counts) -> Iterator[Chunk]:
        """Chunks of a block; adds what was met to counts."""
        block, rows, facts, rejects = given.block, given.rows, given.facts, given.rejects
        counts.records_read += block.n_rows + block.rejects.num_rows
        counts.records_rejected += sum(r.num_rows for r in rejects)
        told = native_ids(rows.eids, rows.persons, self._told)
        if told is not None:
            yield told
        n_filled = int((np.bincount(facts.row, minlength=len(given.kept)) > 0).sum())
        n_empty = len(given.kept) - n_filled
        if n_empty:
            counts.records_ignored += n_empty
            counts.ignored["empty-record"] += n_empty
        _ignore(counts, "record-key", n_filled)
        yield from birth_identities(
            self._job, self._plan, block, given.kept, rows.persons, rows.records
        )
        yield from self._settle(rows, facts, counts, rejects)
        if any(r.num_rows for r in rejects):
            yield Chunk("raw.reject", pa.concat_tables(rejects))

    def _keep(
        self, block: TextBlock, eids: pa.StringArray, records: U64, rejects: list[pa.Table]
    ) -> Ints:
        """Rows that have an eid not met before; the others are rejected."""
        has_eid = eids.is_valid().to_numpy(zero_copy_only=False)
        is_first = np.zeros(len(eids), dtype=bool)
        for i in np.flatnonzero(has_eid).tolist():
            record = int(records[i])
            if record not in self._seen:
                self._seen.add(record)
                is_first[i] = True
        numbers = block.row_numbers
        if not has_eid.all():
            lost = numbers[~has_eid]
            rejects.append(reject_table(lost, "missing-person-id", EXPECTED_EID))
        twice = has_eid & ~is_first
        if twice.any():
            rejects.append(reject_table(numbers[twice], "duplicate-key", "each eid once"))
        return np.flatnonzero(is_first)

    def _facts(self, block: TextBlock, kept: Ints) -> Facts:
        """Non-empty cells of the kept rows, rows renumbered."""
        cells = block.cells(self._plan.names)
        row, column, value = cells.row, cells.column, cells.value
        if len(kept) < block.n_rows:
            place = np.full(block.n_rows, -1, dtype=np.int64)
            place[kept] = np.arange(len(kept))
            row = place[row]
            mask = row >= 0
            row, column, value = row[mask], column[mask], value.filter(pa.array(mask))
        return make_facts(row, column, value)

    def _settle(
        self, rows: Rows, facts: Facts, counts: Counts, rejects: list[pa.Table]
    ) -> Iterator[Chunk]:
        """Every fact lands, goes to the vault, is ignored or rejected, and is counted once."""
        job, plan = self._job, self._plan
        times = block_times(job, plan, facts, len(rows.records))
        self._reject_dates(facts.only(times.is_invalid), rows, counts, rejects)
        facts = facts.only(~times.is_invalid)
        role = plan.roles[facts.column]
        per_role = np.bincount(role, minlength=len(Role))
        for fate, rule in IGNORED_BY.items():
            _ignore(counts, rule, int(per_role[fate]))
        for fate in (Role.IDENTITY, Role.TEXT_TO_VAULT):
            mine = facts.only(role == fate)
            counts.facts_read += len(mine)
            counts.facts_to_vault += len(mine)
            yield from declared_ids(job, plan, mine, rows.persons, rows.records)
        mine = facts.only(role == Role.BIRTH_MONTH)
        n_vault = self._months_with_year(facts, mine)
        counts.facts_read += n_vault
        counts.facts_to_vault += n_vault
        _ignore(counts, "birth-precision", len(mine) - n_vault)
        dates = birth_dates(job, facts.only(role == Role.BIRTH_DATE))
        landing = facts.only((role == Role.VALUE) | (role == Role.EVENT))
        single, elements, n_empty = take_apart(landing, plan.may_list)
        _ignore(counts, "empty-list", n_empty)
        for part in (single, elements, dates):
            part = self._without_file_names(part, counts)
            if len(part):
                self._check_codes(part, counts.warnings)
                counts.facts_read += len(part)
                yield from self._landing.chunks(part, rows, times)

    def _reject_dates(
        self, bad: Facts, rows: Rows, counts: Counts, rejects: list[pa.Table]
    ) -> None:
        if not len(bad):
            return
        names = np.array(self._plan.names, dtype=object)[bad.column].tolist()
        table = reject_table(rows.numbers[bad.row], "invalid-date", A_DATE, "")
        at = table.column_names.index("column_name")
        rejects.append(table.set_column(at, "column_name", pa.array(names, pa.string())))
        counts.facts_read += len(bad)
        counts.facts_rejected += len(bad)

    def _months_with_year(self, facts: Facts, months: Facts) -> int:
        """How many months of birth go to the vault as part of a birth date."""
        year = np.array([c.field in (33, 34) for c in self._plan.columns], dtype=bool)
        return int(np.isin(months.row, facts.row[year[facts.column]]).sum())

    def _without_file_names(self, facts: Facts, counts: Counts) -> Facts:
        """Facts but for names of bulk files, which hold the eid."""
        if not len(facts):
            return facts
        found = file_names(facts.texts)
        if found is None:
            return facts
        names = facts.marked(found) & self._plan.may_name_file[facts.column]
        _ignore(counts, "bulk-file-name", int(names.sum()))
        return facts.only(~names)


def _ignore(counts: Counts, rule: str, n: int) -> None:
    """Count facts that a rule leaves out."""
    if n:
        counts.ignored[rule] += n
        counts.facts_read += n
        counts.facts_ignored += n
