"""Observation periods, and denied days, of persons of whom a release may hold a part only."""

from __future__ import annotations

import duckdb


def remake_periods(con: duckdb.DuckDBPyConnection) -> None:
    """Make `limited_period` (and its rows for the CDM) and `denied_day`.

    The rule is that of cdm.observation_period, on the coverage that is left: what overlaps or
    follows is one period; a person without coverage has one from the first to the last fact.
    Needs `limited_person`, `limited_until`, `allowed_source`, `denied_fact` and the windows.
    """
    con.execute("""
        CREATE TEMP TABLE limited_period AS
        WITH covered AS (
          SELECT c.person_id, greatest(c.covered_from, w.first_day) AS first_day,
            least(c.covered_to, r.allowed_until, w.last_day) AS last_day
          FROM warehouse.mart.source_coverage AS c
          JOIN limited_person AS p ON p.person_id = c.person_id
          JOIN allowed_source AS a
            ON a.person_id = c.person_id AND a.study = c.study AND a.source = c.source
          LEFT JOIN limited_until AS r ON r.person_id = c.person_id
            AND r.study = c.study AND r.source = c.source
          LEFT JOIN shift_window AS w ON w.person_id = c.person_id
            AND w.study = c.study AND w.source = c.source
          WHERE greatest(c.covered_from, w.first_day)
            <= least(c.covered_to, r.allowed_until, w.last_day)
        ),
        day AS (
          FROM covered
          UNION ALL
          SELECT e.person_id, min(e.start_date),
            max(greatest(e.start_date, coalesce(e.end_date, e.start_date)))
          FROM warehouse.stem.event AS e
          JOIN limited_person AS p ON p.person_id = e.person_id
          WHERE e.start_date IS NOT NULL AND e.date_origin <> 'value'
            AND e.cdm_table NOT IN ('person', 'person_attribute')
            AND e.fact_id NOT IN (SELECT fact_id FROM denied_fact)
            AND e.fact_id NOT IN (SELECT fact_id FROM outside_fact)
            AND e.person_id NOT IN (SELECT person_id FROM covered)
          GROUP BY e.person_id
        ),
        marked AS (
          SELECT *, CASE WHEN first_day <= max(last_day) OVER (
              PARTITION BY person_id ORDER BY first_day, last_day
              ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) + 1
            THEN 0 ELSE 1 END AS begins
          FROM (SELECT DISTINCT person_id, first_day, last_day FROM day)
        ),
        numbered AS (
          SELECT *, sum(begins) OVER (
            PARTITION BY person_id ORDER BY first_day, last_day ROWS UNBOUNDED PRECEDING) AS place
          FROM marked
        )
        SELECT person_id, CAST(place AS BIGINT) AS place, min(first_day) AS first_day,
          max(last_day) AS last_day
        FROM numbered GROUP BY person_id, place""")
    con.execute("""
        CREATE TEMP VIEW limited_period_row AS
        SELECT xor(l.person_id, CAST(date_diff('day', DATE '0001-01-01', l.first_day) AS BIGINT)
            * 1099511627776) AS observation_period_id, l.person_id,
          l.first_day AS observation_period_start_date,
          l.last_day AS observation_period_end_date, 32880 AS period_type_concept_id
        FROM limited_period AS l
        JOIN warehouse.cdm.person AS c ON c.person_id = l.person_id""")
    con.execute("""
        CREATE TEMP TABLE denied_day AS
        SELECT c.person_id, 'condition_occurrence' AS cdm_table,
          c.condition_concept_id AS concept_id, c.condition_start_date AS start_date
        FROM warehouse.cdm.condition_occurrence AS c
        JOIN denied_fact AS d ON d.fact_id = c.condition_occurrence_id
        UNION ALL
        SELECT x.person_id, 'drug_exposure', i.ingredient_concept_id, x.drug_exposure_start_date
        FROM warehouse.cdm.drug_exposure AS x
        JOIN denied_fact AS d ON d.fact_id = x.drug_exposure_id
        LEFT JOIN warehouse.stem.drug_ingredient AS i ON i.drug_concept_id = x.drug_concept_id""")
