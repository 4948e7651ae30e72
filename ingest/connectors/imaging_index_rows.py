"""Good rows of a block of a table about images, with the ids they get."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.ingest.connectors.contract import Chunk, FileJob
from biobraid.ingest.connectors.imaging_index_options import ImagingIndexOptions
from biobraid.ingest.connectors.imaging_rows import asset_id, keyed_uid, study_record
from biobraid.ingest.hashing import U64, person_keys, record_ids
from biobraid.ingest.tabular.block import TextBlock, reject_table

Bools = npt.NDArray[np.bool_]
_NONE = pa.scalar(None, pa.string())
_DATE = r"^(?P<y>\d{4})[-./]?(?P<m>\d{2})[-./]?(?P<d>\d{2})(?:[T ].*)?$"
_TIME = r"^(?P<h>\d{2}):?(?P<m>\d{2}):?(?P<s>\d{2})(?P<f>\.\d{1,6})?\d*$"


class IndexRows:
    """Columns of the rows of a block that are good; ids are made once per distinct value.

    `landed`, `keys`, `to_vault` gather the columns whose cells are accounted for elsewhere,
    `withheld` the cells of landed columns that do not land, by rule.
    """

    def __init__(
        self,
        job: FileJob,
        options: ImagingIndexOptions,
        roles: dict[str, str],
        block: TextBlock,
        natives: pa.StringArray,
        series: pa.StringArray,
        good: Bools,
    ) -> None:
        self.job, self.options, self.roles = job, options, roles
        self._block, self._good = block, pa.array(good)
        self._all = natives, series, good
        self.natives = natives.filter(self._good)
        self.series = series.filter(self._good)
        self.row_numbers = block.row_numbers[good]
        self.n = int(good.sum())
        self.persons = person_keys(job.keys, job.study.person_namespace, self.natives)
        self.assets = self._each(self.series, lambda uid: asset_id(job, uid), pa.int64())
        self.landed: set[str] = set()
        self.to_vault: set[str] = set()
        self.withheld: Counter[str] = Counter()
        self.keys = {roles["person"], roles["series_uid"], roles.get("study_uid", "")}

    @property
    def used(self) -> set[str]:
        """Columns that have a role."""
        return set(self.roles.values())

    @property
    def columns_there(self) -> tuple[str, ...]:
        """Columns of the table."""
        return self._block.columns

    @property
    def studies(self) -> pa.Int64Array:
        """record_id of each row's imaging study; of the image itself where no study is named."""
        return self._each(self._study(), lambda uid: study_record(self.job, uid), pa.int64())

    @property
    def records(self) -> U64:
        """64-bit id of each row of a table of features."""
        scope = f"image-features/{self.job.study.id}/{self.job.source_id}"
        parts = [("series", self.series)]
        if (algorithm := self.role("algorithm")) is not None:
            parts.append(("algorithm", algorithm))
        return record_ids(self.job.keys, scope, parts)

    def study_uids(self) -> pa.StringArray:
        """Keyed UID of each row's study."""
        return self._each(self._study(), lambda uid: keyed_uid(self.job.keys, uid), pa.string())

    def series_uids(self) -> pa.StringArray:
        """Keyed UID of each row's series."""
        return self._each(self.series, lambda uid: keyed_uid(self.job.keys, uid), pa.string())

    def _study(self) -> pa.StringArray:
        named = self.role("study_uid")
        return self.series if named is None else pc.coalesce(named, self.series)

    def column(self, name: str) -> pa.StringArray:
        """A column of the good rows, trimmed; null where empty."""
        values = pc.utf8_trim_whitespace(self._block.column(name).filter(self._good))
        return pc.if_else(pc.equal(values, ""), _NONE, values)

    def role(self, role: str) -> pa.StringArray | None:
        """The column of a role, if the table has one."""
        name = self.roles.get(role)
        return None if name is None else self.column(name)

    def n_given(self, name: str) -> int:
        """Cells of a column that hold something."""
        values = self.column(name)
        return int(len(values) - values.null_count)

    def times(self) -> list[str | None]:
        """ISO date, with the time of day where both are given; other dates stand in."""
        date = self._iso_date("date")
        other = self._iso_date("other_date")
        if date is None or other is None:
            days = date if date is not None else other
        else:
            days = pc.coalesce(date, other)
        if days is None:
            return [None] * self.n
        clock = self._iso_time()
        if clock is not None:
            days = pc.coalesce(pc.binary_join_element_wise(days, clock, "T"), days)
        found: list[str | None] = days.to_pylist()
        return found

    def _iso_date(self, role: str) -> pa.StringArray | None:
        values = self.role(role)
        return None if values is None else iso_date(values)

    def _iso_time(self) -> pa.StringArray | None:
        values = self.role("time")
        if values is None:
            return None
        # Tables that hold times as numbers lose leading zeros: 80556.875 is 08:05:56.875.
        whole = pc.utf8_lpad(pc.replace_substring_regex(values, r"\..*$", ""), 6, "0")
        rest = pc.replace_substring_regex(values, r"^[^.]*", "")
        is_plain = pc.match_substring_regex(values, r"^\d{1,6}(\.\d*)?$")
        padded = pc.if_else(is_plain, pc.binary_join_element_wise(whole, rest, ""), values)
        parts = pc.extract_regex(padded, _TIME)
        fields = [pc.struct_field(parts, name) for name in "hms"]
        seconds = pc.binary_join_element_wise(fields[2], pc.struct_field(parts, "f"), "")
        return pc.binary_join_element_wise(fields[0], fields[1], seconds, ":")

    def unread_dates(self, roles: Iterable[str]) -> Iterator[Chunk]:
        """Rejected cells: what stands in columns of dates and is none."""
        for role in roles:
            values = self.role(role)
            if values is None:
                continue
            unread = pc.and_(values.is_valid(), iso_date(values).is_null())
            bad = unread.to_numpy(zero_copy_only=False)
            if bad.any():
                cells = reject_table(self.row_numbers[bad], "invalid-value", "YYYY-MM-DD", role)
                yield Chunk("raw.reject", cells)

    def seen_before(self, seen: set[int]) -> Bools:
        """Rows whose image (features: image and algorithm) stood in the table before."""
        ids = (
            self.assets.to_pylist()
            if self.options.lands == "assets"
            else [int(r) for r in self.records]
        )
        twice = np.zeros(self.n, dtype=bool)
        for place, one in enumerate(ids):
            twice[place] = one in seen
            seen.add(one)
        return twice

    def without(self, bad: Bools) -> IndexRows:
        """The rows without some of them."""
        natives, series, good = self._all
        kept = good.copy()
        kept[np.flatnonzero(good)[bad]] = False
        return IndexRows(self.job, self.options, self.roles, self._block, natives, series, kept)

    def _each(
        self, values: pa.StringArray, make: Callable[[str], object], kind: pa.DataType
    ) -> pa.Array:
        encoded = values.dictionary_encode()
        made: Iterable[object] = [make(v) for v in encoded.dictionary.to_pylist()]
        return pa.array(made, kind).take(encoded.indices)


def iso_date(values: pa.StringArray) -> pa.StringArray:
    """Dates written YYYYMMDD or with separators as YYYY-MM-DD; null for anything else."""
    parts = pc.extract_regex(values, _DATE)
    return pc.binary_join_element_wise(*(pc.struct_field(parts, n) for n in "ymd"), "-")
