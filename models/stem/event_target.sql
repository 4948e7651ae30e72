/* One row per study, source, kind, code, delivered concept and target: what an event becomes. */
MODEL (
  name stem.event_target,
  kind FULL,
  grain (
    study,
    source,
    kind,
    code_system,
    code_key,
    origin,
    given_concept_id,
    given_source_concept_id,
    target_ordinal
  ),
  description 'Mapping of every code that was delivered with an event: the rows of stem.event_candidate, else concept 0 in the table of its kind. The domain of the concept decides the table. Visits, visit details, deaths, surveys, notes and episodes are what their kind says.',
  column_descriptions (
    study = 'Study',
    source = 'Source within the study',
    kind = 'Kind of event; eras are not here, cdm takes them from staging.source_event',
    code_system = 'OMOP vocabulary id of the code, or study:source; for uncoded events the source table',
    code_key = 'Code to compare by; empty for uncoded events',
    origin = 'hospital, primary-care, register, survey, pharmacy, claims, research or device',
    given_concept_id = 'Standard concept the source delivers; null where the code is to be looked up',
    given_source_concept_id = 'Source concept the source delivers; null otherwise',
    target_ordinal = '1, 2, ... among the targets of the same code; 0 where there is none',
    disposition = 'mapped, unmapped (concept 0) or ignored (by rule, makes no fact)',
    rule = 'direct, recode, scale, date or ignore; delivered, vocabulary or origin where no mapping row speaks; null where unmapped',
    cdm_table = 'Table the fact goes to',
    concept_id = 'Standard concept; 0 if none',
    domain_id = 'Domain of the concept; null if unmapped',
    source_concept_id = 'Source concept of the code; 0 if none',
    value_concept_id = 'Concept of the value (Maps to value, or the mapping); null if none',
    recode_number = 'Number the code stands for (rule recode with a number as its argument); else null',
    scale_factor = 'Factor to the unit of the target; 1 if none',
    scale_offset = 'Added after the factor; 0 if none',
    unit_concept_id = 'Unit concept the mapping states; null if it states none',
    type_concept_id = 'OMOP type concept of the source; 0 if none',
    id_key = 'Key the fact id is made with: xor(row_id, id_key)'
  ),
  audits (
    unique_key(
      columns := (
        study,
        source,
        kind,
        code_system,
        code_key,
        origin,
        given_concept_id,
        given_source_concept_id,
        target_ordinal
      )
    ),
    accepted_values("column" := disposition, is_in := ('mapped', 'unmapped', 'ignored')),
    not_null(columns := (concept_id, cdm_table, id_key))
  )
);

WITH asked AS (
  SELECT
    f.study,
    f.source,
    f.kind,
    f.code_system,
    f.code_key,
    f.origin,
    f.given_concept_id,
    f.given_source_concept_id
  FROM staging.event_frequency AS f
  WHERE
    NOT f.kind IN ('condition_era', 'drug_era', 'dose_era')
  GROUP BY
    f.study,
    f.source,
    f.kind,
    f.code_system,
    f.code_key,
    f.origin,
    f.given_concept_id,
    f.given_source_concept_id
), known_code AS (
  SELECT
    c.code_system,
    c.code_key,
    c.source_concept_id
  FROM stem.code_target AS c
  GROUP BY
    c.code_system,
    c.code_key,
    c.source_concept_id
), resolved AS (
  SELECT
    a.study,
    a.source,
    a.kind,
    a.code_system,
    a.code_key,
    a.origin,
    a.given_concept_id,
    a.given_source_concept_id,
    COALESCE(n.target_ordinal, 0) AS target_ordinal,
    n.rule,
    n.rule_arg,
    COALESCE(n.concept_id, 0) AS concept_id,
    n.domain_id,
    CASE SPLIT_PART(n.domain_id, '/', 1)
      WHEN 'Meas'
      THEN 'Measurement'
      WHEN 'Obs'
      THEN 'Observation'
      ELSE SPLIT_PART(n.domain_id, '/', 1)
    END AS first_domain,
    COALESCE(NULLIF(n.source_concept_id, 0), a.given_source_concept_id, k.source_concept_id, 0) AS source_concept_id,
    n.value_concept_id,
    n.scale_factor,
    n.scale_offset,
    n.unit_concept_id,
    COALESCE(n.id_key, 0) AS id_key
  FROM asked AS a
  LEFT JOIN stem.event_candidate AS n
    ON a.study = n.study
    AND a.source = n.source
    AND a.kind = n.kind
    AND a.code_system = n.code_system
    AND a.code_key = n.code_key
    AND a.origin = n.origin
    AND a.given_concept_id IS NOT DISTINCT FROM n.given_concept_id
    AND a.given_source_concept_id IS NOT DISTINCT FROM n.given_source_concept_id
  LEFT JOIN known_code AS k
    ON a.code_system = k.code_system AND a.code_key = k.code_key
)
SELECT
  CAST(r.study AS TEXT) AS study,
  CAST(r.source AS TEXT) AS source,
  CAST(r.kind AS TEXT) AS kind,
  CAST(r.code_system AS TEXT) AS code_system,
  CAST(r.code_key AS TEXT) AS code_key,
  CAST(r.origin AS TEXT) AS origin,
  CAST(r.given_concept_id AS BIGINT) AS given_concept_id,
  CAST(r.given_source_concept_id AS BIGINT) AS given_source_concept_id,
  CAST(r.target_ordinal AS INT) AS target_ordinal,
  CAST(CASE WHEN r.rule = 'ignore' THEN 'ignored' WHEN r.concept_id <> 0 THEN 'mapped' ELSE 'unmapped' END AS TEXT) AS disposition,
  CAST(r.rule AS TEXT) AS rule,
  CAST(CASE
    WHEN r.kind = 'visit'
    THEN 'visit_occurrence'
    WHEN r.kind = 'survey'
    THEN 'survey_conduct'
    WHEN r.kind IN ('visit_detail', 'death', 'note', 'episode')
    THEN r.kind
    WHEN r.first_domain = 'Condition'
    THEN 'condition_occurrence'
    WHEN r.first_domain = 'Drug'
    THEN 'drug_exposure'
    WHEN r.first_domain = 'Procedure'
    THEN 'procedure_occurrence'
    WHEN r.first_domain = 'Device'
    THEN 'device_exposure'
    WHEN r.first_domain = 'Measurement'
    THEN 'measurement'
    WHEN r.first_domain = 'Specimen' OR r.kind = 'specimen'
    THEN 'specimen'
    WHEN NOT r.domain_id IS NULL
    THEN 'observation'
    WHEN r.kind = 'condition'
    THEN 'condition_occurrence'
    WHEN r.kind = 'drug'
    THEN 'drug_exposure'
    WHEN r.kind = 'procedure'
    THEN 'procedure_occurrence'
    WHEN r.kind = 'device'
    THEN 'device_exposure'
    WHEN r.kind = 'measurement'
    THEN 'measurement'
    ELSE 'observation'
  END AS TEXT) AS cdm_table,
  CAST(r.concept_id AS BIGINT) AS concept_id,
  CAST(r.domain_id AS TEXT) AS domain_id,
  CAST(r.source_concept_id AS BIGINT) AS source_concept_id,
  CAST(r.value_concept_id AS BIGINT) AS value_concept_id,
  CAST(CASE WHEN r.rule = 'recode' THEN TRY_CAST(r.rule_arg AS DOUBLE) END AS DOUBLE) AS recode_number,
  CAST(COALESCE(r.scale_factor, 1) AS DOUBLE) AS scale_factor,
  CAST(COALESCE(r.scale_offset, 0) AS DOUBLE) AS scale_offset,
  CAST(r.unit_concept_id AS BIGINT) AS unit_concept_id,
  CAST(COALESCE(s.type_concept_id, 0) AS BIGINT) AS type_concept_id,
  CAST(r.id_key AS BIGINT) AS id_key
FROM resolved AS r
LEFT JOIN vocab.study_source AS s
  ON r.study = s.study AND r.source = s.source
