"""A file that cannot be read is named with its fault, lands not at all and stops no other."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from biobraid.core.manifest import Manifest
from tests.faults.bank import CANARY, PATH_CANARY, TABLES, Bank, Ran, Table, lab_table
from tests.faults.conftest import Calm


@dataclass(frozen=True)
class Bad:
    """A way to spoil a file, and what the message must say: found, expected, what to do."""

    spoil: Callable[[Table], bytes]
    said: tuple[str, ...]
    ending: str = ".csv"


def zipped(table: Table) -> bytes:
    return gzip.compress(table.text().encode(), mtime=0)


def columns_twice(table: Table) -> bytes:
    delimiter = table.delimiter
    header = [*table.header, table.header[-1], table.header[-2], table.header[-2]]
    return (delimiter.join(header) + "\n" + f"{CANARY}{delimiter * (len(header) - 1)}\n").encode()


def with_bytes(cell: bytes) -> Callable[[Table], bytes]:
    """Other bytes in the second column of every fourth row."""

    def spoil(table: Table) -> bytes:
        lines = table.text().encode().splitlines()
        delimiter = table.delimiter.encode()
        for i in range(1, len(lines), 4):
            cells = lines[i].split(delimiter)
            cells[2] = CANARY.encode() + cell
            lines[i] = delimiter.join(cells)
        return b"\n".join(lines) + b"\n"

    return spoil


def open_quote(table: Table) -> bytes:
    return table.text().encode() + f'"{CANARY}{table.delimiter}\n'.encode()


BAD = {
    "truncated gz": Bad(
        lambda t: zipped(t)[:-30],
        ("compressed data ends in the middle", "a whole gzip file", "Ask for the file again"),
        ".csv.gz",
    ),
    "damaged gz": Bad(
        lambda t: zipped(t)[:60] + b"\xff" * 40 + zipped(t)[100:],
        ("compressed data is damaged", "a whole gzip file", "Ask for the file again"),
        ".csv.gz",
    ),
    "plain text named gz": Bad(
        lambda t: t.text().encode(), ("named .gz but is not gzip data", "a gzip file"), ".csv.gz"
    ),
    "empty file": Bad(lambda t: b"", ("the file is empty (0 bytes)", "a header and records")),
    "empty gz": Bad(
        lambda t: gzip.compress(b""), ("compressed file holds nothing", "a header"), ".csv.gz"
    ),
    "header only": Bad(
        lambda t: t.text().splitlines(keepends=True)[0].encode(),
        ("a header and no record", "at least one record", "Ask for the file again"),
    ),
    "duplicate header": Bad(columns_twice, ("times in the header", "row 1:", "Ask for the file")),
    "wrong encoding": Bad(
        with_bytes("é".encode("latin-1")),
        ("10 of 40 records cannot be decoded", "utf-8", "Declare the source's encoding"),
    ),
    "utf-16": Bad(
        lambda t: t.text().encode("utf-16"), ("UTF-16 byte order mark", "utf-8", "Declare")
    ),
    "NUL bytes": Bad(with_bytes(b"\x00"), ("NUL bytes", "utf-8 text", "Ask for the file again")),
    "open quote": Bad(open_quote, ("a quote that opens in this record is never closed", "row 42")),
    "a spreadsheet": Bad(
        lambda t: b"PK\x03\x04" + CANARY.encode(), ("a zip archive or a spreadsheet", "plain")
    ),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_file_is_explained_and_the_mended_one_lands(
    bank: Bank, calm: Calm, kind: str
) -> None:
    bad = BAD[kind]
    for source, make in TABLES.items():
        bank.deliver(bad.spoil(make()), f"{source}_{PATH_CANARY}{bad.ending}")
    failed = bank.run("ingest")
    assert failed.code == 11
    for source in TABLES:
        faults = _faults_of(failed, f"{source}_{PATH_CANARY}{bad.ending}")
        assert faults
        for fault in faults:
            assert fault.startswith(f"lake/{source}, file ")
            for words in (*bad.said, "\n  Expected: "):
                assert words in fault
            assert len(fault.splitlines()) >= 3  # what was found, expected, to do
    assert bank.values() == [row for row in calm.values if row[0] == "lab"]
    assert [p.name.split("-")[1] for p in bank.home.inbox.iterdir()] == ["lab"]
    bank.check_whole()
    for source, make in TABLES.items():
        bank.clear(source)
        content = zipped(make()) if bad.ending.endswith("gz") else make().text().encode()
        bank.deliver(content, f"{source}_{PATH_CANARY}{bad.ending}")
    assert bank.run("ingest").code == 0
    assert bank.values() == calm.values
    assert bank.books() == calm.books
    bank.check_whole()


@pytest.mark.parametrize("kind", ["truncated gz", "header only", "wrong encoding"])
def test_a_bad_new_delivery_leaves_the_last_one_in_force(bank: Bank, kind: str) -> None:
    bad = BAD[kind]
    for make in TABLES.values():
        bank.deliver(make())
    assert bank.run("ingest").code == 0
    before = bank.values()
    for source, make in TABLES.items():
        bank.clear(source)
        bank.deliver(bad.spoil(make()), f"{source}_2{bad.ending}")
    assert bank.run("ingest").code == 11
    assert bank.values() == before
    bank.check_whole()
    for source, make in TABLES.items():
        bank.clear(source)
        bank.deliver(make(30), f"{source}_2.csv")
    assert bank.run("ingest").code == 0
    for source in TABLES:
        assert bank.books()[source]["records_landed"] == 30
    bank.check_whole()


def test_a_good_file_waits_for_the_bad_one_beside_it(bank: Bank) -> None:
    """A full delivery replaces the last one whole: one bad file holds the other back."""
    good = TABLES["visit"]()
    bank.deliver(good)
    assert bank.run("ingest").code == 0
    before = bank.values()
    bank.clear("visit")
    bank.deliver(good.text().encode()[:-40] + b"\n", "visit_1.csv")
    bank.deliver(b"", "visit_2.csv")
    failed = bank.run("ingest")
    assert failed.code == 11
    assert "another file of this delivery could not be read" in failed.err
    assert "Nothing was changed" in failed.err
    assert bank.values() == before
    bank.check_whole()


def without(table: Table, *columns: str) -> Table:
    """The table with less columns."""
    kept = [i for i, name in enumerate(table.header) if name not in columns]
    header, *rows = [[row[i] for i in kept] for row in (table.header, *table.rows)]
    return Table(table.source, table.name, table.delimiter, header, rows)


@pytest.mark.parametrize("source", TABLES)
def test_a_vanished_column_is_named_and_can_be_declared_gone(bank: Bank, source: str) -> None:
    good = TABLES[source]()
    bank.deliver(good)
    assert bank.run("ingest").code == 0
    before = bank.values()
    less = without(good, *(["smoker"] if source == "visit" else ["21001-0.0", "20116-0.0"]))
    bank.deliver(less)
    gone = sorted(set(good.header) - set(less.header))
    failed = bank.run("ingest")
    assert failed.code == 11
    assert (
        f"{len(gone)} column(s) of the last delivery are missing: {', '.join(gone)}" in failed.err
    )
    for words in (f"lake/{source}", "Expected: a full delivery", "dropped_columns"):
        assert words in failed.err
    assert bank.values() == before
    bank.check_whole()
    if source == "visit":  # the other way out: they are gone for good
        pack = bank.home.studies / "lake" / "study.yaml"
        text = pack.read_text().replace("kind: date}}", "kind: date}, dropped_columns: [smoker]}")
        pack.write_text(text)
    else:
        bank.deliver(good.spoiled(0, "21001-0.0", "19.5"))
    assert bank.run("ingest").code == 0
    assert bank.values() != before
    bank.check_whole()


def test_a_column_the_study_needs_is_missing_with_near_misses(bank: Bank) -> None:
    good = TABLES["visit"]()
    text = good.text().replace("participant", "participnt").replace("visit_date", "date")
    bank.deliver(text.encode(), "visit.csv")
    failed = bank.run("ingest")
    assert failed.code == 11
    assert "row 1: there is no column 'participant'" in failed.err
    assert "Did you mean: participnt" in failed.err
    assert "there is no column 'visit_date'" in failed.err  # all at once
    bank.deliver(good)
    assert bank.run("ingest").code == 0
    bank.check_whole()


@pytest.mark.slow
def test_many_bad_files_in_processes_of_their_own_are_all_said(bank: Bank, calm: Calm) -> None:
    """As typed in a shell, read by a pool: every fault of every file, in text and in JSON."""
    settings = bank.home.root / "biobraid.toml"
    settings.write_text(
        settings.read_text().replace("memory_limit_gb = 1.0", "memory_limit_gb = 2.0")
    )
    for i, bad in enumerate(BAD.values()):
        bank.deliver(bad.spoil(TABLES["visit"]()), f"visit_{PATH_CANARY}_{i}{bad.ending}")
    failed = bank.spawn("ingest", "--workers", "2")
    assert failed.code == 11
    for bad in BAD.values():
        assert bad.said[0] in failed.err
    assert f"visit_{PATH_CANARY}_0.csv.gz" in failed.out  # the terminal alone shows names
    assert bank.values() == [row for row in calm.values if row[0] == "lab"]
    bank.check_whole()
    told = bank.spawn("ingest", "--json")
    assert told.code == 11
    files = {f["file"]: f for f in told.json["files"]}
    assert len([f for f in files.values() if f["status"] == "failed"]) == len(BAD)
    assert files["lab.csv"]["status"] == "unchanged"
    bank.check_whole()


def test_receipt_and_status_tell_of_the_bad_file(bank: Bank) -> None:
    bank.deliver(BAD["NUL bytes"].spoil(TABLES["visit"]()), f"visit_{PATH_CANARY}.csv")
    failed = bank.run("ingest", "--json")
    (receipt,) = failed.json["receipts"]
    files = {f["source"]: f for f in json.loads(Path(receipt).read_text())["files"]}
    assert files["lab"]["status"] == "active"
    assert files["visit"]["status"] == "failed"
    assert "NUL bytes" in files["visit"]["faults"][0]
    status = bank.run("status", "--json").json
    (shown,) = status["failed"]
    assert (shown["study"], shown["source"]) == ("lake", "visit")
    assert "NUL bytes" in shown["fault"]
    with Manifest(bank.home) as manifest:
        assert shown["file"] in {f.row["batch"] for f in manifest.files()}
    assert "NUL bytes" in bank.run("status").out
    again = bank.run("ingest", "--json")  # said again, and nothing else happens
    assert again.code == 11
    assert [f["status"] for f in again.json["files"]] == ["unchanged", "failed"]
    assert bank.run("status", "--json").json["failed"] == [shown]
    bank.check_whole()


def _faults_of(ran: Ran, file: str) -> list[str]:
    """The faults said of one file, each with its indented lines."""
    return [text.rstrip() for text in ran.err.split(f"{file}: ")[1:]]


def test_one_bad_study_does_not_stop_the_run_of_the_others_files(bank: Bank) -> None:
    """`run` stops before link, unless it is told to go on."""
    bank.deliver(b"", "visit.csv")
    stopped = bank.run("run")
    assert stopped.code == 11
    assert "Stopped before link" in stopped.err and "--continue" in stopped.err
    assert [v[0] for v in bank.values()] == ["lab"] * len(lab_table().rows)
    assert not bank.home.warehouse.exists()
    bank.check_whole()
