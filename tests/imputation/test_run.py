"""Running a plan: what is written, to where, and that observed cells stay what they are."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import duckdb
import numpy as np
import pytest

from biobraid.imputation.judge import evaluate_plan, write_evaluation
from biobraid.imputation.plan import ImputationPlan
from biobraid.imputation.run import Stamp, dry_run, run_plan
from tests.imputation import warehouse
from tests.imputation.test_plan import plan_of
from tests.imputation.warehouse import BMI, HBA1C

STAMP = Stamp("run1", "code1", datetime(2020, 1, 1))


@pytest.fixture
def con() -> duckdb.DuckDBPyConnection:
    return warehouse.cohort(300, seed=3)


def rows(con: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[object, ...]]:
    return con.execute(sql).fetchall()


def values(con: duckdb.DuckDBPyConnection) -> list[tuple[object, ...]]:
    return rows(con, "SELECT * EXCLUDE (run_id) FROM imputed.imputed_value ORDER BY ALL")


def test_every_gap_is_filled_and_flagged(con: duckdb.DuckDBPyConnection) -> None:
    made = run_plan(con, plan_of(), STAMP)
    assert made.is_calibrated
    assert all(v.n_imputed == v.n_missing > 0 for v in made.variables)
    for v in made.variables:
        flagged = rows(con, "SELECT mask, count(*) FROM imputed.missing_flag "
                            f"WHERE variable = '{v.name}' GROUP BY 1 ORDER BY 1")  # fmt: skip
        assert flagged == [(0, v.n_missing), (1, v.n_observed)]
    bad = rows(
        con,
        """SELECT count(*) FROM imputed.imputed_value WHERE NOT is_imputed OR uses_future
        OR value IS NULL OR lower > value OR value > upper OR method IS NULL""",
    )
    assert bad == [(0,)]


def test_no_observed_cell_is_imputed_and_cdm_stays_as_it_is(con: duckdb.DuckDBPyConnection) -> None:
    before = rows(
        con,
        "SELECT md5(string_agg(CAST(m AS VARCHAR), '' ORDER BY measurement_id)) FROM cdm.measurement AS m",
    )
    tables = rows(
        con,
        "SELECT schema_name, table_name FROM duckdb_tables() WHERE NOT temporary AND schema_name <> 'imputed' ORDER BY ALL",
    )
    run_plan(con, plan_of(m=2), STAMP)
    assert before == rows(
        con,
        "SELECT md5(string_agg(CAST(m AS VARCHAR), '' ORDER BY measurement_id)) FROM cdm.measurement AS m",
    )
    assert tables == rows(
        con,
        "SELECT schema_name, table_name FROM duckdb_tables() WHERE NOT temporary AND schema_name <> 'imputed' ORDER BY ALL",
    )
    both = rows(
        con,
        """SELECT count(*) FROM imputed.imputed_value AS i JOIN cdm.measurement AS m
        ON m.person_id = i.person_id AND m.measurement_concept_id = i.concept_id
        AND m.measurement_date = CAST(i.instant AS DATE)""",
    )
    assert both == [(0,)]


def test_no_model_reads_what_was_imputed() -> None:
    for path in (Path(__file__).parents[2] / "models").rglob("*.sql"):
        assert "imputed." not in path.read_text(encoding="utf-8"), path.name


def test_the_same_plan_gives_the_same_rows_and_replaces_its_own(
    con: duckdb.DuckDBPyConnection,
) -> None:
    run_plan(con, plan_of(m=3), STAMP)
    first = values(con)
    other = plan_of(name="other")
    run_plan(con, other, Stamp("run2", "code1", datetime(2020, 1, 1)))
    run_plan(con, plan_of(m=3), Stamp("run3", "code1", datetime(2020, 1, 2)))
    con.execute("DELETE FROM imputed.imputed_value WHERE run_id = 'run2'")
    assert values(con) == first
    assert rows(con, "SELECT plan, run_id FROM imputed.imputation_run ORDER BY 1") == [
        ("other", "run2"), ("p", "run3")]  # fmt: skip


def test_draws_scatter_around_the_best_value_as_widely_as_its_interval(
    con: duckdb.DuckDBPyConnection,
) -> None:
    run_plan(con, plan_of(m=20), STAMP)
    inside = rows(con, """WITH best AS (SELECT * FROM imputed.imputed_value WHERE imputation_no = 0)
        SELECT avg(CAST(d.value BETWEEN b.lower AND b.upper AS INTEGER)) FROM best AS b
        JOIN imputed.imputed_value AS d USING (person_id, variable, instant)
        WHERE d.imputation_no > 0""")  # fmt: skip
    assert inside[0][0] == pytest.approx(0.9, abs=0.03)


def test_two_sided_cells_say_that_they_use_the_future(con: duckdb.DuckDBPyConnection) -> None:
    run_plan(con, plan_of(direction="both"), STAMP)
    assert rows(con, "SELECT DISTINCT method, uses_future FROM imputed.imputed_value ORDER BY ALL") == [
        ("decay", True)]  # fmt: skip


def test_past_only_values_do_not_change_with_the_future(con: duckdb.DuckDBPyConnection) -> None:
    """Held-out persons' later values are altered: nothing before them moves."""
    run_plan(con, plan_of(), STAMP)
    day = "DATE '2015-01-01'"
    early = f"""SELECT variable, person_id, instant, value, lower, delta_days
        FROM imputed.imputed_value WHERE instant <= {day} ORDER BY ALL"""
    before = rows(con, early)
    con.execute(f"""UPDATE cdm.measurement SET value_as_number = 99 WHERE measurement_date > {day}
        AND person_id IN (SELECT person_id FROM follow_up WHERE part = 'held_out')""")
    run_plan(con, plan_of(), STAMP)
    assert rows(con, early) == before


def test_age_is_not_carried_over_a_gap_in_follow_up() -> None:
    con = warehouse.empty()
    for n in range(1, 40):
        warehouse.person(con, n, (0, 100), (1000, 1100))
        for day in (5, 90, 1050):
            warehouse.measured(con, n, BMI, day, 20.0 + n % 7)
        warehouse.measured(con, n, HBA1C, 1010, 5.0 + n % 5)
    run_plan(con, plan_of(cross=False), STAMP)
    found = rows(
        con,
        """SELECT DISTINCT mask, delta_days, n_prior FROM imputed.missing_flag
        WHERE variable = 'bmi' AND instant = TIMESTAMP '2010-01-01' + INTERVAL 1010 DAY""",
    )
    assert found == [(0, None, 0)]
    assert rows(con, "SELECT max(delta_days) FROM imputed.imputed_value")[0][0] == 40.0


def test_reasons_are_the_surest_that_are_known() -> None:
    con = warehouse.cohort(60, seed=1)
    con.execute(
        "UPDATE mart.source_coverage SET covered_to = DATE '2012-01-01' WHERE person_id <= 20"
    )
    con.execute("DELETE FROM mart.source_coverage WHERE person_id BETWEEN 21 AND 40")
    con.execute("""INSERT INTO mart.absent_fact SELECT DISTINCT person_id, 's', 'main', 'h',
        CAST(NULL AS VARCHAR), measurement_date, 'asked-declined' FROM cdm.measurement
        WHERE person_id > 50 AND measurement_concept_id = 3038553""")
    run_plan(con, plan_of(), STAMP)
    found = dict(rows(con, """SELECT CASE WHEN person_id <= 20 AND instant > DATE '2012-01-01' THEN 'late'
          WHEN person_id <= 20 THEN 'early' WHEN person_id <= 40 THEN 'no source'
          WHEN person_id <= 50 THEN 'covered' ELSE 'declined' END, list(DISTINCT absent_reason)
        FROM imputed.missing_flag WHERE mask = 0 AND variable = 'hba1c' GROUP BY 1"""))  # fmt: skip
    assert found == {
        "late": ["x-lost-to-follow-up"], "early": ["unknown"], "no source": ["x-not-in-study"],
        "covered": ["unknown"], "declined": ["asked-declined"],
    }  # fmt: skip


def test_missingness_that_depends_on_sex_fails_the_audit(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("""DELETE FROM cdm.measurement WHERE measurement_concept_id = 3004410
        AND person_id IN (SELECT person_id FROM cdm.person WHERE gender_concept_id = 8507)
        AND measurement_id % 3 > 0""")
    run_plan(con, plan_of(), STAMP)
    found = rows(
        con,
        """SELECT DISTINCT verdict FROM imputed.missingness_audit
        WHERE attribute = 'sex' AND variable = 'hba1c'""",
    )
    assert found == [("fail",)]


def test_the_audit_counts_gaps_by_study_site_and_every_attribute(
    con: duckdb.DuckDBPyConnection,
) -> None:
    """HbA1c is rarely measured at one care site; a tenth of persons came from an earlier study."""
    con.execute("UPDATE cdm.person SET care_site_id = person_id % 2")
    con.execute("""DELETE FROM cdm.measurement WHERE measurement_concept_id = 3004410
        AND person_id % 2 = 1 AND measurement_id % 3 > 0""")
    con.execute("""INSERT INTO mart.source_coverage SELECT person_id, 'r', 'main',
        covered_from - 9, covered_to FROM mart.source_coverage WHERE person_id % 10 = 0""")
    con.execute("""INSERT INTO mart.person_attribute SELECT person_id, 'region', 'x',
        'centre ' || person_id % 3 FROM cdm.person
        UNION ALL SELECT person_id, 'postal_area', 'x', CAST(person_id AS VARCHAR) FROM cdm.person""")
    run_plan(con, plan_of(), STAMP)
    found = rows(con, """SELECT attribute, list(level ORDER BY level), min(verdict)
        FROM imputed.missingness_audit WHERE variable = 'hba1c' GROUP BY ALL ORDER BY 1""")  # fmt: skip
    assert [(a, levels) for a, levels, _ in found] == [
        ("care_site", ["0", "1"]), ("first_study", ["r", "s"]),
        ("region", ["centre 0", "centre 1", "centre 2"]), ("sex", ["female", "male"]),
    ]  # fmt: skip
    assert {a: verdict for a, _, verdict in found}["care_site"] == "fail"
    assert {a: verdict for a, _, verdict in found}["region"] == "ok"


def test_a_limit_leaves_older_cells_empty(con: duckdb.DuckDBPyConnection) -> None:
    plan = ImputationPlan.model_validate({"name": "p", "variables": [
        {"name": "bmi", "concept_id": BMI, "max_age_days": 200},
        {"name": "hba1c", "concept_id": HBA1C, "method": "carry_forward", "max_age_days": 300}]})  # fmt: skip
    made = run_plan(con, plan, STAMP)
    assert all(0 < v.n_imputed < v.n_missing for v in made.variables)
    oldest = rows(
        con,
        "SELECT variable, max(delta_days) <= 300 FROM imputed.imputed_value GROUP BY 1 ORDER BY 1",
    )
    assert oldest == [("bmi", True), ("hba1c", True)]


def test_a_dry_run_says_what_would_be_filled_and_writes_nothing(
    con: duckdb.DuckDBPyConnection,
) -> None:
    said = dry_run(con, plan_of())
    assert rows(con, "SELECT count(*) FROM duckdb_schemas() WHERE schema_name = 'imputed'") == [
        (0,)
    ]
    made = run_plan(con, plan_of(), STAMP)
    assert [v.n_missing for v in said.variables] == [v.n_imputed for v in made.variables]


def test_what_does_not_win_is_not_chosen() -> None:
    """White noise around a mean: carrying the last value forward is worse than the mean."""
    con = warehouse.cohort(300, seed=4)
    draw = np.random.default_rng(1)
    n = con.execute("SELECT count(*) FROM cdm.measurement").fetchone()
    assert n is not None
    con.execute("ALTER TABLE cdm.measurement ADD COLUMN noise DOUBLE")
    noise = draw.normal(size=n[0])
    con.register("noise", duckdb.connect().execute("SELECT 1").to_arrow_table())
    con.executemany("UPDATE cdm.measurement SET value_as_number = ? WHERE rowid = ?",
                    [[float(x), i] for i, x in enumerate(noise)])  # fmt: skip
    run_plan(con, plan_of(cross=False), STAMP)
    found = rows(
        con, "SELECT method, mae_covariate_mean < mae_carry_forward FROM imputed.decay_param"
    )
    assert all(method != "carry_forward" and is_less for method, is_less in found)


def test_the_evaluation_judges_on_held_out_persons_and_draws(tmp_path: Path) -> None:
    con = warehouse.cohort(600, seed=3)
    found = evaluate_plan(con, plan_of())
    for mask in ("random", "block", "real_pattern"):
        mae = {
            m: found.lines(mask, m, "all")[0].mae
            for m in ("carry_forward", "covariate_mean", "decay")
        }
        assert mae["decay"] < min(mae["carry_forward"], mae["covariate_mean"])
    assert {x.level for x in found.lines("random", "decay", "sex")} == {"female", "male"}
    written = write_evaluation(found, tmp_path / "report")
    assert {p.name for p in written} >= {"evaluation.csv", "error_by_variable.png", "coverage.png"}
    assert rows(con, "SELECT count(*) FROM duckdb_schemas() WHERE schema_name = 'imputed'") == [
        (0,)
    ]
