"""Cohorts: steps in SQL, attrition counted by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from biobraid.core.errors import SettingsError
from biobraid.core.home import Home
from biobraid.export.cohort import Attrition, run_cohort, suppressed
from biobraid.export.project import OpenProject
from biobraid.export.query import query
from biobraid.export.release import release
from biobraid.export.session import QueryError
from tests.export.conftest import BMI

STEPS = f"""
-- Cohorts may begin with a comment.
-- step: Has a body mass index
SELECT person_id, min(measurement_date) AS cohort_start_date
FROM cdm.measurement WHERE measurement_concept_id = {BMI} GROUP BY person_id;

-- step: Body mass index of 40 and more
SELECT p.person_id FROM previous AS p
JOIN cdm.measurement AS m USING (person_id)
WHERE m.measurement_concept_id = {BMI} AND m.value_as_number >= 40

-- step: No diabetes
SELECT * FROM previous WHERE person_id NOT IN (
  SELECT c.person_id FROM condition_occurrence AS c
  JOIN codelist_diabetes AS d ON d.concept_id = c.condition_concept_id)
"""


@pytest.fixture
def released(bank: Home, alpha: OpenProject) -> Home:
    release(bank, "alpha", "r1")
    (alpha.code_lists / "diabetes.csv").write_text(
        "concept_id,descendants,label\n201820,true,Diabetes\n"
    )
    (alpha.code_lists / "icd.csv").write_text("code,code_system\nE119,ICD10\nZ999,ICD10\n")
    return bank


def write(tmp_path: Path, sql: str, name: str = "heavy") -> Path:
    path = tmp_path / f"{name}.sql"
    path.write_text(sql)
    return path


def test_attrition_counted_by_hand(released: Home, tmp_path: Path) -> None:
    # 60 persons less number 20 without a value; 20 + n >= 40 leaves 21 to 60; even have diabetes
    made = run_cohort(released, "alpha", "heavy", write(tmp_path, STEPS))
    assert made.n_persons == 20
    assert [(a.title, a.n_persons, a.n_dropped) for a in made.attrition] == [
        ("Has a body mass index", 59, 0),
        ("Body mass index of 40 and more", 40, 19),
        ("No diabetes", 20, 20),
    ]
    assert made.shown == made.attrition
    kept = query(released, None, "SELECT * FROM cohort.heavy").to_pylist()
    assert len(kept) == 20
    assert all(row["cohort_start_date"] and row["cohort_end_date"] is None for row in kept)
    assert query(
        released,
        None,
        "SELECT n_persons FROM cohort.attrition WHERE cohort = 'heavy' ORDER BY step",
    )["n_persons"].to_pylist() == [59, 40, 20]


def test_the_same_name_replaces(released: Home, tmp_path: Path) -> None:
    run_cohort(released, "alpha", "heavy", write(tmp_path, STEPS))
    run_cohort(released, "alpha", "heavy", write(tmp_path, STEPS.split("-- step: No")[0]))
    assert query(released, None, "SELECT count(*) AS n FROM cohort.attrition").to_pylist() == [
        {"n": 2}
    ]


def test_code_lists_of_source_codes_find_their_concepts(released: Home, tmp_path: Path) -> None:
    sql = """-- step: Any coded
    SELECT DISTINCT person_id FROM condition_occurrence AS c JOIN codelist_icd AS l
      ON l.code = c.condition_source_value AND l.concept_id = 45533021"""
    assert run_cohort(released, "alpha", "heavy", write(tmp_path, sql)).n_persons == 29


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("SELECT 1", "holds no step"),
        ("-- step: a\nSELECT 1 AS one", "gives no person_id"),
        ("-- step: a\nDROP TABLE cohort.attrition", "SELECT statements only"),
        ("-- step: a\nSELECT person_id FROM person; SELECT 2", "one SELECT per step"),
        ("-- step: a\nSELECT person_id FROM measurement", "several rows of one person"),
        ("-- step: a\nSELECT person_id FROM codelist_diabtes", "Did you mean: diabetes"),
        (
            "-- step: a\nSELECT person_id FROM person LIMIT 3\n"
            "-- step: b\nSELECT person_id FROM person",
            "brings persons",
        ),
        ("-- step: a\nSELECT person_id FROM read_csv('/etc/passwd')", "disabled"),
    ],
)
def test_faults_name_the_step(released: Home, tmp_path: Path, sql: str, says: str) -> None:
    with pytest.raises((SettingsError, QueryError), match=says):
        run_cohort(released, "alpha", "heavy", write(tmp_path, sql))
    assert query(released, None, "SELECT * FROM cohort.definition").num_rows == 0


def test_all_faults_of_a_code_list_at_once(
    released: Home, alpha: OpenProject, tmp_path: Path
) -> None:
    (alpha.code_lists / "bad.csv").write_text("concept_id,descendants\nx,true\n1,maybe\n")
    with pytest.raises(SettingsError) as caught:
        run_cohort(
            released,
            "alpha",
            "heavy",
            write(tmp_path, "-- step: a\nSELECT person_id FROM codelist_bad"),
        )
    assert [f.where for f in caught.value.faults] == ["bad.csv, row 2", "bad.csv, row 3"]


def test_small_counts_and_small_differences_are_hidden() -> None:
    counts = [1000, 995, 600, 7, 0]
    rows = [Attrition(n + 1, "s", c, (counts[n - 1] - c) if n else 0) for n, c in enumerate(counts)]
    assert [(a.n_persons, a.n_dropped) for a in suppressed(rows, 10)] == [
        (1000, 0),
        (None, None),
        (600, None),
        (None, None),
        (0, None),
    ]
