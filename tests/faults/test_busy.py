"""A second writer is turned away at once, harms nothing, and succeeds when it asks again."""

from __future__ import annotations

import fcntl
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.bank import TABLES, Bank
from tests.faults.conftest import Calm

HOLD = """
import sys, duckdb
con = duckdb.connect(sys.argv[1], read_only=sys.argv[2] == "reader")
print("held", flush=True)
sys.stdin.read()
"""
WAIT_SECONDS = 60.0


def is_locked(path: Path) -> bool:
    """Whether another process holds the lock file."""
    if not path.exists():
        return False
    with path.open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


@contextmanager
def halted(bank: Bank, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A command of ours that stands still while it holds the home."""
    child = bank.start(*arguments)
    until = time.monotonic() + WAIT_SECONDS
    while not is_locked(bank.home.root / ".lock"):
        assert child.poll() is None and time.monotonic() < until
        time.sleep(0.002)
    child.send_signal(signal.SIGSTOP)
    try:
        yield child
    finally:
        child.send_signal(signal.SIGCONT)
        child.communicate(timeout=WAIT_SECONDS)


@contextmanager
def database_held(path: Path, by: str) -> Iterator[None]:
    """Another process has the DuckDB file open, as `writer` or `reader`."""
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path), by],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    try:
        yield
    finally:
        child.communicate("", timeout=WAIT_SECONDS)


def check_busy(bank: Bank, *arguments: str) -> None:
    """The command ends with 15 and says who is at it and what to do."""
    failed = bank.run(*arguments)
    assert failed.code == 15, failed.said
    for words in ("BusyError: ", "another ", "Expected: ", "run "):
        assert words in failed.err


def test_a_command_is_turned_away_while_an_ingest_runs(bank: Bank, calm: Calm) -> None:
    for make in TABLES.values():
        bank.deliver(make())
    with halted(bank, "ingest") as first:
        for command in ("ingest", "link", "build", "run"):
            check_busy(bank, command)
        told = bank.run("ingest", "--json")
        assert told.code == 15
        assert told.json["error"]["kind"] == "BusyError"
    assert first.returncode == 0
    assert bank.values() == calm.values
    assert bank.books() == calm.books
    bank.check_whole()
    assert bank.run("ingest").code == 0
    assert bank.values() == calm.values


def test_a_killed_writer_blocks_nobody(bank: Bank, calm: Calm) -> None:
    for make in TABLES.values():
        bank.deliver(make())
    with halted(bank, "ingest") as first:
        first.kill()
    assert first.returncode == -signal.SIGKILL
    assert bank.run("ingest").code == 0
    assert bank.values() == calm.values
    bank.check_whole()


def test_link_is_turned_away_while_another_process_is_in_the_vault(bank: Bank) -> None:
    assert bank.run("ingest").code == 0
    with (bank.home.vault / ".lock").open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        check_busy(bank, "link")
    assert bank.run("link").code == 0
    bank.check_whole()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "by"),
    [("warehouse.duckdb", "writer"), ("warehouse.duckdb", "reader"), ("state.duckdb", "writer")],
)
def test_build_is_turned_away_while_another_process_holds_a_database(
    built: Bank, file: str, by: str
) -> None:
    table = TABLES["visit"]()
    built.deliver(table)  # news for the build
    assert built.run("ingest").code == 0
    assert built.run("link").code == 0
    with database_held(built.home.root / file, by):
        check_busy(built, "build")
    built.check_whole()
    if by == "writer" and file == "warehouse.duckdb":  # once is enough: it takes its time
        assert built.run("build").code == 0
        facts = built.run("status", "--json").json["warehouse"]["books"]
        rows = next(b for b in facts if b["source"] == "visit")
        assert rows["n_rows"] == len(table.rows) * 4
        built.check_whole()


@pytest.mark.slow
def test_release_query_and_status_while_the_warehouse_is_held(built: Bank) -> None:
    with database_held(built.home.warehouse, "writer"):
        check_busy(built, "release", "heart", "r1")
        check_busy(built, "status")
    built.check_whole()
    assert not (built.home.releases / "heart" / "r1").exists()
    with database_held(built.home.warehouse, "reader"):
        assert built.run("release", "heart", "r1").code == 0
    with database_held(built.home.releases / "heart" / "r1" / "release.duckdb", "reader"):
        assert built.run("query", "heart", "SELECT count(*) FROM cdm.person").code == 0
    built.check_whole()
