"""A warehouse begun afresh keeps what Python wrote, less the persons, and none of their bytes."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from biobraid.cli.build import COMPLETE, NOTE, _task
from biobraid.cli.build_afresh import begin_afresh
from biobraid.core.home import Home
from biobraid.core.manifest import Manifest
from biobraid.core.warehouse_views import external_fingerprints

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


@pytest.mark.parametrize("last_write", range(8))
def test_killed_anywhere_it_is_repeated_and_the_build_starts_from_nothing(
    home: Home, last_write: int
) -> None:
    """Between the old file and the build: neither people nor a build that believes in the old state."""
    with duckdb.connect(str(home.warehouse)) as con:
        con.execute("CREATE SCHEMA imputed; CREATE TABLE imputed.t (person_id BIGINT, v INT)")
        con.execute(f"INSERT INTO imputed.t VALUES ({GONE}, 1), ({KEPT}, 2)")
    home.state.write_bytes(b"state")
    home.state.with_name(f"{home.state.name}.wal").write_bytes(b"log")
    home.cache.mkdir()
    with Manifest(home) as manifest:  # the last build was whole, and nothing came since
        marks = external_fingerprints(manifest)
        manifest.set_note(NOTE, {**marks, "models": _task(home, manifest).marks["models"]})
        manifest.set_note(COMPLETE, True)
        assert _task(home, manifest).is_current
    child = os.fork()
    if child == 0:
        _die_at(last_write, home)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, -signal.SIGKILL)
    with Manifest(home) as manifest:
        begun = not home.state.exists()
        assert begun or code
        assert _task(home, manifest).is_fresh_start == begun
    begin_afresh(home, [GONE])
    with Manifest(home) as manifest:
        assert _task(home, manifest).is_fresh_start
    with duckdb.connect(str(home.warehouse), read_only=True) as con:
        assert con.execute("FROM imputed.t").fetchall() == [(KEPT, 2)]
    assert GONE.to_bytes(8, "little") not in home.warehouse.read_bytes()
    assert not [p for p in home.root.iterdir() if "partial" in p.name or p.suffix == ".wal"]


def _die_at(n: int, home: Home) -> None:
    """Begin afresh in this process; die just before its n-th write."""
    left = iter(range(n))

    def deadly(call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **named: Any) -> Any:
            if next(left, None) is None:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*args, **named)

        return wrapped

    for owner, name in ((Path, "replace"), (Path, "unlink"), (shutil, "rmtree")):
        setattr(owner, name, deadly(getattr(owner, name)))
    try:
        begin_afresh(home, [GONE])
    finally:
        os._exit(0)
