/* One row per table of cdm that is filled from records or delivered eras: what was delivered, and what arrived. */
MODEL (
  name stem.record_arrival,
  kind FULL,
  grain cdm_table,
  description 'The law of the books for the tables that hold records or delivered eras instead of facts: n_records = n_excluded + n_unresolved + n_rows, with n_rows counted in the table itself (eras: the delivered ones there).',
  column_descriptions (
    cdm_table = 'Table of cdm',
    n_records = 'Assets of stem.asset that are images, facts of stem.image_fact, records of its kind in staging.source_record (a role of a provider counts as part of it, see staging.provider_role), or eras in staging.source_event',
    n_excluded = 'Of these, records of persons without a year of birth',
    n_unresolved = 'Of the others, records that the table cannot hold: no start date (payer_plan_period, eras), no dose (dose_era), no UID, no procedure or two persons (images), no image (features), no name (metadata), or a reference to an event that is not in cdm (cost, fact_relationship, episode_event)',
    n_rows = 'Rows of the table'
  ),
  audits (unique_key(columns := (
      cdm_table
  )), all_records_arrived())
);

WITH reference AS (
  SELECT
    d.record_id,
    MAX(
      CASE
        WHEN d.field IN ('cost_event_id', 'fact_id_1', 'event_id')
        THEN TRY_CAST(d.value_text AS BIGINT)
      END
    ) AS first_id,
    MAX(CASE WHEN d.field IN ('fact_id_2', 'episode_id') THEN TRY_CAST(d.value_text AS BIGINT) END) AS second_id
  FROM staging.source_detail AS d
  WHERE
    d.kind IN ('cost', 'fact_relationship', 'episode_event')
  GROUP BY
    d.record_id
), named AS (
  SELECT
    d.record_id
  FROM staging.source_detail AS d
  WHERE
    d.kind = 'metadata' AND d.field = 'name'
  GROUP BY
    d.record_id
), held AS (
  SELECT
    f.record_id,
    MAX(CASE WHEN f.place = 1 THEN 1 ELSE 0 END) AS is_held,
    MAX(CASE WHEN f.place = 1 AND NOT f.domain_id IS NULL THEN 1 ELSE 0 END) AS has_domain,
    MAX(CASE WHEN f.place = 1 AND f.cdm_table = 'episode' THEN 1 ELSE 0 END) AS is_episode
  FROM stem.record_target AS f
  GROUP BY
    f.record_id
), imaging AS (
  SELECT
    e.record_id,
    e.person_id,
    e.source_code
  FROM stem.event_fact AS e
  WHERE
    e.kind = 'procedure' AND e.cdm_table = 'procedure_occurrence' AND NOT e.start_date IS NULL
  GROUP BY
    e.record_id,
    e.person_id,
    e.source_code
), judged AS (
  SELECT
    r.kind AS cdm_table,
    CASE WHEN NOT r.person_id IS NULL AND p.person_id IS NULL THEN 1 ELSE 0 END AS is_excluded,
    CASE r.kind
      WHEN 'payer_plan_period'
      THEN CASE WHEN r.start_date IS NULL THEN 1 ELSE 0 END
      WHEN 'metadata'
      THEN CASE WHEN COALESCE(r.label, r.code) IS NULL AND n.record_id IS NULL THEN 1 ELSE 0 END
      WHEN 'cost'
      THEN 1 - COALESCE(a.has_domain, 0)
      WHEN 'fact_relationship'
      THEN 1 - COALESCE(a.is_held, 0) * COALESCE(b.is_held, 0)
      WHEN 'episode_event'
      THEN 1 - COALESCE(a.is_held, 0) * COALESCE(b.is_episode, 0)
      ELSE 0
    END AS is_unresolved
  FROM staging.source_record AS r
  LEFT JOIN cdm.person AS p
    ON r.person_id = p.person_id
  LEFT JOIN staging.provider_role AS o
    ON r.kind = 'provider' AND r.record_id = o.record_id
  LEFT JOIN named AS n
    ON r.record_id = n.record_id
  LEFT JOIN reference AS f
    ON r.record_id = f.record_id
  LEFT JOIN held AS a
    ON COALESCE(f.first_id, CASE WHEN r.kind IN ('cost', 'fact_relationship') THEN r.parent_record_id END) = a.record_id
  LEFT JOIN held AS b
    ON COALESCE(f.second_id, CASE WHEN r.kind = 'episode_event' THEN r.parent_record_id END) = b.record_id
  WHERE
    o.record_id IS NULL
    AND r.kind IN (
      'location',
      'care_site',
      'provider',
      'metadata',
      'payer_plan_period',
      'cost',
      'fact_relationship',
      'episode_event'
    )
  UNION ALL
  SELECT
    e.kind AS cdm_table,
    CASE WHEN p.person_id IS NULL THEN 1 ELSE 0 END AS is_excluded,
    CASE WHEN e.start_date IS NULL OR (
      e.kind = 'dose_era' AND e.value_number IS NULL
    ) THEN 1 ELSE 0 END AS is_unresolved
  FROM staging.source_event AS e
  LEFT JOIN cdm.person AS p
    ON e.person_id = p.person_id
  WHERE
    e.kind IN ('condition_era', 'drug_era', 'dose_era')
  UNION ALL
  SELECT
    'image_occurrence' AS cdm_table,
    CASE WHEN p.person_id IS NULL THEN 1 ELSE 0 END AS is_excluded,
    CASE
      WHEN a.n_persons = 1
      AND NOT a.start_date IS NULL
      AND NOT a.study_uid IS NULL
      AND NOT a.series_uid IS NULL
      AND NOT m.record_id IS NULL
      THEN 0
      ELSE 1
    END AS is_unresolved
  FROM stem.asset AS a
  LEFT JOIN cdm.person AS p
    ON a.person_id = p.person_id
  LEFT JOIN imaging AS m
    ON a.record_id = m.record_id AND a.person_id = m.person_id AND COALESCE(a.modality, 'OT') = m.source_code
  WHERE
    a.kind <> 'waveform'
  UNION ALL
  SELECT
    'image_feature' AS cdm_table,
    CASE WHEN p.person_id IS NULL THEN 1 ELSE 0 END AS is_excluded,
    CASE WHEN i.start_date IS NULL OR o.image_occurrence_id IS NULL THEN 1 ELSE 0 END AS is_unresolved
  FROM stem.image_fact AS i
  LEFT JOIN cdm.person AS p
    ON i.person_id = p.person_id
  LEFT JOIN cdm.image_occurrence AS o
    ON i.asset_id = o.image_occurrence_id AND i.person_id = o.person_id
), delivered_era AS (
  SELECT
    e.row_id
  FROM staging.source_event AS e
  WHERE
    e.kind IN ('condition_era', 'drug_era', 'dose_era')
), sent AS (
  SELECT
    j.cdm_table,
    COUNT(*) AS n_records,
    SUM(j.is_excluded) AS n_excluded,
    SUM(CASE WHEN j.is_excluded = 0 THEN j.is_unresolved ELSE 0 END) AS n_unresolved
  FROM judged AS j
  GROUP BY
    j.cdm_table
), arrived AS (
  SELECT
    'image_occurrence' AS cdm_table,
    COUNT(*) AS n_rows
  FROM cdm.image_occurrence
  UNION ALL
  SELECT
    'image_feature' AS cdm_table,
    COUNT(*) AS n_rows
  FROM cdm.image_feature
  UNION ALL
  SELECT
    'location' AS cdm_table,
    COUNT(*) AS n_rows
  FROM cdm.location
  UNION ALL
  SELECT
    'care_site' AS cdm_table,
    COUNT(*) AS n_rows
  FROM cdm.care_site
  UNION ALL
  SELECT
    'provider' AS cdm_table,
    COUNT(*) AS n_rows
  FROM cdm.provider
  UNION ALL
  SELECT
    'metadata' AS cdm_table,
    COUNT(*) AS n_rows
  FROM cdm.metadata
  UNION ALL
  SELECT
    'payer_plan_period' AS cdm_table,
    COUNT(*) AS n_rows
  FROM cdm.payer_plan_period
  UNION ALL
  SELECT
    'cost' AS cdm_table,
    COUNT(*) AS n_rows
  FROM cdm.cost
  UNION ALL
  SELECT
    'fact_relationship' AS cdm_table,
    COUNT(*) AS n_rows
  FROM cdm.fact_relationship
  UNION ALL
  SELECT
    'episode_event' AS cdm_table,
    COUNT(*) AS n_rows
  FROM cdm.episode_event
  UNION ALL
  SELECT
    'condition_era' AS cdm_table,
    COUNT(*) AS n_rows
  FROM cdm.condition_era AS c
  INNER JOIN delivered_era AS d
    ON c.condition_era_id = d.row_id
  UNION ALL
  SELECT
    'drug_era' AS cdm_table,
    COUNT(*) AS n_rows
  FROM cdm.drug_era AS c
  INNER JOIN delivered_era AS d
    ON c.drug_era_id = d.row_id
  UNION ALL
  SELECT
    'dose_era' AS cdm_table,
    COUNT(*) AS n_rows
  FROM cdm.dose_era AS c
  INNER JOIN delivered_era AS d
    ON c.dose_era_id = d.row_id
)
SELECT
  CAST(a.cdm_table AS TEXT) AS cdm_table,
  CAST(COALESCE(s.n_records, 0) AS BIGINT) AS n_records,
  CAST(COALESCE(s.n_excluded, 0) AS BIGINT) AS n_excluded,
  CAST(COALESCE(s.n_unresolved, 0) AS BIGINT) AS n_unresolved,
  CAST(a.n_rows AS BIGINT) AS n_rows
FROM arrived AS a
LEFT JOIN sent AS s
  ON a.cdm_table = s.cdm_table
