"""The resources of one type that a block lands, and where their facts go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.core.keys import IngestKeys
from biobraid.ingest.connectors.contract import Chunk, Counts
from biobraid.ingest.connectors.fhir_file import FhirFile
from biobraid.ingest.connectors.fhir_frame import NONE, Frame
from biobraid.ingest.connectors.fhir_tokens import Bools, Ints
from biobraid.ingest.hashing import U64, mix, positive, value_hash
from biobraid.ingest.tabular.block import reject_table

TIME = "a date, a partial date or an instant as FHIR writes them"


@dataclass
class Resources:
    """Resources of one type: none rejected, none ignored, in the order of the file.

    Every array is as long as `frame`. records: 64-bit ids. numbers: line of the file.
    kept: of all lines of the block, whether they land (also of other types).
    """

    file: FhirFile
    name: str
    frame: Frame
    keys: pa.StringArray
    records: U64
    natives: pa.StringArray
    persons: pa.DictionaryArray
    numbers: Ints
    kept: Bools
    counts: Counts
    chunks: list[Chunk] = field(default_factory=list)
    rejected: list[int] = field(default_factory=list)  # their lines in the block

    def __len__(self) -> int:
        return len(self.frame)

    def only(self, mask: Bools) -> Resources:
        """The resources where the mask is true, with the same counts and chunks."""
        if mask.all():
            return self
        kept = pa.array(mask)
        return Resources(
            self.file,
            self.name,
            self.frame.only(mask),
            self.keys.filter(kept),
            self.records[mask],
            self.natives.filter(kept),
            self.persons.filter(kept),
            self.numbers[mask],
            self.kept,
            self.counts,
            self.chunks,
            self.rejected,
        )

    def ignore(self, mask: Bools, rule: str) -> Resources:
        """Leave out the resources where the mask is true, by a stated rule."""
        n = int(mask.sum())
        if not n:
            return self
        self.counts.ignored[rule] += n
        self.counts.records_ignored += n
        self.kept[self.frame.line[mask]] = False
        return self.only(~mask)

    def reject(self, mask: Bools, reason: str, expected: str, element: str) -> Resources:
        """Reject the resources where the mask is true."""
        if not mask.any():
            return self
        rows = reject_table(self.numbers[mask], reason, expected)
        column = pa.array([f"{self.name}.{element}"] * rows.num_rows, pa.string())
        rows = rows.set_column(rows.column_names.index("column_name"), "column_name", column)
        self.chunks.append(Chunk("raw.reject", rows))
        self.counts.records_rejected += rows.num_rows
        self.rejected += self.frame.line[mask].tolist()
        self.kept[self.frame.line[mask]] = False
        return self.only(~mask)

    @property
    def record_ids(self) -> pa.Int64Array:
        """record_id of each."""
        return positive(self.records.copy())

    def land(
        self,
        table: str,
        columns: Mapping[str, pa.Array],
        label: str,
        at: Ints | None = None,
        ordinal: Ints | U64 | None = None,
    ) -> None:
        """Land one row for each resource, or for each of `at`.

        label (and ordinal, where a resource makes several): names the fact within its record.
        """
        n = len(self) if at is None else len(at)
        if not n:
            return
        ids = self.records if at is None else self.records[at]
        rows = mix(ids, np.uint64(_fact(self.file.job.keys, label)))
        if ordinal is not None:
            rows = mix(rows, ordinal.astype(np.uint64))
        person = self.persons if at is None else self.persons.take(pa.array(at))
        table_columns: dict[str, pa.Array] = {
            "row_id": positive(rows),
            "record_id": positive(ids.copy()),
            "source_person_key": person,
            **columns,
        }
        if self.file.job.keys_repeat:
            numbers = self.numbers if at is None else self.numbers[at]
            table_columns["row_number"] = pa.array(numbers)
        self.counts.facts_read += n
        self.chunks.append(Chunk(table, pa.table(table_columns)))

    def details(self, kind: str, fields: Mapping[str, pa.Array]) -> None:
        """Land values that have no column of their own, each where it is given."""
        for name, values in fields.items():
            at = np.flatnonzero(values.is_valid().to_numpy(zero_copy_only=False))
            if not len(at):
                continue
            n = len(at)
            columns = {
                "kind": constant(kind, n),
                "field": constant(name, n),
                "value": values.take(pa.array(at)).cast(pa.string()),
            }
            self.land("raw.detail", columns, f"detail:{name}", at)

    def vault(
        self, kind: str | pa.Array, values: pa.StringArray, at: Ints, count: bool = True
    ) -> None:
        """Identity rows of the values that are given; `at` are the resources they belong to.

        count: False where the value also lands, and is counted there.
        """
        given = values.is_valid()
        if not given.true_count:
            return
        rows = pa.array(at).filter(given)
        n = len(rows)
        table = {
            "source_person_key": self.persons.take(rows).dictionary_decode(),
            "type": constant(kind, n) if isinstance(kind, str) else kind.filter(given),
            "value": values.filter(given),
            "record_id": self.record_ids.take(rows),
        }
        self.chunks.append(Chunk("identity", pa.table(table)))
        if count:
            self.counts.facts_read += n
            self.counts.facts_to_vault += n

    def times(
        self, values: pa.StringArray, element: str, start: bool = True
    ) -> dict[str, pa.Array]:
        """Time columns of values; what is no time is a rejected cell."""
        found = self.file.times(values)
        self.reject_cells(found.invalid_mask, element, "invalid-date", TIME)
        if not start:
            return {"end_time": found.start_time, "end_offset_minutes": found.offset_minutes}
        return {
            "start_time": found.start_time.dictionary_encode(),
            "start_offset_minutes": found.offset_minutes,
            "time_source": found.time_source.dictionary_encode(),
            "time_flag": found.time_flag.dictionary_encode(),
        }

    def reject_cells(
        self, bad: Bools, element: str, reason: str, expected: str, at: Ints | None = None
    ) -> None:
        """Count values as rejected; their records still land. at: the resource of each value."""
        n = int(bad.sum())
        if n:
            numbers = self.numbers if at is None else self.numbers[at]
            rows = reject_table(numbers[bad], reason, expected, f"{self.name}.{element}")
            self.chunks.append(Chunk("raw.reject", rows))
            self.counts.facts_read += n
            self.counts.facts_rejected += n

    def free_text(
        self,
        element: str,
        values: pa.StringArray,
        at: Ints,
        variables: pa.StringArray | None = None,
    ) -> pa.StringArray:
        """Words as far as study.yaml lets them land; the others go to the vault or are counted.

        variables: what study.yaml may name beside the element path (a questionnaire's linkId).
        """
        rules = self.file.free_text
        whole = rules.get(f"{self.name}.{element}")
        given = values.is_valid()
        rule = pc.if_else(given, pa.scalar(whole or "undeclared"), NONE)
        if variables is not None and rules:
            named = pa.array(list(rules.values()), pa.string())
            own = named.take(pc.index_in(variables, pa.array(list(rules), pa.string())))
            rule = pc.if_else(given, pc.coalesce(own, rule), NONE)
        in_vault = pc.equal(rule, "vault").fill_null(False)
        if in_vault.true_count:
            self.vault("free_text", values.filter(in_vault), at[in_vault.to_numpy(False)])
        for word in ("drop", "undeclared"):
            n = pc.equal(rule, word).true_count
            if n:
                self.counts.ignored[f"free-text-{word}"] += n
                self.counts.facts_read += n
                self.counts.facts_ignored += n
        return pc.if_else(pc.equal(rule, "allow").fill_null(False), values, NONE)


def occurrences(owner: Ints, code: Ints) -> Ints:
    """Which of those with one owner and code each is, from 0, in their order."""
    pair = owner * (int(code.max(initial=0)) + 1) + code
    by_pair = np.argsort(pair, kind="stable")
    starts = np.flatnonzero(np.diff(pair[by_pair], prepend=-1) != 0)
    lengths = np.diff(starts, append=len(pair))
    place = np.empty(len(pair), np.int64)
    place[by_pair] = np.arange(len(pair)) - np.repeat(starts, lengths)
    return place


def constant(word: str, n: int) -> pa.DictionaryArray:
    """A column of one word."""
    indices = pa.array(np.zeros(n, np.int32))
    return pa.DictionaryArray.from_arrays(indices, pa.array([word], pa.string()))


@lru_cache(maxsize=1 << 12)
def _fact(keys: IngestKeys, label: str) -> int:
    return value_hash(keys, "fact", label)
