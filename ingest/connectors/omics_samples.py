"""Samples of an omics file: whose they are, which are nobody's, and their specimens.

A record of an omics file is a sample. A sample is ignored by a rule where it is a control, and
rejected where the table of samples does not know it, where it has no person, or where its person
id is a placeholder: a placeholder shared by several samples would fuse several people into one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.core.errors import SourceFileError
from biobraid.ingest.connectors.contract import Chunk, Counts, FileJob
from biobraid.ingest.connectors.omics_beside import Beside, read_beside
from biobraid.ingest.connectors.omics_options import NOBODY, SAMPLE, OmicsOptions
from biobraid.ingest.connectors.omics_specimens import (
    NO_SAMPLES,
    Samples,
    identity_rows,
    refuse_what_cannot_be,
    specimen_rows,
)
from biobraid.ingest.hashing import person_keys, record_ids
from biobraid.ingest.tabular import trimmed
from biobraid.ingest.tabular.block import reject_table
from biobraid.ingest.tabular.text_table import missing_column
from biobraid.ingest.times import NormalisedTimes, normalise_times

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
CONTROL = "control-sample"
A_SAMPLE = "a sample that the table of samples knows"
_NONE = pa.scalar(None, pa.string())


@dataclass(frozen=True)
class Admission:
    """What became of samples: the indices of those that land, and the chunks they bring."""

    kept: Ints
    samples: Samples
    chunks: list[Chunk] = field(default_factory=list)


class SampleDesk:
    """Decides about the samples of one file; remembers which it has met."""

    def __init__(
        self,
        job: FileJob,
        options: OmicsOptions,
        own_columns: Sequence[str],
        used: Sequence[str] = (),
        marks: Mapping[str, Sequence[str]] | None = None,
        unnamed: Sequence[str] = (),
        reasons: Mapping[str, str] | None = None,
    ) -> None:
        """own_columns: columns about samples that the file itself has; used: those of them that
        the connector reads; marks: the format's own rules for controls, as options.controls;
        unnamed: own columns whose names no message may tell; reasons: own columns -> the rule
        their cells are ignored by."""
        refuse_what_cannot_be(job)
        self._job, self._options = job, options
        self._reasons = dict(reasons or {})
        self._own = tuple(own_columns)
        self._beside: Beside | None = None
        if options.samples is not None:
            self._beside = read_beside(job, options.samples, "option samples")
        self._warnings = self._beside.warnings("samples") if self._beside else Counter()
        if options.features is not None:
            features = read_beside(job, options.features, "option features")
            self._warnings += features.warnings("features")
        self._rules = [
            (column, [re.compile(text) for text in texts])
            for rules in (marks or {}, options.controls)
            for column, texts in rules.items()
        ]
        self._placeholders = [re.compile(text) for text in (NOBODY, *options.placeholder_ids)]
        named = {options.collected, options.specimen.column, job.source.person_id, *used}
        self._others = [c for c in self._own if c not in named and c not in self._controls()]
        self._near = [c for c in (SAMPLE, *self._own) if c not in set(unnamed)]
        self._near += self._beside.header if self._beside else ()
        self._check()
        self._scope = f"{job.study.id}/{job.source_id}/specimen"
        self._seen: set[str] = set()
        self._told: set[str] = set()

    def admit(
        self,
        names: pa.StringArray,
        own: Mapping[str, pa.StringArray],
        numbers: Ints,
        counts: Counts,
    ) -> Admission:
        """Decide about samples the file has not shown before; what was met goes to counts.

        names: sample ids; own: the file's own columns about them; numbers: where each stands.
        """
        names = pc.utf8_trim_whitespace(names)
        n = len(names)
        counts.warnings.update(self._warnings)  # of the file: once
        self._warnings.clear()
        place = self._places(names)
        columns = _Columns(names, own, self._beside, place, tuple(self._options.null_values))
        alive = np.ones(n, dtype=bool)
        rejects: list[pa.Table] = []

        def reject(is_bad: Bools, reason: str, expected: str) -> None:
            now = is_bad & alive
            if now.any():
                rejects.append(reject_table(numbers[now], reason, expected))
                counts.records_rejected += int(now.sum())
                alive[now] = False

        is_control = self._are_controls(columns, n)
        counts.records_read += n
        counts.records_ignored += int(is_control.sum())
        if is_control.any():
            counts.ignored[CONTROL] += int(is_control.sum())
            alive &= ~is_control
        is_empty = pc.is_in(names, pa.array(["", *self._options.null_values], pa.string()))
        has_name = pc.and_(names.is_valid(), pc.invert(is_empty)).to_numpy(zero_copy_only=False)
        reject(~has_name, "missing-sample-id", "a sample id")
        reject(self._repeated(names, alive), "duplicate-sample", "each sample once")
        if self._beside is not None:
            unknown = place.is_null().to_numpy(zero_copy_only=False)
            reject(unknown, "unknown-sample", A_SAMPLE)
        natives = columns.get(self._job.source.person_id or SAMPLE)
        has_person = pc.fill_null(pc.not_equal(natives, ""), False)
        reject(~has_person.to_numpy(zero_copy_only=False), "missing-person-id", "a person id")
        reject(self._stand_for_nobody(natives), "placeholder-person-id", "the id of one person")
        kept = np.flatnonzero(alive)
        chunks: list[Chunk] = []
        samples = NO_SAMPLES
        if len(kept):
            samples, chunks = self._land(kept, columns, natives, numbers, rejects, counts)
        if rejects:
            chunks.append(Chunk("raw.reject", pa.concat_tables(rejects)))
        return Admission(kept, samples, chunks)

    def _land(
        self,
        kept: Ints,
        columns: _Columns,
        natives: pa.StringArray,
        numbers: Ints,
        rejects: list[pa.Table],
        counts: Counts,
    ) -> tuple[Samples, list[Chunk]]:
        """Specimens and identities of the samples that land."""
        job, at = self._job, pa.array(kept)
        names, natives = columns.names.take(at), natives.take(at)
        records = record_ids(job.keys, self._scope, [(SAMPLE, names)])
        keys = person_keys(job.keys, job.study.person_namespace, natives)
        persons = keys.dictionary_decode()
        times = self._times(columns, at)
        if times is not None and times.invalid_mask.any():
            bad = times.invalid_mask
            column = self._options.collected or ""
            rejects.append(reject_table(numbers[kept][bad], "invalid-date", "a date", column))
            counts.facts_read += int(bad.sum())
            counts.facts_rejected += int(bad.sum())
        counts.facts_read += len(kept)
        for name in self._others:
            filled = len(kept) - columns.get(name).take(at).null_count
            if filled:
                counts.facts_read += filled
                counts.facts_ignored += filled
                counts.ignored[self._reasons.get(name, "unread-column")] += filled
        start = pa.nulls(len(kept), pa.string()) if times is None else times.start_time
        samples = Samples(records, persons, start)
        rule = self._options.specimen
        code = None if rule.column is None else columns.get(rule.column).take(at)
        new = [v for v in pc.unique(natives).to_pylist() if v not in self._told]
        self._told.update(new)
        chunks = [specimen_rows(job, rule, samples, code, times)]
        chunks += identity_rows(job, samples, names, natives, new)
        return samples, chunks

    def _times(self, columns: _Columns, at: pa.Array) -> NormalisedTimes | None:
        if self._options.collected is None:
            return None
        source = self._job.source
        return normalise_times(
            columns.get(self._options.collected).take(at),
            source.date_order,
            source.time_zone or self._job.study.time_zone,
            two_digit_until=self._options.two_digit_until,
        )

    def _places(self, names: pa.StringArray) -> pa.Int64Array:
        if self._beside is None:
            return pa.nulls(len(names), pa.int64())
        return self._beside.find(names)

    def _are_controls(self, columns: _Columns, n: int) -> Bools:
        found = np.zeros(n, dtype=bool)
        for column, patterns in self._rules:
            texts = columns.get(column).fill_null("").dictionary_encode()
            hits = [any(p.fullmatch(t) for p in patterns) for t in texts.dictionary.to_pylist()]
            found |= pa.array(hits, pa.bool_()).take(texts.indices).to_numpy(zero_copy_only=False)
        return found

    def _stand_for_nobody(self, natives: pa.StringArray) -> Bools:
        texts = natives.fill_null("").dictionary_encode()
        hits = [
            any(p.fullmatch(text) for p in self._placeholders)
            for text in texts.dictionary.to_pylist()
        ]
        found: Bools = pa.array(hits, pa.bool_()).take(texts.indices).to_numpy(zero_copy_only=False)
        return found

    def _repeated(self, names: pa.StringArray, alive: Bools) -> Bools:
        """Samples that stood in the file before; of controls and the like it does not matter."""
        found = np.zeros(len(names), dtype=bool)
        listed = names.to_pylist()
        for i in np.flatnonzero(alive).tolist():
            found[i] = listed[i] in self._seen
            self._seen.add(listed[i])
        return found

    def _controls(self) -> set[str]:
        return {column for column, _ in self._rules}

    def _check(self) -> None:
        """Every column that the source names is in the file or in the table of samples."""
        known = [SAMPLE, *self._own, *(self._beside.header if self._beside else ())]
        options = self._options
        named = [
            self._job.source.person_id, options.collected, options.specimen.column,
            *self._controls(),
        ]  # fmt: skip
        missing = sorted({name for name in named if name is not None and name not in known})
        if missing:
            where = f"{self._job.where}, row 1"
            raise SourceFileError([missing_column(where, name, self._near) for name in missing])


def sample_names(columns: Sequence[pa.StringArray]) -> pa.StringArray:
    """Ids of samples, of several columns joined by a slash; null where all of them are empty."""
    parts = [trimmed(column) for column in columns]
    if len(parts) == 1:
        return parts[0]
    joined = pc.binary_join_element_wise(*(p.fill_null("") for p in parts), "/")
    is_named = reduce(pc.or_, (p.is_valid() for p in parts))
    return pc.if_else(is_named, joined, _NONE)


@dataclass(frozen=True)
class _Columns:
    """Columns about samples, of the file itself or else of the table of samples."""

    names: pa.StringArray
    own: Mapping[str, pa.StringArray]
    beside: Beside | None
    place: pa.Int64Array
    null_values: tuple[str, ...]

    def get(self, name: str) -> pa.StringArray:
        """The column for each sample, trimmed; what is empty or a word for that is null."""
        if name in self.own:
            text = trimmed(self.own[name])
        elif self.beside is not None and name in self.beside.header:
            text = self.beside.column(name).take(self.place)
        elif name == SAMPLE:
            return self.names
        else:
            return pa.nulls(len(self.names), pa.string())
        is_word = pc.is_in(text, pa.array(self.null_values, pa.string()))
        return pc.if_else(is_word, _NONE, text)
