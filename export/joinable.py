"""What can still join two projects' releases, although they share no id: measured.

No pseudonym prevents it: a shift moves all days of a person alike, so the gaps between them
stay; a genotype or a raw sensor trace is its own name. Releases say how many people are alone
with theirs, so that a contract and a safe setting can be asked for where it matters.
"""

from __future__ import annotations

from typing import Any

import duckdb

_MOST_PERSONS = 50_000
_DATED = {
    "condition_occurrence": "condition_start_date",
    "drug_exposure": "drug_exposure_start_date",
    "measurement": "measurement_date",
    "observation": "observation_date",
    "procedure_occurrence": "procedure_date",
    "visit_occurrence": "visit_start_date",
}

_ALONE_BY_GAPS = """
  WITH gap AS (
    SELECT person_id, day, day - lag(day) OVER (PARTITION BY person_id ORDER BY day) AS gap
    FROM dated_day
  ),
  print AS (
    SELECT person_id, list(gap ORDER BY day) AS gaps, count(*) AS n FROM gap GROUP BY person_id
  ),
  judged AS (SELECT count(*) OVER (PARTITION BY gaps) = 1 AND n > 1 AS is_alone FROM print)
  SELECT avg(CAST(is_alone AS INTEGER)) FROM judged"""


def joinable(con: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Shares of the release's people who are alone with what no pseudonym hides.

    con: the release's own connection. gap_unique_share: alone with the vector of days between
    their dated days (of at most 50,000 people, the first by project id, which is random).
    birth_sex_unique_share: alone with year and month of birth and sex. genotyped_share: have
    a genotype, and so can be joined whoever they are. A share is null where nothing is there.
    """
    known = {
        name
        for (name,) in con.execute(
            "SELECT schema_name || '.' || table_name FROM duckdb_tables() "
            "WHERE database_name = current_database()"
        ).fetchall()
    }
    days = " UNION ".join(
        f"SELECT person_id, {column} AS day FROM cdm.{table} SEMI JOIN looked USING (person_id) "  # noqa: S608
        f"WHERE {column} IS NOT NULL"
        for table, column in _DATED.items()
        if f"cdm.{table}" in known
    )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE looked AS "  # noqa: S608  a constant
        f"SELECT person_id FROM cdm.person ORDER BY person_id LIMIT {_MOST_PERSONS}"
    )
    found: dict[str, Any] = {"n_persons_looked_at": _one(con, "SELECT count(*) FROM looked")}
    found["gap_unique_share"] = None
    if days:
        con.execute(f"CREATE OR REPLACE TEMP TABLE dated_day AS {days}")
        found["gap_unique_share"] = _one(con, _ALONE_BY_GAPS)
        con.execute("DROP TABLE dated_day")
    columns = {row[0] for row in con.execute("DESCRIBE cdm.person").fetchall()}
    birth = [c for c in ("year_of_birth", "month_of_birth", "gender_concept_id") if c in columns]
    found["birth_sex_unique_share"] = _one(
        con,
        "SELECT avg(CAST(n = 1 AS INTEGER)) FROM ("  # noqa: S608  columns of ours
        f"SELECT count(*) OVER (PARTITION BY {', '.join(birth)}) AS n FROM cdm.person)",
    )
    found["genotyped_share"] = None
    if "omics.genotype_sample" in known:
        found["genotyped_share"] = _one(con, """
            SELECT count(DISTINCT g.person_id) / nullif((SELECT count(*) FROM cdm.person), 0)
            FROM omics.genotype_sample AS g""")  # fmt: skip
    con.execute("DROP TABLE looked")
    return found


def _one(con: duckdb.DuckDBPyConnection, query: str) -> Any:
    row = con.execute(query).fetchone()
    return round(row[0], 4) if row and isinstance(row[0], float) else row[0] if row else None
