"""Which rows of a person's table a release may hold, given what consent denies.

Facts are dropped one by one. Tables computed from many facts cannot be: for `limited`
persons (of whom some sources or facts may not go) their columns are made again from what is
left, so that nothing derived from a refused modality stays. Sex and birth belong to taking
part, not to a modality, and stay.
"""

from __future__ import annotations

import duckdb

from biobraid.export.limited_periods import remake_periods
from biobraid.export.owned_rows import OWNED, PAIRS, PLACES
from biobraid.export.table_plan import SourceTable
from biobraid.export.truncate import truncated

# Tables of cdm whose id column is the fact id of stem.event.
FACT_TABLES = frozenset(
    {
        "visit_occurrence", "condition_occurrence", "drug_exposure", "procedure_occurrence",
        "device_exposure", "measurement", "observation", "visit_detail", "specimen",
        "survey_conduct", "note", "episode",
    }
)  # fmt: skip

# The last day that may go of the source of row `t`; null where there is no such limit.
_CUT = (
    "(SELECT min(u.allowed_until) FROM limited_until AS u WHERE u.person_id = t.person_id "
    "AND u.study = t.study AND u.source = t.source)"
)
_HIDDEN_RACE = {
    "race_concept_id": "0",
    "race_source_concept_id": "0",
    "race_source_value": "NULL",
    "ethnicity_concept_id": "0",
    "ethnicity_source_concept_id": "0",
    "ethnicity_source_value": "NULL",
}
# Columns made again for whoever is cut to a window, too.
_DATED = frozenset({"observed_from", "observed_to", "death_date"})
# table -> column -> expression over `t` and the limited person `x`, for limited persons only
REMADE: dict[str, dict[str, str]] = {
    "cdm.person": {
        name: f"CASE WHEN x.is_ethnicity_denied THEN {empty} ELSE t.{name} END"
        for name, empty in _HIDDEN_RACE.items()
    },
    "mart.participant": {
        "n_studies": "NULL",
        "n_sources": "NULL",
        "n_rows": "NULL",
        "observed_from": "x.first_day",
        "observed_to": "x.last_day",
        "death_date": "CASE WHEN x.is_death_denied THEN NULL ELSE t.death_date END",
    },
    "mart.modality": {"n_sources": "NULL", "n_rows": "NULL"},
    "mart.person_attribute": {
        "level": "CASE WHEN t.attribute = 'age_band' THEN x.age_band ELSE t.level END"
    },
    "mart.source_coverage": {
        "covered_to": f"least(t.covered_to, {_CUT})",
        "end_reason": f"CASE WHEN t.covered_to > {_CUT} THEN 'censored' ELSE t.end_reason END",
        "end_detail": f"CASE WHEN t.covered_to > {_CUT} THEN NULL ELSE t.end_detail END",
    },
    "wearable.series": {"end_date": f"least(t.end_date, {_CUT})", "n_samples": "NULL"},
    "wearable.wear_period": {"end_date": f"least(t.end_date, {_CUT})", "n_worn_hours": "NULL"},
}


def _era(kind: str, same: str) -> str:
    """An era stays if it was not delivered by a denied source and no denied fact is part of it."""
    table = "condition_occurrence" if kind == "condition" else "drug_exposure"
    return (
        f"t.{kind}_era_id NOT IN (SELECT record_id FROM denied_record) AND NOT EXISTS ("  # noqa: S608
        f"SELECT 1 FROM denied_day AS d WHERE d.person_id = t.person_id AND {same} "
        f"AND d.cdm_table = '{table}' AND d.start_date BETWEEN "
        f"t.{kind}_era_start_date AND t.{kind}_era_end_date)"
    )


# table -> condition under which a row of a limited person stays
_STAYS: dict[str, str] = {
    "cdm.person": "TRUE",
    "cdm.death": "NOT x.is_death_denied",
    "cdm.payer_plan_period": (
        "t.payer_plan_period_id NOT IN (SELECT record_id FROM denied_record)"
    ),
    "cdm.condition_era": _era("condition", "d.concept_id = t.condition_concept_id"),
    "cdm.drug_era": _era("drug", "d.concept_id = t.drug_concept_id"),
    "cdm.dose_era": _era("dose", "TRUE"),
    "cdm.image_occurrence": ("t.image_occurrence_id NOT IN (SELECT record_id FROM denied_record)"),
    # A measurement made from an image goes where both may.
    "cdm.image_feature": (
        "t.image_occurrence_id NOT IN (SELECT record_id FROM denied_record) "
        "AND t.image_feature_event_id NOT IN (SELECT fact_id FROM denied_fact)"
    ),
    # Days at risk are those of all sources of an origin: without one they cannot be told.
    "mart.follow_up": """NOT EXISTS (
      SELECT 1 FROM (SELECT person_id, study, source FROM denied_source
        UNION ALL SELECT person_id, study, source FROM limited_until) AS d
      JOIN warehouse.vocab.study_source AS s ON s.study = d.study AND s.source = d.source
      WHERE d.person_id = t.person_id AND s.origin = t.origin
        AND s.modality = 'health_record')""",
    "mart.participant": "TRUE",
    # A minute names its series, and the series its source.
    "wearable.minute": """EXISTS (
      SELECT 1 FROM warehouse.wearable.series AS e
      WHERE e.person_id = t.person_id AND e.series_number = t.series_number
        AND NOT EXISTS (SELECT 1 FROM denied_source AS d WHERE d.person_id = e.person_id
          AND d.study = e.study AND d.source = e.source)
        AND NOT EXISTS (SELECT 1 FROM limited_until AS u WHERE u.person_id = e.person_id
          AND u.study = e.study AND u.source = e.source AND t.start_date > u.allowed_until))""",
    "mart.modality": (
        "EXISTS (SELECT 1 FROM allowed_source AS a WHERE a.person_id = t.person_id "
        "AND a.modality = t.modality)"
    ),
    "mart.person_attribute": """CASE t.attribute WHEN 'sex' THEN TRUE
      WHEN 'age_band' THEN x.age_band IS NOT NULL
      WHEN 'ethnicity' THEN NOT x.is_ethnicity_denied
      ELSE NOT x.is_attribute_denied END""",
}


def find_limited(con: duckdb.DuckDBPyConnection) -> None:
    """Make `limited`, a row per person with what is left to derive from.

    Beside it `allowed_source`; `limited_until`: sources of which only facts up to a day may
    go; `limited_period`: observation periods made again from the coverage that is left (from
    the facts where there is none); `denied_day`: dates of denied conditions and drugs.
    """
    con.execute("""
        CREATE TEMP TABLE limited_until AS
        SELECT r.person_id, r.study, s.source, r.allowed_until
        FROM refusal AS r
        JOIN warehouse.vocab.study_source AS s
          ON s.study = r.study AND s.modality = r.modality
        WHERE r.allowed_until IS NOT NULL""")
    con.execute("""
        CREATE TEMP TABLE allowed_source AS
        SELECT l.person_id, s.study, s.source, s.modality
        FROM linked AS l
        JOIN warehouse.vocab.study_source AS s ON s.study = l.study
        WHERE NOT EXISTS (
          SELECT 1 FROM denied_source AS d
          WHERE d.person_id = l.person_id AND d.study = s.study AND d.source = s.source)""")
    con.execute("""
        CREATE TEMP TABLE limited_person AS
        SELECT person_id FROM denied_source
        UNION
        SELECT person_id FROM denied_fact
        UNION
        SELECT person_id FROM limited_until""")
    # Of the others only the dates are cut: all that does not depend on dates stays.
    con.execute("""
        CREATE TEMP TABLE truncated_only AS
        SELECT DISTINCT person_id FROM shift_window ANTI JOIN limited_person USING (person_id)""")
    con.execute("INSERT INTO limited_person FROM truncated_only")
    remake_periods(con)
    con.execute("""
        CREATE TEMP TABLE limited AS
        WITH fact AS (
          SELECT e.person_id, e.cdm_table, e.person_field, e.start_date, e.end_date,
            e.date_origin, d.fact_id IS NOT NULL AS is_denied
          FROM warehouse.stem.event AS e
          JOIN limited_person AS p ON p.person_id = e.person_id
          LEFT JOIN (SELECT fact_id FROM denied_fact UNION SELECT fact_id FROM outside_fact) AS d
            ON d.fact_id = e.fact_id
        ),
        span AS (
          SELECT person_id, min(first_day) AS first_day, max(last_day) AS last_day
          FROM limited_period GROUP BY person_id
        ),
        field AS (
          SELECT person_id,
            coalesce(bool_or(is_denied) FILTER (cdm_table = 'death'), FALSE) AS is_death_denied,
            coalesce(bool_or(is_denied) FILTER (person_field IN ('race', 'ethnicity')), FALSE)
              AS is_ethnicity_denied,
            coalesce(bool_or(is_denied) FILTER (cdm_table = 'person_attribute'), FALSE)
              AS is_attribute_denied
          FROM fact GROUP BY person_id
        ),
        aged AS (
          SELECT s.person_id, s.first_day, s.last_day,
            CAST(floor((year(s.first_day) - c.year_of_birth) / 10) AS INTEGER) * 10 AS decade
          FROM span AS s JOIN warehouse.cdm.person AS c ON c.person_id = s.person_id
        )
        SELECT p.person_id, p.person_id IN (FROM truncated_only) AS is_truncated_only,
          a.first_day, greatest(a.first_day, a.last_day) AS last_day,
          CASE WHEN a.decade < 0 THEN 'before birth' WHEN a.decade >= 90 THEN '90+'
            ELSE a.decade || '-' || (a.decade + 9) END AS age_band,
          coalesce(f.is_death_denied, FALSE) AS is_death_denied,
          coalesce(f.is_ethnicity_denied, FALSE) AS is_ethnicity_denied,
          coalesce(f.is_attribute_denied, FALSE) AS is_attribute_denied
        FROM limited_person AS p
        LEFT JOIN aged AS a ON a.person_id = p.person_id
        LEFT JOIN field AS f ON f.person_id = p.person_id""")


def cut_to_windows(con: duckdb.DuckDBPyConnection) -> None:
    """Deny the facts outside their window too, and take the oldest by what is left of them."""
    con.execute("""
        INSERT INTO denied_fact SELECT fact_id, person_id FROM outside_fact
        ANTI JOIN denied_fact USING (fact_id)""")
    con.execute("""
        UPDATE project_person SET birth_floor = least(birth_floor,
          CAST(w.last_day + project_person.shift_days - INTERVAL 90 YEAR AS DATE))
        FROM record_window AS w
        WHERE w.person_id = project_person.person_id AND w.last_day IS NOT NULL""")


def row_filter(table: SourceTable) -> str:
    """SQL condition on `t` and the limited person `x` (null for all others)."""
    if not table.is_by_person:
        return OWNED.get(table.full_name) or PLACES.get(table.full_name, "TRUE")
    names = {c.name for c in table.columns}
    if table.schema == "cdm" and table.name in FACT_TABLES and table.key:
        return f"t.{table.key} NOT IN (SELECT fact_id FROM denied_fact)"  # noqa: S608
    if table.full_name in PAIRS:
        other = PAIRS[table.full_name]
        return (
            f"t.{other} IN (SELECT person_id FROM project_person) AND NOT EXISTS ("  # noqa: S608
            f"SELECT 1 FROM denied_source AS d WHERE d.person_id IN (t.person_id, t.{other}) "
            "AND d.study = t.study AND d.source = t.source) AND NOT EXISTS ("
            f"SELECT 1 FROM limited_until AS u WHERE u.person_id IN (t.person_id, t.{other}) "
            "AND u.study = t.study AND u.source = t.source)"
        )
    if {"study", "source"} <= names:
        day = next((d for d in ("covered_from", "start_date", "specimen_date") if d in names), None)
        late = f"coalesce(t.{day} > {_CUT}, {_CUT} IS NOT NULL)" if day else f"{_CUT} IS NOT NULL"
        return (
            "NOT EXISTS (SELECT 1 FROM denied_source AS d WHERE d.person_id = t.person_id "  # noqa: S608
            "AND d.study = t.study AND d.source = t.source) "
            # Who has left a study since the build is linked in the others only.
            "AND EXISTS (SELECT 1 FROM linked AS l WHERE l.person_id = t.person_id "
            f"AND l.study = t.study) AND NOT {late}"
        )
    # A table nobody thought of holds nothing of a limited person.
    stays = _STAYS.get(table.full_name, "FALSE")
    return f"(x.person_id IS NULL OR x.is_truncated_only OR {stays})"


def rows_of(table: SourceTable) -> str:
    """FROM clause that gives the rows which may go as `t`, with the person as `p`."""
    origin = f'warehouse.{table.schema}."{table.name}" AS t'
    if not table.is_by_person:
        return f"FROM {origin} WHERE {row_filter(table)}"
    if table.full_name == "cdm.observation_period":
        return (
            f"FROM (SELECT t.* FROM {origin} WHERE t.person_id NOT IN "  # noqa: S608
            "(SELECT person_id FROM limited_person) UNION ALL BY NAME FROM limited_period_row"
            ") AS t JOIN project_person AS p ON p.person_id = t.person_id"
        )
    own = "x.person_id IS NULL OR x.is_truncated_only"
    remade = ", ".join(
        f"CASE WHEN {'x.person_id IS NULL' if name in _DATED else own} "
        f"THEN t.{name} ELSE {made} END AS {name}"
        for name, made in REMADE.get(table.full_name, {}).items()
        if any(c.name == name for c in table.columns)
    )
    columns = f"t.* REPLACE ({remade})" if remade else "t.*"
    rows = (
        f"SELECT {columns} FROM {origin} "  # noqa: S608
        f"LEFT JOIN limited AS x ON x.person_id = t.person_id WHERE {row_filter(table)}"
    )
    is_fact_table = table.schema == "cdm" and table.name in FACT_TABLES
    return (
        f"FROM {truncated(table, rows, is_fact_table)} "
        "JOIN project_person AS p ON p.person_id = t.person_id"
    )
