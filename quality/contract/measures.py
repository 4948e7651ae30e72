"""Measures of deliveries: one row per thing that the contract speaks of, nulls where it is silent.

These rows are the table that Great Expectations judges. Each measure's limit stands in the
study's suite; `rules.py` names the measures and says what each tells.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import sqrt

from biobraid.quality.contract.deliveries import Waiting
from biobraid.quality.contract.profile import MEDIAN, Numbers, Profile
from biobraid.quality.contract.shifts import (
    MIN_SHIFT,
    distance,
    is_beyond_chance,
    missing_rise,
    rate_rise,
    scale_fold,
    share_distance,
)

LEAST_LOSS = 1.5  # times the root of the rows: what chance takes from a small table is no loss
WHOLE_SIGMAS = 2.5  # a delivery in full brings mostly the same persons: chance does little
PART_SIGMAS = 4.0  # an increment brings others
RESCALED = 2.0  # numbers so many times larger or smaller are compared after taking that out


@dataclass
class Measure:
    """What was measured of one item of a source.

    item: a glob, table, column or variable, with its kind ("variable GLUC [mg/dL]"). values: by
    measure. facts: what the sentence needs (counts, names, medians), by measure.
    """

    study: str
    source: str
    item: str
    values: dict[str, float] = field(default_factory=dict)
    facts: dict[str, dict[str, object]] = field(default_factory=dict)

    def set(self, measure: str, value: float, **facts: object) -> None:
        """Note a measure and what explains it."""
        self.values[measure] = value
        self.facts[measure] = facts


def measures(delivery: Waiting, now: Profile, min_cell: int) -> list[Measure]:
    """Everything the contract can say of one delivery."""
    of = _Comparison(delivery, now, delivery.reference, min_cell)
    every = [*of.files(), *of.columns(), *of.codes(), *of.faults(), *of.numbers()]
    return [m for m in every if m.values]


@dataclass(frozen=True)
class _Comparison:
    delivery: Waiting
    now: Profile
    before: Profile | None
    min_cell: int

    def _measure(self, item: str) -> Measure:
        return Measure(self.delivery.study.id, self.delivery.source_id, item)

    @property
    def _sigmas(self) -> float:
        return PART_SIGMAS if self.delivery.is_increment else WHOLE_SIGMAS

    def files(self) -> Iterator[Measure]:
        """Rows, columns and rejected records of the files of each glob, rows of each table."""
        whole = self._measure("source")
        self._rejects(whole)
        yield whole
        for glob in sorted({*self.now.records, *(self.before.records if self.before else {})}):
            measure = self._measure(f"files {glob}")
            if self.before is not None and glob in self.before.records:
                self._rows(measure, self.before.records[glob], self.now.records.get(glob, 0))
            if self.before is not None and self.before.columns.get(glob):
                self._names(measure, self.before.columns[glob], self.now.columns.get(glob, []))
            yield measure
        is_whole = not self.delivery.is_increment
        if self.before is not None and is_whole and len(self.before.tables) > 1:
            for table, n in sorted(self.before.tables.items()):
                measure = self._measure(f"table {table}")
                self._rows(measure, n, self.now.tables.get(table, 0))
                yield measure

    def _rows(self, measure: Measure, before: int, now: int) -> None:
        if not before or 0 < before - now < LEAST_LOSS * sqrt(before):
            return
        facts = {"before": before, "now": now}
        if self.delivery.is_increment:
            if now and self.before is not None and self.before.is_increment:
                measure.set("increment_rows_share", now / before, **facts)
            return
        measure.set("rows_share", now / before, **facts)

    def _names(self, measure: Measure, before: list[str], now: list[str]) -> None:
        if not now:
            return
        let_go = set(self.delivery.source.options.get("dropped_columns", ()))
        gone = sorted(set(before) - set(now) - let_go)
        new = sorted(set(now) - set(before))
        measure.set("missing_columns", len(gone), names=gone)
        measure.set("new_columns", len(new), names=new)

    def _rejects(self, measure: Measure) -> None:
        now, before = dict(self.now.rejected), dict(self.before.rejected if self.before else {})
        n, n_before = self.now.n_read, self.before.n_read if self.before else 0
        twice, twice_before = now.pop("duplicate-key", 0), before.pop("duplicate-key", 0)
        if n and self.before is None:
            measure.set("first_duplicate_share", twice / n, now=twice, of=n)
            rejected = sum(now.values())
            measure.set("first_rejected_share", rejected / n, now=rejected, of=n,
                        reasons=sorted(now))  # fmt: skip
        elif n:
            rise = rate_rise((twice_before, n_before), (twice, n), self.min_cell, self._sigmas)
            measure.set("duplicates_rise", rise, before=twice_before, of_before=n_before,
                        now=twice, of=n)  # fmt: skip
            a, b = sum(before.values()), sum(now.values())
            rise = rate_rise((a, n_before), (b, n), self.min_cell, self._sigmas)
            measure.set("rejected_rise", rise, before=a, of_before=n_before, now=b, of=n,
                        reasons=sorted(now))  # fmt: skip

    def columns(self) -> Iterator[Measure]:
        """Missing rates by column."""
        if self.before is None:
            return
        before = self.before
        lost = any(
            set(names) - set(self.now.columns.get(glob, ()))
            for glob, names in before.columns.items()
            if self.now.columns.get(glob)
        )
        for column, n_filled in sorted(before.present.items()):
            cells = before.of.get(column, before.n_records)
            filled_now = self.now.present.get(column)
            cells_now = self.now.of.get(column)
            if cells_now is None:
                cells_now = 0 if column in before.of else self.now.n_records
            if filled_now is None and (lost or not self.now.present):
                continue  # the column itself is gone, which is said elsewhere
            was = (max(cells - n_filled, 0), cells)
            now = (max(cells_now - (filled_now or 0), 0), cells_now)
            measure = self._measure(f"column {column}")
            rise = missing_rise(was, now, self.min_cell, self._sigmas)
            measure.set("missing_rise", rise, before=was[0], of_before=was[1], now=now[0],
                        of=now[1])  # fmt: skip
            yield measure

    def codes(self) -> Iterator[Measure]:
        """Codes that neither the dictionary nor the reference knows, and shifts between codes.

        Rare codes have no name in the reference, only their number: so many may come again.
        """
        for variable, counts in sorted(self.now.codes.items()):
            before = self.before.codes.get(variable, {}) if self.before else {}
            promised = counts.keys() - set(self.now.unpromised.get(variable, ()))
            n = sum(counts.values())
            new = {c: k for c, k in counts.items() if c not in promised and c not in before}
            n_new = sum(new.values())
            shown = sorted(code for code, k in new.items() if k >= self.min_cell)
            facts = {"now": n_new, "of": n, "codes": shown, "n_codes": len(new)}
            measure = self._measure(f"variable {variable}")
            if n and self.before is None:
                measure.set("first_new_codes_share", n_new / n, **facts)
            elif n and self.before is not None:
                surplus = max(n_new - self.before.unnamed.get(variable, 0), 0)
                measure.set("new_codes_share", surplus / n, **facts)
                if not surplus:
                    self._shift(measure, *self._code_shift(variable, counts))
            yield measure

    def _code_shift(
        self, variable: str, counts: Mapping[str, int]
    ) -> tuple[float, dict[str, object]]:
        before = self.before.codes.get(variable, {}) if self.before else {}
        apart, is_real = share_distance(before, counts)
        return apart if is_real else 0.0, {"of_before": sum(before.values()),
                                           "of": sum(counts.values())}  # fmt: skip

    def _shift(self, measure: Measure, apart: float, facts: Mapping[str, object]) -> None:
        name = "increment_shift" if self.delivery.is_increment else "shift"
        measure.set(name, apart, **facts)

    def faults(self) -> Iterator[Measure]:
        """Values that are no number, or lie outside the promised range; units."""
        for variable, n in sorted(self.now.numeric.items()):
            if not n:
                continue
            is_rescaled = self._rescaled(variable)
            measure = self._measure(f"numbers of {variable}")
            n_fault = self.now.faults.get(variable, 0)
            n_outside = self.now.outside.get(variable, 0)
            if not is_rescaled:
                share = n_outside / n if n_outside >= self.min_cell else 0.0
                measure.set("outside_share", share, now=n_outside, of=n)
            if self.before is None:
                measure.set("first_type_faults_share", n_fault / n, now=n_fault, of=n)
            else:
                was = (self.before.faults.get(variable, 0), self.before.numeric.get(variable, 0))
                rise = rate_rise(was, (n_fault, n), self.min_cell, self._sigmas)
                measure.set("type_faults_rise", rise, before=was[0], of_before=was[1],
                            now=n_fault, of=n)  # fmt: skip
            yield measure
        for variable, units in sorted(self.now.units.items()):
            known = self.before.units.get(variable) if self.before else None
            if not known:
                continue
            new = {unit: n for unit, n in units.items() if unit not in known}
            n_new = sum(new.values())
            measure = self._measure(f"units of {variable}")
            shown = sorted(unit for unit, k in new.items() if k >= self.min_cell)
            measure.set("new_units_share", n_new / max(sum(units.values()), 1), now=n_new,
                        of=sum(units.values()), units=shown, known=sorted(known))  # fmt: skip
            yield measure

    def numbers(self) -> Iterator[Measure]:
        """Size and distribution of numbers, by variable and unit."""
        for item, (before, now) in sorted(self._pairs().items()):
            measure = self._measure(f"number {item}")
            fold, was, value = _scale(before, now)
            measure.set("scale_fold", fold, was=was, found=value, of_before=before.n, of=now.n)
            apart = distance(before, now)
            if fold >= RESCALED:  # what is left when the size is taken out
                apart = min(apart, distance(before, _times(now, was / value)))
            is_real = min(before.n_used, now.n_used) >= MIN_SHIFT and is_beyond_chance(
                apart, before.n_used, now.n_used
            )
            facts = {"of_before": before.n, "of": now.n,
                     "was": before.quantiles[MEDIAN], "found": now.quantiles[MEDIAN]}  # fmt: skip
            self._shift(measure, apart if is_real else 0.0, facts)
            yield measure

    def _pairs(self) -> dict[str, tuple[Numbers, Numbers]]:
        if self.before is None:
            return {}
        before = self.before.numbers
        least = self.min_cell
        return {
            i: (before[i], now)
            for i, now in self.now.numbers.items()
            if i in before and now.n >= least
        }

    def _rescaled(self, variable: str) -> bool:
        """True if numbers of the variable changed their size: that says more than a range."""
        return any(
            _scale(*pair)[0] >= RESCALED
            for item, pair in self._pairs().items()
            if item == variable or item.startswith(f"{variable} [")
        )


def _scale(before: Numbers, now: Numbers) -> tuple[float, float, float]:
    """The factor between two deliveries and the values that say so; 1 if chance explains it."""
    found = scale_fold(before, now)
    if found is None or not is_beyond_chance(distance(before, now), before.n_used, now.n_used):
        return 1.0, 0.0, 0.0
    return found


def _times(numbers: Numbers, factor: float) -> Numbers:
    scaled = tuple(None if q is None else q * factor for q in numbers.quantiles)
    return Numbers(numbers.n, numbers.n_used, scaled)
