"""The register, masks of open orders, rotation and bridging, on the hand-made warehouse."""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import pytest

from biobraid.core.errors import SettingsError
from biobraid.core.home import Home
from biobraid.core.orders import Order, drop_order, save_order
from biobraid.export.bridging import rotate_key, write_bridge
from biobraid.export.cohort import run_cohort
from biobraid.export.holdings import drop_from_projects, every_id, holdings
from biobraid.export.project import OpenProject, create_project, open_project
from biobraid.export.register import (
    Found,
    acknowledge,
    close,
    entries,
    find_entry,
    list_withdrawn,
    put,
)
from biobraid.export.release import DATABASE, release
from tests.export.conftest import BMI, N_PERSONS, person, rows

ORDER = Order(
    "a1", "no_use", "one", "*", "2026-01-01", "2026-01-01", ("one3", "two3"), (person(3),)
)
COHORT = f"""-- step: All
SELECT DISTINCT person_id FROM cdm.measurement WHERE measurement_concept_id = {BMI}
"""


def test_an_open_order_masks_at_once(bank: Home, alpha: OpenProject) -> None:
    save_order(bank, ORDER)
    assert release(bank, "alpha", "masked").n_persons == N_PERSONS - 1
    drop_order(bank, ORDER)
    assert release(bank, "alpha", "after").n_persons == N_PERSONS


def test_releases_that_hold_a_person_are_found_and_new_cohorts_leave_them_out(
    bank: Home, alpha: OpenProject, tmp_path: Path
) -> None:
    release(bank, "alpha", "r1")
    release(bank, None, "i1", internal=True)
    sql = tmp_path / "all.sql"
    sql.write_text(COHORT)
    assert run_cohort(bank, "alpha", "before", sql).n_persons == N_PERSONS - 1
    found = holdings(bank, [person(3)])
    assert [(e.project, e.kind, e.name) for e, _ in found] == [
        ("alpha", "release", "r1"), ("internal", "release", "i1"),
    ]  # fmt: skip
    entry, ids = found[0]
    assert list(ids.values()) == [person(3)]
    list_withdrawn(bank, entry, Found("a1", "2026-01-01", "2026-04-01", "*", tuple(ids)))
    assert run_cohort(bank, "alpha", "later", sql).n_persons == N_PERSONS - 2
    assert drop_from_projects(bank, every_id(bank, [person(3)])) == 1
    database = bank.projects / "alpha" / "project.duckdb"
    assert next(iter(ids)).to_bytes(8, "little") not in database.read_bytes()
    with duckdb.connect(str(database), read_only=True) as con:
        assert con.execute("SELECT count(*) FROM cohort.before").fetchone() == (N_PERSONS - 2,)


def test_what_is_overdue_and_how_it_ends(bank: Home, alpha: OpenProject) -> None:
    release(bank, "alpha", "r1")
    entry = find_entry(bank, "alpha", "r1")
    assert (entry.n_persons, entry.overdue(date(2030, 1, 1))) == (N_PERSONS, [])
    put(bank, replace(entry, recipient="U", expires_on="2027-01-01"))
    entry = list_withdrawn(bank, find_entry(bank, "alpha", "r1"),
                           Found("a1", "2026-01-01", "2026-04-01", "*", (5, 4)))  # fmt: skip
    assert entry.overdue(date(2026, 4, 1)) == []
    assert entry.overdue(date(2026, 4, 2)) == ["a1"]
    assert entry.overdue(date(2027, 1, 2)) == ["expired", "a1"]
    told = acknowledge(entry, date(2026, 3, 1))
    assert told.overdue(date(2026, 5, 1)) == []
    assert told.ids_to_drop == [4, 5]
    ended = close(told, date(2026, 6, 1), "destroyed")
    put(bank, ended)
    (kept,) = entries(bank)
    assert (kept.closed_how, kept.ids_to_drop, kept.overdue(date(2030, 1, 1))) == (
        "destroyed", [], [],
    )  # fmt: skip
    with pytest.raises(SettingsError, match="no withdrawal 'zz'"):
        acknowledge(entry, date(2026, 3, 1), "zz")


def test_a_rotated_key_gives_other_ids_and_a_bridge_joins_them(
    bank: Home, alpha: OpenProject, tmp_path: Path
) -> None:
    old = release(bank, "alpha", "r1")
    rotate_key(alpha)
    assert open_project(bank, "alpha").settings.key_version == 2
    new = release(bank, "alpha", "r2")
    ids = [{i for (i,) in rows(r.folder / DATABASE, "SELECT person_id FROM r.cdm.person")}
           for r in (old, new)]  # fmt: skip
    assert not ids[0] & ids[1]
    facts = [rows(r.folder / DATABASE, "SELECT measurement_id FROM r.cdm.measurement")
             for r in (old, new)]  # fmt: skip
    assert not set(facts[0]) & set(facts[1])
    out = tmp_path / "bridge.csv"
    assert write_bridge(bank, ("alpha", 1), ("alpha", 2), out) == N_PERSONS
    assert out.stat().st_mode & 0o077 == 0
    with out.open() as handle:
        pairs = [(int(r["alpha_v1"]), int(r["alpha_v2"])) for r in csv.DictReader(handle)]
    assert {a for a, _ in pairs} == ids[0]
    assert {b for _, b in pairs} == ids[1]
    # The pairs are right: what does not depend on the key agrees.
    bmi = dict(rows(old.folder / DATABASE, _BMI))
    assert all(bmi.get(a) == dict(rows(new.folder / DATABASE, _BMI)).get(b) for a, b in pairs[:5])
    # A withdrawal finds the person under both.
    assert len({i for _, found in holdings(bank, [person(7)]) for i in found}) == 2


_BMI = "SELECT person_id, max(value_as_number) FROM r.cdm.measurement GROUP BY person_id"


def test_a_bridge_between_projects_needs_a_release_on_both_sides(
    bank: Home, alpha: OpenProject, tmp_path: Path
) -> None:
    create_project(bank, "beta")
    release(bank, "alpha", "r1")
    with pytest.raises(SettingsError, match="no release was made with version 1"):
        write_bridge(bank, ("alpha", 1), ("beta", 1), tmp_path / "b.csv")
    assert not (tmp_path / "b.csv").exists()
