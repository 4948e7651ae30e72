"""The shared REDCap projects: every cell found again, books balanced, built to the CDM."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from biobraid.cli.main import run
from biobraid.core.home import Home
from biobraid.core.keys import ingest_keys
from biobraid.core.lock import writer
from biobraid.core.manifest import Manifest
from biobraid.core.warehouse import connect
from biobraid.ingest.connectors.redcap_evaluate import evaluate
from biobraid.ingest.connectors.redcap_logic import Ref, parse_logic
from biobraid.ingest.dictionaries import load_variables
from biobraid.ingest.landing import check_books, ingest
from tests.shared.redcap_projects import (
    PROJECTS,
    cells_that_land,
    deliver_project,
    fields_of,
    rows_of,
    study_id,
)

pytestmark = [pytest.mark.shared]


def _ingest(home: Home) -> list[dict[str, Any]]:
    with writer(home):
        result = ingest(home, load_variables=load_variables, workers=1)
    assert [fault.text() for outcome in result.outcomes for fault in outcome.faults] == []
    assert check_books(home) == []
    with Manifest(home) as manifest:
        return [dict(file.row) for file in manifest.files()]


def _landed(home: Home, table: str, columns: str) -> list[tuple[Any, ...]]:
    with Manifest(home) as manifest:
        paths = [str(home.landing / part.path) for part in manifest.parts(table)]
    if not paths:
        return []
    return duckdb.execute(f"SELECT {columns} FROM read_parquet(?)", [paths]).fetchall()


@pytest.mark.parametrize("project", PROJECTS)
def test_every_cell_of_a_project_is_found_again(
    project: str, home: Home, shared_data: Path
) -> None:
    deliver_project(home, shared_data, project)
    (books,) = _ingest(home)
    folder = shared_data / "redcap" / project
    rows = rows_of(folder)
    assert books["records_read"] == books["records_landed"] == len(rows)
    given = cells_that_land(folder)
    keys = ingest_keys(home)
    people = {keys.person_key(study_id(project), person): person for person, _, _, _ in given}
    found = Counter(
        (people[key], instance, variable, value)
        for key, instance, variable, value in _landed(
            home, "raw.value", "source_person_key, instance, variable, value"
        )
        if value is not None
    )
    assert found == given
    n_cells = sum(bool(cell) for row in rows for cell in row.values())
    n_gaps = len(_landed(home, "raw.value", "1")) - found.total()
    n_made = len(_landed(home, "raw.event", "1")) + n_gaps
    assert books["facts_read"] == n_cells + n_made, "every cell is in the books"


def test_every_repeat_is_a_survey_with_its_instance(home: Home, shared_data: Path) -> None:
    deliver_project(home, shared_data, "vignette-repeating")
    _ingest(home)
    rows = rows_of(shared_data / "redcap" / "vignette-repeating")
    given = Counter(
        (row["redcap_repeat_instrument"] or "intake", int(row["redcap_repeat_instance"] or 0))
        for row in rows
    )
    events = dict(_landed(home, "raw.event", "row_id, code"))
    surveys = _landed(home, "raw.value", "DISTINCT survey_record_id, instance")
    found = Counter((events[survey], instance) for survey, instance in surveys)
    assert len(events) == len(rows) == 17
    assert found == given


def test_questions_that_branching_hid_are_not_asked(home: Home, shared_data: Path) -> None:
    deliver_project(home, shared_data, "longitudinal")
    _ingest(home)
    folder = shared_data / "redcap" / "longitudinal"
    asked = [row for row in rows_of(folder) if row["demographics_complete"]]
    given = Counter(
        name
        for row in asked
        for name, is_shown in (
            ("given_birth", row["sex"] == "0"),
            ("num_children", row["sex"] == "0" and row["given_birth"] == "1"),
        )
        if not is_shown and not row[name]
    )
    gaps = _landed(home, "raw.value", "variable, absent_reason, value")
    assert Counter(name for name, reason, _ in gaps if reason == "not-asked") == given
    assert given.total() == 4
    assert all(value is None for _, reason, value in gaps if reason)


def test_project_xml_lands_what_the_data_dictionary_lands(home: Home, shared_data: Path) -> None:
    deliver_project(home, shared_data, "repeating-instruments", dictionary="project.xml")
    _ingest(home)
    found = [(v, x) for v, x in _landed(home, "raw.value", "variable, value") if x is not None]
    given = cells_that_land(shared_data / "redcap" / "repeating-instruments")
    assert Counter(found) == Counter((v, x) for _, _, v, x in given.elements())


def test_the_branching_rules_of_all_of_us_hide_what_they_say(shared_data: Path) -> None:
    """Its rules keep a question for some answers of its parent, or drop it for some."""
    n_rules = 0
    for path in sorted((shared_data / "allofus_rules" / "ppi_branching").glob("*.csv")):
        with path.open(newline="", encoding="utf-8-sig") as file:
            rules = [rule for rule in csv.DictReader(file) if rule["parent_question"]]
        by_child: dict[tuple[str, str, str], list[str]] = {}
        for rule in rules:
            key = (rule["child_question"], rule["rule_type"], rule["parent_question"].lower())
            by_child.setdefault(key, []).append(rule["parent_value"])
        answers = [*dict.fromkeys(rule["parent_value"] for rule in rules), "Another", ""]
        for (_, kind, parent), values in by_child.items():
            parts = " or ".join(f"[{parent}] = '{value}'" for value in values)
            text = parts if kind == "keep" else f"not ({parts})"
            column = pa.array(answers, pa.string())
            found = evaluate(parse_logic(text), {Ref(parent): column}.get, len(answers))
            assert found.to_pylist() == [(a in values) == (kind == "keep") for a in answers]
            n_rules += 1
    assert n_rules > 100


@pytest.mark.slow
def test_all_projects_reach_the_cdm_in_one_home(home: Home, shared_data: Path) -> None:
    for project in PROJECTS:
        deliver_project(home, shared_data, project)
    assert run(["--home", str(home.root), "--quiet", "doctor"]) == 0
    assert run(["--home", str(home.root), "--quiet", "run"]) == 0
    assert check_books(home) == []
    with connect(home, read_only=True) as con:
        absent = con.execute(
            "SELECT study, SUM(n_absent) FROM stem.books WHERE table_name = 'value' AND n_absent > 0 "
            "GROUP BY ALL ORDER BY ALL"
        ).fetchall()
        books = con.execute(
            "SELECT COUNT(DISTINCT study) FROM stem.books WHERE table_name = 'value'"
        ).fetchone()
        persons = con.execute("SELECT COUNT(*) FROM cdm.person").fetchone()
        fused = con.execute(
            "SELECT person_id, list(study ORDER BY study) FROM link.person_bridge "
            "GROUP BY person_id HAVING count(*) > 1"
        ).fetchall()
    assert books == (len(PROJECTS),)
    assert dict(absent) == {
        "redcap_checkboxes_1": 9,  # a form with status 0 and nothing else: seen or not is unknown
        "redcap_longitudinal": 4,
        "redcap_survey": 1,  # [not completed]
        "redcap_validation_types_1": 3,
    }
    born = {
        (project, row[next(iter(fields_of(shared_data / "redcap" / project)))])
        for project in PROJECTS
        for row in rows_of(shared_data / "redcap" / project)
        if row.get("dob")
    }
    # Two projects hold the same two made-up people, by name and birth date: scores find them.
    same = ["redcap_repeating_instruments", "redcap_repeating_instruments_sparse"]
    assert [studies for _, studies in fused] == [same, same]
    assert persons == (len(born) - 2,)
