"""Columns and keys of the vault's encrypted tables.

Only `identifier` holds clear text. Everything else speaks of source persons by their keyed
`source_person_key` and of persons by their random `person_id`.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

VAULT_FORMAT = 1

_SQL_TYPES = {
    pa.int64(): "BIGINT",
    pa.float64(): "DOUBLE",
    pa.bool_(): "BOOLEAN",
    pa.string(): "VARCHAR",
}


@dataclass(frozen=True)
class VaultTable:
    """One table of the vault; `key` names one row and is the order it is written in."""

    name: str
    key: tuple[str, ...]
    schema: pa.Schema

    @property
    def ddl(self) -> str:
        """CREATE TABLE for the vault's in-memory connection."""
        columns = ", ".join(f"{f.name} {_SQL_TYPES[f.type]}" for f in self.schema)
        return f"CREATE TABLE {self.name} ({columns})"


def _table(name: str, key: str, **columns: pa.DataType) -> VaultTable:
    return VaultTable(name, tuple(key.split()), pa.schema(list(columns.items())))


_TEXT, _INT, _REAL, _BOOL = pa.string(), pa.int64(), pa.float64(), pa.bool_()

_ALL = (
    # A person as one source knows them; delivery is the newest one that named them.
    _table(
        "source_record",
        "source_person_key study source",
        source_person_key=_TEXT,
        study=_TEXT,
        source=_TEXT,
        delivery=_INT,
    ),
    # Values of the newest delivery that gave the source person one of that type.
    _table(
        "identifier",
        "source_person_key study source type value",
        source_person_key=_TEXT,
        study=_TEXT,
        source=_TEXT,
        type=_TEXT,
        value=_TEXT,
        delivery=_INT,
        record_id=_INT,
        norm_value=_TEXT,
        is_valid=_BOOL,
        norm_version=_INT,
    ),
    # A run that changed something; run_id counts up from 1.
    _table(
        "linkage_run",
        "run_id",
        run_id=_INT,
        code_version=_TEXT,
        norm_version=_INT,
        counts_json=_TEXT,
    ),
    # Evidence that two source persons are one, as it stands now; run_id: first seen.
    _table(
        "edge",
        "key_l key_r rule_id",
        run_id=_INT,
        key_l=_TEXT,
        key_r=_TEXT,
        method=_TEXT,  # authoritative-map, strong-key, review, probabilistic, token
        rule_id=_TEXT,
        match_weight=_REAL,  # log2 of the odds; null where nothing was scored
        match_probability=_REAL,
        decision=_TEXT,  # accepted, review, refused
        reason=_TEXT,  # why not accepted
    ),
    # Scores that hold until a record or the model changes; below 0.2 none is kept.
    _table(
        "pair_score",
        "key_l key_r",
        key_l=_TEXT,
        key_r=_TEXT,
        match_weight=_REAL,
        match_probability=_REAL,
    ),
    # Records as they were when they were last scored, and by which model.
    _table(
        "scored_record", "source_person_key", source_person_key=_TEXT, mark=_TEXT, model_id=_TEXT
    ),
    # What people decided about pairs: must-link (same) and cannot-link (different).
    _table(
        "ruling",
        "key_l key_r",
        key_l=_TEXT,
        key_r=_TEXT,
        verdict=_TEXT,  # same, different
        decided_by=_TEXT,
        decided_on=_TEXT,
        note=_TEXT,
        match_probability=_REAL,  # when it was decided; null if the pair was not scored
        match_weight=_REAL,
    ),
    _table(
        "person",
        "person_id",
        person_id=_INT,
        minted_run=_INT,
        status=_TEXT,  # active, merged; a split person stays active
        successor_person_id=_INT,
    ),
    # Which source persons are a person, as of any run; valid_to_run is null while it holds.
    _table(
        "person_member",
        "source_person_key valid_from_run",
        source_person_key=_TEXT,
        person_id=_INT,
        valid_from_run=_INT,
        valid_to_run=_INT,
        method=_TEXT,  # minted, authoritative-map, strong-key, review, probabilistic, token
        confidence=_REAL,
    ),
    # Every change of person_member, one row per source person moved.
    _table(
        "person_event",
        "run_id source_person_key",
        run_id=_INT,
        type=_TEXT,  # mint, join, merge, split
        source_person_key=_TEXT,
        person_id_before=_INT,
        person_id_after=_INT,
        reason=_TEXT,
    ),
    # Conflicts that hold now, one row per source person involved; run_id: first seen.
    _table(
        "conflict",
        "conflict_id source_person_key",
        conflict_id=_TEXT,
        run_id=_INT,
        rule_id=_TEXT,
        severity=_TEXT,  # quarantine, not-linked
        source_person_key=_TEXT,
    ),
    # What is kept of whom nothing else is: keyed tokens of person ids never to be drawn again.
    _table("suppress_token", "hmac", hmac=_TEXT, type=_TEXT),
    # Withdrawals carried out, by keyed token of the source person.
    _table(
        "withdrawal",
        "order_id token",
        order_id=_TEXT,
        token=_TEXT,
        study=_TEXT,
        level=_TEXT,  # no_contact, no_access, no_use
        modality=_TEXT,
        effective_from=_TEXT,
    ),
    # Source persons whose data are kept and not processed; lifted_on is null while it holds.
    _table(
        "restriction",
        "source_person_key since",
        source_person_key=_TEXT,
        since=_TEXT,
        lifted_on=_TEXT,
        reason=_TEXT,
    ),
    # What was put right at a person's request. Of an identifier: holds against later deliveries
    # of the value it corrects. Of a delivered value (type raw.value.value:row_id): the history
    # of what landing/correction has in force, why, and what was taken back.
    _table(
        "rectification",
        "source_person_key type old_value made_on",
        source_person_key=_TEXT,
        type=_TEXT,
        old_value=_TEXT,
        new_value=_TEXT,
        made_on=_TEXT,
        reason=_TEXT,
    ),
    # Landing parts in which every source person is known to the vault.
    _table("checked_part", "path", path=_TEXT, fingerprint=_TEXT),
)

VAULT_TABLES: dict[str, VaultTable] = {t.name: t for t in _ALL}
