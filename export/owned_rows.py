"""Rows that name no person but belong to one: costs, relations, events of episodes; and places.

They follow what they are about. A record belongs to the person it was delivered for
(staging.source_record) and goes only if its source may; a row that points at a fact goes only
with that fact; a relation needs both of its sides. Places go where a released person or a care
site is, without what would show where somebody lives.
"""

from __future__ import annotations

import duckdb

# Tables without person_id that a release can hold row by row, and the condition on `t`.
OWNED = {
    "cdm.cost": (
        "t.cost_id IN (SELECT record_id FROM kept_record) "
        "AND t.cost_event_id NOT IN (SELECT fact_id FROM denied_fact)"
    ),
    "cdm.episode_event": (
        "t.episode_id IN (SELECT side_id FROM kept_side) "
        "AND t.event_id IN (SELECT side_id FROM kept_side)"
    ),
    "cdm.fact_relationship": (
        "t.fact_id_1 IN (SELECT side_id FROM kept_side) "
        "AND t.fact_id_2 IN (SELECT side_id FROM kept_side)"
    ),
}
# Tables of nobody of which a release holds some rows.
PLACES = {
    "cdm.location": """t.location_id IN (
        SELECT c.location_id FROM warehouse.cdm.person AS c
        JOIN project_person AS p ON p.person_id = c.person_id
        UNION ALL SELECT s.location_id FROM warehouse.cdm.care_site AS s)""",
}
# Columns that a project is not given: where somebody lives, who somebody is.
HIDDEN = {
    "cdm.location": frozenset(
        {"address_1", "address_2", "city", "zip", "county", "latitude", "longitude"}
    ),
    "cdm.care_site": frozenset({"care_site_name"}),
    "cdm.provider": frozenset({"provider_name", "npi", "dea", "year_of_birth"}),
}
# Keyed tokens of the warehouse, the same in every project until drawn anew.
TOKENS = frozenset(
    {
        "location_source_value", "care_site_source_value", "provider_source_value",
        "family_source_value", "genotype_set_id", "other_genotype_set_id",
    }
)  # fmt: skip

_ERAS = "('condition_era', 'drug_era', 'dose_era')"


def deny_records(con: duckdb.DuckDBPyConnection) -> None:
    """Make `denied_record`: delivered records and eras of persons that may not go.

    Needs `linked`, `refusal` and `wanted_modality`; the rule is that of single facts.
    """
    con.execute(f"""
        CREATE TEMP TABLE denied_record AS
        WITH delivered AS (
          SELECT record_id, person_id, study, source, start_date
          FROM warehouse.staging.source_record WHERE person_id IS NOT NULL
          UNION ALL
          SELECT row_id, person_id, study, source, start_date
          FROM warehouse.staging.source_event WHERE kind IN {_ERAS}
        )
        SELECT DISTINCT d.record_id
        FROM delivered AS d
        LEFT JOIN linked AS l ON l.person_id = d.person_id AND l.study = d.study
        LEFT JOIN warehouse.vocab.study_source AS s
          ON s.study = d.study AND s.source = d.source
        LEFT JOIN refusal AS r ON r.person_id = d.person_id
          AND r.study = d.study AND r.modality = s.modality
        WHERE l.person_id IS NULL
          OR s.modality IS NULL
          OR s.modality NOT IN (SELECT modality FROM wanted_modality)
          OR (r.person_id IS NOT NULL
            AND (r.allowed_until IS NULL OR d.start_date IS NULL
              OR d.start_date > r.allowed_until))""")  # noqa: S608


def find_owners(con: duckdb.DuckDBPyConnection) -> None:
    """Make `kept_record` and `kept_side`: records, and sides of relations, that may go.

    kept_side.project_person_id is set where the side is a person, whose id is drawn otherwise
    than that of a fact. Needs `project_person`, `denied_fact` and `denied_record`.
    """
    con.execute("""
        CREATE TEMP TABLE kept_record AS
        SELECT r.record_id
        FROM warehouse.staging.source_record AS r
        JOIN project_person AS p ON p.person_id = r.person_id
        WHERE r.record_id NOT IN (SELECT record_id FROM denied_record)""")
    con.execute("""
        CREATE TEMP TABLE kept_side AS
        WITH wanted AS (
          SELECT fact_id_1 AS side_id FROM warehouse.cdm.fact_relationship
          UNION SELECT fact_id_2 FROM warehouse.cdm.fact_relationship
          UNION SELECT episode_id FROM warehouse.cdm.episode_event
          UNION SELECT event_id FROM warehouse.cdm.episode_event
        )
        SELECT w.side_id, CAST(NULL AS BIGINT) AS project_person_id
        FROM wanted AS w
        JOIN warehouse.stem.event AS e ON e.fact_id = w.side_id
        JOIN project_person AS p ON p.person_id = e.person_id
        WHERE e.fact_id NOT IN (SELECT fact_id FROM denied_fact)
        UNION
        SELECT w.side_id, NULL FROM wanted AS w JOIN kept_record AS r ON r.record_id = w.side_id
        UNION
        SELECT w.side_id, NULL FROM wanted AS w
        JOIN warehouse.staging.source_record AS r ON r.record_id = w.side_id
        WHERE r.person_id IS NULL
        UNION
        SELECT w.side_id, p.project_person_id FROM wanted AS w
        JOIN project_person AS p ON p.person_id = w.side_id""")


def side(column: str) -> str:
    """Expression for one side of a relation: a person's project id, else the fact's."""
    return (
        "coalesce((SELECT max(s.project_person_id) FROM kept_side AS s "  # noqa: S608
        f"WHERE s.side_id = t.{column}), project_fact_id(CAST(t.{column} AS BIGINT)))"
    )
