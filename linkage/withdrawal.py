"""Whom a withdrawal reaches, and taking them out of the vault.

A withdrawal from a study reaches the source person it names, whoever else of that study is
the same person, and records that never stood for a person by themselves (samples, devices
of sources with mints_persons: false) but were linked to them. Other studies keep what they
were given, unless the withdrawal is from all of them.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from biobraid.core.home import Home
from biobraid.core.keys import derive, ingest_keys
from biobraid.core.manifest import Manifest
from biobraid.core.study import read_study, study_packs
from biobraid.core.suppress import Suppressed
from biobraid.linkage.consent import load_consent
from biobraid.linkage.vault import Vault, open_vault


@dataclass(frozen=True)
class Reach:
    """Source persons a withdrawal reaches; persons of whom nothing stays, and of whom some does."""

    keys: tuple[str, ...]
    gone: tuple[int, ...]
    touched: tuple[int, ...]
    n_unknown: int  # named source persons the vault does not know


def reach(home: Home, named: Iterable[str], study: str, everywhere: bool = False) -> Reach:
    """Whom a withdrawal of the `named` source persons from `study` reaches.

    everywhere: from all studies the same persons are known from.
    """
    with open_vault(home) as vault:
        con = vault.con
        _load(con, "named", named)
        _load_minting(con, home)
        con.execute("""
            CREATE TEMP TABLE origin AS
            SELECT s.source_person_key, bool_or(s.study = ?) AS is_of_study,
              bool_or(m.study IS NOT NULL) AS mints
            FROM source_record AS s LEFT JOIN minting AS m USING (study, source)
            GROUP BY s.source_person_key""", [study])  # fmt: skip
        con.execute("""
            CREATE TEMP TABLE reached AS
            SELECT source_person_key FROM named
            UNION
            SELECT m.source_person_key FROM person_member AS m
            LEFT JOIN origin AS o USING (source_person_key)
            WHERE m.valid_to_run IS NULL
              AND (? OR o.is_of_study OR NOT o.mints)
              AND m.person_id IN (
                SELECT person_id FROM person_member AS x SEMI JOIN named USING (source_person_key)
                WHERE x.valid_to_run IS NULL)""", [everywhere])  # fmt: skip
        rows = con.execute("""
            SELECT m.person_id, bool_and(r.source_person_key IS NOT NULL)
            FROM person_member AS m LEFT JOIN reached AS r USING (source_person_key)
            WHERE m.valid_to_run IS NULL
            GROUP BY m.person_id HAVING bool_or(r.source_person_key IS NOT NULL)
            ORDER BY 1""").fetchall()
        keys = [k for (k,) in con.execute("FROM reached ORDER BY 1").fetchall()]
        unknown = con.execute(
            "SELECT count(*) FROM named ANTI JOIN source_record USING (source_person_key)"
        ).fetchone()
    return Reach(
        tuple(keys),
        tuple(p for p, is_all in rows if is_all),
        tuple(p for p, is_all in rows if not is_all),
        int(unknown[0]) if unknown else 0,
    )


def withdrawn_keys(home: Home, study: str | None = None) -> dict[str, list[str]]:
    """Study -> source persons whose landed statement withdraws them from all use."""
    with open_vault(home) as vault, Manifest(home) as manifest:
        load_consent(vault.con, home, manifest)
        found: dict[str, list[str]] = {}
        for name, key in vault.con.execute(
            "SELECT study, source_person_key FROM withdrawn "
            "WHERE ?1 IS NULL OR study = ?1 ORDER BY ALL", [study]
        ).fetchall():  # fmt: skip
            found.setdefault(name, []).append(key)
    return found


def forget(
    home: Home, keys: Sequence[str], gone: Sequence[int], tokens: Sequence[str], note: Note
) -> int:
    """Take source persons, and persons of whom nothing is left, out of the vault.

    tokens: what may be remembered of them. Returns how many source persons were known.
    The caller links afterwards, which brings the bridge in line.
    """
    with open_vault(home) as vault:
        con = vault.con
        _load(con, "forgotten", keys)
        con.execute("CREATE TEMP TABLE gone_person (person_id BIGINT)")
        con.register("given", pa.table({"person_id": pa.array(sorted(gone), pa.int64())}))
        con.execute("INSERT INTO gone_person FROM given")
        con.execute("""
            INSERT INTO gone_person SELECT person_id FROM person
            WHERE successor_person_id IN (FROM gone_person) AND person_id NOT IN (FROM gone_person)
            """)
        n = _count(con, "SELECT count(*) FROM source_record SEMI JOIN forgotten USING (source_person_key)")  # fmt: skip
        _retire(vault)
        _delete(con)
        _remember(con, tokens, note)
        vault.save(("suppress_token", "withdrawal", *(table for table, _ in _FORGETS)))
    return n


_MINE = "source_person_key IN (FROM forgotten)"
_PAIR = "key_l IN (FROM forgotten) OR key_r IN (FROM forgotten)"
# vault table -> rows that go with `forgotten` source persons and `gone_person`
_FORGETS = (
    ("source_record", _MINE),
    ("pair_score", _PAIR),
    ("scored_record", _MINE),
    ("ruling", _PAIR),
    ("identifier", f"{_MINE} OR norm_value IN (FROM forgotten) OR value IN (FROM forgotten)"),
    ("edge", _PAIR),
    ("conflict", f"conflict_id IN (SELECT conflict_id FROM conflict WHERE {_MINE})"),  # noqa: S608
    ("restriction", _MINE),
    ("rectification", _MINE),
    ("person_member", f"{_MINE} OR person_id IN (FROM gone_person)"),
    ("person_event", f"{_MINE} OR person_id_after IN (FROM gone_person) "
                     "OR person_id_before IN (FROM gone_person)"),
    ("person", "person_id IN (FROM gone_person)"),
)  # fmt: skip


def _delete(con: duckdb.DuckDBPyConnection) -> None:
    for table, condition in _FORGETS:
        con.execute(f"DELETE FROM {table} WHERE {condition}")  # noqa: S608  constants


@dataclass(frozen=True)
class Note:
    """What the vault remembers of a withdrawal beside the tokens."""

    order_id: str
    study: str
    level: str
    modality: str
    effective_from: str


def drop_erased(con: duckdb.DuckDBPyConnection, home: Home, manifest: Manifest) -> set[str]:
    """Take out whom a restored backup or a late inbox file brought back; tables changed."""
    rules = Suppressed.of(ingest_keys(home), manifest.suppressed())
    if not rules:
        return set()
    known = con.execute("SELECT DISTINCT source_person_key FROM source_record").fetchall()
    back = [key for (key,) in known if rules.is_erased(key)]
    if not back:
        return set()
    _load(con, "forgotten", back)
    con.execute("""
        CREATE TEMP TABLE gone_person AS
        SELECT person_id FROM person_member WHERE valid_to_run IS NULL GROUP BY person_id
        HAVING bool_and(source_person_key IN (FROM forgotten))""")
    _delete(con)
    con.execute("DROP TABLE forgotten; DROP TABLE gone_person")
    return {table for table, _ in _FORGETS}


def note_withdrawal(home: Home, tokens: Sequence[str], note: Note) -> None:
    """Enter a withdrawal that erases no source person."""
    with open_vault(home) as vault:
        _remember(vault.con, tokens, note)
        vault.save(("withdrawal",))


def retired_token(key: bytes, person_id: int) -> str:
    """Keyed token of a person id that must never be drawn again."""
    return hmac.digest(derive(key, "retired"), person_id.to_bytes(8, "big"), "sha256")[:16].hex()


def retired_of(vault: Vault) -> Callable[[int], bool] | None:
    """Whether a person id belonged to somebody who was erased; None where nobody was."""
    rows = vault.con.execute("SELECT hmac FROM suppress_token WHERE type = 'person'").fetchall()
    tokens = {token for (token,) in rows}
    return (lambda person_id: retired_token(vault.key, person_id) in tokens) if tokens else None


def _retire(vault: Vault) -> None:
    """Remember the ids of the persons that go, as tokens, so that none is drawn again."""
    ids = [p for (p,) in vault.con.execute("SELECT DISTINCT person_id FROM gone_person").fetchall()]
    rows = pa.table(
        {"hmac": [retired_token(vault.key, p) for p in ids], "type": ["person"] * len(ids)}
    )
    vault.con.register("retired", rows)
    vault.con.execute(
        "INSERT INTO suppress_token FROM retired ANTI JOIN suppress_token USING (hmac)"
    )
    vault.con.unregister("retired")


def _remember(con: duckdb.DuckDBPyConnection, tokens: Sequence[str], note: Note) -> None:
    for token in tokens:
        con.execute(
            "DELETE FROM withdrawal WHERE order_id = ? AND token = ?", [note.order_id, token]
        )
        con.execute(
            "INSERT INTO withdrawal VALUES (?, ?, ?, ?, ?, ?)",
            [note.order_id, token, note.study, note.level, note.modality, note.effective_from],
        )


def _load_minting(con: duckdb.DuckDBPyConnection, home: Home) -> None:
    pairs = [
        (study.id, name)
        for study in map(read_study, study_packs(home))
        for name, source in study.sources.items()
        if source.mints_persons
    ]
    con.execute("CREATE TEMP TABLE minting (study VARCHAR, source VARCHAR)")
    if pairs:
        con.executemany("INSERT INTO minting VALUES (?, ?)", pairs)


def _load(con: duckdb.DuckDBPyConnection, table: str, keys: Iterable[str]) -> None:
    con.register("given", pa.table({"source_person_key": pa.array(sorted(keys), pa.string())}))
    con.execute(f"CREATE TEMP TABLE {table} AS FROM given")
    con.unregister("given")


def _count(con: duckdb.DuckDBPyConnection, query: str) -> int:
    row = con.execute(query).fetchone()
    return int(row[0]) if row else 0
