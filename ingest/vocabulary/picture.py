"""What one vocabulary says of the codes and concepts in use, in a form that compares."""

from __future__ import annotations

import duckdb

from biobraid.ingest.vocabulary.in_use import CODE_KEY

_IS_VALID = "COALESCE(invalid_reason, '') = ''"


def draw_picture(
    con: duckdb.DuckDBPyConnection, side: str, concept: str, relationship: str
) -> None:
    """Make the temporary tables <side>_code and <side>_concept over used_code and used_concept.

    concept, relationship: what stands after FROM. Targets of a code are those that
    stem.code_target gives it: Maps to, else itself if standard; the lists are sorted by id.
    """
    con.execute(_CODES.format(side=side, concept=concept, relationship=relationship,
                              key=CODE_KEY.format(system="c.vocabulary_id", code="c.concept_code"),
                              is_valid=_IS_VALID))  # fmt: skip
    con.execute(
        _CONCEPTS.format(side=side, concept=concept, relationship=relationship, is_valid=_IS_VALID)
    )


_CODES = """
CREATE TEMP TABLE {side}_code AS
WITH known AS (
  SELECT w.code_system, w.code_key,
    COALESCE(MIN(c.concept_id) FILTER ({is_valid}), MIN(c.concept_id)) AS concept_id
  FROM {concept} AS c
  JOIN used_code AS w ON c.vocabulary_id = w.code_system AND {key} = w.code_key
  GROUP BY ALL
), relation AS (
  SELECT DISTINCT r.concept_id_1 AS concept_id, r.concept_id_2 AS target_id, r.relationship_id
  FROM {relationship} AS r
  WHERE r.relationship_id IN ('Maps to', 'Maps to value') AND {is_valid}
    AND r.concept_id_1 IN (SELECT concept_id FROM known)
), named AS (
  SELECT concept_id, concept_name, domain_id, standard_concept, invalid_reason
  FROM {concept}
  WHERE concept_id IN (
    SELECT concept_id FROM known UNION ALL SELECT target_id FROM relation
  )
), target AS (
  SELECT concept_id, target_id FROM relation WHERE relationship_id = 'Maps to'
  UNION ALL
  SELECT n.concept_id, n.concept_id FROM named AS n
  WHERE n.standard_concept = 'S' AND n.concept_id IN (SELECT concept_id FROM known)
    AND n.concept_id NOT IN (SELECT concept_id FROM relation WHERE relationship_id = 'Maps to')
), listed AS (
  SELECT t.concept_id, LIST(t.target_id ORDER BY t.target_id) AS targets,
    LIST(n.concept_name ORDER BY t.target_id) AS target_names,
    LIST(n.domain_id ORDER BY t.target_id) AS domains
  FROM target AS t LEFT JOIN named AS n ON n.concept_id = t.target_id
  GROUP BY t.concept_id
), listed_value AS (
  SELECT concept_id, LIST(target_id ORDER BY target_id) AS value_concepts
  FROM relation WHERE relationship_id = 'Maps to value' GROUP BY concept_id
)
SELECT k.code_system, k.code_key, k.concept_id, n.concept_name AS name,
  n.standard_concept AS standard, n.invalid_reason AS invalid_reason,
  COALESCE(l.targets, []) AS targets, COALESCE(l.target_names, []) AS target_names,
  COALESCE(l.domains, []) AS domains, COALESCE(v.value_concepts, []) AS value_concepts
FROM known AS k
JOIN named AS n ON n.concept_id = k.concept_id
LEFT JOIN listed AS l ON l.concept_id = k.concept_id
LEFT JOIN listed_value AS v ON v.concept_id = k.concept_id
"""

_CONCEPTS = """
CREATE TEMP TABLE {side}_concept AS
WITH replacement AS (
  SELECT r.concept_id_1 AS concept_id, LIST(DISTINCT r.concept_id_2 ORDER BY r.concept_id_2) AS targets
  FROM {relationship} AS r
  WHERE r.relationship_id = 'Maps to' AND {is_valid}
    AND r.concept_id_1 IN (SELECT concept_id FROM used_concept)
  GROUP BY r.concept_id_1
)
SELECT c.concept_id, c.vocabulary_id, c.concept_name AS name, c.domain_id AS domain,
  c.standard_concept AS standard, c.invalid_reason AS invalid_reason,
  COALESCE(r.targets, []) AS targets
FROM {concept} AS c
LEFT JOIN replacement AS r ON r.concept_id = c.concept_id
WHERE c.concept_id IN (SELECT concept_id FROM used_concept)
"""
