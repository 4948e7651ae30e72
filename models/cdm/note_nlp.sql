/* One row per term found in a note; empty, as texts are not kept. */
MODEL (
  name cdm.note_nlp,
  kind FULL,
  grain note_nlp_id,
  description 'Empty: texts are not kept, so no terms are found in them.',
  column_descriptions (
    note_nlp_id = 'A unique identifier for the NLP record',
    note_id = 'This is the NOTE_ID for the NOTE record the NLP record is associated to',
    section_concept_id = 'Section concept id; null where the source gives none',
    snippet = 'A small window of text surrounding the term',
    "offset" = 'Character offset of the extracted term in the input note',
    lexical_variant = 'Raw text extracted from the NLP tool',
    note_nlp_concept_id = 'Note nlp concept id; null where the source gives none',
    note_nlp_source_concept_id = 'Note nlp source concept id; null where the source gives none',
    nlp_system = 'Nlp system; null where the source gives none',
    nlp_date = 'The date of the note processing',
    nlp_datetime = 'The date and time of the note processing',
    term_exists = 'Term exists; null where the source gives none',
    term_temporal = 'Term temporal; null where the source gives none',
    term_modifiers = 'Term modifiers; null where the source gives none'
  ),
  audits (
    not_null(columns := (note_nlp_id, note_id, lexical_variant, nlp_date)),
    unique_key(columns := (
      note_nlp_id
    )),
    positive(key := note_nlp_id)
  )
);

SELECT
  CAST(NULL AS BIGINT) AS note_nlp_id,
  CAST(NULL AS BIGINT) AS note_id,
  CAST(NULL AS BIGINT) AS section_concept_id,
  CAST(NULL AS TEXT) AS snippet,
  CAST(NULL AS TEXT) AS "offset",
  CAST(NULL AS TEXT) AS lexical_variant,
  CAST(NULL AS BIGINT) AS note_nlp_concept_id,
  CAST(NULL AS BIGINT) AS note_nlp_source_concept_id,
  CAST(NULL AS TEXT) AS nlp_system,
  CAST(NULL AS DATE) AS nlp_date,
  CAST(NULL AS TIMESTAMP) AS nlp_datetime,
  CAST(NULL AS TEXT) AS term_exists,
  CAST(NULL AS TEXT) AS term_temporal,
  CAST(NULL AS TEXT) AS term_modifiers
FROM meta.biobank AS b
WHERE
  FALSE
