"""Imputed cells in releases and datasets: flagged, scoped, and never from the future unasked."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from biobraid.core.errors import DisclosureError, SettingsError
from biobraid.core.home import Home
from biobraid.export.cohort import run_cohort
from biobraid.export.project import DatePolicy, create_project
from biobraid.export.release import release
from biobraid.export.wide import export_wide
from biobraid.imputation.tables import make_tables
from tests.export.conftest import BMI, person, put_links

COHORT = """-- step: Observed
SELECT p.person_id, o.observation_period_start_date + 10 AS cohort_start_date
FROM person AS p JOIN observation_period AS o USING (person_id)
"""


def plan(folder: Path, **impute: object) -> Path:
    """A plan whose body mass is filled from plan `labs` (or as told)."""
    words = ", ".join(f"{k}: {v}" for k, v in {"plan": "labs", "variable": "bmi", **impute}.items())
    path = folder / "imputed.yaml"
    path.write_text(
        "variables:\n  - {name: bmi, table: measurement, "
        f"concept_id: {BMI}, window: {{from_days: -365, to_days: 0}}, impute: {{{words}}}}}\n"
    )
    return path


def put_imputed(home: Home, uses_future: bool = False) -> None:
    """Imputed body masses of the persons 20 (who has none) and 21 (who has one)."""
    with duckdb.connect(str(home.warehouse)) as con:
        make_tables(con)
        con.execute(
            "INSERT INTO imputed.imputation_run (run_id, plan, m, started_at) VALUES ('r1', 'labs', 1, ?)",
            [datetime(2021, 5, 4)],
        )
        con.execute("INSERT INTO imputed.decay_param (run_id, variable) VALUES ('r1', 'bmi')")
        con.execute("INSERT INTO imputed.missingness_audit (run_id, variable) VALUES ('r1', 'bmi')")
        for n in (20, 21):
            for number in (0, 1):
                con.execute(
                    """INSERT INTO imputed.imputed_value (run_id, imputation_no, person_id, variable,
                         instant, value, delta_days, method, uses_future, is_imputed)
                       VALUES ('r1', ?, ?, 'bmi', ?, ?, 3.0, 'decay', ?, TRUE)""",
                    [number, person(n), datetime(2020, 1, 5 + n), 33.0 + number, uses_future],
                )


def released(home: Home, folder: Path, uses_future: bool = False) -> Path:
    """A project with exact dates, a release with imputed cells and a cohort of all."""
    put_imputed(home, uses_future)
    create_project(home, "alpha", title="t", purpose="p", date_policy=DatePolicy(kind="exact"))
    made = release(home, "alpha", "r1")
    (folder / "all.sql").write_text(COHORT)
    run_cohort(home, "alpha", "all", folder / "all.sql")
    return made.folder / "release.duckdb"


def test_a_release_carries_imputed_cells_with_their_flags(bank: Home, tmp_path: Path) -> None:
    with duckdb.connect(str(released(bank, tmp_path)), read_only=True) as con:
        found = con.execute("""SELECT count(*), count(DISTINCT p.person_id), bool_and(is_imputed),
              bool_or(uses_future), any_value(r.plan)
            FROM imputed.imputed_value AS i JOIN imputed.imputation_run AS r USING (run_id)
            JOIN cdm.person AS p USING (person_id)""").fetchone()
        assert found == (4, 2, True, False, "labs")
        own = con.execute("SELECT person_id FROM imputed.imputed_value").fetchall()
        assert person(20) not in {row[0] for row in own}
        tables = {
            row[0]
            for row in con.execute(
                "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'imputed'"
            ).fetchall()
        }
    assert "missingness_audit" not in tables  # it counts persons outside the project


def test_imputed_cells_of_whom_something_was_refused_do_not_go(bank: Home, tmp_path: Path) -> None:
    put_links(bank, consents=[(20, "questionnaire", "refused", None, None)])
    with duckdb.connect(str(released(bank, tmp_path)), read_only=True) as con:
        found = con.execute("SELECT count(*) FROM imputed.imputed_value").fetchone()
    assert found == (2,)


def test_empty_cells_are_filled_and_marked_and_keep_their_reason(
    bank: Home, tmp_path: Path
) -> None:
    released(bank, tmp_path)
    made = export_wide(bank, "alpha", "all", "d1", plan(tmp_path))
    rows = pq.read_table(made.folder / "data.parquet").to_pylist()
    filled = [r for r in rows if r["bmi__is_imputed"]]
    assert [(r["bmi"], r["bmi__absent_reason"], r["bmi__age_days"]) for r in filled] == [
        (33.0, "asked-declined", 9)  # ten days before entry would be 6 days ago, 3 more in age
    ]
    assert sorted(r["bmi"] for r in rows if not r["bmi__is_imputed"])[:2] == [21.0, 22.0]
    assert "Empty cells of bmi are imputed" in (made.folder / "card.md").read_text()


def test_a_draw_is_filled_when_asked_for(bank: Home, tmp_path: Path) -> None:
    released(bank, tmp_path)
    made = export_wide(bank, "alpha", "all", "d1", plan(tmp_path, imputation_no=1))
    rows = pq.read_table(made.folder / "data.parquet").to_pylist()
    assert [r["bmi"] for r in rows if r["bmi__is_imputed"]] == [34.0]


def test_values_from_the_future_are_refused_unless_asked_for_by_name(
    bank: Home, tmp_path: Path
) -> None:
    released(bank, tmp_path, uses_future=True)
    with pytest.raises(DisclosureError) as error:
        export_wide(bank, "alpha", "all", "d1", plan(tmp_path))
    assert error.value.exit_code == 14
    assert not (bank.exports / "alpha" / "d1").exists()
    made = export_wide(bank, "alpha", "all", "d1", plan(tmp_path, uses_future="true"))
    assert "LATER values" in (made.folder / "card.md").read_text()


def test_forests_have_draws_only(bank: Home, tmp_path: Path) -> None:
    """Draw 0, the best value, would find nothing and leave every cell empty in silence."""
    put_imputed(bank)
    with duckdb.connect(str(bank.warehouse)) as con:
        con.execute("UPDATE imputed.decay_param SET method = 'forests'")
    create_project(bank, "alpha", title="t", purpose="p", date_policy=DatePolicy(kind="exact"))
    release(bank, "alpha", "r1")
    (tmp_path / "all.sql").write_text(COHORT)
    run_cohort(bank, "alpha", "all", tmp_path / "all.sql")
    with pytest.raises(SettingsError, match="imputation_no 1 to 1"):
        export_wide(bank, "alpha", "all", "d1", plan(tmp_path))


@pytest.mark.parametrize("asked", [{"plan": "lab"}, {"variable": "bmj"}, {"imputation_no": 7}])
def test_what_was_never_imputed_is_named(
    bank: Home, tmp_path: Path, asked: dict[str, object]
) -> None:
    released(bank, tmp_path)
    with pytest.raises(SettingsError, match="variable bmi"):
        export_wide(bank, "alpha", "all", "d1", plan(tmp_path, **asked))
