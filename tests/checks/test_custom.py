"""A biobank's own checks: rows of a CSV and SQL files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from biobraid.core.errors import SettingsError
from biobraid.quality.checks.custom import custom_keys, read_checks
from biobraid.quality.checks.run import run_checks
from tests.checks.conftest import ASKED, Spoilt

pytestmark = pytest.mark.xdist_group("checks")

LONG_VISITS = """/*
table: visit_occurrence
description: Visits of more than a year
severity: fatal
category: plausibility
threshold: 0.01
*/
SELECT visit_occurrence_id FROM cdm.visit_occurrence
WHERE visit_end_date > visit_start_date + 365
"""


def test_rows_and_files_are_checks_like_any_other(spoilt: Spoilt, tmp_path: Path) -> None:
    (tmp_path / "long_visits.sql").write_text(LONG_VISITS)
    (tmp_path / "broken.sql").write_text("/* table: person */ SELECT nothing FROM cdm.person")
    (tmp_path / "lab.csv").write_text(
        "check,table,field,concept_id,unit_concept_id,argument,threshold,severity\n"
        "plausibleRange,measurement,measurement_concept_id,3004249,8876,70..110,0,convention\n"
    )
    rules, checks = read_checks(tmp_path)
    spoilt.con.execute("BEGIN")
    try:
        spoilt.con.execute(
            "UPDATE cdm.visit_occurrence SET visit_end_date = '2017-01-01' WHERE visit_occurrence_id = 18"
        )
        done = run_checks(spoilt.con, replace(ASKED, own_rules=rules, sql_checks=checks))
        found = {r.rule.check_id: r for r in done.results}
        long = found["custom.visit_occurrence.long_visits"]
        assert (long.state, long.severity, long.n_violated, long.n_denominator) == (
            "failed",
            "fatal",
            1,
            40,
        )
        assert custom_keys(spoilt.con, next(c for c in checks if c.rule == long.rule), 10) == [18]
    finally:
        spoilt.con.execute("ROLLBACK")
    broken = found["custom.person.broken"]
    assert broken.state == "error" and "BinderException" in broken.reason
    lab = found["plausibleRange.measurement.measurement_concept_id.3004249.8876"]
    assert (
        lab.severity == "convention" and lab.n_violated == lab.n_denominator
    )  # all are 120 and up


def test_faults_of_sql_files_are_said_together(tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_text("SELECT 1")
    (tmp_path / "b.sql").write_text("/* table: person\nseverity: deadly */ DELETE FROM cdm.person")
    with pytest.raises(SettingsError) as raised:
        read_checks(tmp_path)
    text = str(raised.value)
    assert "a.sql: says neither table nor denominator" in text
    assert "deadly" in text and "b.sql: is not one SELECT" in text


def test_a_key_that_is_no_number_is_not_shown(spoilt: Spoilt, tmp_path: Path) -> None:
    (tmp_path / "named.sql").write_text(
        "/* table: person */ SELECT person_source_value FROM cdm.person"
    )
    _, checks = read_checks(tmp_path)
    with pytest.raises(SettingsError, match="by key only"):
        custom_keys(spoilt.con, checks[0], 10)
