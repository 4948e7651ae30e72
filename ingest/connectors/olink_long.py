"""Long NPX files: one line for each sample, assay and plate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.core.errors import SourceFileError
from biobraid.ingest.connectors.contract import Chunk, Counts, FileJob
from biobraid.ingest.connectors.met_pairs import MetPairs
from biobraid.ingest.connectors.olink_options import (
    CONTROL_ASSAY,
    PASSED,
    OlinkOptions,
    sample_marks,
)
from biobraid.ingest.connectors.omics_features import (
    FeatureTableBeside,
    definitions,
    feature_hashes,
    flags,
    run_hashes,
    value_rows,
)
from biobraid.ingest.connectors.omics_numbers import A_NUMBER, Numbers, read_numbers
from biobraid.ingest.connectors.omics_options import SAMPLE
from biobraid.ingest.connectors.omics_samples import Ints, SampleDesk, sample_names
from biobraid.ingest.connectors.omics_specimens import NO_SAMPLES
from biobraid.ingest.hashing import U64, person_keys
from biobraid.ingest.tabular import ParquetTable, TextBlock, TextTable, trimmed
from biobraid.ingest.tabular.block import reject_table
from biobraid.ingest.tabular.text_table import missing_column

Bools = npt.NDArray[np.bool_]
_NONE = pa.scalar(None, pa.string())
_DEFINING = ("panel", "symbol", "accession", "unit", "assay_type")


class LongReader:
    """Reads one long file; remembers its samples, its assays and which pairs it has met."""

    def __init__(
        self,
        job: FileJob,
        options: OlinkOptions,
        table: TextTable | ParquetTable,
        roles: dict[str, str],
    ) -> None:
        self._job, self._options, self._table, self._roles = job, options, table, roles
        self._sample = self._sample_columns(table.header)
        by_line = {roles[r] for r in ("feature", "value", "lod", "assay_qc", *_DEFINING)
                   if r in roles}  # fmt: skip
        marks = sample_marks(roles)
        own = [c for c in table.header if c not in by_line]
        used = [roles[r] for r in ("plate", "sample_qc", "sample_type") if r in roles]
        self._desk = SampleDesk(job, options, own, own, marks)
        asked = {job.source.person_id, options.collected, options.specimen.column,
                 *used, *marks, *options.controls}  # fmt: skip
        self._about = [c for c in own if c in asked or c in self._sample]
        self._unread = [c for c in own if c not in self._about]
        self._beside = FeatureTableBeside(job, options)
        self._samples = NO_SAMPLES
        self._sample_at: dict[str, int] = {}  # place among those that land, -1: it does not
        self._feature_at: dict[str, int] = {}
        self._hashes: U64 = np.empty(0, np.uint64)
        self._pairs = MetPairs()

    def read(self) -> Iterator[Chunk | Counts]:
        """Chunks and counts, block by block."""
        yield Counts(keys_are_unique=True)
        done = 0
        for block in self._table:
            counts = Counts(bytes_done=block.bytes_done - done)
            done = block.bytes_done
            yield from self._block(block, counts)
            yield counts
        if self._table.n_records == 0:
            yield Counts(warnings=Counter({"no-records": 1}))

    def _block(self, block: TextBlock, counts: Counts) -> Iterator[Chunk]:
        if block.rejects.num_rows:
            counts.records_read += block.rejects.num_rows
            counts.records_rejected += block.rejects.num_rows
            yield Chunk("raw.reject", block.rejects)
        if not block.n_rows:
            return
        names = self._names(block)
        encoded = names.dictionary_encode()
        distinct = encoded.dictionary.to_pylist()
        yield from self._admit(block, distinct, encoded.indices, counts)
        place = np.array([self._sample_at[name] for name in distinct], dtype=np.int64)
        sample = place[encoded.indices.to_numpy(zero_copy_only=False)]
        rows = np.flatnonzero(sample >= 0)
        if len(rows):
            yield from self._measurements(block, rows, sample[rows], counts)

    def _names(self, block: TextBlock) -> pa.StringArray:
        return sample_names([block.column(c) for c in self._sample]).fill_null("")

    def _admit(
        self, block: TextBlock, distinct: list[str], indices: pa.Array, counts: Counts
    ) -> Iterator[Chunk]:
        """Decide about the samples that are new, by the first line of each."""
        new = [i for i, name in enumerate(distinct) if name not in self._sample_at]
        if not new:
            return
        _, first = np.unique(indices.to_numpy(zero_copy_only=False), return_index=True)
        lines = pa.array(first[new])
        own = {c: block.column(c).take(lines) for c in self._about}
        listed = pa.array([distinct[i] for i in new], pa.string())
        admitted = self._desk.admit(listed, own, block.row_numbers[first[new]], counts)
        yield from admitted.chunks
        start = len(self._samples)
        self._samples = self._samples.joined(admitted.samples)
        self._sample_at.update((distinct[i], -1) for i in new)
        for k, i in enumerate(admitted.kept.tolist()):
            self._sample_at[distinct[new[i]]] = start + k

    def _measurements(
        self, block: TextBlock, rows: Ints, sample: Ints, counts: Counts
    ) -> Iterator[Chunk]:
        """The lines of samples that land."""
        at = pa.array(rows)
        for name in self._unread:
            n = len(rows) - block.column(name).take(at).null_count
            if n:
                counts.ignored["unread-column"] += n
                counts.facts_read += n
                counts.facts_ignored += n
        cells = read_numbers(
            block.column(self._roles["value"]).take(at), self._options.absent,
            self._options.null_values, self._options.decimal,
        )  # fmt: skip
        keys = pc.utf8_trim_whitespace(block.column(self._roles["feature"]).take(at)).fill_null("")
        feature, chunk = self._features(block, rows, keys)
        if chunk is not None:
            yield chunk
        plates = self._column("plate", block, at)
        is_given = ~cells.is_empty
        bad = is_given & cells.is_bad
        lost = is_given & ~bad & (feature < 0)
        strange = is_given & ~bad & ~lost & self._of_another(block, at, sample)
        twice = is_given & ~(bad | lost | strange)
        at_pairs = np.flatnonzero(twice)
        plate = None if plates is None else plates.take(pa.array(at_pairs))
        twice[at_pairs] = self._pairs.repeated(sample[at_pairs], feature[at_pairs], plate)
        counts.facts_read += int(is_given.sum())
        numbers = block.row_numbers[rows]
        for is_out, reason, expected, role in (
            (bad, "invalid-number", A_NUMBER, "value"),
            (lost, "missing-feature", "the name of an assay", "feature"),
            (strange, "other-person", "the person of the sample's first line", "value"),
            (twice, "duplicate-measurement", "each sample, assay and plate once", "value"),
        ):
            if is_out.any():
                counts.facts_rejected += int(is_out.sum())
                column = self._roles[role]
                yield Chunk("raw.reject", reject_table(numbers[is_out], reason, expected, column))
        lands = is_given & ~(bad | lost | strange | twice)
        if lands.any():
            limits = self._limits(block, pa.array(rows[lands]))
            if limits is not None:
                is_none = ~limits.is_empty & limits.value.is_null().to_numpy(zero_copy_only=False)
                n_none = int(is_none.sum())
                counts.facts_read += n_none
                counts.facts_rejected += n_none
                if n_none:  # costs the limit and not the value
                    lines, column = numbers[lands][is_none], self._roles["lod"]
                    rejects = reject_table(lines, "invalid-limit", "a number", column)
                    yield Chunk("raw.reject", rejects)
            lod = None if limits is None else limits.value
            yield self._rows(block, rows, lands, sample, feature, cells, plates, lod)

    def _of_another(self, block: TextBlock, at: pa.Array, sample: Ints) -> Bools:
        """Lines that give a sample to another person than its first line did."""
        name = self._job.source.person_id
        if name not in self._about or name in self._sample:
            return np.zeros(len(sample), dtype=bool)
        natives = trimmed(block.column(name).take(at))
        keys = person_keys(self._job.keys, self._job.study.person_namespace, natives)
        is_same = pc.equal(keys.dictionary_decode(), self._samples.persons.take(pa.array(sample)))
        found: Bools = ~is_same.fill_null(True).to_numpy(zero_copy_only=False)
        return found

    def _rows(
        self,
        block: TextBlock,
        rows: Ints,
        lands: Bools,
        sample: Ints,
        feature: Ints,
        cells: Numbers,
        plates: pa.StringArray | None,
        lod: pa.DoubleArray | None,
    ) -> Chunk:
        at, mask = pa.array(rows[lands]), pa.array(lands)
        columns = cells.columns(lands)
        if lod is not None:
            below = pc.fill_null(pc.less(columns["value"], lod), False)
            columns["limit_value"] = pc.coalesce(columns["limit_value"], lod)
            columns["censored"] = pc.coalesce(
                columns["censored"], pc.if_else(below, pa.scalar("left"), _NONE)
            )
        qc = flags(
            sample=self._warning("sample_qc", block, at), assay=self._warning("assay_qc", block, at)
        )
        if qc is not None:
            columns["qc_flag"] = qc.dictionary_encode()
        if plates is not None:
            columns["plate_id"] = plates.filter(mask).dictionary_encode()
        plate = pa.nulls(len(at), pa.string()) if plates is None else plates.filter(mask)
        return value_rows(
            self._samples, sample[lands], self._hashes, feature[lands],
            runs=run_hashes(self._job, plate), **columns,
        )  # fmt: skip

    def _features(
        self, block: TextBlock, rows: Ints, keys: pa.StringArray
    ) -> tuple[Ints, Chunk | None]:
        """Place of each line's assay (-1 where it names none), and the assays that are new."""
        encoded = keys.dictionary_encode()
        distinct = encoded.dictionary.to_pylist()
        new = [i for i, k in enumerate(distinct) if k and k not in self._feature_at]
        chunk = None
        if new:
            _, first = np.unique(encoded.indices.to_numpy(zero_copy_only=False), return_index=True)
            at = pa.array(rows[first[new]])
            given = {r: c for r in _DEFINING if (c := self._column(r, block, at)) is not None}
            names = pa.array([distinct[i] for i in new], pa.string())
            chunk = self._define(names, given)
            for i in new:
                self._feature_at[distinct[i]] = len(self._feature_at)
        places = [self._feature_at.get(k, -1) for k in distinct]
        indices = encoded.indices.to_numpy(zero_copy_only=False)
        return np.array(places, dtype=np.int64)[indices], chunk

    def _define(self, keys: pa.StringArray, given: dict[str, pa.StringArray]) -> Chunk:
        kind = given.pop("assay_type", None)
        marks = pc.coalesce(given.get("symbol", keys), keys)
        is_control = pc.match_substring_regex(marks, f"^{CONTROL_ASSAY}$")
        if kind is not None:
            is_control = pc.or_(
                is_control, pc.not_equal(pc.utf8_lower(kind).fill_null("assay"), "assay")
            )
        names = self._beside.names(keys)
        columns = given | self._beside.texts(keys)
        columns["role"] = pc.if_else(is_control, "control", "analyte")
        self._hashes = np.concatenate([self._hashes, feature_hashes(self._job, names)])
        return definitions(self._job, self._options, names, columns, "protein", "NPX")

    def _limits(self, block: TextBlock, at: pa.Array) -> Numbers | None:
        if "lod" not in self._roles:
            return None
        cells = block.column(self._roles["lod"]).take(at)
        return read_numbers(cells, {}, self._options.null_values, self._options.decimal)

    def _warning(self, role: str, block: TextBlock, at: pa.Array) -> pa.StringArray | None:
        words = self._column(role, block, at)
        if words is None:
            return None
        return pc.if_else(pc.is_in(words, pa.array(PASSED)), _NONE, words)

    def _column(self, role: str, block: TextBlock, at: pa.Array) -> pa.StringArray | None:
        if role not in self._roles:
            return None
        return pc.utf8_trim_whitespace(block.column(self._roles[role]).take(at))

    def _sample_columns(self, header: tuple[str, ...]) -> list[str]:
        given = self._options.sample or self._roles.get("sample") or self._job.source.person_id
        columns = [given or SAMPLE] if not isinstance(given, list) else given
        missing = [c for c in columns if c not in header]
        if missing:
            where = f"{self._job.where}, row 1"
            raise SourceFileError([missing_column(where, c, header) for c in missing])
        return columns
