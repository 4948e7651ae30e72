AUDIT (
  name unique_key
);

/* The columns name a row. Null is a value of its own here, as it is in a grain. */
SELECT
  @EACH(@columns, c -> c)
FROM @this_model
GROUP BY
  @EACH(@columns, c -> c)
HAVING
  COUNT(*) > 1;

AUDIT (
  name positive
);

/* Ids are positive: OHDSI's quality dashboard rejects negative ones. */
SELECT
  @key
FROM @this_model
WHERE
  @key <= 0;

AUDIT (
  name refers_to_person
);

/* The person is one of cdm.person. */
SELECT
  t.person_id
FROM @this_model AS t
LEFT JOIN cdm.person AS p
  ON t.@key = p.person_id
WHERE
  p.person_id IS NULL AND NOT t.@key IS NULL;

AUDIT (
  name refers_to_visit_occurrence
);

/* The visit, where there is one, is one of cdm.visit_occurrence. */
SELECT
  t.visit_occurrence_id
FROM @this_model AS t
LEFT JOIN cdm.visit_occurrence AS v
  ON t.@key = v.visit_occurrence_id
WHERE
  v.visit_occurrence_id IS NULL AND NOT t.@key IS NULL;

AUDIT (
  name refers_to_visit_detail
);

/* The visit detail, where there is one, is one of cdm.visit_detail. */
SELECT
  t.visit_detail_id
FROM @this_model AS t
LEFT JOIN cdm.visit_detail AS v
  ON t.@key = v.visit_detail_id
WHERE
  v.visit_detail_id IS NULL AND NOT t.@key IS NULL;

AUDIT (
  name value_or_absent
);

/* A delivered value is one thing: a number, a date, a code, a text, or absent for a reason. */
SELECT
  row_id
FROM @this_model
WHERE
  CASE WHEN value_number IS NULL THEN 0 ELSE 1 END + CASE WHEN value_date IS NULL THEN 0 ELSE 1 END + CASE WHEN value_code IS NULL THEN 0 ELSE 1 END + CASE WHEN value_text IS NULL THEN 0 ELSE 1 END + CASE WHEN absent_reason IS NULL THEN 0 ELSE 1 END <> 1;

AUDIT (
  name mapped_within_all
);

/* No more values are mapped than there are. */
SELECT
  variable
FROM @this_model
WHERE
  n_mapped > n OR mapped_share > 1
