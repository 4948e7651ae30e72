"""What one delivery of one source holds, in counts and quantiles: the stuff of the contract.

A profile holds nothing of a person. What is kept as the reference for later deliveries
(`Profile.kept`) leaves out small cells as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from math import floor, log10
from typing import Any, Self

QUANTILES = (0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
MEDIAN = QUANTILES.index(0.5)
KEPT_DIGITS = 3  # a quantile is some person's value: it is kept rounded


@dataclass(frozen=True)
class Numbers:
    """Numbers of one variable (and unit): how many, and the values at QUANTILES.

    n: numbers in the delivery; n_used: those the quantiles are made of (a sample of large ones).
    A quantile is None where fewer than min_cell values lie beyond it, in what is kept.
    """

    n: int
    n_used: int
    quantiles: tuple[float | None, ...]


@dataclass
class Profile:
    """One delivery of one source.

    records: records read, by glob of the source. tables: rows of raw.event by source table, where
    there are several. columns: columns of the files, by glob. rejected: records rejected by
    reason. n_records: records landed. present: cells with a value, by column; of: records that
    could have one, where these are not all. codes: values with that code, by variable and code;
    unpromised: those of them that the dictionary does not know; unnamed: how many values have
    a code left out of `codes` (in what is kept, at least min_cell).
    numbers: by variable and unit. units: values by variable and unit as delivered. faults and
    outside: values that are no number or lie outside the promised range, by variable, of
    `numeric` values.
    """

    is_increment: bool = False  # it added to an earlier delivery
    records: dict[str, int] = field(default_factory=dict)
    tables: dict[str, int] = field(default_factory=dict)
    columns: dict[str, list[str]] = field(default_factory=dict)
    rejected: dict[str, int] = field(default_factory=dict)
    n_read: int = 0
    n_records: int = 0
    present: dict[str, int] = field(default_factory=dict)
    of: dict[str, int] = field(default_factory=dict)
    codes: dict[str, dict[str, int]] = field(default_factory=dict)
    unpromised: dict[str, list[str]] = field(default_factory=dict)
    unnamed: dict[str, int] = field(default_factory=dict)
    numbers: dict[str, Numbers] = field(default_factory=dict)
    units: dict[str, dict[str, int]] = field(default_factory=dict)
    numeric: dict[str, int] = field(default_factory=dict)
    faults: dict[str, int] = field(default_factory=dict)
    outside: dict[str, int] = field(default_factory=dict)

    def kept(self, min_cell: int) -> Profile:
        """The profile as it may stay in the home: small cells and exact quantiles left out."""
        return Profile(
            records=dict(self.records),
            tables={k: n for k, n in self.tables.items() if n >= min_cell},
            columns={k: list(v) for k, v in self.columns.items()},
            rejected={k: n for k, n in self.rejected.items() if n >= min_cell},
            n_read=self.n_read,
            n_records=self.n_records,
            present=_rounded_cells(self.present, self.of, self.n_records, min_cell),
            of={k: n for k, n in self.of.items() if n >= min_cell},
            codes={
                variable: {code: n for code, n in codes.items() if n >= min_cell}
                for variable, codes in self.codes.items()
            },
            unnamed={
                variable: max(n, min_cell)
                for variable, codes in self.unpromised.items()
                if (n := sum(k for c in codes if (k := self.codes[variable][c]) < min_cell))
            },
            numbers={k: _kept(v, min_cell) for k, v in self.numbers.items() if v.n >= min_cell},
            units={
                variable: {unit: n for unit, n in units.items() if n >= min_cell}
                for variable, units in self.units.items()
            },
            numeric={k: n for k, n in self.numeric.items() if n >= min_cell},
            faults={k: n for k, n in self.faults.items() if n >= min_cell},
            outside={k: n for k, n in self.outside.items() if n >= min_cell},
        )

    def after(self, earlier: Profile | None, is_increment: bool) -> Profile:
        """The reference once this delivery is accepted.

        A whole delivery stands in for the earlier one. An increment brings only some of what
        the source holds: what it does not tell anew (or tells with less than a quarter of the
        values) stays as known.
        """
        if earlier is None or not is_increment:
            return self
        merged = Profile(**{**vars(self), "is_increment": True})
        for name, sizes in (("numbers", _n_numbers), ("codes", _n_codes), ("units", _n_codes)):
            merged.__dict__[name] = _larger(getattr(earlier, name), getattr(self, name), sizes)
        merged.columns = {**earlier.columns, **self.columns}
        if self.n_records < earlier.n_records / 4:
            for name in ("present", "of", "n_records", "tables", "numeric", "faults", "outside"):
                merged.__dict__[name] = getattr(earlier, name)
        return merged

    def to_json(self) -> dict[str, Any]:
        """As JSON data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """From `to_json`."""
        numbers = {
            k: Numbers(v["n"], v["n_used"], tuple(v["quantiles"]))
            for k, v in data["numbers"].items()
        }
        return cls(**{**data, "numbers": numbers})


def _rounded_cells(
    present: Mapping[str, int], of: Mapping[str, int], n_records: int, min_cell: int
) -> dict[str, int]:
    """Counts of filled cells; a handful filled becomes none, a handful empty becomes min_cell.

    Both let a later delivery look better than it is, never worse.
    """
    kept = {}
    for column, n in present.items():
        whole = of.get(column, n_records)
        if n < min_cell:
            n = 0
        if 0 < whole - n < min_cell:
            n = max(whole - min_cell, 0)
        kept[column] = n
    return kept


def _kept(numbers: Numbers, min_cell: int) -> Numbers:
    quantiles = tuple(
        _rounded(q) if q is not None and min(p, 1 - p) * numbers.n_used >= min_cell else None
        for p, q in zip(QUANTILES, numbers.quantiles, strict=True)
    )
    return Numbers(numbers.n, numbers.n_used, quantiles)


def _rounded(number: float) -> float:
    if number == 0:
        return 0.0
    return round(number, KEPT_DIGITS - 1 - floor(log10(abs(number))))


def _n_numbers(numbers: Numbers) -> int:
    return numbers.n_used


def _n_codes(counts: Mapping[str, int]) -> int:
    return sum(counts.values())


def _larger(earlier: Mapping[str, Any], now: Mapping[str, Any], size: Any) -> dict[str, Any]:
    merged = dict(earlier)
    for key, value in now.items():
        if key not in earlier or size(value) >= size(earlier[key]) / 4:
            merged[key] = value
    return merged
