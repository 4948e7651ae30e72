/* One row per feature of a source: protein, metabolite, taxon, transcript or other. */
MODEL (
  name omics.feature,
  kind FULL,
  grain feature_id,
  description 'What omics.feature_value holds values of. The same assay in two sources is two features: units, limits and normalisation differ; join them by feature, symbol or accession.',
  column_descriptions (
    feature_id = 'Feature, as in omics.feature_value',
    study = 'Study it was measured in',
    source = 'Source within the study',
    feature = 'Name as delivered: OlinkID, SeqId, OTU, biomarker',
    kind = 'protein, metabolite, taxon, transcript or other',
    platform = 'olink, somascan, nightingale, biom or feature_matrix',
    label = 'What it is, in words; null if not given',
    symbol = 'Gene symbol or short name; null if not given',
    accession = 'UniProt or other accession, as delivered; null if not given',
    taxonomy = 'Lineage of a taxon, ranks joined by a semicolon and a space; null if not given',
    panel = 'Panel, group or dilution it belongs to; null if not given',
    unit = 'Unit of its values as delivered (NPX, RFU, mmol/L); null if not given',
    role = 'analyte, or control for what the assay adds to watch itself',
    qc_flag = 'Flag of the feature as a whole, as delivered; null if none'
  ),
  audits (
    unique_key(columns := (
      feature_id
    )),
    not_null(columns := (feature_id, study, source, feature, kind, role))
  )
);

SELECT
  CAST(d.feature_id AS BIGINT) AS feature_id,
  CAST(MIN(d.study) AS TEXT) AS study,
  CAST(MIN(d.source) AS TEXT) AS source,
  CAST(MIN(d.feature) AS TEXT) AS feature,
  CAST(MIN(d.kind) AS TEXT) AS kind,
  CAST(MIN(d.platform) AS TEXT) AS platform,
  CAST(MIN(d.label) AS TEXT) AS label,
  CAST(MIN(d.symbol) AS TEXT) AS symbol,
  CAST(MIN(d.accession) AS TEXT) AS accession,
  CAST(MIN(d.taxonomy) AS TEXT) AS taxonomy,
  CAST(MIN(d.panel) AS TEXT) AS panel,
  CAST(MIN(d.unit) AS TEXT) AS unit,
  CAST(MIN(d.role) AS TEXT) AS role,
  CAST(MIN(d.qc_flag) AS TEXT) AS qc_flag
FROM raw.feature_definition AS d
GROUP BY
  d.feature_id
