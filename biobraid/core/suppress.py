"""Who may not be landed again, by keyed tokens: all that is kept of somebody who was erased.

A token is an HMAC of the source_person_key under a subkey of the ingest role, so the list
names nobody: without the key it cannot be compared with a landing, a vault or a release.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc

from biobraid.core.keys import IngestKeys, derive

EVERYTHING = "*"  # in place of a modality


@dataclass(frozen=True)
class Rule:
    """Nothing of one source person may land: of one modality or all, and, if a day is given,
    only what is dated after it."""

    token: str
    modality: str = EVERYTHING
    after: str | None = None  # YYYY-MM-DD


def suppress_token(keys: IngestKeys, source_person_key: str) -> str:
    """Token of a source person: 32 hex digits."""
    return hmac.digest(_key(keys.person), source_person_key.encode(), "sha256")[:16].hex()


@lru_cache(maxsize=4)
def _key(secret: bytes) -> bytes:
    return derive(secret, "suppress")


@dataclass
class Suppressed:
    """The rules in force; picklable, so that workers get them over a pipe."""

    keys: IngestKeys
    rules: dict[str, dict[str, str | None]]  # token -> modality -> after
    _known: dict[str, dict[str, str | None]] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, keys: IngestKeys, rules: Iterable[Rule]) -> Suppressed:
        """From the manifest's rows."""
        found: dict[str, dict[str, str | None]] = {}
        for rule in rules:
            found.setdefault(rule.token, {})[rule.modality] = rule.after
        return cls(keys, found)

    def __bool__(self) -> bool:
        return bool(self.rules)

    def is_erased(self, source_person_key: str) -> bool:
        """True for a source person of whom nothing may be kept."""
        return self._after(source_person_key, None) == ""

    def may_not_land(self, rows: pa.Table, modality: str | None) -> pa.BooleanArray:
        """True for rows that may not land; rows without a person may.

        modality: of the source; None asks only who is erased altogether (identities, consent).
        """
        person = rows.column("source_person_key").combine_chunks()
        coded = person if pa.types.is_dictionary(person.type) else person.dictionary_encode()
        if isinstance(coded, pa.ChunkedArray):
            coded = coded.combine_chunks()
        afters = [self._after(key, modality) for key in coded.dictionary.to_pylist()]
        everything = pa.array([a == "" for a in afters], pa.bool_()).take(coded.indices)
        barred = pc.fill_null(everything, False)
        if "start_time" in rows.column_names and any(afters):
            day = pc.utf8_slice_codeunits(rows.column("start_time").cast(pa.string()), 0, 10)
            last = pa.array([a or None for a in afters], pa.string()).take(coded.indices)
            is_late = pc.fill_null(pc.greater(day, last), False)
            barred = pc.or_(barred, is_late)
        return barred.combine_chunks() if isinstance(barred, pa.ChunkedArray) else barred

    def _after(self, source_person_key: str | None, modality: str | None) -> str | None:
        """Last day of which something may land: '' for nothing, None for no limit."""
        if source_person_key is None:
            return None
        if source_person_key not in self._known:
            token = suppress_token(self.keys, source_person_key)
            self._known[source_person_key] = self.rules.get(token, {})
        rules = self._known[source_person_key]
        wanted = {EVERYTHING} | ({modality} if modality else set())
        found = [after or "" for m, after in rules.items() if m in wanted]
        if modality is None:
            found = [after for after in found if after == ""]
        return min(found, default=None)
