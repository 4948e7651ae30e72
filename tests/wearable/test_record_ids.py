"""Ids of records tell nothing across studies."""

from __future__ import annotations

from biobraid.core.home import Home
from tests.landing.bank import run, write_pack
from tests.wearable.bank import landed


def test_record_ids_of_two_studies_do_not_tell_that_their_ids_are_equal(home: Home) -> None:
    source = {"connector": "fitbit", "files": ["*.csv"], "options": {"layout": "fitabase"}}
    for study in ("band", "club"):
        write_pack(home, study, sources={"w": source})
        path = home.deliveries / study / "dailyActivity_merged.csv"
        path.parent.mkdir(parents=True)
        path.write_text("Id,ActivityDate,TotalSteps,Calories\np1,4/12/2016,100,1800\n")
    run(home)
    found = landed(home, "study, record_id")
    assert len(found) == 4 and len(set(found)) == len({record for _, record in found}) == 2
