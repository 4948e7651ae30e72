"""Receipts and withdrawal lists."""

from __future__ import annotations

import json

from biobraid.core.home import Home
from biobraid.core.keys import ingest_keys
from biobraid.ingest.receipts import write_receipts
from tests.landing.bank import books, declare, deliver, rows, run, statuses, write_pack

KEYED = {"options": {"key": ["person"]}}
TOY = {"connector": "toy", "files": ["q*.csv"], "options": {"key": ["person"]}}


def test_a_receipt_tells_counts_and_no_participant(home: Home) -> None:
    declare(home, q=KEYED)
    deliver(home, "q1-CANARY.csv", "person,bmi\n CANARY1,21\n CANARY2\n ,3")
    deliver(home, "q2.csv", "nobody,bmi\n CANARY3,21")
    (path,) = write_receipts(home, run(home))
    receipt = json.loads(path.read_text())
    failed, landed = sorted(receipt["files"], key=lambda f: f["delivery"])
    assert landed["records"] == {
        "read": 3,
        "landed": 1,
        "rejected": 2,
        "ignored": 0,
        "superseded": 0,
        "deleted": 0,
    }
    assert landed["rejected"] == [
        {"reason": "ragged-row", "column": None, "unit": "record", "n": 2}
    ]
    assert failed["status"] == "failed" and failed["faults"]
    text = path.with_suffix(".txt").read_text()
    assert "rejected records, ragged-row: 2" in text
    for content in (path.read_text(), text, path.name):
        assert "CANARY" not in content and str(home.root.parent) not in content


def test_a_run_without_news_writes_no_receipt(home: Home) -> None:
    declare(home, q=KEYED)
    deliver(home, "q.csv", "person,bmi\n P1,21")
    assert len(write_receipts(home, run(home))) == 1
    assert write_receipts(home, run(home)) == []


def test_a_withdrawal_list_becomes_consent(home: Home) -> None:
    withdrawals = {"files": ["w*.csv"], "level": "no_use"}
    write_pack(home, "toy", namespace="ukb", sources={"q": TOY}, withdrawals=withdrawals)
    deliver(home, "w1.csv", "1000001\n1000002\nnot, an id\n1000002\n")
    assert statuses(run(home)) == ["landed"]
    key = ingest_keys(home).person_key("ukb", "1000001")
    found = rows(home, "source_person_key, modality, status, level", "raw.consent")
    assert len(found) == 2 and (key, "*", "withdrawn", "no_use") in found
    made = books(home)[("@withdrawals", 1)]
    assert (made["records_read"], made["records_rejected"], made["records_ignored"]) == (4, 1, 1)
    assert rows(home, "row_number, reason", "raw.reject") == [(3, "malformed-id")]
    assert list(home.inbox.iterdir()) == []


def test_a_longer_withdrawal_list_adds_to_the_last(home: Home) -> None:
    withdrawals = {"files": ["w*.csv"], "level": "no_use"}
    write_pack(home, "toy", sources={"q": TOY}, withdrawals=withdrawals)
    deliver(home, "w1.csv", "1000001")
    run(home)
    deliver(home, "w1.csv", "1000001\n1000002")
    run(home)
    assert len(rows(home, "source_person_key", "raw.consent")) == 2


def test_a_binary_withdrawal_list_is_refused(home: Home) -> None:
    withdrawals = {"files": ["w*.csv"], "level": "no_use"}
    write_pack(home, "toy", sources={"q": TOY}, withdrawals=withdrawals)
    deliver(home, "w1.csv", "10000\x0001")
    assert run(home).exit_code == 11
