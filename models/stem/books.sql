/* One row per study, source and raw table: the law of the books in facts. */
MODEL (
  name stem.books,
  kind FULL,
  grain (study, source, table_name),
  description 'Every row of raw arrives or is counted: n_rows = n_unlinked + n_withdrawn + n_absent + n_ignored + n_rows_with_facts + n_records + n_unused, and n_facts = n_rows_with_facts + n_fan_out = n_facts_person + n_undated + n_excluded + n_facts_for_cdm. Rows with facts and fan-out are computed from frequencies and targets, facts are counted in stem.event.',
  column_descriptions (
    study = 'Study',
    source = 'Source within the study',
    table_name = 'Raw table: value, event, record, detail or genotype_sample',
    n_rows = 'Rows in raw',
    n_unlinked = 'Rows whose person is waiting, quarantined, not yet linked, or not named though it should be',
    n_withdrawn = 'Rows of persons who withdrew',
    n_absent = 'Values and events that are absent for a reason',
    n_ignored = 'Values or events that a mapping rule ignores',
    n_records = 'Rows of raw.record and raw.detail that a model reads (stem.field_use), delivered eras, and samples in omics.genotype_sample; they make no facts',
    n_unused = 'Rows of raw.record and raw.detail that no model reads (stem.leftover)',
    n_rows_with_facts = 'Values or events that became at least one fact',
    n_fan_out = 'Further facts made from the same values or events',
    n_facts = 'Facts in stem.event',
    n_unmapped = 'Facts with concept 0, among n_facts',
    n_facts_person = 'Facts that fill columns or attributes of a person',
    n_undated = 'Facts without a date, which cdm cannot hold',
    n_excluded = 'Dated facts of persons without a year of birth',
    n_facts_for_cdm = 'Facts that go to a table of cdm (several deaths of a person count as several)'
  ),
  audits (unique_key(columns := (study, source, table_name)), books_balance())
);

WITH delivered AS (
  SELECT
    s.study,
    s.source,
    s.table_name,
    SUM(s.n_rows) AS n_rows,
    SUM(CASE WHEN s.link_status IN ('linked', 'withdrawn', 'of-nobody') THEN 0 ELSE s.n_rows END) AS n_unlinked,
    SUM(CASE WHEN s.link_status = 'withdrawn' THEN s.n_rows ELSE 0 END) AS n_withdrawn
  FROM staging.source_person AS s
  GROUP BY
    s.study,
    s.source,
    s.table_name
), value_facts_of AS (
  SELECT
    t.study,
    t.source,
    t.variable,
    COALESCE(t.value_code, '') AS value_code,
    SUM(CASE WHEN t.disposition = 'ignored' THEN 0 ELSE 1 END) AS n_targets
  FROM stem.value_target AS t
  GROUP BY
    t.study,
    t.source,
    t.variable,
    COALESCE(t.value_code, '')
), event_facts_of AS (
  SELECT
    t.study,
    t.source,
    t.kind,
    t.code_system,
    t.code_key,
    t.origin,
    t.given_concept_id,
    t.given_source_concept_id,
    SUM(CASE WHEN t.disposition = 'ignored' THEN 0 ELSE 1 END) AS n_targets
  FROM stem.event_target AS t
  GROUP BY
    t.study,
    t.source,
    t.kind,
    t.code_system,
    t.code_key,
    t.origin,
    t.given_concept_id,
    t.given_source_concept_id
), outcome AS (
  SELECT
    f.study,
    f.source,
    'value' AS table_name,
    CASE WHEN f.absent_reason IS NULL THEN 0 ELSE f.n_values END AS n_absent,
    CASE WHEN f.absent_reason IS NULL AND t.n_targets = 0 THEN f.n_values ELSE 0 END AS n_ignored,
    CASE WHEN f.absent_reason IS NULL AND t.n_targets > 0 THEN f.n_values ELSE 0 END AS n_rows_with_facts,
    CASE WHEN f.absent_reason IS NULL AND t.n_targets > 1 THEN f.n_values * (
      t.n_targets - 1
    ) ELSE 0 END AS n_fan_out,
    0 AS n_records,
    0 AS n_unused
  FROM staging.value_frequency AS f
  LEFT JOIN value_facts_of AS t
    ON f.study = t.study
    AND f.source = t.source
    AND f.variable = t.variable
    AND COALESCE(f.value_code, '') = t.value_code
  UNION ALL
  SELECT
    f.study,
    f.source,
    'event' AS table_name,
    CASE WHEN f.absent_reason IS NULL THEN 0 ELSE f.n_events END AS n_absent,
    CASE WHEN f.absent_reason IS NULL AND t.n_targets = 0 THEN f.n_events ELSE 0 END AS n_ignored,
    CASE WHEN f.absent_reason IS NULL AND t.n_targets > 0 THEN f.n_events ELSE 0 END AS n_rows_with_facts,
    CASE WHEN f.absent_reason IS NULL AND t.n_targets > 1 THEN f.n_events * (
      t.n_targets - 1
    ) ELSE 0 END AS n_fan_out,
    CASE
      WHEN f.absent_reason IS NULL AND f.kind IN ('condition_era', 'drug_era', 'dose_era')
      THEN f.n_events
      ELSE 0
    END AS n_records,
    0 AS n_unused
  FROM staging.event_frequency AS f
  LEFT JOIN event_facts_of AS t
    ON f.study = t.study
    AND f.source = t.source
    AND f.kind = t.kind
    AND f.code_system = t.code_system
    AND f.code_key = t.code_key
    AND f.origin = t.origin
    AND f.given_concept_id IS NOT DISTINCT FROM t.given_concept_id
    AND f.given_source_concept_id IS NOT DISTINCT FROM t.given_source_concept_id
  UNION ALL
  SELECT
    u.study,
    u.source,
    u.table_name,
    0 AS n_absent,
    0 AS n_ignored,
    0 AS n_rows_with_facts,
    0 AS n_fan_out,
    u.n_rows - u.n_unused AS n_records,
    u.n_unused
  FROM stem.field_use AS u
  UNION ALL
  SELECT
    g.study,
    g.source,
    'genotype_sample' AS table_name,
    0 AS n_absent,
    0 AS n_ignored,
    0 AS n_rows_with_facts,
    0 AS n_fan_out,
    COUNT(*) AS n_records,
    0 AS n_unused
  FROM omics.genotype_sample AS g
  GROUP BY
    g.study,
    g.source
), outcome_sum AS (
  SELECT
    o.study,
    o.source,
    o.table_name,
    SUM(o.n_absent) AS n_absent,
    SUM(o.n_ignored) AS n_ignored,
    SUM(o.n_rows_with_facts) AS n_rows_with_facts,
    SUM(o.n_fan_out) AS n_fan_out,
    SUM(o.n_records) AS n_records,
    SUM(o.n_unused) AS n_unused
  FROM outcome AS o
  GROUP BY
    o.study,
    o.source,
    o.table_name
), fact AS (
  SELECT
    e.study,
    e.source,
    CASE WHEN e.kind = 'value' THEN 'value' ELSE 'event' END AS table_name,
    COUNT(*) AS n_facts,
    SUM(
      CASE
        WHEN e.concept_id = 0 AND COALESCE(e.person_field, '') = '' AND e.cdm_table <> 'death'
        THEN 1
        ELSE 0
      END
    ) AS n_unmapped,
    SUM(CASE WHEN e.cdm_table IN ('person', 'person_attribute') THEN 1 ELSE 0 END) AS n_facts_person,
    SUM(
      CASE WHEN NOT e.cdm_table IN ('person', 'person_attribute') AND e.start_date IS NULL THEN 1 ELSE 0 END
    ) AS n_undated,
    SUM(
      CASE
        WHEN NOT e.cdm_table IN ('person', 'person_attribute') AND NOT e.start_date IS NULL AND p.person_id IS NULL
        THEN 1
        ELSE 0
      END
    ) AS n_excluded,
    SUM(
      CASE
        WHEN NOT e.cdm_table IN ('person', 'person_attribute')
        AND NOT e.start_date IS NULL
        AND NOT p.person_id IS NULL
        THEN 1
        ELSE 0
      END
    ) AS n_facts_for_cdm
  FROM stem.event AS e
  LEFT JOIN cdm.person AS p
    ON e.person_id = p.person_id
  GROUP BY
    e.study,
    e.source,
    CASE WHEN e.kind = 'value' THEN 'value' ELSE 'event' END
)
SELECT
  CAST(d.study AS TEXT) AS study,
  CAST(d.source AS TEXT) AS source,
  CAST(d.table_name AS TEXT) AS table_name,
  CAST(d.n_rows AS BIGINT) AS n_rows,
  CAST(d.n_unlinked AS BIGINT) AS n_unlinked,
  CAST(d.n_withdrawn AS BIGINT) AS n_withdrawn,
  CAST(COALESCE(o.n_absent, 0) AS BIGINT) AS n_absent,
  CAST(COALESCE(o.n_ignored, 0) AS BIGINT) AS n_ignored,
  CAST(COALESCE(o.n_records, 0) AS BIGINT) AS n_records,
  CAST(COALESCE(o.n_unused, 0) AS BIGINT) AS n_unused,
  CAST(COALESCE(o.n_rows_with_facts, 0) AS BIGINT) AS n_rows_with_facts,
  CAST(COALESCE(o.n_fan_out, 0) AS BIGINT) AS n_fan_out,
  CAST(COALESCE(f.n_facts, 0) AS BIGINT) AS n_facts,
  CAST(COALESCE(f.n_unmapped, 0) AS BIGINT) AS n_unmapped,
  CAST(COALESCE(f.n_facts_person, 0) AS BIGINT) AS n_facts_person,
  CAST(COALESCE(f.n_undated, 0) AS BIGINT) AS n_undated,
  CAST(COALESCE(f.n_excluded, 0) AS BIGINT) AS n_excluded,
  CAST(COALESCE(f.n_facts_for_cdm, 0) AS BIGINT) AS n_facts_for_cdm
FROM delivered AS d
LEFT JOIN outcome_sum AS o
  ON d.study = o.study AND d.source = o.source AND d.table_name = o.table_name
LEFT JOIN fact AS f
  ON d.study = f.study AND d.source = f.source AND d.table_name = f.table_name
