"""UK Biobank main tables: one row a participant, one column a field, instance and array index.

A fact is a non-empty cell; a list cell is as many facts as it holds values. Cells of coded
clinical fields become raw.event, all others raw.value, in the participant's record.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.ingest.connectors.contract import Chunk, Counts, FileJob
from biobraid.ingest.connectors.ukb_cells import Facts, Ints, make_facts, take_apart
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

_FILE_NAME = r"^-?\d+_\d+_\d+_\d+(\.|$)"  # eid_field_instance_array.suffix


class MainReader:
    """Reads the blocks of one main table; remembers whose records it has seen."""

    def __init__(self, job: FileJob, plan: MainPlan) -> None:
        self._job, self._plan = job, plan
        self._seen: set[int] = set()
        self._told: set[str] = set()
        self._check_codes = CodeCheck(job, plan)
        self._landing = Landing(job, plan)

    def read(self, block: TextBlock, counts: Counts) -> Iterator[Chunk]:
        """Chunks of a block; adds what was met to counts."""
        rejects = [block.rejects]
        eids = clean_eids(block.column(self._plan.eid))
        records = record_ids(self._job.keys, f"{self._job.study.id}/{self._job.source_id}/main",
                             [("eid", eids)]) if len(eids) else np.empty(0, np.uint64)  # fmt: skip
        kept = self._keep(block, eids, records, rejects)
        counts.records_read += block.n_rows + block.rejects.num_rows
        counts.records_rejected += sum(r.num_rows for r in rejects)
        rows = pa.array(kept)
        told = native_ids(self._job, eids.take(rows), self._told)
        if told is not None:
            yield told
        facts = self._facts(block, kept)
        n_filled = len(np.unique(facts.row))
        counts.records_ignored += len(kept) - n_filled
        counts.ignored["empty-record"] += len(kept) - n_filled
        counts.ignored["record-key"] += n_filled
        counts.facts_ignored += n_filled
        counts.facts_read += n_filled
        keyed = Rows(keys_of(self._job, eids.take(rows)), records[kept], block.row_numbers[kept])
        yield from self._settle(block, kept, keyed, facts, counts, rejects)
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
        self, block: TextBlock, kept: Ints, rows: Rows, facts: Facts, counts: Counts,
        rejects: list[pa.Table],
    ) -> Iterator[Chunk]:  # fmt: skip
        """Every fact lands, goes to the vault, is ignored or rejected, and is counted once."""
        job, plan = self._job, self._plan
        yield from birth_identities(job, plan, block, kept, rows.persons, rows.records)
        times = block_times(job, plan, facts, len(kept))
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
        names = facts.marked(pc.match_substring_regex(facts.texts, _FILE_NAME))
        names &= self._plan.may_name_file[facts.column]
        _ignore(counts, "bulk-file-name", int(names.sum()))
        return facts.only(~names)


def _ignore(counts: Counts, rule: str, n: int) -> None:
    """Count facts that a rule leaves out."""
    if n:
        counts.ignored[rule] += n
        counts.facts_read += n
        counts.facts_ignored += n
