"""A warehouse begun afresh keeps what Python wrote, less the persons, and none of their bytes."""

from __future__ import annotations

import duckdb

from biobraid.cli.build_afresh import begin_afresh
from biobraid.core.home import Home

GONE, KEPT = 8_765_432_109_876_543, 7_654_321_098_765_432


def test_only_the_others_are_copied(home: Home) -> None:
    with duckdb.connect(str(home.warehouse)) as con:
        con.execute("CREATE SCHEMA imputed; CREATE SCHEMA audit; CREATE SCHEMA cdm")
        con.execute("CREATE TABLE imputed.imputed_value (person_id BIGINT, value DOUBLE NOT NULL)")
        con.execute("COMMENT ON COLUMN imputed.imputed_value.value IS 'it''s imputed'")
        con.execute(f"INSERT INTO imputed.imputed_value VALUES ({GONE}, 1), ({KEPT}, 2), (NULL, 3)")
        con.execute("CREATE TABLE audit.profile AS SELECT 'n' AS metric, 2 AS n")
        con.execute(f"CREATE TABLE cdm.person AS SELECT {GONE} AS person_id")
    home.state.write_bytes(b"state")
    home.cache.mkdir()
    (home.cache / "x").write_bytes(b"cache")
    assert begin_afresh(home, [GONE]) == 1
    assert GONE.to_bytes(8, "little") not in home.warehouse.read_bytes()
    with duckdb.connect(str(home.warehouse), read_only=True) as con:
        left = con.execute(
            "SELECT person_id, value FROM imputed.imputed_value ORDER BY 2"
        ).fetchall()
        tables = con.execute(
            "SELECT schema_name || '.' || table_name FROM duckdb_tables()"
        ).fetchall()
        comments = con.execute(
            "SELECT comment FROM duckdb_columns() WHERE comment IS NOT NULL"
        ).fetchall()
    assert left == [(KEPT, 2), (None, 3)]
    assert sorted(tables) == [("audit.profile",), ("imputed.imputed_value",)]
    assert ("it's imputed",) in comments
    assert not home.state.exists()
    assert not home.cache.exists()
    assert begin_afresh(home, [GONE]) == 0
