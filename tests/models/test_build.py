"""The build: new rows are seen, only what changed is made anew, and nothing is half-done."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest

from biobraid.cli.build import COMPLETE, build
from biobraid.core.errors import BusyError, QualityError
from biobraid.core.home import Home, create_home, open_home
from biobraid.core.manifest import Manifest
from tests.models.bank import checksums, land, rows_of
from tests.models.test_cdm import PEOPLE

FIRST = """
  person | variable | value | start_time | row_id
  -------+----------+-------+------------+-------
  1      | year     | 1950  |            | 101
  1      | weight   | 70    | 2010-01-01 | 102
  2      | year     | 1960  |            | 103
"""
MORE = """
  person | variable | value | start_time | row_id
  -------+----------+-------+------------+-------
  2      | weight   | 61    | 2011-01-01 | 104
"""
REGISTRATION = """
  raw.record
  person | kind         | start_time | end_time
  -------+--------------+------------+-----------
  1      | registration | 2000-01-01 | 2020-01-01
"""


def without_views(given: str) -> str:
    """Only raw rows: what a second delivery brings."""
    return given


def test_rows_that_came_later_are_in_and_only_their_models_are_made_anew(home: Home) -> None:
    land(home, FIRST + PEOPLE)
    said: list[str] = []
    first = build(home, on_progress=lambda model, share: said.append(model))
    assert set(first.built) == set(first.rows)
    assert "cdm.measurement" in said
    assert rows_of(home, "SELECT COUNT(*) FROM cdm.measurement") == [(1,)]

    again = build(home)
    assert again.built == ()
    assert set(again.skipped) == set(first.built)

    land(home, MORE, batch="b2")
    land(home, FIRST + PEOPLE)
    would = build(home, dry_run=True)
    second = build(home)
    assert would.built == second.built
    assert rows_of(home, "SELECT COUNT(*) FROM cdm.measurement") == [(2,)]
    assert "staging.source_value" in second.restated
    assert "staging.source_event" not in second.built  # reads raw.event, which is the same
    assert "staging.source_record" in second.skipped
    assert second.changed_tables == ("raw.value",)

    land(home, REGISTRATION, batch="b3")
    land(home, FIRST + PEOPLE)
    third = build(home)
    assert third.changed_tables == ("raw.record",)
    assert not {"staging.source_value", "stem.event", "cdm.measurement"} & set(third.built)
    assert {"mart.source_coverage", "cdm.observation_period"} <= set(third.built)


def test_a_failed_audit_stops_the_build_and_says_which(home: Home) -> None:
    twice = "person | variable | value | row_id\n1 | weight | 70 | 2\n1 | weight | 71 | 2\n"
    land(home, twice + PEOPLE)
    with pytest.raises(QualityError) as caught:
        build(home)
    (fault,) = [f for f in caught.value.faults if f.where == "staging.source_value"]
    assert fault.found == "audit unique_key: 1 rows fail"
    assert "70" not in str(caught.value)
    with Manifest(home) as manifest:
        assert manifest.note(COMPLETE) is False
        for part in manifest.parts("raw.value"):
            manifest.drop_part(part.path)
    land(home, FIRST + PEOPLE, batch="b2")
    build(home)
    assert rows_of(home, "SELECT COUNT(*) FROM cdm.measurement") == [(1,)]


def test_values_do_not_reach_sqlmesh_s_files(home: Home) -> None:
    canary = "zanzibar-41"
    given = f"person | variable | value | row_id\n1 | weight | {canary} | 2\n"
    land(home, given + PEOPLE)
    build(home)
    places = [home.state, *home.cache.rglob("*"), *home.logs.rglob("*")]
    for path in places:
        if path.is_file():
            assert canary.encode() not in path.read_bytes(), path.name


def test_a_home_may_be_moved_and_two_homes_do_not_meet(home: Home, tmp_path: Path) -> None:
    land(home, FIRST + PEOPLE)
    build(home)
    other = create_home(tmp_path / "other", memory_limit_gb=1.0, threads=2)
    land(other, FIRST.replace("2010-01-01", "2012-01-01") + PEOPLE)
    build(other)
    before = checksums(home)
    moved = tmp_path / "elsewhere" / "bank"
    moved.parent.mkdir()
    shutil.move(home.root, moved)
    there = open_home(moved)
    assert build(there).built == ()
    assert checksums(there) == before
    land(there, MORE, batch="b2")
    land(there, FIRST + PEOPLE)
    build(there)
    assert rows_of(there, "SELECT COUNT(*) FROM cdm.measurement") == [(2,)]
    assert rows_of(other, "SELECT MAX(measurement_date)::VARCHAR FROM cdm.measurement") == [
        ("2012-01-01",)
    ]


def test_a_warehouse_that_another_process_holds_is_busy(home: Home) -> None:
    land(home, FIRST + PEOPLE)
    code = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); input()"
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(home.warehouse)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert holder.stdin and holder.stdout
    try:
        assert holder.stdout.readline() == "open\n"
        with pytest.raises(BusyError):
            build(home)
    finally:
        holder.stdin.close()
        holder.wait()
    build(home)


def test_superseded_versions_of_models_leave_the_file(home: Home) -> None:
    land(home, FIRST + PEOPLE)
    build(home)
    land(home, MORE, batch="b2")
    land(home, FIRST + PEOPLE)
    build(home)
    tables = rows_of(
        home, "SELECT COUNT(*) FROM duckdb_tables() WHERE schema_name LIKE 'sqlmesh__%'"
    )
    models = rows_of(
        home,
        "SELECT COUNT(*) FROM duckdb_views() "
        "WHERE schema_name IN ('staging', 'stem', 'cdm', 'mart')",
    )
    assert tables == models


@pytest.mark.slow
@pytest.mark.parametrize("after", [0.5, 2.5, 4.0, 5.0, 6.0, 7.5])
def test_killed_at_any_time_the_next_build_gives_the_same_tables(
    home: Home, tmp_path: Path, after: float
) -> None:
    land(home, FIRST + PEOPLE)
    build(home)
    land(home, MORE, batch="b2")
    land(home, FIRST + PEOPLE)
    calm = Home(tmp_path / "calm", home.settings)
    shutil.copytree(home.root, calm.root)
    build(calm)
    code = (
        "import sys; from pathlib import Path; from biobraid.core.home import open_home; "
        "from biobraid.cli.build import build; build(open_home(Path(sys.argv[1])))"
    )
    child = subprocess.Popen([sys.executable, "-c", code, str(home.root)])
    time.sleep(after)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    build(home)
    assert checksums(home) == checksums(calm)


def test_the_tables_hold_what_duckdb_alone_can_read(home: Home) -> None:
    land(home, FIRST + PEOPLE)
    build(home)
    con = duckdb.connect(str(home.warehouse), read_only=True)
    types = con.execute(
        "SELECT DISTINCT data_type FROM duckdb_columns() "
        "WHERE schema_name = 'cdm' AND column_name LIKE '%\\_id' ESCAPE '\\'"
    ).fetchall()
    con.close()
    assert types == [("BIGINT",)]
