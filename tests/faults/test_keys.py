"""A key that is missing, foreign, damaged or open to others stops a command before it writes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.bank import TABLES, Bank

# How a key file is spoiled, and what the message must say about it.
SPOILT: dict[str, tuple[Callable[[Path], object], tuple[str, ...]]] = {
    "missing": (
        lambda key: key.unlink(),
        ("the key file is missing", "Restore it from your backup"),
    ),
    "wrong": (
        lambda key: key.write_bytes(b"w" * 32),
        ("not the key the home was made with", "Expected: key id", "Restore it from your backup"),
    ),
    "short": (
        lambda key: key.write_bytes(b"w" * 31),
        ("the key file holds 31 bytes", "Expected: 32 bytes", "Restore it from your backup"),
    ),
    "readable by others": (
        lambda key: key.chmod(0o644),
        ("others may read the key file (mode 0644)", "Expected: mode 0600", "Run: chmod 600"),
    ),
}
COMMANDS = {"ingest": ("ingest",), "link": ("link",), "release": ("release", "heart", "r1")}


def refuse_and_repair(bank: Bank, role: str, kind: str) -> None:
    """The command of the role fails with 12, changes nothing, and works with the key again."""
    spoil, said = SPOILT[kind]
    key = bank.home.key_dir / f"{role}.key"
    secret = key.read_bytes()
    before = _contents(bank)
    spoil(key)
    failed = bank.run(*COMMANDS[role])
    assert failed.code == 12
    for words in (f"KeyFileError: {role} key: ", *said):
        assert words in failed.err
    assert secret.hex() not in failed.said
    assert _contents(bank) == before
    bank.check_whole()
    told = bank.run("doctor")
    is_elsewhere = role != "ingest" and kind == "missing"  # another account may hold it
    assert told.code == (0 if is_elsewhere else 10)
    assert said[0] in told.out
    key.write_bytes(secret)
    key.chmod(0o600)
    assert bank.run(*COMMANDS[role]).code == 0
    bank.check_whole()


@pytest.mark.parametrize("kind", SPOILT)
def test_ingest_needs_the_ingest_key(bank: Bank, kind: str) -> None:
    for make in TABLES.values():
        bank.deliver(make())
    refuse_and_repair(bank, "ingest", kind)


@pytest.mark.parametrize("kind", SPOILT)
def test_link_needs_the_link_key(bank: Bank, kind: str) -> None:
    for make in TABLES.values():
        bank.deliver(make())
    assert bank.run("ingest").code == 0
    refuse_and_repair(bank, "link", kind)
    assert list(bank.home.inbox.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["missing", "readable by others"])
def test_release_needs_the_release_key(built: Bank, kind: str) -> None:
    refuse_and_repair(built, "release", kind)


def test_ingest_needs_neither_the_link_nor_the_release_key(bank: Bank) -> None:
    for role in ("link", "release"):
        (bank.home.key_dir / f"{role}.key").unlink()
    assert bank.run("ingest").code == 0
    failed = bank.run("run")  # needs both
    assert failed.code == 12
    assert "link key" in failed.err
    bank.check_whole()


def test_keys_inside_a_git_work_tree_are_refused(bank: Bank) -> None:
    (bank.home.key_dir.parent / ".git").mkdir()
    failed = bank.run("ingest")
    assert failed.code == 12
    assert "inside a git work tree" in failed.err and "Move the key files" in failed.err
    (bank.home.key_dir.parent / ".git").rmdir()
    assert bank.run("ingest").code == 0


def _contents(bank: Bank) -> dict[str, bytes]:
    """Bytes of everything that is data: no log, no journal, no catalogue of the studies."""
    root = bank.home.root
    folders = ("landing", "vault", "releases", "warehouse.duckdb", "state.duckdb")
    found = {}
    for name in folders:
        for path in [root / name, *(root / name).rglob("*")]:
            is_data = "manifest.sqlite" not in path.name and "landing/vocab" not in str(path)
            if path.is_file() and is_data and path.name != ".lock":
                found[path.relative_to(root).as_posix()] = path.read_bytes()
    return found
