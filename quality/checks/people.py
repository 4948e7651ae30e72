"""check_person: what checks ask of a person, one row per person, made once per run."""

from __future__ import annotations

from datetime import date

import duckdb

from biobraid.quality.checks.place import PERSON, VISIT, Place

TABLE = "check_person"
VISITS = "check_visit"


def prepare_people(con: duckdb.DuckDBPyConnection, place: Place) -> None:
    """Create the temporary tables check_person and check_visit; missing columns are null.

    birth_date: birth_datetime, else year, month and day of birth, January and first for those
    missing. birth_or_june: birth_datetime, else June of the year (OHDSI's older check).
    followed_from, followed_to: first and last day of any observation period; gaps: [last day
    before, first day after] of each gap between them. death_date: the earliest.
    """
    columns = place.tables[PERSON].columns if place.has(PERSON, "person_id") else {}
    if not columns:
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE {TABLE} (person_id BIGINT, gender_concept_id BIGINT, "
            "birth_date DATE, birth_or_june DATE, death_date DATE, followed_from DATE, "
            "followed_to DATE, gaps DATE[][])"
        )
    else:
        con.execute(_people_sql(place))
    if place.has(VISIT, "visit_occurrence_id", "visit_start_date", "visit_end_date"):
        source = (
            "SELECT visit_occurrence_id, min(TRY_CAST(visit_start_date AS DATE)) AS visit_start_date, "  # noqa: S608
            f"max(TRY_CAST(visit_end_date AS DATE)) AS visit_end_date FROM {place.sql(VISIT)} "
            "WHERE visit_occurrence_id IS NOT NULL GROUP BY 1"
        )
    else:
        source = "SELECT NULL::BIGINT AS visit_occurrence_id, NULL::DATE AS visit_start_date, NULL::DATE AS visit_end_date WHERE FALSE"
    con.execute(f"CREATE OR REPLACE TEMP TABLE {VISITS} AS {source}")


def _people_sql(place: Place) -> str:
    def own(name: str, kind: str) -> str:
        found = place.has(PERSON, name)
        return f"any_value(TRY_CAST({name} AS {kind}))" if found else f"CAST(NULL AS {kind})"

    death = "SELECT NULL::BIGINT AS person_id, NULL::DATE AS death_date WHERE FALSE"
    if place.has("death", "person_id", "death_date"):
        death = (
            "SELECT person_id, min(TRY_CAST(death_date AS DATE)) AS death_date "  # noqa: S608
            f"FROM {place.sql('death')} GROUP BY 1"
        )
    period = "SELECT NULL::BIGINT AS person_id, NULL::DATE AS a, NULL::DATE AS b WHERE FALSE"
    fields = ("person_id", "observation_period_start_date", "observation_period_end_date")
    if place.has("observation_period", *fields):
        period = (
            "SELECT person_id, TRY_CAST(observation_period_start_date AS DATE) AS a, "  # noqa: S608
            f"TRY_CAST(observation_period_end_date AS DATE) AS b FROM {place.sql('observation_period')}"
        )
    return f"""
    CREATE OR REPLACE TEMP TABLE {TABLE} AS
    WITH own AS (
      SELECT person_id, {own("gender_concept_id", "BIGINT")} AS gender_concept_id,
        {own("birth_datetime", "DATE")} AS born, {own("year_of_birth", "INTEGER")} AS y,
        {own("month_of_birth", "INTEGER")} AS m, {own("day_of_birth", "INTEGER")} AS d
      FROM {place.sql(PERSON)} WHERE person_id IS NOT NULL GROUP BY person_id
    ), dead AS ({death}), spell AS ({period}), followed AS (
      SELECT person_id, min(a) AS a, max(b) AS b FROM spell GROUP BY 1
    ), gap AS (
      SELECT person_id, list([last_day, next_day] ORDER BY last_day) AS gaps
      FROM (
        SELECT person_id, max(b) OVER past AS last_day, lead(a) OVER (
          PARTITION BY person_id ORDER BY a, b) AS next_day
        FROM spell WINDOW past AS (PARTITION BY person_id ORDER BY a, b
          ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
      ) WHERE next_day > last_day + 1 GROUP BY 1
    )
    SELECT o.person_id, o.gender_concept_id,
      coalesce(o.born, TRY_CAST(format('{{:04d}}-{{:02d}}-{{:02d}}', o.y, coalesce(o.m, 1),
        coalesce(o.d, 1)) AS DATE)) AS birth_date,
      coalesce(o.born, TRY_CAST(format('{{:04d}}-06-01', o.y) AS DATE)) AS birth_or_june,
      x.death_date, f.a AS followed_from, f.b AS followed_to, g.gaps
    FROM own o LEFT JOIN dead x USING (person_id) LEFT JOIN followed f USING (person_id)
    LEFT JOIN gap g USING (person_id)
    """  # noqa: S608


def extraction_date(con: duckdb.DuckDBPyConnection, place: Place) -> date | None:
    """The last day the data can speak of: the later of cdm_source's dates; null if it has none."""
    names = [n for n in ("source_release_date", "cdm_release_date") if place.has("cdm_source", n)]
    if not names:
        return None
    dates = ", ".join(f"TRY_CAST({n} AS DATE)" for n in names)
    row = con.execute(f"SELECT max(greatest({dates})) FROM {place.sql('cdm_source')}").fetchone()  # noqa: S608
    found: date | None = row[0] if row else None
    return found
