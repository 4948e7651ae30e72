"""The register of releases and exports: who has which, what for, until when, and which
withdrawn persons are still in it.

What there is is read from the folders, so nothing can be missing from the register; what
people say of it (recipient, expiry, acknowledgement) and what withdrawals found in it stand
in register.json. The ids to drop stay there until the release or export is closed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any, Literal

from biobraid.core.errors import Fault, SettingsError, near_misses
from biobraid.core.files import write_text
from biobraid.core.home import Home

Kind = Literal["release", "export"]
_MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Found:
    """Withdrawn persons that a withdrawal found in a release or export, by project id."""

    order_id: str
    listed_on: str
    due_on: str
    scope: str  # * or the study whose data are to be dropped
    ids: tuple[int, ...]
    acknowledged_on: str | None = None


@dataclass(frozen=True)
class Entry:
    """One release or export."""

    project: str
    kind: Kind
    name: str
    n_persons: int | None = None
    purpose: str = ""
    sha256: str | None = None
    recipient: str = ""
    handed_over_on: str | None = None
    expires_on: str | None = None
    acknowledged_on: str | None = None  # the recipient's word that the terms are accepted
    closed_on: str | None = None
    closed_how: str | None = None  # returned or destroyed
    withdrawals: tuple[Found, ...] = field(default=())

    @property
    def key(self) -> str:
        """project/kind/name."""
        return f"{self.project}/{self.kind}/{self.name}"

    @property
    def ids_to_drop(self) -> list[int]:
        """Project ids of everybody withdrawn from it, sorted; empty once it is closed."""
        return sorted({i for w in self.withdrawals for i in w.ids})

    def overdue(self, today: date) -> list[str]:
        """What should have happened by now: `expired`, or the order of a withdrawal."""
        if self.closed_on:
            return []
        late = [w.order_id for w in self.withdrawals
                if not w.acknowledged_on and w.due_on < today.isoformat()]  # fmt: skip
        return (
            ["expired"] if self.expires_on and self.expires_on < today.isoformat() else []
        ) + late


def entries(home: Home) -> list[Entry]:
    """Every release and export there is or ever was, by project, kind and name."""
    kept = _read(home)
    found = dict(kept)
    for project, kind, folder in _folders(home):
        made = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        entry = kept.get(f"{project}/{kind}/{folder.name}") or Entry(project, kind, folder.name)
        digests = made.get("sha256") or {}
        found[entry.key] = replace(
            entry,
            n_persons=made.get("n_persons"),
            purpose=str(made.get("purpose") or ""),
            sha256=_digest(digests) if isinstance(digests, dict) else None,
        )
    return [found[key] for key in sorted(found)]


def find_entry(home: Home, project: str, name: str, kind: Kind | None = None) -> Entry:
    """One entry; SettingsError if there is none, or a release and an export of that name."""
    every = entries(home)
    found = [e for e in every if (e.project, e.name) == (project, name) and kind in (None, e.kind)]
    if len(found) == 1:
        return found[0]
    what = "both a release and an export are called so" if found else "no such release or export"
    names = [f"{e.project} {e.name}" for e in every]
    raise SettingsError(
        Fault(f"register, {project} {name}", what, "one that `biobraid register list` shows",
              "Say which with --kind." if found else "",
              near_misses(f"{project} {name}", names))
    )  # fmt: skip


def put(home: Home, entry: Entry) -> None:
    """Keep what was said of an entry; the caller holds the home's writer lock."""
    kept = _read(home) | {entry.key: entry}
    text = json.dumps([asdict(kept[k]) for k in sorted(kept)], indent=1, ensure_ascii=False)
    write_text(home.register, text + "\n", mode=0o600)


def list_withdrawn(home: Home, entry: Entry, found: Found) -> Entry:
    """Enter what a withdrawal found; once per order, however often it is called."""
    others = tuple(w for w in entry.withdrawals if w.order_id != found.order_id)
    changed = replace(entry, withdrawals=(*others, found))
    put(home, changed)
    return changed


def acknowledge(entry: Entry, today: date, order_id: str | None = None) -> Entry:
    """The recipient's word: of the terms and of every withdrawal, or of one order."""
    withdrawals = tuple(
        replace(w, acknowledged_on=today.isoformat())
        if not w.acknowledged_on and order_id in (None, w.order_id) else w
        for w in entry.withdrawals
    )  # fmt: skip
    if order_id is not None and order_id not in {w.order_id for w in entry.withdrawals}:
        raise SettingsError(
            Fault(f"register, {entry.key}", f"no withdrawal '{order_id}' is listed there",
                  ", ".join(w.order_id for w in entry.withdrawals) or "none is")
        )  # fmt: skip
    terms = entry.acknowledged_on or (today.isoformat() if order_id is None else None)
    return replace(entry, acknowledged_on=terms, withdrawals=withdrawals)


def close(entry: Entry, today: date, how: str) -> Entry:
    """Returned or destroyed: nothing is to be dropped from it any more, so the ids go."""
    withdrawals = tuple(replace(w, ids=()) for w in entry.withdrawals)
    return replace(entry, closed_on=today.isoformat(), closed_how=how, withdrawals=withdrawals)


def folder_of(home: Home, entry: Entry) -> Path:
    """Where it lies, or lay."""
    root = home.releases if entry.kind == "release" else home.exports
    return root / entry.project / entry.name


def withdrawn_ids(home: Home, project: str, release: str) -> list[int]:
    """Project ids that no new cohort or export made of a release may hold, sorted."""
    entry = _read(home).get(f"{project}/release/{release}")
    return entry.ids_to_drop if entry else []


def _folders(home: Home) -> Iterator[tuple[str, Kind, Path]]:
    roots: tuple[tuple[Kind, Path], ...] = (("release", home.releases), ("export", home.exports))
    for kind, root in roots:
        for manifest in sorted(root.glob(f"*/*/{_MANIFEST}")):
            folder = manifest.parent
            if not folder.is_symlink():
                yield folder.parent.name, kind, folder


def _digest(digests: dict[str, str]) -> str | None:
    """That of the data, whatever else lies beside them."""
    found = (digests.get(name) for name in ("release.duckdb", "data.parquet"))
    return next((d for d in found if d), next(iter(digests.values()), None))


def _read(home: Home) -> dict[str, Entry]:
    if not home.register.is_file():
        return {}
    loaded: list[dict[str, Any]] = json.loads(home.register.read_text(encoding="utf-8"))
    found = {}
    for row in loaded:
        listed = tuple(Found(**{**w, "ids": tuple(w["ids"])}) for w in row.pop("withdrawals", ()))
        entry = Entry(**row, withdrawals=listed)
        found[entry.key] = entry
    return found
