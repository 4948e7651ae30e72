"""What the columns of a wearable platform's table mean; connectors hold lists of such specs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from biobraid.core.errors import Fault, SourceFileError, near_misses
from biobraid.core.study import DateOrder


@dataclass(frozen=True)
class TableSpec:
    """What the columns of one table are.

    needs: columns by which the table is recognised, all of them. measures: column -> (variable,
    unit). A long table has `variable` (column that names it, behind `prefix`), `value` and
    perhaps `unit` instead. code: (column of a category, variable). minutes: (prefix, variable) of
    60 columns, one a minute. seconds: length of a sample; end or length (column, seconds per
    unit) where the table tells it. key names the record, version orders its versions, deleted
    says that a row takes the record back. said: columns that say more about the sample or its
    record and are no facts.
    """

    name: str
    needs: frozenset[str]
    person: str
    time: str
    order: DateOrder = "ymd"
    measures: Mapping[str, tuple[str, str | None]] = field(default_factory=dict)
    variable: str | None = None
    prefix: str = ""
    value: str | None = None
    unit: str | None = None
    code: tuple[str, str] | None = None
    code_words: Mapping[str, str] = field(default_factory=dict)
    minutes: tuple[str, str] | None = None
    seconds: float = 0.0
    end: str | None = None
    length: tuple[str, float] | None = None
    zone: str | None = None
    device: tuple[str, ...] = ()
    device_type: str | None = None
    key: tuple[str, ...] = ()
    version: str | None = None
    deleted: bool = False
    said: frozenset[str] = frozenset()

    @property
    def used(self) -> frozenset[str]:
        """Columns that name or date the record or say more about its samples."""
        named = {
            self.person,
            self.time,
            self.variable,
            self.unit,
            self.end,
            self.zone,
            self.version,
        }
        named |= {self.length[0] if self.length else None, self.device_type}
        return frozenset({c for c in named if c} | {*self.device, *self.key} | self.said)


def recognise(specs: Sequence[TableSpec], header: Sequence[str], where: str) -> TableSpec:
    """The spec whose columns are all there, the one that asks for most; else SourceFileError."""
    fitting = [s for s in specs if s.needs <= set(header)]
    if fitting:
        return max(fitting, key=lambda s: len(s.needs))
    known = sorted({c for s in specs for c in s.needs})
    missing = [c for c in header if c not in known][:1]
    raise SourceFileError(
        Fault(
            where,
            "the file's columns are those of no table this connector knows",
            f"one of {', '.join(s.name for s in specs)}",
            "Narrow the source's globs, or read the file with the connector delimited.",
            near_misses(missing[0], known) if missing else (),
        )
    )
