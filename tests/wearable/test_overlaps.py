"""Tables of a vendor repeat each other; a sample counts once."""

from __future__ import annotations

import pytest

from biobraid.core.home import Home
from tests.landing.bank import run
from tests.wearable.bank import counts, declare, deliver, landed


def fitabase(home: Home, **given: object) -> None:
    declare(home, "fitbit", options={"layout": "fitabase"}, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize("delivery", ["full", "append"])
def test_a_minute_in_two_tables_counts_once(home: Home, delivery: str) -> None:
    fitabase(home, delivery=delivery)
    header = ",".join(["Id", "ActivityHour", *(f"Steps{m:02d}" for m in range(60))])
    row = ",".join(["p1", "4/13/2016 12:00:00 AM", *(str(m) for m in range(60))])
    deliver(home, "minuteStepsWide_merged.csv", f"{header}\n{row}\n")
    lines = "".join(f"p1,4/13/2016 12:{m:02d}:00 AM,{m}\n" for m in range(60))
    deliver(home, "minuteStepsNarrow_merged.csv", f"Id,ActivityMinute,Steps\n{lines}")
    deliver(home, "dailyActivity_merged.csv",
            "Id,ActivityDate,TotalSteps,Calories\np1,4/13/2016,9000,1800\n")  # fmt: skip
    deliver(home, "dailySteps_merged.csv", "Id,ActivityDay,StepTotal\np1,4/13/2016,9000\n")
    run(home)
    found = landed(home, "variable, value")
    assert found.count(("fitbit.daily.steps", 9000.0)) == 1
    assert sorted(v for name, v in found if name == "fitbit.steps") == list(range(60))
    assert counts(home)["facts_superseded"] == 61
