"""The model: shipped and frozen, trained on request, and never from too little."""

from __future__ import annotations

import duckdb
import pytest

from benchmarks.linkage_people import draw_files
from biobraid.core.errors import LinkageError
from biobraid.linkage.candidates import add_rare
from biobraid.linkage.match_model import (
    MatchModel,
    forget_home_model,
    home_model,
    shipped_model,
    write_home_model,
)
from biobraid.linkage.train_home import train_home
from biobraid.linkage.training import train
from tests.linkage.conftest import Bank


def test_a_home_scores_with_the_shipped_model_until_it_has_its_own(bank: Bank) -> None:
    shipped = shipped_model()
    assert home_model(bank.home) == shipped and shipped.id.startswith("general-1-")
    own = MatchModel("trained", "these records", {**shipped.settings, "max_iterations": 3})
    write_home_model(bank.home, own)
    assert home_model(bank.home) == own and own.id != shipped.id
    assert forget_home_model(bank.home) and home_model(bank.home) == shipped
    bank.deliver("ehr", "1 first_name=Jo; surname=Hill; birth_date=1950-03-12")
    with pytest.raises(LinkageError, match="comparable records"):
        train_home(bank.home)


@pytest.mark.slow
def test_training_without_labels_finds_the_rates_of_the_records() -> None:
    files = draw_files(4000, seed=77)
    con = duckdb.connect()
    con.register("ehr", files.ehr)
    con.register("survey", files.survey)
    con.execute("""
        CREATE TEMP TABLE candidate AS
        SELECT row_number() OVER () AS uid, left(birth_date, 4) AS birth_year, TRUE AS is_due, *,
          NULL::VARCHAR AS national_id, NULL::VARCHAR AS address
        FROM (SELECT 'ehr' AS study_group, * FROM ehr UNION ALL SELECT 'survey', * FROM survey)""")
    add_rare(con)
    model = train(con)
    levels = {
        c["output_column_name"]: [
            (lv["m_probability"], lv["u_probability"])
            for lv in c["comparison_levels"] if not lv.get("is_null_level")
        ]
        for c in model["comparisons"]
    }  # fmt: skip
    assert 0.88 < levels["first_name"][0][0] < 0.96  # 5 % and 2 % mistyped, 1 % turned round
    assert 0.75 < levels["postcode"][0][0] < 0.90  # 15 % and 6 % moved
    assert 0.45 < levels["sex"][0][1] < 0.55
    assert levels["birth_date"][0][1] < 2e-4
    assert all(m >= 5e-4 and u >= 1e-7 for pairs in levels.values() for m, u in pairs)
    left = con.execute("SELECT schema_name FROM information_schema.schemata").fetchall()
    assert ("splink_work",) not in left
