"""What speaks against a pair whatever its score: such a pair goes to review, never further.

The score adds up agreements as if they were independent. Within a family they are not: twins
share surname, birth date, home, e-mail and phone, and a model without that knowledge calls
them one person with certainty.
"""

from __future__ import annotations

import duckdb

from biobraid.linkage.clusters import DATES_DISAGREE
from biobraid.linkage.tokens import ACCEPT_DICE, REVIEW_DICE

_STRONG = "(l.nhs_number = r.nhs_number OR l.national_id = r.national_id)"
_TURNED = "(l.first_name = r.surname AND l.surname = r.first_name)"
_DOUBT = f"""CASE
  WHEN l.nhs_number <> r.nhs_number THEN 'two-nhs-numbers'
  WHEN l.sex <> r.sex THEN 'sex'
  WHEN (SELECT {DATES_DISAGREE} FROM (SELECT l.birth_date AS a, r.birth_date AS b)) THEN 'birth-date'
  WHEN {_STRONG} THEN CASE WHEN e.key_l IS NULL THEN 'strong-key-uncorroborated' END
  WHEN l.birth_year IS NULL OR r.birth_year IS NULL THEN 'birth-date'
  WHEN l.first_name IS NULL OR r.first_name IS NULL THEN 'first-name'
  WHEN NOT {_TURNED} AND jaro_winkler_similarity(l.first_name, r.first_name) < 0.88
    THEN 'first-name'
  END"""  # noqa: S608  constants; a null makes a condition null, which is no doubt


# A token says how alike two are, not how certain: above ACCEPT_DICE as good as a corroborated
# score, below it between review's bounds, in the order of likeness.
_TOKEN_CERTAINTY = f"""CASE WHEN dice >= {ACCEPT_DICE} THEN .95 + .04 * (dice - {ACCEPT_DICE})
  ELSE .5 + .4 * (dice - {REVIEW_DICE}) / ({ACCEPT_DICE} - {REVIEW_DICE}) END"""


def weigh(con: duckdb.DuckDBPyConnection) -> None:
    """Make `weighed` (key_l, key_r, method, rule_id, match_weight, match_probability, doubt).

    Needs `pair_score`, `token_pair`, `candidate` and the strong keys' edges in `found_edge`.
    """
    con.execute(f"""
        CREATE TEMP TABLE weighed AS
        SELECT s.key_l, s.key_r, 'probabilistic' AS method, 'splink' AS rule_id,
          s.match_weight, s.match_probability, {_DOUBT} AS doubt
        FROM pair_score AS s
        INNER JOIN candidate AS l ON l.source_person_key = s.key_l
        INNER JOIN candidate AS r ON r.source_person_key = s.key_r
        LEFT JOIN (
          SELECT DISTINCT key_l, key_r FROM found_edge
          WHERE method = 'strong-key' AND decision = 'accepted'
        ) AS e ON e.key_l = s.key_l AND e.key_r = s.key_r""")  # noqa: S608  constants
    con.execute(f"""
        INSERT INTO weighed BY NAME
        SELECT key_l, key_r, 'token' AS method, 'clk' AS rule_id,
          {_TOKEN_CERTAINTY} AS match_probability, NULL::VARCHAR AS doubt
        FROM token_pair AS t
        WHERE NOT EXISTS (
          SELECT 1 FROM pair_score AS s WHERE s.key_l = t.key_l AND s.key_r = t.key_r)""")  # noqa: S608  constants
