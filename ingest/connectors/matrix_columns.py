"""Matrices with one row a feature and one column a sample, streamed block by block."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.core.errors import Fault, SourceFileError
from biobraid.ingest.connectors.contract import Chunk, Counts, FileJob
from biobraid.ingest.connectors.omics_features import (
    FeatureTableBeside,
    definitions,
    feature_hashes,
    no_run,
    value_rows,
)
from biobraid.ingest.connectors.omics_numbers import A_NUMBER, read_numbers
from biobraid.ingest.connectors.omics_options import OmicsOptions
from biobraid.ingest.connectors.omics_samples import Admission, SampleDesk
from biobraid.ingest.hashing import U64
from biobraid.ingest.tabular import Cells, ParquetTable, TextBlock, TextTable, trimmed
from biobraid.ingest.tabular.block import reject_table
from biobraid.ingest.tabular.text_table import missing_column


class ColumnsMatrix:
    """Reads one file whose columns are samples, known from the header before any value."""

    def __init__(
        self,
        job: FileJob,
        options: OmicsOptions,
        table: TextTable | ParquetTable,
        feature: str,
        about: Mapping[str, str],
        ignore: Sequence[str],
    ) -> None:
        """feature: column of the features' names; about: what describes them -> column."""
        self._job, self._options, self._table = job, options, table
        self._feature, self._about = feature, about
        missing = [c for c in (feature, *about.values()) if c not in table.header]
        where = f"{job.where}, row 1"
        if missing:
            # Without near misses: the other columns are samples, whose ids nobody may read here.
            raise SourceFileError([missing_column(where, c, ()) for c in missing])
        taken = {feature, *about.values(), *ignore}
        self._names = [c for c in table.header if c not in taken]
        self._ignored = [c for c in ignore if c in table.header]
        if not self._names:
            raise SourceFileError(
                Fault(where, "no column is a sample", "a column for each sample",
                      "Is the delimiter right? Are the rows features? See option `rows`.")
            )  # fmt: skip
        self._desk = SampleDesk(job, options, ())
        self._beside = FeatureTableBeside(job, options)
        self._seen: set[str] = set()

    def read(self) -> Iterator[Chunk | Counts]:
        """Chunks and counts: the samples first, then their values block by block."""
        counts = Counts(keys_are_unique=True)
        counts.warnings.update({f"feature-column-ignored:{c}": 1 for c in self._ignored})
        numbers = np.arange(1, len(self._names) + 1)
        admitted = self._desk.admit(pa.array(self._names, pa.string()), {}, numbers, counts)
        yield from admitted.chunks
        yield counts
        place = np.full(len(self._names), -1, dtype=np.int64)
        place[admitted.kept] = np.arange(len(admitted.kept))
        wanted = [name for name, at in zip(self._names, place.tolist(), strict=True) if at >= 0]
        done = 0
        for block in self._table:
            counts = Counts(bytes_done=block.bytes_done - done)
            done = block.bytes_done
            yield from self._block(block, wanted, admitted, counts)
            yield counts
        if self._table.n_records == 0:
            yield Counts(warnings=Counter({"no-features": 1}))

    def _block(
        self, block: TextBlock, wanted: list[str], admitted: Admission, counts: Counts
    ) -> Iterator[Chunk]:
        """A ragged line, a line without a name and a second line of a feature are one rejected
        cell each: they are features, not records."""
        n_bad = block.rejects.num_rows
        if n_bad:
            counts.facts_read += n_bad
            counts.facts_rejected += n_bad
            at = block.rejects.column_names.index("unit_of_count")
            units = pa.array(["cell"] * n_bad)
            yield Chunk("raw.reject", block.rejects.set_column(at, "unit_of_count", units))
        if not block.n_rows:
            return
        keys = pc.utf8_trim_whitespace(block.column(self._feature)).fill_null("")
        rows, lost, twice = self._new_features(keys)
        for bad, reason, expected in (
            (lost, "missing-feature", "the name of a feature"),
            (twice, "duplicate-feature", "each feature once"),
        ):
            if len(bad):
                counts.facts_read += len(bad)
                counts.facts_rejected += len(bad)
                numbers = block.row_numbers[bad]
                yield Chunk("raw.reject", reject_table(numbers, reason, expected, self._feature))
        if not len(rows):
            return
        at = pa.array(rows)
        keys = keys.take(at)
        names = self._beside.names(keys)
        given = {
            word: trimmed(block.column(column).take(at)) for word, column in self._about.items()
        }
        given |= self._beside.texts(keys)
        yield definitions(self._job, self._options, names, given, "other")
        if wanted:
            hashes = feature_hashes(self._job, names)
            yield from self._values(block, rows, wanted, hashes, admitted, counts)

    def _new_features(self, keys: pa.StringArray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rows of features met for the first time; of none; of those met before."""
        good, lost, twice = [], [], []
        for i, key in enumerate(keys.to_pylist()):
            if not key:
                lost.append(i)
            elif key in self._seen:
                twice.append(i)
            else:
                self._seen.add(key)
                good.append(i)
        return np.array(good, np.int64), np.array(lost, np.int64), np.array(twice, np.int64)

    def _values(
        self,
        block: TextBlock,
        rows: np.ndarray,
        wanted: list[str],
        hashes: U64,
        admitted: Admission,
        counts: Counts,
    ) -> Iterator[Chunk]:
        cells = block.cells(wanted)
        if len(rows) < block.n_rows:
            place = np.full(block.n_rows, -1, dtype=np.int64)
            place[rows] = np.arange(len(rows))
            mask = place[cells.row] >= 0
            cells = Cells(
                place[cells.row[mask]], cells.column[mask], cells.value.filter(pa.array(mask))
            )
        numbers = read_numbers(
            cells.value, self._options.absent, self._options.null_values, self._options.decimal
        )
        counts.facts_read += int((~numbers.is_empty).sum())
        bad = np.flatnonzero(numbers.is_bad)
        if len(bad):
            counts.facts_rejected += len(bad)
            found = block.row_numbers[rows[cells.row[bad]]]
            yield Chunk("raw.reject", reject_table(found, "invalid-number", A_NUMBER, ""))
        lands = numbers.lands
        if lands.any():
            sample = cells.column[lands].astype(np.int64)
            yield value_rows(
                admitted.samples, sample, hashes, cells.row[lands],
                runs=np.full(int(lands.sum()), no_run(self._job), np.uint64),
                **numbers.columns(lands),
            )  # fmt: skip
