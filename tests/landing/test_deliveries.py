"""Deliveries: full replaces, append adds, delta keeps the newest version, columns widens."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from biobraid.core.home import Home, create_home
from biobraid.core.keys import create_keys
from tests.landing.bank import (
    books,
    declare,
    deliver,
    rows,
    run,
    statuses,
    total,
    values,
    withdraw_file,
)

KEYED = {"options": {"key": ["person"]}}
WHOLE: dict[str, Any] = {"options": {}}
DELTA_OPTIONS = {"key": ["person", "n"], "version": "v", "deleted": "gone"}
DELTA = {"delivery": "delta", "options": DELTA_OPTIONS}


def test_a_new_full_delivery_replaces_the_last(home: Home) -> None:
    declare(home, q=KEYED)
    deliver(home, "q.csv", "person,bmi\n P1,21.5\n P2,20")
    run(home)
    deliver(home, "q.csv", "person,bmi\n P1,22\n P3,19")
    result = run(home)
    assert sorted(statuses(result)) == ["landed", "superseded"]
    assert values(home) == [("bmi", "19"), ("bmi", "22")]
    old, new = books(home)[("q", 1)], books(home)[("q", 2)]
    assert (old["status"], old["records_superseded"], old["facts_landed"]) == ("superseded", 2, 0)
    assert (new["status"], new["records_landed"]) == ("active", 2)


def test_a_file_added_beside_the_others_adds(home: Home) -> None:
    declare(home, q=KEYED)
    deliver(home, "q1.csv", "person,bmi\n P1,21.5")
    run(home)
    deliver(home, "q2.csv", "person,bmi\n P2,20")
    result = run(home)
    assert statuses(result) == ["unchanged", "landed"]
    assert values(home) == [("bmi", "20"), ("bmi", "21.5")]
    assert {b["delivery"] for b in books(home).values()} == {1}


def test_a_removed_file_alone_changes_nothing(home: Home) -> None:
    declare(home, q=KEYED)
    deliver(home, "q1.csv", "person,bmi\n P1,21.5")
    deliver(home, "q2.csv", "person,bmi\n P2,20")
    run(home)
    withdraw_file(home, "q1.csv")
    assert statuses(run(home)) == ["unchanged"]
    assert values(home) == [("bmi", "20"), ("bmi", "21.5")]


def test_an_earlier_delivery_may_come_back(home: Home) -> None:
    declare(home, q=KEYED)
    for bmi in ("21", "22", "21"):
        deliver(home, "q.csv", f"person,bmi\n P1,{bmi}")
        run(home)
    assert values(home) == [("bmi", "21")]
    assert [b["status"] for b in books(home).values()] == ["superseded", "superseded", "active"]


def test_a_vanished_column_stops_the_delivery_and_changes_nothing(home: Home) -> None:
    declare(home, q=KEYED)
    deliver(home, "q.csv", "person,bmi,smoker\n P1,21.5,yes")
    run(home)
    deliver(home, "q.csv", "person,bmi\n P1,22")
    result = run(home)
    assert result.exit_code == 11
    fault = result.outcomes[0].faults[0]
    assert "smoker" in fault.found and "delivery: columns" in fault.todo
    assert values(home) == [("bmi", "21.5"), ("smoker", "yes")]
    declare(home, q={"options": {"key": ["person"], "dropped_columns": ["smoker"]}})
    assert run(home).exit_code == 0
    assert values(home) == [("bmi", "22")]


def test_a_delivery_with_a_bad_file_does_not_replace_the_last(home: Home) -> None:
    declare(home, q=KEYED)
    deliver(home, "q1.csv", "person,bmi\n P1,21")
    deliver(home, "q2.csv", "person,bmi\n P2,21")
    run(home)
    deliver(home, "q1.csv", "person,bmi\n P1,22")
    bad = deliver(home, "q2.csv", "nobody,bmi\n P2,22")
    result = run(home)
    assert statuses(result) == ["failed", "failed"] and result.exit_code == 11
    assert values(home) == [("bmi", "21"), ("bmi", "21")]
    deliver(home, bad.name, "person,bmi\n P2,22")
    run(home)
    assert values(home) == [("bmi", "22"), ("bmi", "22")]


def test_one_fact_in_two_files_of_a_delivery_is_one_row(home: Home) -> None:
    declare(home, q=KEYED)
    deliver(home, "q1.csv", "person,bmi,smoker\n P1,21,yes\n P2,22,no")
    run(home)
    deliver(home, "q2.csv", "person,bmi\n P1,21")
    run(home)
    assert values(home) == [("bmi", "21"), ("bmi", "22"), ("smoker", "no"), ("smoker", "yes")]
    assert total(home, "facts_superseded") == 1


def test_append_keeps_all_and_the_later_of_two_equal_keys(home: Home) -> None:
    declare(home, q={**KEYED, "delivery": "append"})
    deliver(home, "q1.csv", "person,bmi\n P1,21\n P2,20")
    run(home)
    deliver(home, "q2.csv", "person,bmi,smoker\n P1,22,\n P3,19,no")
    run(home)
    assert values(home) == [("bmi", "19"), ("bmi", "20"), ("bmi", "22"), ("smoker", "no")]
    assert books(home)[("q", 1)]["records_superseded"] == 1


def test_append_of_the_same_whole_rows_adds_nothing(home: Home) -> None:
    declare(home, q={**WHOLE, "delivery": "append"})
    deliver(home, "q1.csv", "person,bmi\n P1,21\n P1,21\n P2,20")
    run(home)
    before = rows(home, "row_id, record_id, value")
    deliver(home, "q2.csv", "person,bmi\n P2,20\n P1,21\n P1,21")
    run(home)
    assert rows(home, "row_id, record_id, value") == before
    assert books(home)[("q", 1)]["records_superseded"] == 3


D1 = "person,n,v,gone,bmi\n P1,1,1,,21\n P2,1,1,,20\n P3,1,1,,18\n P4,1,1,,30"
D2 = "person,n,v,gone,bmi\n P1,1,2,,22\n P2,1,2,1,\n P5,1,2,,25"
D3 = "person,n,v,gone,bmi\n P1,1,3,,23\n P3,1,3,1,\n P5,1,3,1,\n P6,1,3,,17"
FULL = "person,n,bmi\n P1,1,23\n P4,1,30\n P6,1,17"


def test_deltas_in_any_order_and_repeated_give_one_full_delivery(
    tmp_path: Path, key_dir: Path
) -> None:
    home = create_home(tmp_path / "full", memory_limit_gb=1.0, threads=1)
    create_keys(home)
    declare(home, q={"options": {"key": ["person", "n"]}})
    deliver(home, "q.csv", FULL)
    run(home)
    wanted = rows(home, "row_id, record_id, source_person_key, variable, value")
    for i, order in enumerate(permutations((D1, D2, D3))):
        home = create_home(tmp_path / f"delta{i}", memory_limit_gb=1.0, threads=1)
        create_keys(home)
        declare(home, q=DELTA)
        for j, text in enumerate((*order, order[i % 3] + "\n")):
            extra = "\n P4,1,0,,31" if j == 3 else ""  # the repeat is another file, and stale
            deliver(home, f"q{j}.csv", text + extra)
            run(home)
        assert rows(home, "row_id, record_id, source_person_key, variable, value") == wanted
        assert total(home, "records_landed") == 3


def test_deltas_delivered_at_once_are_the_same(home: Home) -> None:
    declare(home, q=DELTA)
    for j, text in enumerate((D3, D1, D2)):
        deliver(home, f"q{j}.csv", text)
    run(home, workers=2)
    assert values(home) == [("bmi", "17"), ("bmi", "23"), ("bmi", "30")]


def test_versions_inside_one_delta_need_row_numbers(home: Home) -> None:
    options = {**DELTA_OPTIONS, "numbers": True}
    declare(home, q={"delivery": "delta", "options": options})
    text = "person,n,v,gone,bmi\n P1,1,2,,22\n P1,1,1,,21\n P2,1,1,,20\n P2,1,2,1,\n P3,1,1,,9"
    deliver(home, "q.csv", text)
    run(home)
    assert values(home) == [("bmi", "22"), ("bmi", "9")]
    made = books(home)[("q", 1)]
    assert (made["records_superseded"], made["records_deleted"], made["records_ignored"]) == (
        1,
        1,
        1,
    )
    deliver(home, "q2.csv", "person,n,v,gone,bmi\n P2,1,1,,20")  # older than its deletion
    run(home)
    assert values(home) == [("bmi", "22"), ("bmi", "9")]


def test_columns_adds_variables_and_replaces_common_ones(home: Home) -> None:
    declare(home, q={**KEYED, "delivery": "columns"})
    deliver(home, "q1.csv", "person,bmi,smoker\n P1,21,yes\n P2,20,no")
    run(home)
    deliver(home, "q2.csv", "person,bmi,height\n P1,22,170")
    run(home)
    assert values(home) == [
        ("bmi", "22"),
        ("height", "170"),
        ("smoker", "no"),
        ("smoker", "yes"),
    ]
    old = books(home)[("q", 1)]
    assert (old["facts_superseded"], old["records_landed"]) == (2, 2)


@pytest.mark.parametrize("numbers", [True, False])
def test_a_key_that_stands_twice_keeps_the_last_row(home: Home, numbers: bool) -> None:
    misbehave = "" if numbers else "not-checked"
    options = {"key": ["person"], "numbers": numbers, "misbehave": misbehave}
    declare(home, q={"options": options})
    deliver(home, "q.csv", "person,bmi\n P1,21\n P2,20\n P1,22")
    run(home)
    assert values(home) == [("bmi", "20"), ("bmi", "22")]
    made = books(home)[("q", 1)]
    assert (made["records_landed"], made["records_rejected"]) == (2, 1)
    rejects = rows(home, "row_number, reason", "raw.reject")
    assert rejects == ([(2, "duplicate-key")] if numbers else [])


def test_equal_rows_without_a_key_stay_apart_under_stable_ids(home: Home) -> None:
    declare(home, q=WHOLE)
    deliver(home, "q.csv", "person,bmi,smoker\n P1,21,no\n P2,20,no\n P1,21,no")
    run(home)
    before = rows(home, "row_id, record_id, variable, value")
    assert len({r[0] for r in before}) == 6 and len({r[1] for r in before}) == 3
    deliver(home, "q.csv", "person,bmi,smoker\n P1,21,no\n P1,21,no\n P2,20,no\n P3,1,no")
    run(home)
    assert set(before) < set(rows(home, "row_id, record_id, variable, value"))


def test_clashing_row_ids_are_rehashed_whatever_the_order(tmp_path: Path, key_dir: Path) -> None:
    texts = [
        "\n".join(["person,bmi", *(f"P{p},{p}" for p in r)]) for r in (range(15), range(15, 30))
    ]
    seen = []
    for i, order in enumerate((texts, texts[::-1])):
        home = create_home(tmp_path / f"bank{i}", memory_limit_gb=1.0, threads=1)
        create_keys(home)
        declare(home, q={**KEYED, "delivery": "append"})
        for j, text in enumerate(order):
            deliver(home, f"q{j}.csv", text)
            run(home, id_bits=9)
        found = rows(home, "value, row_id")
        assert len({r[1] for r in found}) == len(found) == 30
        record_ids = {r[0] for r in rows(home, "record_id & 511")}
        n_clashes = sum(r[0] != r[1] for r in rows(home, "row_id, record_id"))
        assert record_ids and n_clashes
        seen.append(found)
    assert seen[0] == seen[1]
