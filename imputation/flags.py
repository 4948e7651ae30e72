"""Every cell of the grid with its mask, the age of what it rests on, and why it is missing."""

from __future__ import annotations

import duckdb

MOST_LEVELS = 50
WATCH, FAIL = 0.05, 0.1  # Cramer's V; a test of significance says nothing with thousands of people

# Reasons, the surest first: a code that says so; a person none of whose sources delivers the
# variable; a day after the last that such a source covers; else nothing is known.
_FLAGS = """
INSERT INTO imputed.missing_flag
WITH variable_source AS (
  SELECT DISTINCT c.variable, e.study, e.source, e.source_code, e.code_system
  FROM stem.event AS e JOIN plan_concept AS c ON c.concept_id = e.concept_id
), covered AS (
  SELECT s.variable, p.person_id, max(p.covered_to) AS covered_to
  FROM (SELECT DISTINCT variable, study, source FROM variable_source) AS s
  JOIN mart.source_coverage AS p ON p.study = s.study AND p.source = s.source
  GROUP BY ALL
), coded AS (
  SELECT s.variable, a.person_id, a.start_date, min(a.absent_reason) AS absent_reason
  FROM mart.absent_fact AS a
  JOIN variable_source AS s ON s.study = a.study AND s.source = a.source
    AND s.source_code = a.variable AND s.code_system IS NOT DISTINCT FROM a.code_system
  WHERE a.start_date IS NOT NULL GROUP BY ALL
), numbered AS (
  SELECT *, row_number() OVER (PARTITION BY concept_id, group_no ORDER BY minute) AS place
  FROM cell
), wanted AS (
  SELECT v.variable, v.name, g.group_no, g.minute, g.since,
    (SELECT min(concept_id) FROM plan_concept AS c WHERE c.variable = v.variable) AS concept_id
  FROM grid AS g CROSS JOIN plan_variable AS v
), aged AS (
  SELECT w.*, n.minute AS seen, n.place, n.is_censored, n.minute >= w.since AS is_seen
  FROM wanted AS w ASOF LEFT JOIN numbered AS n
    ON n.concept_id = w.variable AND n.group_no = w.group_no AND w.minute >= n.minute
)
SELECT $run, u.person_id, a.name, a.concept_id,
  CAST($origin AS TIMESTAMP) + to_minutes(a.minute) AS instant,
  CASE WHEN a.is_seen THEN 1 ELSE 0 END AS mask,
  coalesce(a.is_seen AND a.is_censored, FALSE),
  (a.minute - a.seen) / 1440 AS delta_days,
  CASE WHEN a.is_seen THEN a.place - 1 ELSE coalesce(a.place, 0) END AS n_prior,
  CASE WHEN a.is_seen THEN NULL
    WHEN d.absent_reason IS NOT NULL THEN d.absent_reason
    WHEN k.person_id IS NULL THEN 'x-not-in-study'
    WHEN CAST($origin AS DATE) + CAST(a.minute // 1440 AS INTEGER) > k.covered_to
      THEN 'x-lost-to-follow-up'
    ELSE 'unknown' END AS absent_reason
FROM aged AS a
JOIN follow_up AS u ON u.group_no = a.group_no
LEFT JOIN covered AS k ON k.variable = a.variable AND k.person_id = u.person_id
LEFT JOIN coded AS d ON d.variable = a.variable AND d.person_id = u.person_id
  AND d.start_date = CAST($origin AS DATE) + CAST(a.minute // 1440 AS INTEGER)
"""

_AUDIT = """
INSERT INTO imputed.missingness_audit
WITH person_attribute AS (
  SELECT person_id, attribute, min(level) AS level FROM mart.person_attribute GROUP BY ALL
  UNION ALL
  -- many are in several studies: whose person somebody was first
  SELECT person_id, 'first_study', arg_min(study, {'day': covered_from, 'study': study})
  FROM mart.source_coverage GROUP BY person_id
  UNION ALL
  SELECT person_id, 'care_site', CAST(care_site_id AS VARCHAR) FROM cdm.person
  WHERE care_site_id IS NOT NULL
), usable AS (
  -- of an attribute with hundreds of levels (years of education) V says nothing
  SELECT attribute FROM person_attribute GROUP BY attribute
  HAVING count(DISTINCT level) BETWEEN 2 AND $most_levels
), counted AS (
  SELECT f.variable, a.attribute, a.level, count(*) AS n_cells,
    count(*) FILTER (f.mask = 0) AS n_missing
  FROM imputed.missing_flag AS f JOIN person_attribute AS a USING (person_id)
  WHERE f.run_id = $run AND a.attribute IN (SELECT attribute FROM usable) GROUP BY ALL
), total AS (
  SELECT variable, attribute, sum(n_cells) AS n, sum(n_missing) / sum(n_cells) AS share
  FROM counted GROUP BY ALL
), chi AS (
  -- of a 2 x k table: with two rows Cramer's V is the root of chi squared over n
  SELECT c.variable, c.attribute,
    sqrt(sum(pow(c.n_missing - c.n_cells * t.share, 2) / (c.n_cells * t.share * (1 - t.share)))
      / any_value(t.n)) AS cramers_v
  FROM counted AS c JOIN total AS t USING (variable, attribute)
  WHERE t.share > 0 AND t.share < 1 GROUP BY ALL
)
SELECT $run, c.variable, c.attribute, c.level, c.n_cells, c.n_missing,
  c.n_missing / c.n_cells, coalesce(x.cramers_v, 0),
  CASE WHEN x.cramers_v >= $fail THEN 'fail' WHEN x.cramers_v >= $watch THEN 'watch'
    ELSE 'ok' END
FROM counted AS c LEFT JOIN chi AS x USING (variable, attribute)
ORDER BY c.variable, c.attribute, c.level
"""


def build_flags(con: duckdb.DuckDBPyConnection, run_id: str, origin: object) -> None:
    """Fill imputed.missing_flag of the plan whose temporary tables are there."""
    con.execute(_FLAGS, {"run": run_id, "origin": origin})


def audit_missingness(con: duckdb.DuckDBPyConnection, run_id: str) -> None:
    """Fill imputed.missingness_audit from the run's flags."""
    con.execute(_AUDIT, {"run": run_id, "watch": WATCH, "fail": FAIL, "most_levels": MOST_LEVELS})
