"""Consent and withdrawal as they stand, from the landed records of consent.

Per source person and modality: a `given` lifts whatever came before it; of what came since,
the strictest counts, then the latest. A withdrawal or refusal without a date (UK Biobank's
lists have none) holds from now on, a `given` without a date from the beginning.

no_use of everything takes the source person out of the warehouse: link_status = withdrawn.
It reaches that study's data only. Where the person is also known from other studies, those
stay linked to each other and no record of the withdrawn one is linked to them.
"""

from __future__ import annotations

import duckdb

from biobraid.core.home import Home
from biobraid.core.manifest import Manifest
from biobraid.core.warehouse import parquet_list

# A withdrawal that does not say how far it goes, goes all the way.
_STRICTNESS = """CASE
  WHEN status = 'withdrawn' AND coalesce(level, 'no_use') = 'no_use' THEN 4
  WHEN status IN ('refused', 'expired') THEN 3
  WHEN status = 'withdrawn' AND level = 'no_access' THEN 2
  WHEN status = 'withdrawn' THEN 1
  ELSE 0 END"""


def load_consent(con: duckdb.DuckDBPyConnection, home: Home, manifest: Manifest) -> None:
    """Make `standing` (one row per source person x modality) and `withdrawn`.

    withdrawn (source_person_key, study): who withdrew from all use.
    """
    paths = [home.landing / part.path for part in manifest.parts("raw.consent") if part.rows]
    con.execute("""
        CREATE TEMP TABLE consent_record (
          source_person_key VARCHAR, study VARCHAR, modality VARCHAR, status VARCHAR,
          level VARCHAR, start_time VARCHAR, row_id BIGINT)""")
    if paths:
        con.execute(f"""
            INSERT INTO consent_record BY NAME
            SELECT source_person_key, study, modality, status, level, start_time, row_id
            FROM read_parquet({parquet_list(paths)})
            WHERE source_person_key IS NOT NULL""")  # noqa: S608  our own paths, as literals
    con.execute(f"""
        CREATE TEMP TABLE standing AS
        WITH numbered AS (
          SELECT *, {_STRICTNESS} AS strictness,
            row_number() OVER (
              PARTITION BY source_person_key, modality
              ORDER BY coalesce(start_time,
                CASE WHEN status IN ('withdrawn', 'refused') THEN '9999' ELSE '' END), row_id
            ) AS n
          FROM consent_record
        ),
        since AS (
          SELECT *, coalesce(max(n) FILTER (status = 'given') OVER (
            PARTITION BY source_person_key, modality), 0) AS n_given
          FROM numbered
        )
        SELECT source_person_key, study, modality, status, level, strictness,
          left(start_time, 10) AS effective_from, row_id
        FROM since WHERE n >= n_given
        QUALIFY row_number() OVER (
          PARTITION BY source_person_key, modality ORDER BY strictness DESC, n DESC) = 1""")  # noqa: S608  constant
    con.execute("""
        CREATE TEMP TABLE withdrawn AS
        SELECT DISTINCT source_person_key, min(study) AS study FROM standing
        WHERE modality = '*' AND strictness = 4 AND status = 'withdrawn'
        GROUP BY source_person_key""")
    con.execute("DROP TABLE consent_record")


# One person known from several studies: the strictest of their answers counts, so that one
# study's consent never undoes a refusal to another. A source person that withdrew from all
# use speaks for the person only where it is all there is, so that releases which still hold
# that person can be found.
CONSENT_QUERY = """
  WITH member AS (
    SELECT m.source_person_key, m.person_id, w.source_person_key IS NOT NULL AS has_withdrawn,
      bool_and(w.source_person_key IS NOT NULL) OVER (PARTITION BY m.person_id) AS is_all
    FROM person_member AS m LEFT JOIN withdrawn AS w USING (source_person_key)
    WHERE m.valid_to_run IS NULL
  )
  SELECT m.person_id, s.modality, s.status,
    CASE WHEN s.status = 'withdrawn' THEN coalesce(s.level, 'no_use') END AS level,
    s.effective_from
  FROM standing AS s INNER JOIN member AS m USING (source_person_key)
  WHERE NOT m.has_withdrawn OR m.is_all
  QUALIFY row_number() OVER (
    PARTITION BY m.person_id, s.modality
    ORDER BY s.strictness DESC, s.effective_from DESC NULLS LAST, s.row_id DESC) = 1"""
