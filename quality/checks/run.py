"""All checks of one database: count, evaluate, break down; and the same counts judged anew."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import duckdb

from biobraid.quality.checks.count import Progress, count_all
from biobraid.quality.checks.coverage import Coverage, read_coverage
from biobraid.quality.checks.custom import SqlCheck, count_custom
from biobraid.quality.checks.evaluate import Result, evaluate
from biobraid.quality.checks.people import extraction_date, prepare_people
from biobraid.quality.checks.place import CONCEPT, SCHEMAS, Place, find_tables
from biobraid.quality.checks.predicates import Setting
from biobraid.quality.checks.rules import VOCABULARY, Rule, shipped_rules, with_thresholds
from biobraid.quality.checks.scan import Count
from biobraid.quality.checks.violations import Origins, Part, break_down

# Tables of cdm whose key is the fact_id of stem.event, so that a row's source is known.
FACT_TABLES = frozenset((
    "condition_occurrence", "device_exposure", "drug_exposure", "episode", "measurement", "note",
    "observation", "procedure_occurrence", "specimen", "visit_detail", "visit_occurrence",
))  # fmt: skip
_CONCEPT_KEY = f"{CONCEPT}.concept_id"


@dataclass(frozen=True)
class Asked:
    """What to check, and what the run is called.

    today: for limits that move. thresholds: rules whose thresholds replace those of the same
    checks. own_rules, sql_checks: checks of the biobank's own, added. with_parts: counts by
    source and site too. left_out: tables that a release leaves out on purpose.
    """

    run_id: str
    subject: str
    today: date
    schemas: Sequence[str] = SCHEMAS
    with_vocabulary: bool = False
    with_parts: bool = True
    thresholds: Sequence[Rule] = ()
    thresholds_name: str = ""
    own_rules: Sequence[Rule] = ()
    sql_checks: Sequence[SqlCheck] = ()
    left_out: frozenset[str] = frozenset()


@dataclass
class Checked:
    """A run of checks: results in the order of the rules, parts, and coverage of the mapping."""

    asked: Asked
    results: list[Result]
    parts: list[Part] = field(default_factory=list)
    coverage: Coverage = field(default_factory=Coverage)
    extracted_on: date | None = None
    names: Mapping[int, str] = field(default_factory=dict)  # of the concepts that were counted
    compared_with: str | None = None  # run_id of the run whose counts are n_violated_before
    compared_as: str = ""  # why that run: the last release, or the run before

    def compare(self, run_id: str, why: str, before: Mapping[str, int]) -> None:
        """Set n_violated_before from an earlier run's violated counts by check_id."""
        self.compared_with, self.compared_as = run_id, why
        self.results = [
            replace(r, n_violated_before=before.get(r.rule.check_id)) for r in self.results
        ]


def run_checks(
    con: duckdb.DuckDBPyConnection, asked: Asked, on_progress: Progress | None = None
) -> Checked:
    """Run every check; nothing is written but temporary tables.

    A rule of the biobank's own with the check_id of a shipped one replaces it.
    """
    setting = open_setting(con, asked)
    own = {r.check_id for r in asked.own_rules}
    rules = [
        r for r in shipped_rules()
        if r.check_id not in own and (asked.with_vocabulary or r.table not in VOCABULARY)
    ]  # fmt: skip
    rules = with_thresholds([*rules, *asked.own_rules], asked.thresholds)
    if has_starter(con, setting.place):
        rules = [_of_starter(r) for r in rules]
    origins = origins_of(con)
    report: Callable[[str, float | None], None] = on_progress or (lambda _what, _share: None)
    rules, counts = count_all(con, setting, rules, origins, report)
    count_custom(con, asked.sql_checks, counts)
    rules += [c.rule for c in asked.sql_checks]
    judged = with_thresholds(rules, asked.thresholds)
    results = [evaluate(r, counts.found.get(r.check_id)) for r in judged]
    parts = break_down(con, setting, results, origins) if asked.with_parts else []
    names = concept_names(con, setting.place, results)
    return Checked(asked, results, parts, read_coverage(con), setting.extracted_on, names)


def has_starter(con: duckdb.DuckDBPyConnection, place: Place) -> bool:
    """True if the vocabulary in force is the starter, which holds some thousand concepts."""
    if not place.has("vocabulary", "vocabulary_id", "vocabulary_version"):
        return False
    found = con.execute(
        f"SELECT 1 FROM {place.sql('vocabulary')} WHERE vocabulary_id = 'None' "  # noqa: S608
        "AND starts_with(vocabulary_version, 'biobraid starter')"
    ).fetchone()
    return found is not None


def _of_starter(rule: Rule) -> Rule:
    """A concept that a delivery names and the starter lacks is counted, and is no fatal fault.

    The starter is an extract: that an id is not in it says nothing against the id.
    """
    if rule.check == "isForeignKey" and rule.argument == _CONCEPT_KEY and not rule.severity:
        return replace(rule, severity="convention")
    return rule


def concept_names(
    con: duckdb.DuckDBPyConnection, place: Place, results: Sequence[Result]
) -> dict[int, str]:
    """Names of the concepts and units of checks that counted something."""
    if not place.has(CONCEPT, "concept_id", "concept_name"):
        return {}
    counted = [r.rule for r in results if r.n_denominator]
    ids = {c for r in counted for c in (*r.concept_ids, r.unit_concept_id or 0)}
    rows = con.execute(
        f"SELECT concept_id, any_value(concept_name) FROM {place.sql(CONCEPT)} "  # noqa: S608
        "WHERE list_contains(?, concept_id) GROUP BY 1",
        [sorted(ids - {0})],
    ).fetchall()
    return {i: name for i, name in rows if name}


def judge_anew(asked: Asked, results: Sequence[Result]) -> Checked:
    """The results of an earlier run under other thresholds; nothing is counted."""
    rules = with_thresholds([r.rule for r in results], asked.thresholds)
    judged = [evaluate(rule, _count(r)) for rule, r in zip(rules, results, strict=True)]
    return Checked(asked, judged)


def _count(result: Result) -> Count:
    if result.state == "error":
        return Count(error=result.reason)
    if result.state == "not_applicable":
        return Count(not_applicable=result.reason)
    return Count(result.n_violated, result.n_denominator)


def open_setting(con: duckdb.DuckDBPyConnection, asked: Asked) -> Setting:
    """Find the tables, make check_person, read the day of extraction."""
    place = find_tables(con, asked.schemas)
    prepare_people(con, place)
    return Setting(place, asked.today, extraction_date(con, place), asked.left_out)


def origins_of(con: duckdb.DuckDBPyConnection) -> Origins:
    """SQL of fact_id, study and source per table; None without stem.event."""
    found = con.execute(
        "SELECT 1 FROM (SELECT database_name, schema_name, table_name AS name FROM duckdb_tables() "
        "UNION ALL SELECT database_name, schema_name, view_name FROM duckdb_views()) "
        "WHERE schema_name = 'stem' AND name = 'event' AND database_name = current_database()"
    ).fetchone()

    def origin(table: str) -> str | None:
        if found is None or table not in FACT_TABLES:
            return None
        return f"SELECT fact_id, study, source FROM stem.event WHERE cdm_table = '{table}'"  # noqa: S608

    return origin
