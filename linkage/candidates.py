"""The records that the matcher compares: one row per source person, one value per type.

A source person with several valid values of a type (two sources that differ, two phones) is
compared by the smallest, so that the choice depends on nothing but the values.
"""

from __future__ import annotations

import duckdb

from biobraid.linkage.comparisons import COLUMNS, RARE, RARE_AT_MOST

# A record needs a name or a key, and something else, to be found and told from others.
_TELLING = """
  (nhs_number IS NOT NULL OR national_id IS NOT NULL OR first_name IS NOT NULL
    OR surname IS NOT NULL OR email IS NOT NULL)
  AND (birth_year IS NOT NULL OR postcode IS NOT NULL OR address IS NOT NULL
    OR phone IS NOT NULL)"""


def make_candidates(con: duckdb.DuckDBPyConnection, model_id: str) -> None:
    """Make `candidate`, with is_due where a record was never scored as it is by this model.

    Needs `set_aside`, `known_study`, `many_of_one` (studies in which one person may have several
    records) and `scored_record`.
    """
    picked = ", ".join(
        f"min(norm_value) FILTER (type = '{c}') AS {c}"
        for c in COLUMNS
        if c not in ("first_name", "surname", "birth_date")
    )
    con.execute(f"""
        CREATE TEMP TABLE valued AS
        SELECT source_person_key, {picked},
          coalesce(min(norm_value) FILTER (type = 'first_name'),
            min(split_part(norm_value, ' ', 1)) FILTER (type = 'full_name')) AS first_name,
          coalesce(min(norm_value) FILTER (type = 'surname'),
            min(split_part(norm_value, ' ', 2)) FILTER (type = 'full_name')) AS surname,
          min(norm_value) FILTER (type = 'birth_date' AND length(norm_value) = 10) AS birth_date,
          left(min(norm_value) FILTER (type = 'birth_date'), 4) AS birth_year
        FROM identifier
        WHERE is_valid AND source_person_key NOT IN (SELECT source_person_key FROM set_aside)
        GROUP BY source_person_key""")  # noqa: S608  constants
    marked = ", ".join(f"coalesce({c}, '')" for c in (*COLUMNS, "birth_year"))
    con.execute(
        f"""
        CREATE TEMP TABLE candidate AS
        WITH grouped AS (
          SELECT v.*, md5(concat_ws('|', {marked})) AS mark,
            CASE WHEN s.study IN (SELECT study FROM many_of_one) THEN v.source_person_key
              ELSE s.study END AS study_group
          FROM valued AS v
          INNER JOIN (
            SELECT source_person_key, min(study) AS study FROM known_study
            GROUP BY source_person_key
          ) AS s USING (source_person_key)
          WHERE {_TELLING}
        )
        SELECT g.*, row_number() OVER (ORDER BY g.source_person_key) AS uid,
          r.mark IS DISTINCT FROM g.mark AS is_due
        FROM grouped AS g
        LEFT JOIN scored_record AS r
          ON r.source_person_key = g.source_person_key AND r.model_id = ?""",  # noqa: S608  constants
        [model_id],
    )
    con.execute("DROP TABLE valued")


def add_rare(con: duckdb.DuckDBPyConnection) -> None:
    """Add the rare_ columns to `candidate`: the value where few records have it, or null."""
    full_name = "CASE WHEN first_name IS NOT NULL AND surname IS NOT NULL " \
        "THEN first_name || ' ' || surname END"  # fmt: skip
    values = {c: full_name if c == "full_name" else c for c in RARE}
    columns = ", ".join(
        f"CASE WHEN count(*) OVER (PARTITION BY {v}) <= {RARE_AT_MOST} THEN {v} END AS rare_{c}"
        for c, v in values.items()
    )
    con.execute(f"CREATE TEMP TABLE with_rare AS SELECT *, {columns} FROM candidate")  # noqa: S608  constants
    con.execute("DROP TABLE candidate; ALTER TABLE with_rare RENAME TO candidate")
