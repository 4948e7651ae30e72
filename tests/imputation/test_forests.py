"""Plans by chained forests: what is written, and the saved kernel."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from pydantic import ValidationError

from biobraid.core.errors import SettingsError
from biobraid.imputation.designs import ACCEPTED, defaults, measured
from biobraid.imputation.forests import completed_tables, pool_tables, run_forests
from biobraid.imputation.plan import ImputationPlan
from biobraid.imputation.publish import Stamp
from tests.imputation import warehouse
from tests.imputation.warehouse import BMI, HBA1C

STAMP = Stamp("run1", "code1", datetime(2020, 1, 1))
N = 160


def plan_of(**given: object) -> ImputationPlan:
    variables = [
        {"name": "bmi", "concept_id": BMI, "pick": "mean"},
        {"name": "hba1c", "concept_id": HBA1C, "pick": "mean"},
    ]
    return ImputationPlan.model_validate({
        "name": "body", "method": "forests", "assumes": "mcar", "m": 2, "iterations": 1,
        "attributes": ["sex"], "variables": variables, **given})  # fmt: skip


def with_gaps() -> duckdb.DuckDBPyConnection:
    """A cohort of which a quarter has no HbA1c at all, and one person only a censored one."""
    con = warehouse.cohort(N, seed=3)
    con.execute(
        "DELETE FROM cdm.measurement WHERE measurement_concept_id = ? AND person_id % 4 = 0",
        [HBA1C],
    )
    warehouse.measured(con, 4, HBA1C, 20, 3.0, operator=4171756)
    return con


def rows(con: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[object, ...]]:
    return con.execute(sql).fetchall()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[duckdb.DuckDBPyConnection, Path]:
    con = with_gaps()
    kernel = tmp_path_factory.mktemp("home") / "kernels" / "body.forests"
    run_forests(con, plan_of(), STAMP, kernel)
    return con, kernel


def test_every_gap_is_filled_m_times_and_flagged(made) -> None:
    con, kernel = made
    gaps = N // 4 - 1  # the censored value is no gap
    assert rows(con, """SELECT variable, imputation_no, count(*), bool_and(uses_future AND is_imputed
        AND method = 'forests' AND value > 0 AND lower IS NULL) FROM imputed.imputed_value
        GROUP BY ALL ORDER BY ALL""") == [("hba1c", 1, gaps, True), ("hba1c", 2, gaps, True)]  # fmt: skip
    flags = rows(con, "SELECT mask, is_censored, count(*) FROM imputed.missing_flag "
                      "WHERE variable = 'hba1c' GROUP BY ALL ORDER BY ALL")  # fmt: skip
    assert flags == [(0, False, gaps), (1, False, N - gaps - 1), (1, True, 1)]
    assert rows(con, "SELECT m, direction, n_missing FROM imputed.imputation_run") == [
        (2, "both", gaps)
    ]
    assert kernel.stat().st_mode & 0o077 == 0


def test_imputed_values_know_what_is_related(made) -> None:
    con, _ = made
    found = con.execute("""SELECT i.value AS drawn, avg(m.value_as_number) AS bmi
        FROM imputed.imputed_value AS i JOIN cdm.measurement AS m ON m.person_id = i.person_id
        AND m.measurement_concept_id = 3038553 GROUP BY i.person_id, i.imputation_no, i.value""")
    columns = found.fetchnumpy()
    assert np.corrcoef(np.log(columns["drawn"]), columns["bmi"])[0, 1] > 0.5


def test_the_saved_kernel_gives_the_same_values_and_takes_new_persons(made) -> None:
    con, kernel = made
    query = "SELECT person_id, imputation_no, value FROM imputed.imputed_value ORDER BY ALL"
    before = rows(con, query)
    run_forests(con, plan_of(), STAMP, kernel, use_saved=True)
    assert rows(con, query) == before
    warehouse.person(con, N + 1, (0, 400))
    warehouse.measured(con, N + 1, BMI, 5, 26.0)
    run_forests(con, plan_of(), STAMP, kernel, use_saved=True)
    new = rows(con, f"SELECT count(*) FROM imputed.imputed_value WHERE person_id = {N + 1}")
    assert new == [(2,)]
    with pytest.raises(SettingsError, match="another plan"):
        run_forests(con, plan_of(seed=9), STAMP, kernel, use_saved=True)
    with pytest.raises(SettingsError, match="no saved kernel"):
        run_forests(con, plan_of(), STAMP, kernel.with_name("none"), use_saved=True)


def test_completed_tables_are_pooled(made) -> None:
    con, _ = made
    tables = completed_tables(con, plan_of())
    assert len(tables) == 2
    assert tables[0].column_names == ["person_id", "bmi", "hba1c", "age_at_entry", "sex"]
    # the censored one stays empty: it is neither a gap nor a value
    assert [t["hba1c"].null_count for t in tables] == [1, 1]

    def mean(table: pa.Table) -> tuple[float, float]:
        known = table["hba1c"].drop_null().to_numpy()
        return float(known.mean()), float(known.var(ddof=1) / len(known))

    pooled = pool_tables(tables, mean, complete_df=N - 2)
    assert pooled.lower < mean(tables[0])[0] < pooled.upper
    with pytest.raises(SettingsError, match="no run as it is worded"):
        completed_tables(con, plan_of(seed=8))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"m": 0}, "m of 2 or more"),
        ({"assumes": None}, "what it assumes"),
        ({"direction": "past"}, "direction: not with"),
        ({"variables": [{"name": "a", "concept_id": 1, "method": "decay"}]}, "of decay plans"),
        ({"method": "decay"}, "only with method: forests"),
        ({"method": "decay", "m": 0, "attributes": [], "iterations": 4}, "only with method"),
    ],
)
def test_what_a_plan_by_forests_must_not_say(given: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        plan_of(**given)


def test_an_attribute_that_nobody_has_is_named_with_those_there_are(made, tmp_path: Path) -> None:
    con, _ = made
    with pytest.raises(SettingsError, match=r"(?s)attribute sexx.*one of sex"):
        run_forests(con, plan_of(attributes=["sexx"]), STAMP, tmp_path / "k")


def test_no_method_is_a_default_whose_measured_coverage_fails() -> None:
    for design in ("mcar", "mar", "mnar"):
        for method in ("complete_cases", "forests", "decay"):
            found = measured(method, design)
            fails = not all(ACCEPTED[0] <= x <= ACCEPTED[1] for x in (found.mean, found.slope))
            assert (method in defaults(design)) != fails
    assert defaults("mnar") == ()
