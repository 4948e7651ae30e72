"""SIGKILL at random points from ingest to release; the same commands again end in the same tables."""

from __future__ import annotations

import random
import time
from pathlib import Path

import duckdb
import pytest

from tests.whole_way.bank import Bank, new_bank, tables_up_to_person_ids

pytestmark = pytest.mark.slow
PERSONS = 150
N_KILLS = 4  # of `run`, then as many again of `release`


@pytest.fixture
def banks(tmp_path: Path) -> tuple[Bank, Bank]:
    """Two banks with the same keys and the same deliveries, nothing ingested yet."""
    calm = new_bank(tmp_path / "calm")
    calm.generate(PERSONS)
    calm.run("project", "create", "alpha", "--dates", "exact")
    return calm, calm.copy(tmp_path / "killed")


def _kill(bank: Bank, after: float, *arguments: str) -> bool:
    """Start a command and SIGKILL it; false if it had ended by then."""
    child = bank.start("--home", str(bank.root), *arguments)
    try:
        time.sleep(after)
        is_running = child.poll() is None
        child.kill()
        return is_running
    finally:
        child.communicate()


def _released(bank: Bank) -> dict[str, int]:
    con = duckdb.connect(
        str(bank.home.releases / "alpha" / "r1" / "release.duckdb"), read_only=True
    )
    try:
        names = con.execute(
            "SELECT schema_name || '.' || table_name FROM duckdb_tables() ORDER BY ALL"
        ).fetchall()
        return {n: con.execute(f"SELECT count(*) FROM {n}").fetchall()[0][0] for (n,) in names}
    finally:
        con.close()


def test_killed_anywhere_from_ingest_to_release(banks: tuple[Bank, Bank]) -> None:
    calm, killed = banks
    began = time.monotonic()
    calm.run("run")
    run_seconds = time.monotonic() - began
    began = time.monotonic()
    calm.run("release", "alpha", "r1")
    release_seconds = time.monotonic() - began

    chance = random.Random(4)
    n_killed = 0
    # Each try goes on where the last was killed, so short ones come to every step in the end.
    for _ in range(N_KILLS):
        n_killed += _kill(killed, chance.uniform(0.15, 0.6) * run_seconds, "run")
    killed.run("run")
    for _ in range(N_KILLS // 2):
        n_killed += _kill(
            killed, chance.uniform(0.3, 0.95) * release_seconds, "release", "alpha", "r1"
        )
        if (killed.home.releases / "alpha" / "r1").is_dir():
            break
    if not (killed.home.releases / "alpha" / "r1").is_dir():
        killed.run("release", "alpha", "r1")
    assert n_killed >= N_KILLS // 2

    assert tables_up_to_person_ids(killed.home) == tables_up_to_person_ids(calm.home)
    assert _released(killed) == _released(calm)
    assert killed.leftovers() == []
