"""What the audits need of the facts of temp.audited: arrays by position, made in SQL."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import numpy as np

from biobraid.quality.bias.frame import Flags, Floats, Ints
from biobraid.quality.bias.people import table_exists

MAX_FEATURES = 20


@dataclass(frozen=True)
class Measure:
    """One measurement concept: every value, by position of its person, in order of time."""

    concept_id: int
    label: str
    position: Ints
    value: Floats
    day: Floats  # since 1970

    def first(self, n: int) -> Floats:
        """First value of each person; nan without one."""
        out = np.full(n, np.nan)
        out[self.position[::-1]] = self.value[::-1]
        return out


def measures(con: duckdb.DuckDBPyConnection) -> list[Measure]:
    """The measurement concepts with numbers of the most people, at most 20."""
    if not table_exists(con, "cdm.measurement"):
        return []
    chosen = con.execute(
        "SELECT m.measurement_concept_id, any_value(c.concept_name), count(DISTINCT m.person_id) AS n "
        "FROM cdm.measurement AS m JOIN temp.audited AS p USING (person_id) "
        "LEFT JOIN vocab.concept AS c ON c.concept_id = m.measurement_concept_id "
        "WHERE m.value_as_number IS NOT NULL AND m.measurement_concept_id <> 0 "
        "GROUP BY 1 ORDER BY n DESC, 1 LIMIT ?",
        [MAX_FEATURES],
    ).fetchall()
    out = []
    for concept_id, name, _ in chosen:
        found = con.execute(
            "SELECT p.position, m.value_as_number AS value, "
            "date_diff('day', DATE '1970-01-01', m.measurement_date) AS day FROM cdm.measurement AS m "
            "JOIN temp.audited AS p USING (person_id) WHERE m.measurement_concept_id = ? "
            "AND m.value_as_number IS NOT NULL "
            "ORDER BY p.position, m.measurement_date, m.measurement_id",
            [concept_id],
        ).fetchnumpy()
        day = np.ma.filled(np.ma.asarray(found["day"]).astype(np.float64), np.nan)
        out.append(
            Measure(int(concept_id), str(name or concept_id), np.asarray(found["position"], np.int64),
                    np.asarray(found["value"], np.float64), day)
        )  # fmt: skip
    return out


def features(found: list[Measure], n: int) -> Floats:
    """Person x measure: first values, nan where a person has none."""
    if not found:
        return np.zeros((n, 0))
    return np.stack([m.first(n) for m in found], axis=1)


@dataclass(frozen=True)
class Observed:
    """Follow-up by position: years from the first covered day to the last, and how it ended."""

    years: Floats
    died: Flags
    lost: Flags  # registration ended or censored by the source, not by the study's end
    visits: Floats


def observed(con: duckdb.DuckDBPyConnection, n: int) -> Observed | None:
    """Follow-up from mart.source_coverage of health records; None without coverage.

    A person's follow-up runs from the first covered day of any of these sources to the last;
    people whom no source covers have 0 years.
    """
    if not table_exists(con, "mart.source_coverage"):
        return None
    found = con.execute(
        "SELECT p.position, date_diff('day', min(c.covered_from), max(c.covered_to)) / 365.25 AS years, "
        "bool_or(c.end_reason = 'death') AS died, "
        "bool_and(c.end_reason IN ('registration-ended', 'censored')) AS left_early, "
        "bool_or(c.end_reason IN ('registration-ended', 'censored')) AS left_some "
        "FROM mart.source_coverage AS c JOIN temp.audited AS p USING (person_id) "
        "WHERE c.modality = 'health_record' GROUP BY 1"
    ).fetchnumpy()
    if not len(found["position"]):
        return None
    place = np.asarray(found["position"])
    years, died, lost = np.zeros(n), np.zeros(n, np.bool_), np.zeros(n, np.bool_)
    years[place] = np.asarray(found["years"], np.float64)
    died[place] = np.asarray(found["died"])
    lost[place] = np.asarray(found["left_some"]) & ~np.asarray(found["died"])
    visits = np.zeros(n)
    if table_exists(con, "cdm.visit_occurrence"):
        counted = con.execute(
            "SELECT p.position, count(*) AS n FROM cdm.visit_occurrence AS v "
            "JOIN temp.audited AS p USING (person_id) GROUP BY 1"
        ).fetchnumpy()
        visits[np.asarray(counted["position"])] = np.asarray(counted["n"], np.float64)
    return Observed(years, died, lost, visits)


def has_condition(con: duckdb.DuckDBPyConnection, concept_id: int, n: int) -> Flags:
    """Who ever has a condition, or one below it."""
    found = con.execute(
        "SELECT DISTINCT p.position FROM cdm.condition_occurrence AS c "
        "JOIN temp.audited AS p USING (person_id) WHERE c.condition_concept_id = $1 OR "
        "c.condition_concept_id IN (SELECT descendant_concept_id FROM vocab.concept_ancestor "
        "WHERE ancestor_concept_id = $1)",
        [concept_id],
    ).fetchnumpy()
    out = np.zeros(n, np.bool_)
    out[np.asarray(found["position"], np.int64)] = True
    return out


def concept_name(con: duckdb.DuckDBPyConnection, concept_id: int) -> str:
    """A concept's name, or its number."""
    row = con.execute(
        "SELECT concept_name FROM vocab.concept WHERE concept_id = ?", [concept_id]
    ).fetchone()
    return str(row[0]) if row and row[0] else f"concept {concept_id}"


@dataclass(frozen=True)
class FactShares:
    """Per person: facts, facts without a concept, numbers, numbers without a unit."""

    facts: Floats
    unmapped: Floats
    numbers: Floats
    unitless: Floats


def fact_shares(con: duckdb.DuckDBPyConnection, n: int) -> FactShares:
    """Counted over the clinical event tables of cdm."""
    out = [np.zeros(n) for _ in range(4)]
    for table in ("condition_occurrence", "drug_exposure", "procedure_occurrence", "measurement",
                  "observation"):  # fmt: skip
        if not table_exists(con, f"cdm.{table}"):
            continue
        concept = table.split("_")[0] + "_concept_id"
        number = "0, 0"
        if table == "measurement":
            number = (
                "count(e.value_as_number), count(*) FILTER (e.value_as_number IS NOT NULL "
                "AND COALESCE(e.unit_concept_id, 0) = 0)"
            )
        found = con.execute(
            f"SELECT p.position, count(*), count(*) FILTER (e.{concept} = 0), {number} "  # noqa: S608
            f"FROM cdm.{table} AS e JOIN temp.audited AS p USING (person_id) GROUP BY 1"
        ).fetchall()
        if found:
            columns = np.array(found, np.float64).T
            place = columns[0].astype(np.int64)
            for total, more in zip(out, columns[1:], strict=True):
                total[place] += more
    return FactShares(*out)


def unlinked(con: duckdb.DuckDBPyConnection) -> list[tuple[str, int, int]]:
    """(study/source, source persons, of these unlinked); empty outside the warehouse."""
    if not table_exists(con, "staging.source_person"):
        return []
    return [
        (str(name), int(n), int(gone))
        for name, n, gone in con.execute(
            "SELECT study || '/' || source, count(DISTINCT source_person_key), "
            "count(DISTINCT source_person_key) FILTER (person_id IS NULL) "
            "FROM staging.source_person GROUP BY 1 ORDER BY 1"
        ).fetchall()
    ]


def units_of(con: duckdb.DuckDBPyConnection) -> dict[int, int]:
    """Units that each measurement concept was delivered in."""
    if not table_exists(con, "mart.unit_use"):
        return {}
    return {
        int(concept): int(n)
        for concept, n in con.execute(
            "SELECT concept_id, count(DISTINCT COALESCE(source_unit, '(none)')) FROM mart.unit_use "
            "WHERE cdm_table = 'measurement' GROUP BY 1"
        ).fetchall()
    }
