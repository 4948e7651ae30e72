"""States, thresholds, judging anew, errors of one check, comparison with an earlier run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from biobraid.core.errors import SettingsError
from biobraid.quality.checks.dqd_files import read_dqd_file
from biobraid.quality.checks.evaluate import evaluate, totals
from biobraid.quality.checks.place import find_tables
from biobraid.quality.checks.predicates import Setting, predicate
from biobraid.quality.checks.rules import Rule, check_types, limit_value, read_rules, shipped_rules
from biobraid.quality.checks.run import judge_anew, run_checks
from biobraid.quality.checks.scan import Count, Counts, count_rows
from biobraid.quality.checks.store import keep, read_results, run_before
from tests.checks.conftest import ASKED, Spoilt

pytestmark = pytest.mark.xdist_group("checks")


@pytest.mark.parametrize(
    ("violated", "of", "threshold", "state"),
    [
        (0, 10, 0.0, "passed"),
        (1, 10, 0.0, "failed"),
        (5, 100, 0.05, "passed"),
        (6, 100, 0.05, "failed"),
        (10, 10, 1.0, "passed"),
        (0, 0, 0.0, "not_applicable"),
    ],
)
def test_a_share_at_the_threshold_passes_and_one_above_it_fails(
    violated: int, of: int, threshold: float, state: str
) -> None:
    rule = Rule("isRequired", "person", "gender_concept_id", threshold=threshold)
    assert evaluate(rule, Count(violated, of)).state == state


def test_what_nobody_counted_is_an_error_and_never_a_pass() -> None:
    rule = Rule("isRequired", "person", "gender_concept_id")
    assert evaluate(rule, None).state == "error"
    assert evaluate(rule, Count(error="ConversionException")).state == "error"


def test_an_empty_database_fails_the_missing_tables_and_nothing_else() -> None:
    done = run_checks(duckdb.connect(), ASKED)
    failed = [r for r in done.results if r.state == "failed"]
    assert {r.rule.check for r in failed} == {"cdmTable"} and len(failed) == 39
    assert totals(done.results)["n_not_applicable"] == len(done.results) - 39
    assert all(r.reason for r in done.results if r.state == "not_applicable")


def test_only_the_check_at_fault_is_an_error_and_its_text_quotes_no_data() -> None:
    con = duckdb.connect()
    con.execute("CREATE SCHEMA cdm")
    con.execute("CREATE TABLE cdm.person AS SELECT 'Zzyzx' AS person_id, 1 AS gender_concept_id")
    place = find_tables(con)
    good = Rule("isRequired", "person", "gender_concept_id")
    bad = Rule("cdmDatatype", "person", "person_id")
    broken = predicate(bad, Setting(place, ASKED.today))
    assert broken is not None
    broken = replace(broken, violated="CAST(t.person_id AS INTEGER) > 0")
    fine = predicate(good, Setting(place, ASKED.today))
    assert fine is not None
    counts = Counts()
    count_rows(con, place, "person", [(good, fine), (bad, broken)], counts)
    assert counts.found[good.check_id] == Count(0, 1)
    assert counts.found[bad.check_id].error == "ConversionException"


def test_other_thresholds_judge_the_same_counts(spoilt: Spoilt, tmp_path: Path) -> None:
    path = tmp_path / "lenient.csv"
    path.write_text(
        "check,table,field,threshold,severity\n"
        "isForeignKey,,,1,\n"
        "isForeignKey,person,,0,convention\n"
        "withinVisitDates,observation,observation_date,0.5,\n"
    )
    asked = replace(ASKED, thresholds=read_rules(path))
    done = judge_anew(asked, spoilt.done.results)
    by_id = {r.rule.check_id: r for r in done.results}
    assert [r.n_violated for r in done.results] == [r.n_violated for r in spoilt.done.results]
    assert by_id["isForeignKey.observation.person_id"].state == "passed"
    place = by_id["isForeignKey.person.location_id"]
    assert (place.state, place.severity) == ("failed", "convention")
    assert by_id["withinVisitDates.observation.observation_date"].state == "passed"
    assert by_id["isPrimaryKey.person.person_id"].state == "failed"


def test_files_of_ohdsi_are_read_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "OMOP_CDMv5.4_Concept_Level.csv"
    path.write_text(
        "cdmTableName,cdmFieldName,conceptId,plausibleGender,plausibleGenderThreshold,"
        "plausibleGenderUseDescendants,plausibleUnitConceptIds,plausibleUnitConceptIdsThreshold,"
        "unitConceptId,plausibleValueLow,plausibleValueLowThreshold,plausibleValueHigh\n"
        "CONDITION_OCCURRENCE,CONDITION_CONCEPT_ID,26662,Male,5,,,,,,,\n"
        'MEASUREMENT,MEASUREMENT_CONCEPT_ID,3004249,,,,"8876,-1",10,,,,\n'
        "OBSERVATION,OBSERVATION_CONCEPT_ID,37393449,,,,,,8840,50,5,500\n"
    )
    rules = read_rules(path)
    assert [(r.check_id, r.argument, r.threshold) for r in rules] == [
        ("plausibleGender.condition_occurrence.condition_concept_id.26662", "8507", 0.05),
        ("plausibleUnitConceptIds.measurement.measurement_concept_id.3004249", "8876 -1", 0.1),
        ("plausibleRange.observation.observation_concept_id.37393449.8840", "50..500", 0.05),
    ]
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(SettingsError, match="threshold file"):
        read_dqd_file(tmp_path / "other.csv")


def test_faults_of_a_rules_file_come_all_at_once_with_near_misses(tmp_path: Path) -> None:
    path = tmp_path / "rules.csv"
    path.write_text("check,table,threshold\nisRequird,person,0\nisRequired,person,5\n")
    with pytest.raises(SettingsError) as raised:
        read_rules(path)
    text = str(raised.value)
    assert "Did you mean: isRequired" in text and "row 3" in text and "0.05" in text


def test_every_shipped_rule_has_a_name_of_its_own_and_a_known_type() -> None:
    rules = shipped_rules()
    ids = [r.check_id for r in rules]
    assert len(ids) == len(set(ids)) > 2600
    assert all(r.check in check_types() for r in rules)
    for rule in rules:
        if rule.check in ("plausibleValueLow", "plausibleValueHigh"):
            limit_value(rule.argument, ASKED.today)


def test_runs_are_kept_and_growth_is_counted(spoilt: Spoilt) -> None:
    con = duckdb.connect()
    first = replace(spoilt.clean, asked=replace(ASKED, run_id="first"))
    keep(con, first, "2026-01-01T00:00:00", "x")
    assert run_before(con, None) == "first" and run_before(con, "2025") is None
    back = read_results(con, "first")
    assert [r.rule for r in back] != [] and [r.state for r in back] == [
        r.state for r in first.results
    ]
    done = replace(spoilt.done, asked=replace(ASKED, run_id="second"))
    done.compare("first", "the run before",
                 {r.rule.check_id: r.n_violated for r in back if r.n_violated is not None})  # fmt: skip
    keep(con, done, "2026-02-01T00:00:00", "x")
    grown = con.execute(
        "SELECT n_violated_before, n_violated FROM audit.check_result WHERE run_id = 'second' "
        "AND check_id = 'withinVisitDates.observation.observation_date'"
    ).fetchone()
    assert grown == (0, 3)
    assert con.execute("SELECT run_no, n_grown > 30 FROM audit.check_run ORDER BY 1").fetchall() == [
        (1, False), (2, True)]  # fmt: skip
    assert con.execute(
        "SELECT count(*) FROM duckdb_columns() WHERE schema_name = 'audit' AND comment IS NULL"
    ).fetchone() == (0,)
