"""Plans: what they may say, and what becomes of the warehouse's facts."""

from __future__ import annotations

from pathlib import Path

import pytest

from biobraid.core.errors import SettingsError
from biobraid.imputation.plan import ImputationPlan, read_plan
from biobraid.imputation.prepare import prepare_tables
from tests.imputation import warehouse
from tests.imputation.warehouse import BMI, HBA1C


def plan_of(**given: object) -> ImputationPlan:
    variables = [{"name": "bmi", "concept_id": BMI}, {"name": "hba1c", "concept_id": HBA1C}]
    return ImputationPlan.model_validate({"name": "p", "variables": variables, **given})


def test_all_faults_of_a_plan_are_said_at_once(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(
        "variables:\n  - {name: Bmi, concept_id: 1}\n  - {name: b, method: magic}\n"
        "direction: sideways\ngrid: {at: measured, every_days: 3}\n"
    )
    with pytest.raises(SettingsError) as error:
        read_plan(path)
    assert len(error.value.faults) >= 4


def test_a_code_list_beside_the_plan_gives_the_concepts(tmp_path: Path) -> None:
    (tmp_path / "bmi.csv").write_text("concept_id,label\n12,a\n11,b\n12,c\n")
    path = tmp_path / "My Plan.yaml"
    path.write_text("variables:\n  - {name: bmi, code_list: bmi.csv}\n")
    plan = read_plan(path)
    assert plan.variables[0].concept_id == [11, 12]
    assert plan.name == "my_plan"
    (tmp_path / "bmi.csv").write_text("code\nx\n")
    with pytest.raises(SettingsError, match="not a list of concepts"):
        read_plan(path)


def test_the_hash_is_of_what_is_said_not_of_the_file(tmp_path: Path) -> None:
    one, other = tmp_path / "a.yaml", tmp_path / "b.yaml"
    one.write_text("name: p\nseed: 1\nvariables: [{name: bmi, concept_id: 1}]\n")
    other.write_text("# a comment\nvariables:\n  - concept_id: [1]\n    name: bmi\nname: p\n")
    assert read_plan(one).digest == read_plan(other).digest


def test_facts_that_cannot_be_used_are_counted() -> None:
    con = warehouse.empty()
    warehouse.person(con, 1, (0, 100), (200, 300))
    warehouse.measured(con, 1, BMI, 10, 25.0, unit=9531)
    warehouse.measured(con, 1, BMI, 150, 26.0, unit=9531)  # between two follow-ups
    warehouse.measured(con, 1, BMI, 20, 2500.0, unit=9531)
    warehouse.measured(con, 1, BMI, 30, 27.0, unit=1)
    plan = ImputationPlan.model_validate(
        {"variables": [{"name": "bmi", "concept_id": BMI, "unit_concept_id": 9531,
                        "range": {"from": 10, "to": 80}}]}
    )  # fmt: skip
    prepared = prepare_tables(con, plan)
    assert prepared.facts == {"implausible": 1, "other_unit": 1, "outside_follow_up": 1, "used": 1}
    assert prepared.observed == {"bmi": 1}


def test_each_follow_up_is_a_group_of_its_own() -> None:
    con = warehouse.empty()
    warehouse.person(con, 1, (0, 100), (200, 300))
    for day in (5, 90, 210):
        warehouse.measured(con, 1, BMI, day, 25.0)
    prepare_tables(con, plan_of())
    groups = con.execute("SELECT group_no FROM cell ORDER BY minute").fetchall()
    assert groups == [(0,), (0,), (1,)]
    assert con.execute("SELECT count(DISTINCT part) FROM follow_up").fetchone() == (1,)


def test_the_grid_of_measured_days_asks_for_the_other_variables() -> None:
    con = warehouse.empty()
    warehouse.person(con, 1, (0, 100))
    warehouse.measured(con, 1, BMI, 5, 25.0)
    warehouse.measured(con, 1, HBA1C, 7, 5.0)
    prepared = prepare_tables(con, plan_of())
    assert prepared.targets == {"bmi": 1, "hba1c": 1}


def test_a_regular_grid_ends_with_the_follow_up() -> None:
    """Of days 30, 60 and 90 only the last stretch, from 60 on, lacks a value."""
    con = warehouse.empty()
    warehouse.person(con, 1, (0, 100))
    for day in (5, 45):
        warehouse.measured(con, 1, BMI, day, 25.0)
    prepare_tables(con, plan_of(grid={"every_days": 30}))
    found = con.execute("SELECT minute // 1440 FROM target WHERE concept_id = 0").fetchall()
    assert found == [(90,)]


def test_a_censored_value_is_neither_missing_nor_used() -> None:
    con = warehouse.empty()
    warehouse.person(con, 1, (0, 100))
    warehouse.measured(con, 1, BMI, 5, 25.0)
    warehouse.measured(con, 1, HBA1C, 5, 0.1, operator=4171756)
    prepared = prepare_tables(con, plan_of())
    assert prepared.targets == {"bmi": 0, "hba1c": 0}
    assert con.execute("SELECT is_censored, value FROM cell WHERE concept_id = 1").fetchall() == [
        (True, 0.1)
    ]


def test_without_any_value_the_plan_is_refused() -> None:
    con = warehouse.empty()
    warehouse.person(con, 1, (0, 100))
    with pytest.raises(SettingsError, match="no variable has a value"):
        prepare_tables(con, plan_of())
