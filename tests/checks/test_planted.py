"""Every planted defect is found by the right check, with its count, and by no fatal other."""

from __future__ import annotations

import pytest

from biobraid.quality.checks.evaluate import fatal, totals
from biobraid.quality.checks.rules import check_types
from biobraid.quality.checks.run import open_setting, origins_of
from biobraid.quality.checks.violations import violating_keys
from tests.checks.conftest import ASKED, Spoilt
from tests.checks.planted import DEFECTS, Defect

pytestmark = pytest.mark.xdist_group("checks")


def test_nothing_is_wrong_with_the_clean_cdm(spoilt: Spoilt) -> None:
    wrong = [r.rule.check_id for r in spoilt.clean.results if r.state in ("failed", "error")]
    assert wrong == []
    counted = totals(spoilt.clean.results)
    assert counted["n_checks"] > 2500 and counted["n_passed"] > 1900


def test_there_is_a_defect_for_every_type_of_check() -> None:
    found = {check_id.split(".")[0] for d in DEFECTS for check_id in d.finds}
    assert set(check_types()) - found == {"custom"}
    assert sum(t.origin == "ohdsi" for t in check_types().values()) == 27
    assert len(DEFECTS) >= 40


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda d: d.name)
def test_a_defect_is_found_by_the_right_check(spoilt: Spoilt, defect: Defect) -> None:
    for check_id, n_violated in defect.finds.items():
        result = spoilt.result(check_id)
        assert (result.state, result.n_violated) == ("failed", n_violated), check_id


def test_no_fatal_check_finds_anything_else(spoilt: Spoilt) -> None:
    expected = {
        c for d in DEFECTS for c in d.finds if check_types()[c.split(".")[0]].severity == "fatal"
    }
    assert {r.rule.check_id for r in fatal(spoilt.done.results)} == expected
    assert not [r.rule.check_id for r in spoilt.done.results if r.state == "error"]


def test_the_rows_that_are_listed_are_those_that_are_counted(spoilt: Spoilt) -> None:
    setting = open_setting(spoilt.con, ASKED)
    origins = origins_of(spoilt.con)
    without_rows = ("cdmTable", "cdmField", "sourceValueCompleteness")
    for defect in DEFECTS:
        for check_id, n_violated in defect.finds.items():
            rule = spoilt.result(check_id).rule
            if rule.check not in without_rows:
                _, keys = violating_keys(spoilt.con, setting, rule, origins, 1000)
                assert len(keys) == n_violated, check_id
                assert all(isinstance(key, int) for key in keys)
