"""The records of one block of a UK Biobank record table, as its table's reader sees them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.core.study import Study
from biobraid.ingest.connectors.contract import FileJob
from biobraid.ingest.connectors.ukb_times import read_times, time_columns
from biobraid.ingest.hashing import U64, positive, record_ids
from biobraid.ingest.tabular import TextBlock
from biobraid.ingest.times import NormalisedTimes

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
_NONE = pa.scalar(None, pa.string())
# Suppressed codes, and values that primary care delivers for "none".
_MISSING_CODE = r"^-(99|9999999|9000099)$"
_MISSING_VALUE = r"^-(9999999|9000099)(\.0*)?$"


@dataclass
class Records:
    """Some records of a block; every array is as long as `rows`, their indices in the block.

    ignored: rule -> cells of these records that the table's reader leaves out. suppressed:
    records whose code was withheld. invalid: date column -> cells that are no dates.
    """

    job: FileJob
    table: str
    block: TextBlock
    columns: Mapping[str, str]  # plain name -> name in the file
    rows: Ints
    ids: U64
    ignored: dict[str, list[Bools]] = field(default_factory=dict)
    suppressed: Bools = field(init=False)
    invalid: dict[str, Bools] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.suppressed = np.zeros(len(self.rows), dtype=bool)

    def __len__(self) -> int:
        return len(self.rows)

    def text(self, name: str) -> pa.StringArray:
        """A column, trimmed; null where empty or where the file has no such column."""
        if name not in self.columns:
            return pa.nulls(len(self), pa.string())
        return trimmed(self.block.column(self.columns[name])).take(pa.array(self.rows))

    def code(self, name: str) -> pa.StringArray:
        """A column of codes; withheld ones are null and counted."""
        return self._without(self.text(name), _MISSING_CODE, is_code=True)

    def value(self, name: str) -> pa.StringArray:
        """A column of values; those that stand for none are null and counted."""
        return self._without(self.text(name), _MISSING_VALUE, is_code=False)

    def times(self, name: str) -> NormalisedTimes:
        """A column of dates; cells that are none are remembered."""
        times = read_times(self.job, self.text(name))
        if times.invalid_mask.any():
            self.invalid[name] = times.invalid_mask
        return times

    def ignore(self, rule: str, cells: Bools) -> None:
        """Count cells of records that land as ignored by a rule."""
        if cells.any():
            self.ignored.setdefault(rule, []).append(cells)

    def ids_in(self, source_id: str, table: str, key: tuple[str, ...]) -> pa.Int64Array:
        """record_id of the records of another table that these belong to."""
        parts = [(name, self.text(name)) for name in key]
        return positive(record_ids(self.job.keys, scope(self.job.study, source_id, table), parts))

    def _without(self, text: pa.StringArray, pattern: str, is_code: bool) -> pa.StringArray:
        missing = pc.fill_null(pc.match_substring_regex(text, pattern), False)
        found = missing.to_numpy(zero_copy_only=False)
        if not found.any():
            return text
        self.ignore("missing-code", found)
        if is_code:
            self.suppressed |= found
        return pc.if_else(missing, _NONE, text)


@dataclass(frozen=True)
class Emitted:
    """Rows of a landing table: which record each is of, and what tells it from its others."""

    table: str
    label: str
    at: Ints
    columns: dict[str, pa.Array]


def scope(study: Study, source_id: str, table: str) -> str:
    """Within which a record key is unique."""
    return f"{study.id}/{source_id}/{table}"


def trimmed(text: pa.StringArray) -> pa.StringArray:
    """Text without outer blanks; null where nothing is left."""
    cut = pc.utf8_trim_whitespace(text)
    return pc.if_else(pc.equal(cut, ""), _NONE, cut)


def given(values: pa.Array) -> Bools:
    """True where there is a value."""
    mask: Bools = values.is_valid().to_numpy(zero_copy_only=False)
    return mask


def emit(
    records: Records,
    table: str,
    label: str,
    mask: Bools,
    columns: Mapping[str, pa.Array | str],
    start: NormalisedTimes | None = None,
) -> Emitted:
    """Rows for the records where the mask is true; a plain text stands in all of them."""
    at = np.flatnonzero(mask)
    index = pa.array(at)
    made = dict(columns) | (time_columns(start) if start is not None else {})
    taken = {
        name: pa.repeat(pa.scalar(v, pa.string()), len(at)) if isinstance(v, str) else v.take(index)
        for name, v in made.items()
    }
    if table == "raw.event":
        taken["source_table"] = pa.repeat(pa.scalar(records.table, pa.string()), len(at))
    return Emitted(table, label, at, taken)


def translated(words: pa.StringArray, meanings: Mapping[str, str]) -> pa.StringArray:
    """Each word's meaning; null where it has none."""
    found = pc.index_in(words, pa.array(list(meanings), pa.string()))
    return pa.array(list(meanings.values()), pa.string()).take(found)
