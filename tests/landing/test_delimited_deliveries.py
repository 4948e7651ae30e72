"""The same laws with the connector people use: delimited files under every delivery rule."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from biobraid.core.home import Home, create_home
from biobraid.core.keys import create_keys
from biobraid.core.lock import writer
from biobraid.ingest.landing import check_books, ingest
from tests.landing.bank import deliver, rows, values, write_pack

DICTIONARY = """variable,label,type,unit,allowed_values,instance_rule
bmi,Body mass index,number,kg/m2,,
smoker,Smokes,code,,yes|no,
"""
COLUMNS = "row_id, record_id, source_person_key, variable, instance, value"


def declare(home: Home, **given: Any) -> None:
    source = {
        "connector": "delimited",
        "files": ["q*.csv"],
        "person_id": "person",
        "options": {"layout": "wide"},
        **given,
    }
    write_pack(home, "toy", sources={"q": source})
    (home.studies / "toy" / "dictionary.csv").write_text(DICTIONARY)


def run(home: Home) -> int:
    with writer(home):
        result = ingest(home, workers=1)
    assert check_books(home) == []
    print(*(f.text() for o in result.outcomes for f in o.faults))
    return result.exit_code


DELTA = {
    "delivery": "delta",
    "record_key": ["person", "visit"],
    "version": "at",
    "deleted": {"gone": "1"},
}
D1 = "person,visit,at,gone,bmi\n P1,1,2020-01-01,,21\n P2,1,2020-01-01,,20\n P3,1,2020-01-01,,19"
D2 = "person,visit,at,gone,bmi\n P1,1,2020-02-01,,22\n P2,1,2020-02-01,1,\n P1,1,2020-01-15,,9"
D3 = "person,visit,at,gone,bmi\n P1,1,2020-03-01,,23\n P4,1,2020-03-01,,18"


@pytest.mark.parametrize("order", [(D1, D2, D3), (D3, D1, D2, D1 + "\n"), (D2, D3, D2 + "\n", D1)])
def test_three_deltas_give_one_full_delivery(
    tmp_path: Path, key_dir: Path, order: tuple[str, ...]
) -> None:
    found = []
    for name in ("full", "delta"):
        home = create_home(tmp_path / name, memory_limit_gb=1.0, threads=1)
        create_keys(home)
        if name == "full":
            declare(home, **{**DELTA, "delivery": "full"})
            text = "\n".join(["person,visit,at,gone,bmi", *FINAL])
            deliver(home, "q.csv", text)
            assert run(home) == 0
        else:
            declare(home, **DELTA)
            for i, text in enumerate(order):
                deliver(home, f"q{i}.csv", text + ("\n P9,9,2019-01-01,1," if i == 3 else ""))
                assert run(home) == 0
        found.append(rows(home, COLUMNS))
    assert found[0] == found[1]
    assert {r[-1] for r in found[0]} >= {"23", "19", "18"}


FINAL = ["P1,1,2020-03-01,,23", "P3,1,2020-01-01,,19", "P4,1,2020-03-01,,18"]


def test_a_repeated_key_keeps_the_newest_and_rejects_the_others(home: Home) -> None:
    declare(home, record_key=["person"], version="at")
    deliver(home, "q.csv", "person,at,bmi\n P1,2020-02-01,22\n P1,2020-01-01,21\n P2,2020-01-01,9")
    assert run(home) == 0
    assert ("bmi", "22") in values(home) and ("bmi", "21") not in values(home)
    assert rows(home, "row_number, reason", "raw.reject") == [(3, "duplicate-key")]


def test_rows_without_a_key_that_are_equal_all_land(home: Home) -> None:
    declare(home)
    deliver(home, "q.csv", "person,bmi\n P1,22\n P1,22\n P2,9")
    assert run(home) == 0
    assert values(home) == [("bmi", "22"), ("bmi", "22"), ("bmi", "9")]
    assert len(set(rows(home, "row_id"))) == 3
