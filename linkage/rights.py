"""Rights of a person in the vault: what it holds, corrections with history, restriction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb

from biobraid.core.errors import Fault, LinkageError
from biobraid.core.home import Home
from biobraid.linkage.vault import open_vault

_REPORTED = {
    "source_record": "source_person_key",
    "identifier": "source_person_key",
    "person_member": "source_person_key",
    "person_event": "source_person_key",
    "conflict": "source_person_key",
    "restriction": "source_person_key",
    "rectification": "source_person_key",
}


def vault_report(home: Home, keys: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """Rows of the vault about these source persons, by table."""
    found: dict[str, list[dict[str, Any]]] = {}
    with open_vault(home) as vault:
        for table, column in _REPORTED.items():
            rows = vault.con.execute(
                f"SELECT * FROM {table} WHERE {column} IN (SELECT unnest(?)) ORDER BY ALL",  # noqa: S608
                [list(keys)],
            )
            found[table] = rows.to_arrow_table().to_pylist()
    return found


def restrict(home: Home, keys: Sequence[str], day: str, reason: str, lift: bool = False) -> int:
    """Stop (or take up again) the processing of source persons; returns how many changed.

    Nothing is erased. The next linkage takes them out of the bridge, or puts them back.
    """
    with open_vault(home) as vault:
        con = vault.con
        if lift:
            done = con.execute(
                "UPDATE restriction SET lifted_on = ? WHERE lifted_on IS NULL "
                "AND source_person_key IN (SELECT unnest(?))", [day, list(keys)]
            ).fetchone()  # fmt: skip
        else:
            done = con.execute(
                "INSERT INTO restriction SELECT k, ?, NULL, ? FROM (SELECT unnest(?) AS k) "
                "WHERE k NOT IN (SELECT source_person_key FROM restriction WHERE lifted_on IS NULL)",
                [day, reason, list(keys)],
            ).fetchone()
        n = int(done[0]) if done else 0
        if n:
            vault.save(("restriction",))
    return n


def rectify(home: Home, keys: Sequence[str], kind: str, value: str, day: str, reason: str) -> int:
    """Put an identifier right; returns how many values were corrected.

    Every value of the type that the sources delivered becomes `value`. What was there is kept
    in the vault's table rectification, and later deliveries of it are corrected again.
    Raises LinkageError if no source gave an identifier of that type.
    """
    with open_vault(home) as vault:
        con = vault.con
        con.execute(
            "CREATE TEMP TABLE wrong AS SELECT DISTINCT source_person_key, type, value "
            "FROM identifier WHERE type = ? AND value <> ? "
            "AND source_person_key IN (SELECT unnest(?))", [kind, value, list(keys)]
        )  # fmt: skip
        row = con.execute("SELECT count(*) FROM wrong").fetchone()
        n = int(row[0]) if row else 0
        if not n:
            raise LinkageError(
                Fault("vault", f"it holds no other {kind} of this person", "an identifier to correct",
                      "See: biobraid subject report")
            )  # fmt: skip
        con.execute(
            "INSERT INTO rectification SELECT source_person_key, type, value, ?, ?, ? FROM wrong",
            [value, day, reason],
        )
        rectify_identifiers(con)
        vault.save(("rectification", "identifier"))
    return n


def note_correction(
    home: Home, key: str, label: str, before: str | None, after: str | None, day: str, reason: str
) -> None:
    """Keep in the vault's history that a delivered value, no identifier, was put right or back.

    label: which, as ingest/rectify.py names it. The same once more on one day is kept once.
    """
    with open_vault(home) as vault:
        vault.con.execute(
            "INSERT INTO rectification SELECT $k, $label, $before, $after, $day, $reason "
            "WHERE NOT EXISTS (SELECT 1 FROM rectification WHERE source_person_key = $k "
            "AND type = $label AND old_value IS NOT DISTINCT FROM $before "
            "AND new_value IS NOT DISTINCT FROM $after AND made_on = $day)",
            {"k": key, "label": label, "before": before, "after": after, "day": day,
             "reason": reason},
        )  # fmt: skip
        vault.save(("rectification",))


def rectify_identifiers(con: duckdb.DuckDBPyConnection) -> bool:
    """Replace values that were corrected by what they were corrected to; True if any was.

    The last correction of a value counts. Replaced values are normalised anew.
    """
    con.execute("""
        CREATE OR REPLACE TEMP TABLE corrected AS
        SELECT i.* EXCLUDE (value, norm_value, is_valid, norm_version), r.new_value AS value
        FROM identifier AS i
        JOIN (SELECT * FROM rectification QUALIFY row_number() OVER (
            PARTITION BY source_person_key, type, old_value ORDER BY made_on DESC, new_value) = 1
          ) AS r
          ON r.source_person_key = i.source_person_key AND r.type = i.type AND r.old_value = i.value
        WHERE r.new_value <> i.value""")
    row = con.execute("SELECT count(*) FROM corrected").fetchone()
    if not row or not row[0]:
        con.execute("DROP TABLE corrected")
        return False
    con.execute("""
        DELETE FROM identifier USING rectification AS r
        WHERE r.source_person_key = identifier.source_person_key AND r.type = identifier.type
          AND r.old_value = identifier.value AND r.new_value <> identifier.value""")
    con.execute("""
        INSERT INTO identifier BY NAME
        SELECT DISTINCT * FROM corrected AS c WHERE NOT EXISTS (
          SELECT 1 FROM identifier AS i WHERE i.source_person_key = c.source_person_key
            AND i.study = c.study AND i.source = c.source AND i.type = c.type
            AND i.value = c.value)""")
    con.execute("DROP TABLE corrected")
    return True


def find_restricted(con: duckdb.DuckDBPyConnection) -> None:
    """Make `restricted` (source_person_key): whose data are kept and not processed."""
    con.execute("""
        CREATE TEMP TABLE restricted AS
        SELECT DISTINCT source_person_key FROM restriction WHERE lifted_on IS NULL""")


def set_aside(con: duckdb.DuckDBPyConnection) -> None:
    """Make `set_aside` (source_person_key): who takes no part in linkage, and `restricted`.

    Needs `withdrawn` (load_consent).
    """
    find_restricted(con)
    con.execute("""
        CREATE TEMP TABLE set_aside AS
        SELECT source_person_key FROM withdrawn UNION SELECT source_person_key FROM restricted""")
