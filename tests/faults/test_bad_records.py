"""Bad records are refused one by one, with line and reason; the others land and are counted."""

from __future__ import annotations

from typing import Any

import pytest

from tests.faults.bank import TABLES, Bank
from tests.faults.conftest import Calm
from tests.faults.spoil import (
    CODE,
    DATE,
    LATIN_1,
    NEW_CODE,
    NO_SUCH_DAY,
    NOBODY,
    RAGGED,
    SHORT,
    UNKNOWN_CODE,
    spoiled_records,
)

REFUSED = {
    (RAGGED, "ragged-row"),
    (LATIN_1, "bad-encoding"),
    (SHORT, "ragged-row"),
    (NOBODY, "missing-person-id"),
}


def test_bad_records_are_counted_with_reasons_and_the_mended_file_lands_whole(
    bank: Bank, calm: Calm
) -> None:
    for make in TABLES.values():
        table = make()
        bank.deliver(spoiled_records(table), table.name)
    assert bank.run("ingest").code == 0
    for source, make in TABLES.items():
        rejects = bank.rejects(source)
        cells = {(line, column, reason) for line, column, reason in rejects if line == NO_SUCH_DAY}
        assert cells == {(NO_SUCH_DAY, DATE[source], "invalid-date")}
        assert {(line, reason) for line, _, reason in rejects if line != NO_SUCH_DAY} == REFUSED
        books = bank.books()[source]
        n_good = len(make().rows) - len(REFUSED)
        assert books["records_rejected"] == len(REFUSED)
        assert books["records_landed"] == n_good
        assert books["facts_rejected"] == 1
    bank.check_whole()
    _check_status(bank.run("status", "--json").json)
    said = bank.run("status").out
    for words in ("ragged-row", "invalid-date", "bad-encoding", "unknown-code:smoker"):
        assert words in said

    for make in TABLES.values():
        bank.deliver(make())
    assert bank.run("ingest").code == 0
    assert bank.values() == calm.values
    for source, books in calm.books.items():
        assert bank.books()[source] == books
    assert bank.rejects("visit") == bank.rejects("main") == []
    bank.check_whole()


def _check_status(status: dict[str, Any]) -> None:
    """The refused records are there by reason, the unknown codes by variable."""
    for source in TABLES:
        rejects = {
            (r["reason"], r["unit_of_count"]): r["n"]
            for r in status["rejects"]
            if r["source"] == source
        }
        assert rejects == {
            ("ragged-row", "record"): 2,
            ("bad-encoding", "record"): 1,
            ("missing-person-id", "record"): 1,
            ("invalid-date", "cell"): 1,
        }
        variable = CODE[source].partition("-")[0]
        warnings = {w["warning"]: w["n"] for w in status["warnings"] if w["source"] == source}
        assert warnings == {f"unknown-code:{variable}": 1}


def test_an_unknown_code_lands_as_delivered(bank: Bank) -> None:
    table = TABLES["visit"]()
    bank.deliver(table.spoiled(UNKNOWN_CODE - 2, CODE["visit"], NEW_CODE))
    assert bank.run("ingest").code == 0
    assert [v[2] for v in bank.values("visit") if v[1] == "smoker"].count(NEW_CODE) == 1
    assert bank.books()["visit"]["records_rejected"] == 0


def test_a_file_without_one_good_record_is_a_bad_file(bank: Bank) -> None:
    """It would replace the last delivery by nothing."""
    table = TABLES["visit"]()
    bank.deliver(table)
    assert bank.run("ingest").code == 0
    before = bank.values()
    lines = table.text().splitlines()
    bank.deliver("\n".join([lines[0], *(f"{x};more" for x in lines[1:])]).encode(), "visit.csv")
    failed = bank.run("ingest")
    assert failed.code == 11
    assert "all 40 records are rejected: ragged-row (40)" in failed.err
    assert "Expected: at least one record" in failed.err
    assert bank.values() == before
    bank.check_whole()
    bank.deliver(table.spoiled(0, "weight", "44.5"))
    assert bank.run("ingest").code == 0
    bank.check_whole()


@pytest.mark.slow
def test_the_warehouse_shows_what_was_refused_and_what_has_no_meaning(built: Bank) -> None:
    status = built.run("status", "--json").json
    _check_status(status)
    unmapped = {
        (u["source"], u["variable"], u["source_code"]): u["n_facts"]
        for u in status["warehouse"]["unmapped"]
    }
    assert unmapped["visit", "smoker", NEW_CODE] == 1
    assert unmapped["main", "20116", NEW_CODE] == 1
    built.check_whole()
