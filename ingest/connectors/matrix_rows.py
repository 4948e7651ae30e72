"""Matrices with one row a sample and one column a feature, streamed block by block."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.core.errors import Fault, SourceFileError
from biobraid.ingest.connectors.contract import Chunk, Counts, FileJob
from biobraid.ingest.connectors.matrix_header import places, refuse_samples
from biobraid.ingest.connectors.omics_features import (
    FeatureTableBeside,
    definitions,
    feature_hashes,
    flags,
    run_hashes,
    value_rows,
)
from biobraid.ingest.connectors.omics_numbers import A_NUMBER, read_numbers
from biobraid.ingest.connectors.omics_options import OmicsOptions
from biobraid.ingest.connectors.omics_samples import Admission, Ints, SampleDesk, sample_names
from biobraid.ingest.hashing import U64
from biobraid.ingest.tabular import Cells, ParquetTable, TextBlock, TextTable
from biobraid.ingest.tabular.block import reject_table
from biobraid.ingest.tabular.text_table import missing_column

_NONE = pa.scalar(None, pa.string())


@dataclass(frozen=True)
class View:
    """Which columns of a row are about one sample; a row may hold several (UK Biobank).

    features: column -> key of the feature. qc: scope -> column of a flag of the whole sample.
    value_flags: column of a feature -> column of the flag of its value. suffix: tells the
    sample apart from the row's others.
    """

    features: Mapping[str, str]
    plate: str | None = None
    qc: Mapping[str, str] = field(default_factory=dict)
    value_flags: Mapping[str, str] = field(default_factory=dict)
    others: Sequence[str] = ()  # columns about the sample that nothing reads
    suffix: str = ""


@dataclass(frozen=True)
class Layout:
    """How a file of this format is laid out.

    sample: columns that name the row's sample. only_filled: a row without any measurement holds
    no sample (it is ignored), instead of a sample in which nothing was measured.
    passed: flags that say that all is well. reasons: of the views' `others`, the rule they are
    counted under, where it is not `unread-column`.
    """

    sample: Sequence[str]
    views: Sequence[View]
    kind: str
    unit: str | None = None
    passed: Sequence[str] = ()
    marks: Mapping[str, Sequence[str]] = field(default_factory=dict)
    only_filled: bool = False
    reasons: Mapping[str, str] = field(default_factory=dict)


class RowsMatrix:
    """Reads one file whose rows are samples."""

    def __init__(
        self, job: FileJob, options: OmicsOptions, table: TextTable | ParquetTable, layout: Layout
    ) -> None:
        self._job, self._options, self._table, self._layout = job, options, table, layout
        self._check(table.header)
        features = {column: key for view in layout.views for column, key in view.features.items()}
        refuse_samples(job, options, table.header, features)
        own = [c for c in table.header if c not in features]
        used = {
            *layout.sample,
            *(c for v in layout.views for c in (v.plate, *v.qc.values(), *v.value_flags.values())),
        }
        others = [c for view in layout.views for c in view.others]
        self._desk = SampleDesk(
            job, options, own, [c for c in used if c], layout.marks, others, layout.reasons
        )
        about = {*layout.sample, job.source.person_id, options.collected, options.specimen.column,
                 *options.controls, *layout.marks}  # fmt: skip
        self._about = [c for c in own if c in about]
        self._beside = FeatureTableBeside(job, options)
        self._hashes: list[U64] = []

    def read(self) -> Iterator[Chunk | Counts]:
        """Chunks and counts, block by block."""
        rules = (r for r in self._layout.reasons.values() if r != "unread-column")
        yield Counts(keys_are_unique=True, warnings=Counter(f"column-ignored:{r}" for r in rules))
        yield from self._define()
        done = 0
        for block in self._table:
            counts = Counts(bytes_done=block.bytes_done - done)
            done = block.bytes_done
            if block.rejects.num_rows:
                counts.records_read += block.rejects.num_rows
                counts.records_rejected += block.rejects.num_rows
                yield Chunk("raw.reject", block.rejects)
            if block.n_rows:
                yield from self._block(block, counts)
            yield counts
        if self._table.n_records == 0:
            yield Counts(warnings=Counter({"no-records": 1}))

    def _define(self) -> Iterator[Chunk]:
        """Definitions of all features, each once, and their hashes for every view."""
        told: set[str] = set()
        for view in self._layout.views:
            keys = pa.array(list(view.features.values()), pa.string())
            names = self._beside.names(keys)
            where = f"{self._job.where}, row 1"
            self._refuse_repeated(where, names.to_pylist(), list(view.features))
            self._hashes.append(feature_hashes(self._job, names))
            new = [i for i, name in enumerate(names.to_pylist()) if name not in told]
            told.update(names.to_pylist())
            if new:
                at = pa.array(new, pa.int64())
                texts = self._beside.texts(keys.take(at))
                yield definitions(
                    self._job, self._options, names.take(at), texts,
                    self._layout.kind, self._layout.unit,
                )  # fmt: skip

    def _refuse_repeated(self, where: str, names: list[str], columns: list[str]) -> None:
        """SourceFileError if the table of features gives two columns one name."""
        n_of = Counter(names)
        twice = {c for c, name in zip(columns, names, strict=True) if n_of[name] > 1}
        if twice:
            at = places([i for i, c in enumerate(self._table.header, 1) if c in twice])
            raise SourceFileError(
                Fault(where, f"{len(twice)} columns are not features of their own: {at}",
                      "a name of its own for each, in the table of features")
            )  # fmt: skip

    def _block(self, block: TextBlock, counts: Counts) -> Iterator[Chunk]:
        names = sample_names([block.column(c) for c in self._layout.sample])
        about = {c: block.column(c) for c in self._about}
        is_held = np.zeros(block.n_rows, dtype=bool)
        for view, hashes in zip(self._layout.views, self._hashes, strict=True):
            cells = block.cells(list(view.features))
            marks = self._value_flags(block, view)
            rows = np.arange(block.n_rows)
            if self._layout.only_filled:
                held = cells.row if marks is None else np.concatenate([cells.row, marks.row])
                rows = np.unique(held)
            is_held[rows] = True
            at = pa.array(rows)
            own = {c: v.take(at) for c, v in about.items()}
            own |= {c: block.column(c).take(at) for c in view.others}
            listed = pc.binary_join_element_wise(names.take(at), view.suffix, "")
            admitted = self._desk.admit(listed, own, block.row_numbers[rows], counts)
            yield from admitted.chunks
            place = np.full(block.n_rows, -1, dtype=np.int64)
            place[rows[admitted.kept]] = np.arange(len(admitted.kept))
            yield from self._values(block, view, cells, marks, place, hashes, admitted, counts)
        n_empty = int((~is_held).sum())
        if n_empty:
            counts.records_read += n_empty
            counts.records_ignored += n_empty
            counts.ignored["empty-record"] += n_empty

    def _value_flags(self, block: TextBlock, view: View) -> Cells | None:
        """Flags of single values: row, place of the feature, and the flag."""
        if not view.value_flags:
            return None
        index = {column: i for i, column in enumerate(view.features)}
        found = block.cells(list(view.value_flags.values()))
        owners = np.array([index[c] for c in view.value_flags], dtype=np.int32)
        is_said = pc.invert(pc.is_in(found.value, pa.array([*self._layout.passed, ""])))
        mask = is_said.to_numpy(zero_copy_only=False)
        return Cells(found.row[mask], owners[found.column[mask]], found.value.filter(is_said))

    def _values(
        self,
        block: TextBlock,
        view: View,
        cells: Cells,
        marks: Cells | None,
        place: Ints,
        hashes: U64,
        admitted: Admission,
        counts: Counts,
    ) -> Iterator[Chunk]:
        """Values of the samples that land; a flag whose value is missing says why it is absent."""
        cells = _of_samples(cells, place)
        numbers = read_numbers(
            cells.value, self._options.absent, self._options.null_values, self._options.decimal
        )
        counts.facts_read += int((~numbers.is_empty).sum())
        if numbers.is_bad.any():
            bad = np.flatnonzero(numbers.is_bad)
            counts.facts_rejected += len(bad)
            rejects = reject_table(
                block.row_numbers[cells.row[bad]], "invalid-number", A_NUMBER, ""
            )
            said = np.array(list(view.features), dtype=object)[cells.column[bad]].tolist()
            at = rejects.column_names.index("column_name")
            yield Chunk("raw.reject", rejects.set_column(at, "column_name", pa.array(said)))
        lands = numbers.lands
        columns = numbers.columns(lands)
        row, column = cells.row[lands], cells.column[lands].astype(np.int64)
        flag: pa.StringArray | None = None
        if marks is not None:
            marks = _of_samples(marks, place)
            n = len(view.features)
            flag, alone = _matched(row * n + column, marks.row * n + marks.column, marks.value)
            if len(alone):
                counts.facts_read += len(alone)
                row = np.concatenate([row, marks.row[alone]])
                column = np.concatenate([column, marks.column[alone].astype(np.int64)])
                columns = _with_absent(columns, len(alone))
                flag = pa.concat_arrays([flag, marks.value.take(pa.array(alone))])
        if not len(row):
            return
        at = pa.array(row)
        scopes = {scope: self._said(block.column(name).take(at)) for scope, name in view.qc.items()}
        qc = flags(**scopes, value=flag)
        if qc is not None:
            columns["qc_flag"] = qc.dictionary_encode()
        plate = pa.nulls(len(row), pa.string())
        if view.plate is not None:
            plate = pc.utf8_trim_whitespace(block.column(view.plate).take(at))
            columns["plate_id"] = plate.dictionary_encode()
        yield value_rows(
            admitted.samples, place[row], hashes, column,
            runs=run_hashes(self._job, plate), **columns,
        )  # fmt: skip

    def _said(self, words: pa.StringArray) -> pa.StringArray:
        """Flags but for those that say that all is well."""
        text = pc.utf8_trim_whitespace(words)
        return pc.if_else(pc.is_in(text, pa.array([*self._layout.passed, ""])), _NONE, text)

    def _check(self, header: Sequence[str]) -> None:
        where = f"{self._job.where}, row 1"
        missing = [c for c in self._layout.sample if c not in header]
        if missing:
            raise SourceFileError([missing_column(where, c, ()) for c in missing])
        if not any(view.features for view in self._layout.views):
            raise SourceFileError(
                Fault(
                    where,
                    f"none of the {len(header)} columns is a feature",
                    "a column for each feature",
                    "Is the delimiter right? Are the columns declared (features, feature_columns)?",
                )
            )


def _of_samples(cells: Cells, place: Ints) -> Cells:
    """The cells of rows that land."""
    mask = place[cells.row] >= 0
    if mask.all():
        return cells
    return Cells(cells.row[mask], cells.column[mask], cells.value.filter(pa.array(mask)))


def _matched(places: Ints, marked: Ints, texts: pa.StringArray) -> tuple[pa.StringArray, Ints]:
    """The flag of each place, null without one; indices of the flags that have no place."""
    if not len(marked):
        return pa.nulls(len(places), pa.string()), np.empty(0, np.int64)
    order = np.argsort(marked, kind="stable")
    at = np.minimum(np.searchsorted(marked[order], places), len(marked) - 1)
    is_hit = marked[order][at] == places
    found = texts.take(pa.array(order[at], mask=~is_hit))
    return found, np.flatnonzero(~np.isin(marked, places))


def _with_absent(columns: dict[str, pa.Array], n: int) -> dict[str, pa.Array]:
    """The columns with n more rows that have no value, for an error of the assay."""
    out = {}
    for name, column in columns.items():
        more = pa.array(["error"] * n) if name == "absent_reason" else pa.nulls(n, column.type)
        out[name] = pa.concat_arrays([column, more])
    return out
