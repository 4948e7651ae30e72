"""A full disk ends a command with 16; nothing half-written stays, and with room it succeeds.

A limit on the size of files stands for the full disk: it strikes wherever a file outgrows it,
so each limit breaks a command off at another place.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import pytest

from tests.faults.bank import Bank, main_table, visit_table

N_MANY = 4_000
SAID = ("DiskError: ", "the disk is full, or a quota or file-size limit was hit", "Free space")


def check_full(bank: Bank, command: Sequence[str], most_bytes: int) -> str:
    """The command ends with 16 and leaves the home whole; returns what it said."""
    failed = bank.spawn(*command, most_bytes=most_bytes)
    assert failed.code == 16, failed.said
    for words in SAID[1:]:
        assert words in failed.err
    bank.check_whole()
    return failed.err


def deliver_many(bank: Bank) -> None:
    bank.deliver(visit_table(N_MANY))
    bank.deliver(main_table(N_MANY))


def landed(bank: Bank) -> dict[str, int]:
    return {source: books["records_landed"] for source, books in bank.books().items()}


def test_ingest_says_which_file_did_not_fit_and_lands_the_others(bank: Bank) -> None:
    bank.deliver(visit_table(20_000))
    said = check_full(bank, ["ingest"], most_bytes=200_000)
    assert "visit.csv: lake/visit, file " in said
    assert landed(bank) == {"lab": 10}
    assert [p.name.split("-")[1] for p in bank.home.inbox.iterdir()] == ["lab"]
    assert bank.run("ingest").code == 0
    assert landed(bank) == {"lab": 10, "visit": 20_000}
    bank.check_whole()


@pytest.mark.slow
def test_ingest_on_a_disk_that_fills_up_ever_later(bank: Bank) -> None:
    deliver_many(bank)
    # journal of the runs, vocabulary, landing parts, the vault's inbox
    for most_bytes in (0, 5_000, 30_000, 100_000):
        check_full(bank, ["ingest"], most_bytes)
        assert not bank.books().keys() & {"visit", "main"}
    check_full(bank, ["ingest", "--workers", "2"], most_bytes=180_000)
    assert bank.run("ingest").code == 0
    assert landed(bank) == {"lab": 10, "visit": N_MANY, "main": N_MANY}
    bank.check_whole()


@pytest.mark.slow
def test_link_on_a_disk_that_fills_up_ever_later(bank: Bank) -> None:
    deliver_many(bank)
    assert bank.run("ingest").code == 0
    n_inbox = len(list(bank.home.inbox.iterdir()))
    for most_bytes in (5_000, 50_000, 150_000):  # journal, vault
        check_full(bank, ["link"], most_bytes)
        assert len(list(bank.home.inbox.iterdir())) == n_inbox
    linked = bank.run("link", "--json")
    assert linked.code == 0
    assert linked.json["link"]["*"]["n_minted"] == 2 * N_MANY
    assert list(bank.home.inbox.iterdir()) == []
    bank.check_whole()


@pytest.mark.slow
def test_build_and_release_on_a_disk_that_fills_up(built: Bank) -> None:
    deliver_many(built)
    assert built.run("ingest").code == 0
    assert built.run("link").code == 0
    size = built.home.warehouse.stat().st_size
    for most_bytes in (20_000, size):  # journal, models
        check_full(built, ["build"], most_bytes)
    assert built.run("release", "heart", "early").code == 13  # no release of half a build
    assert built.run("build").code == 0
    assert _counts(built) == (2 * N_MANY, 2 * N_MANY)

    for most_bytes in (20_000, 300_000, 1_000_000):  # journal, tables, later tables
        check_full(built, ["release", "heart", "r1"], most_bytes)
        assert [p for p in built.home.releases.rglob("*") if p.is_file()] == []
    made = built.run("release", "heart", "r1", "--json")
    assert made.code == 0
    assert made.json["n_persons"] == 2 * N_MANY
    built.check_whole()


def test_a_log_that_cannot_be_written_prints_no_traceback(bank: Bank) -> None:
    log = bank.home.logs / "biobraid.log"
    log.write_text("x" * 900_000 + "\n")
    assert bank.spawn("ingest", most_bytes=800_000).code == 0
    assert landed(bank) == {"lab": 10}


def _counts(bank: Bank) -> tuple[int, int]:
    """Persons and measurements of the warehouse."""
    with duckdb.connect(str(bank.home.warehouse), read_only=True) as con:
        found = con.execute(
            "SELECT (SELECT count(*) FROM cdm.person), (SELECT count(*) FROM cdm.measurement)"
        ).fetchone()
    assert found is not None
    return int(found[0]), int(found[1])
