"""What one file's books say before it is committed, and the law they obey."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from biobraid.core.errors import Fault, QualityError
from biobraid.ingest.connectors.contract import Counts


@dataclass
class Tally:
    """Running totals of one file; `rejects` counts by (reason, column, unit)."""

    records_read: int = 0
    records_rejected: int = 0
    records_ignored: int = 0
    records_superseded: int = 0
    records_deleted: int = 0
    facts_read: int = 0
    facts_rejected: int = 0
    facts_ignored: int = 0
    facts_to_vault: int = 0
    facts_superseded: int = 0
    facts_deleted: int = 0
    facts_landed: int = 0  # rows of the file's fact parts
    ignored: Counter[str] = field(default_factory=Counter)
    warnings: Counter[str] = field(default_factory=Counter)
    rejects: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    columns: list[str] = field(default_factory=list)
    keys_are_unique: bool = False
    whole_row_keys: bool = False
    may_be_empty: bool = False

    def add(self, counts: Counts) -> None:
        """Add what a connector met since it last said."""
        self.records_read += counts.records_read
        self.records_rejected += counts.records_rejected
        self.records_ignored += counts.records_ignored
        self.facts_read += counts.facts_read
        self.facts_rejected += counts.facts_rejected
        self.facts_ignored += counts.facts_ignored
        self.facts_to_vault += counts.facts_to_vault
        self.ignored.update(counts.ignored)
        self.warnings.update(counts.warnings)
        self.columns += [c for c in counts.columns if c not in self.columns]
        self.keys_are_unique |= counts.keys_are_unique
        self.whole_row_keys |= counts.whole_row_keys
        self.may_be_empty |= counts.may_be_empty

    @property
    def records_landed(self) -> int:
        """Records that are neither rejected nor ignored nor replaced."""
        return (
            self.records_read
            - self.records_rejected
            - self.records_ignored
            - self.records_superseded
            - self.records_deleted
        )

    def check(self, where: str, n_records: int) -> None:
        """The law of the books for a file just read; QualityError if it is broken.

        n_records: distinct record ids that left a fact. A record may leave none, if each of its
        cells was rejected, ignored or went to the vault; those cells must be in the counts.
        """
        faults = []
        accounted = (
            self.facts_landed
            + self.facts_rejected
            + self.facts_ignored
            + self.facts_to_vault
            + self.facts_superseded
            + self.facts_deleted
        )
        if self.facts_read != accounted:
            faults.append(
                _breach(
                    where,
                    f"{self.facts_read} facts read but {accounted} accounted for "
                    f"({self.facts_landed} in Parquet, {self.facts_rejected} rejected, "
                    f"{self.facts_ignored} ignored, {self.facts_to_vault} to the vault)",
                )
            )
        without_fact = self.records_landed - n_records
        elsewhere = self.facts_rejected + self.facts_ignored + self.facts_to_vault
        if not 0 <= without_fact <= elsewhere:
            faults.append(
                _breach(
                    where,
                    f"{self.records_read} records read, {self.records_rejected} rejected, "
                    f"{self.records_ignored} ignored, but {n_records} left facts",
                )
            )
        by_unit: Counter[str] = Counter()
        for (_, _, unit), n in self.rejects.items():
            by_unit[unit] += n
        for unit, counted in (("record", self.records_rejected), ("cell", self.facts_rejected)):
            if by_unit[unit] > counted:
                faults.append(
                    _breach(where, f"{by_unit[unit]} rows of rejected {unit}s, {counted} counted")
                )
        negative = [n for n, v in vars(self).items() if isinstance(v, int) and v < 0]
        faults += [_breach(where, f"{name} is negative") for name in negative]
        if faults:
            raise QualityError(faults)

    def row(self) -> dict[str, int]:
        """The counts as columns of raw.file."""
        names = [n for n in vars(self) if n.startswith(("records_", "facts_"))]
        return {n: getattr(self, n) for n in names} | {"records_landed": self.records_landed}

    def detail(self) -> dict[str, object]:
        """What the manifest keeps beside the counts; never a value."""
        rejects = [
            {"reason": reason, "column": column or None, "unit": unit, "n": n}
            for (reason, column, unit), n in sorted(
                self.rejects.items(), key=lambda item: (-item[1], item[0])
            )
        ]
        return {
            "columns": list(self.columns),
            "ignored": dict(sorted(self.ignored.items())),
            "warnings": dict(sorted(self.warnings.items())),
            "rejects": rejects,
        }


def breaches(row: Mapping[str, int]) -> list[str]:
    """How a file's books in the manifest break the law, in words; empty if they hold."""
    found = []
    records = sum(
        row[f"records_{w}"] for w in ("landed", "rejected", "ignored", "superseded", "deleted")
    )
    if row["records_read"] != records:
        found.append(f"{row['records_read']} records read but {records} accounted for")
    facts = sum(
        row[f"facts_{w}"]
        for w in ("landed", "rejected", "ignored", "to_vault", "superseded", "deleted")
    )
    if row["facts_read"] != facts:
        found.append(f"{row['facts_read']} facts read but {facts} accounted for")
    found += [f"{name} is negative" for name, n in sorted(row.items()) if n < 0]
    return found


def _breach(where: str, found: str) -> Fault:
    return Fault(
        where,
        f"the books do not balance: {found}",
        "read = landed + rejected + ignored + superseded + deleted",
        "Nothing of the file was landed. This is a fault of the connector: report it.",
    )
