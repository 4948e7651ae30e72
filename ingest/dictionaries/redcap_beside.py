"""What stands beside a REDCap data dictionary: events, their instruments, missing data codes."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from io import StringIO
from pathlib import Path

from biobraid.core.errors import Fault, near_misses
from biobraid.core.schemas import ABSENT_REASONS
from biobraid.ingest.dictionaries.rows import CodeRow

# REDCap's standard missing data codes, which are HL7's null flavors.
_REASONS = {
    "NI": "unknown", "INV": "error", "UNK": "unknown", "NASK": "not-asked",
    "ASKU": "asked-unknown", "NAV": "temp-unknown", "MSK": "masked", "NA": "not-applicable",
    "NAVU": "unknown", "NP": "unknown", "PINF": "positive-infinity", "NINF": "negative-infinity",
}  # fmt: skip
_WORDS = (
    ("declin", "asked-declined"), ("refus", "asked-declined"), ("prefer not", "asked-declined"),
    ("not applicable", "not-applicable"), ("not asked", "not-asked"),
    ("don't know", "asked-unknown"), ("do not know", "asked-unknown"),
    ("masked", "masked"), ("not done", "not-performed"), ("not performed", "not-performed"),
)  # fmt: skip


@dataclass(frozen=True)
class Beside:
    """Events in order (unique name -> label), forms of each event, missing data codes."""

    events: Mapping[str, str] = field(default_factory=dict)
    forms: Mapping[str, Sequence[str]] = field(default_factory=dict)
    forms_file: str = ""
    missing: tuple[CodeRow, ...] = ()  # without a variable
    faults: tuple[Fault, ...] = ()

    def with_missing(self, rows: Sequence[CodeRow]) -> Beside:
        """The same with further missing data codes."""
        known = {row.code for row in self.missing}
        return replace(self, missing=(*self.missing, *(r for r in rows if r.code not in known)))

    def with_fault(self, *faults: Fault) -> Beside:
        """The same with further faults."""
        return replace(self, faults=(*self.faults, *faults))


def read_beside(path: Path, known: Beside) -> Beside:
    """`known` with what the file says; its header tells what it is."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        return known.with_fault(Fault(path.name, "is not UTF-8", "a CSV file in UTF-8"))
    reader = csv.reader(StringIO(text, newline=""))
    header = [name.strip().lower() for name in next(reader, [])]
    rows: list[dict[str, str]] = []
    faults = []
    for cells in reader:
        if len(cells) == len(header):
            rows.append(dict(zip(header, (c.strip() for c in cells), strict=True)))
        elif any(c.strip() for c in cells):
            place = f"{path.name}, line {reader.line_num}"
            faults.append(Fault(place, f"has {len(cells)} cells", f"{len(header)}"))
    known = known.with_fault(*faults)
    if {"unique_event_name", "form"} <= set(header):
        return _forms(rows, path.name, known)
    if "unique_event_name" in header:
        events = {r["unique_event_name"]: r.get("event_name") or "" for r in rows}
        return replace(known, events={**known.events, **events})
    if "code" in header:
        found = [missing_code(r["code"], r.get("meaning") or "", r.get("absent_reason") or "")
                 for r in rows]  # fmt: skip
        wrong = [
            Fault(path.name, f"there is no absent reason '{row.absent_reason}'", "",
                  "", near_misses(row.absent_reason or "", ABSENT_REASONS))
            for row in found
            if row.absent_reason not in ABSENT_REASONS
        ]  # fmt: skip
        return known.with_missing(found).with_fault(*wrong)
    if {"arm_num", "name"} <= set(header):
        return known  # arms stand in the names of their events
    return known.with_fault(
        Fault(
            f"{path.name}, header",
            "this is nothing that stands beside a REDCap dictionary",
            "events (unique_event_name), their instruments (unique_event_name, form), missing "
            "data codes (code, meaning, absent_reason) or arms (arm_num, name)",
        )
    )


def missing_code(code: str, meaning: str, reason: str = "") -> CodeRow:
    """A missing data code with the reason given, or else the one its code or meaning tells."""
    text = meaning.lower()
    told = next((why for word, why in _WORDS if word in text), "unknown")
    return CodeRow("", code, meaning or None, reason or _REASONS.get(code.upper(), told))


def _forms(rows: Sequence[Mapping[str, str]], name: str, known: Beside) -> Beside:
    forms: dict[str, list[str]] = {event: list(f) for event, f in known.forms.items()}
    events = dict(known.events)
    for row in rows:
        event, form = row["unique_event_name"], row["form"]
        events.setdefault(event, "")
        if form not in forms.setdefault(event, []):
            forms[event].append(form)
    return replace(known, events=events, forms=forms, forms_file=name)
