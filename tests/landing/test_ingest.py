"""Ingest: files land whole, a second run is a no-op, a bad file stops no other."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest

from biobraid.core.errors import SettingsError
from biobraid.core.home import Home
from biobraid.core.keys import ingest_keys
from biobraid.core.manifest import Manifest
from biobraid.core.schemas import TABLES
from biobraid.ingest.inbox import inbox_path, read_identities
from biobraid.ingest.landing import Progress, check_books, raw_file_table
from tests.landing.bank import (
    books,
    declare,
    deliver,
    landing_files,
    rows,
    run,
    statuses,
    values,
)

KEYED = {"options": {"key": ["person"]}}


def test_facts_land_and_persons_are_keyed(home: Home) -> None:
    declare(home, q=KEYED)
    deliver(home, "q.csv", "person,bmi,smoker\n P1,21.5,\n P2,,yes")
    result = run(home)
    assert statuses(result) == ["landed"] and result.exit_code == 0
    assert values(home) == [("bmi", "21.5"), ("smoker", "yes")]
    key = ingest_keys(home).person_key("toy", "P1")
    assert rows(home, "study, source, source_person_key", "raw.value")[0][:2] == ("toy", "q")
    assert key in {r[0] for r in rows(home, "source_person_key")}
    assert books(home)[("q", 1)]["records_landed"] == 2


def test_a_second_run_changes_nothing(home: Home) -> None:
    declare(home, q=KEYED)
    deliver(home, "q.csv", "person,bmi\n P1,21.5")
    run(home)
    before = landing_files(home), raw_file_table(home)
    result = run(home)
    assert statuses(result) == ["unchanged"] and not result.changed
    assert (landing_files(home), raw_file_table(home)) == before


def test_a_copy_of_a_file_lands_once(home: Home) -> None:
    declare(home, q=KEYED)
    deliver(home, "q1.csv", "person,bmi\n P1,21.5")
    deliver(home, "q2.csv", "person,bmi\n P1,21.5")
    assert sorted(statuses(run(home))) == ["landed", "unchanged"]
    assert values(home) == [("bmi", "21.5")]


def test_landing_tables_have_a_part_even_without_data(home: Home) -> None:
    declare(home, q=KEYED)
    result = run(home)
    assert result.without_files == (("toy", "q"),)
    for table in ("raw.value", "raw.event", "raw.record", "raw.consent", "raw.reject"):
        assert rows(home, "count(*), min(study)", table) == [(0, None)]


def test_every_part_has_the_columns_of_its_table(home: Home) -> None:
    declare(home, q={"options": {"key": ["person"], "numbers": True}})
    deliver(home, "q.csv", "person,bmi\n P1,21.5\n P1,22\n ragged")
    run(home)
    with Manifest(home) as manifest:
        parts = manifest.parts()
    assert {"raw.value", "raw.reject"} <= {p.table for p in parts if p.rows}
    for part in parts:
        names = pq.read_schema(home.landing / part.path).names
        assert names == TABLES[part.table].arrow.names


def test_identities_go_to_the_inbox_only(home: Home) -> None:
    declare(home, q=KEYED)
    deliver(home, "q.csv", "person,bmi\n CANARY-P1,21.5")
    batch = run(home).outcomes[0].batch
    table = read_identities(inbox_path(home.inbox, "toy", "q", batch), ingest_keys(home).inbox)
    assert table.to_pylist()[0]["value"] == "CANARY-P1"
    assert table.to_pylist()[0]["source"] == "q"
    for name in landing_files(home):
        assert b"CANARY" not in (home.root / name).read_bytes()


def test_a_bad_file_stops_no_other(home: Home) -> None:
    declare(home, q=KEYED, r=KEYED)
    deliver(home, "q1.csv", "person,bmi\n P1,21.5")
    deliver(home, "q2.csv", "nobody,bmi\n P2,22")
    deliver(home, "r.csv", "person,height\n P1,170")
    result = run(home)
    assert statuses(result) == ["landed", "failed", "landed"] and result.exit_code == 11
    assert values(home) == [("bmi", "21.5"), ("height", "170")]
    assert "q2" not in str(result.outcomes[1].faults)
    assert raw_file_table(home).column("status").to_pylist().count("failed") == 1
    deliver(home, "q2.csv", "person,bmi\n P2,22")
    assert run(home).exit_code == 0
    assert "failed" not in raw_file_table(home).column("status").to_pylist(), "it was mended"
    assert values(home) == [("bmi", "21.5"), ("bmi", "22"), ("height", "170")]


def test_where_files_add_up_a_failed_one_stays_in_the_books(home: Home) -> None:
    declare(home, q={**KEYED, "delivery": "append"})
    failing = deliver(home, "q1.csv", "nobody,bmi\n P1,21.5")
    assert run(home).exit_code == 11
    failing.unlink()
    deliver(home, "q2.csv", "person,bmi\n P2,22")
    assert run(home).exit_code == 0
    assert sorted(raw_file_table(home).column("status").to_pylist()) == ["active", "failed"]


@pytest.mark.parametrize(("misbehave", "code"), [("books", 13), ("bug", 1)])
def test_a_breach_or_a_bug_lands_nothing_and_says_no_value(
    home: Home, misbehave: str, code: int
) -> None:
    declare(home, q={"options": {"key": ["person"], "misbehave": misbehave}})
    deliver(home, "q.csv", "person,bmi\n P1,CANARY")
    result = run(home)
    assert result.exit_code == code and statuses(result) == ["failed"]
    assert values(home) == []
    assert not any("toy" in name for name in landing_files(home))
    assert "CANARY" not in str(result.outcomes[0].faults)
    assert raw_file_table(home).column("status").to_pylist() == ["failed"]


def test_many_files_are_read_by_spawned_workers(home: Home) -> None:
    declare(home, q=KEYED)
    for i in range(4):
        deliver(home, f"q{i}.csv", f"person,bmi\n P{i},{20 + i}")
    said: list[Progress] = []
    result = run(home, workers=2, on_progress=said.append)
    assert statuses(result) == ["landed"] * 4
    assert values(home) == [("bmi", str(20 + i)) for i in range(4)]
    assert said[-1].files_done == 4
    assert said[-1].bytes_done == said[-1].bytes_total > 0
    assert {p.stage for p in said} >= {"hash", "read", "commit", "settle"}


def test_a_worker_that_dies_fails_its_file_with_our_code(home: Home) -> None:
    declare(home, q={"options": {"key": ["person"], "misbehave": "die"}})
    deliver(home, "q1.csv", "person,bmi\n P1,21.5")
    deliver(home, "q2.csv", "person,bmi\n P2,21.5")
    result = run(home, workers=2)
    assert statuses(result) == ["failed", "failed"] and result.exit_code == 1
    assert values(home) == []


def test_an_unknown_study_is_named_with_near_misses(home: Home) -> None:
    declare(home, q=KEYED)
    with pytest.raises(SettingsError, match="toy"):
        run(home, study_ids=["toi"])


def test_globs_stay_inside_the_delivery_folder(home: Home) -> None:
    declare(home, q={**KEYED, "files": ["../*.csv"]})
    result = run(home)
    assert statuses(result) == ["failed"] and result.exit_code == 10


def test_a_dry_run_says_what_would_happen_and_writes_nothing(home: Home) -> None:
    declare(home, q=KEYED)
    deliver(home, "q.csv", "person,bmi\n P1,21.5\n P2,20")
    run(home)
    before = landing_files(home), raw_file_table(home)
    deliver(home, "q.csv", "person,bmi\n P1,22\n P2,20\n P3,19")
    result = run(home, dry_run=True)
    new = next(o for o in result.outcomes if o.path)
    old = next(o for o in result.outcomes if not o.path)
    assert statuses(result) == ["planned", "planned"]
    assert new.counts["facts_landed"] == 3 and new.disk_bytes > 0
    assert old.counts["facts_superseded"] == 2
    assert (landing_files(home), raw_file_table(home)) == before


def test_a_lost_part_shows_in_the_books(home: Home) -> None:
    declare(home, q=KEYED)
    deliver(home, "q.csv", "person,bmi\n P1,21.5")
    run(home)
    next((home.landing / "value").rglob("batch=*/*.parquet")).unlink()
    assert "missing" in check_books(home)[0].found
