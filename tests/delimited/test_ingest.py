"""Delimited files through the real ingest: deltas, deletions, repeated keys, faults."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from biobraid.core.home import Home
from biobraid.core.lock import writer
from biobraid.ingest.connectors.contract import Variable
from biobraid.ingest.landing import IngestResult, ingest
from tests.landing.bank import books, rows, write_pack

VARIABLES = {n: Variable(n, value_type="number") for n in ("bmi", "sbp")}


def declare(home: Home, **source: Any) -> None:
    given = {"connector": "delimited", "files": ["q*"], "person_id": "id", **source}
    write_pack(home, "toy", sources={"q": given})


def deliver(home: Home, name: str, content: str | bytes) -> Path:
    path = home.deliveries / "toy" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def run(home: Home) -> IngestResult:
    with writer(home):
        return ingest(home, load_variables=lambda *_: VARIABLES, workers=1)


def landed(home: Home) -> list[Any]:
    return sorted(rows(home, "variable, value"))


def test_wide_files_land_and_a_second_run_changes_nothing(home: Home) -> None:
    declare(home)
    deliver(home, "q.csv", "id,bmi,sbp\n1,21,\n2,,120\n2,,120\n,3,4\nx\n")
    result = run(home)
    assert result.exit_code == 0
    assert landed(home) == [("bmi", "21"), ("sbp", "120"), ("sbp", "120")]
    assert len(set(rows(home, "row_id"))) == 3
    row = books(home)[("q", 1)]
    assert (row["records_read"], row["records_landed"], row["records_rejected"]) == (5, 3, 2)
    assert not run(home).changed


DELTAS = {
    "q1.csv": "id,visit,seen,gone,bmi\n1,0,2020-01-01,,20\n2,0,2020-01-01,,30\n",
    "q2.csv": "id,visit,seen,gone,bmi\n1,0,2020-02-01,,21\n2,0,2020-02-01,Y,\n3,0,2020-02-01,,40\n",
    "q3.csv": "id,visit,seen,gone,bmi\n1,0,2020-03-01,,22\n3,0,2020-01-15,,39\n",
}


@pytest.mark.parametrize("order", ["q1.csv q2.csv q3.csv", "q3.csv q2.csv q1.csv q2.csv"])
def test_deltas_in_any_order_end_in_the_same_rows(home: Home, order: str) -> None:
    declare(
        home, delivery="delta", record_key=["id", "visit"], version="seen", deleted={"gone": "Y"}
    )
    for name in order.split():
        deliver(home, name, DELTAS[name])
        assert run(home).exit_code == 0
    assert landed(home) == [("bmi", "22"), ("bmi", "40")]


def test_a_repeated_key_keeps_the_newest_and_counts_the_other(home: Home) -> None:
    declare(home, record_key=["id"], version="v")
    deliver(home, "q.csv", "id,v,bmi\n1,10,22\n1,9,21\n2,1,23\n2,1,24\n3,1,\n3,1,\n")
    assert run(home).exit_code == 0
    assert landed(home) == [("bmi", "22"), ("bmi", "24")]
    rejected = rows(home, "row_number, reason", "raw.reject")
    assert sorted(rejected) == [(3, "duplicate-key"), (4, "duplicate-key")]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("q.csv.gz", gzip.compress(b"id,bmi\n" + b"1,2\n" * 9999)[:-20], "ends in the middle"),
        ("q.csv", b"", "0 bytes"),
        ("q.csv", b"id,bmi,bmi\n1,2,3\n", "stands 2 times"),
        ("q.csv", "id,bmi\n1,2\n".encode("utf-16"), "byte order mark"),
        ("q.csv", b"id,bmi\n" + b"J\xf6rg,2\n" * 10, "another encoding"),
        ("q.csv", b"id,bmi\n1,\x00\n", "NUL"),
        ("q.csv", b"bmi,sbp\n1,2\n", "no column 'id'"),
        ("q.csv", b'id,bmi\n1,"2\n', "never closed"),
    ],
    ids=lambda given: given if isinstance(given, str) and " " in given else "",
)
def test_a_faulty_file_lands_nothing_and_the_repaired_one_everything(
    home: Home, name: str, content: bytes, words: str
) -> None:
    declare(home, options={"encoding": "utf-8"})
    path = deliver(home, name, content)
    result = run(home)
    assert result.exit_code == 11
    assert any(words in f.text() for o in result.outcomes for f in o.faults)
    assert landed(home) == []
    path.unlink()
    deliver(home, "q.csv", "id,bmi\n1,21\n")
    assert run(home).exit_code == 0
    assert landed(home) == [("bmi", "21")]


def test_parquet_lands_like_csv(home: Home) -> None:
    declare(home, record_key=["id"])
    path = deliver(home, "q.parquet", b"")
    pq.write_table(pa.table({"id": [1, 2], "bmi": [21.5, None]}), path)
    assert run(home).exit_code == 0
    assert landed(home) == [("bmi", "21.5")]
