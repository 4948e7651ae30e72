AUDIT (
  name books_balance
);

/* The law of the books in facts, per study, source and raw table. */
SELECT
  study,
  source,
  table_name
FROM @this_model
WHERE
  n_rows <> n_unlinked + n_withdrawn + n_absent + n_ignored + n_records + n_rows_with_facts
  OR n_facts <> n_rows_with_facts + n_fan_out
  OR n_facts <> n_facts_person + n_undated + n_excluded + n_facts_for_cdm;

AUDIT (
  name all_arrived
);

/* What stem.event sent to a table of cdm is in it, or counted. */
SELECT
  cdm_table
FROM @this_model
WHERE
  n_facts <> n_undated + n_excluded + n_surplus + n_homeless + n_rows;

AUDIT (
  name all_records_arrived
);

/* Records of the kinds that tables of cdm hold are in them, or counted. */
SELECT
  cdm_table
FROM @this_model
WHERE
  n_records <> n_excluded + n_unresolved + n_rows
