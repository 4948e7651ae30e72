"""`raw`: what was measured in a specimen, feature by feature (proteins, metabolites, taxa, ...)."""

from biobraid.core.schemas.table import Table, columns_of

RAW_FEATURE = Table(
    "raw",
    "feature",
    "specimen x feature x run; sparse: a feature without a row was not found, or not measured",
    ("record_id", "feature_id", "plate_id"),
    columns_of(
        """
study VARCHAR study the row came from
source VARCHAR source within the study
batch VARCHAR keyed token of the delivered file the row came from
row_id BIGINT positive 63-bit id of the value, keyed, the same in every delivery
record_id BIGINT record_id of the specimen (raw.event, kind specimen) the value was measured in
source_person_key VARCHAR 32 hex digits, keyed hash of study namespace and native person id
feature_id BIGINT positive 63-bit id of study, source and feature, keyed, as in raw.feature_definition
value DOUBLE value in the unit of the feature, below a limit too; null if there is none, or only a limit
limit_value DOUBLE limit of detection or quantification that holds for the value, in the same unit; null if none was given
censored VARCHAR left: the true value lies below limit_value; right: above it; null: neither is known
absent_reason VARCHAR why there is no value, where the source says it: FHIR data-absent-reason; null otherwise
qc_flag VARCHAR flags as delivered, scope=flag, joined by semicolons (sample=WARN;assay=WARN); null if none
plate_id VARCHAR plate or run the specimen was measured on, as delivered; null if none
start_time VARCHAR when the specimen was taken, local time as ISO 8601; null if not known
"""
    ),
)

RAW_FEATURE_DEFINITION = Table(
    "raw",
    "feature_definition",
    "feature of a delivered file, about nobody",
    ("study", "source", "batch", "feature_id"),
    columns_of(
        """
study VARCHAR study the file belongs to
source VARCHAR source within the study
batch VARCHAR keyed token of the delivered file
feature_id BIGINT positive 63-bit id of study, source and feature, keyed
feature VARCHAR name of the feature as delivered (OlinkID, SeqId, OTU, biomarker)
kind VARCHAR protein, metabolite, taxon, transcript or other
platform VARCHAR connector that read it: olink, somascan, nightingale, biom or feature_matrix
label VARCHAR what it is, in words; null if not given
symbol VARCHAR gene symbol or short name; null if not given
accession VARCHAR UniProt or other accession, as delivered; null if not given
taxonomy VARCHAR lineage of a taxon, ranks joined by a semicolon and a space; null if not given
panel VARCHAR panel, group or dilution it belongs to; null if not given
unit VARCHAR unit of its values as delivered (NPX, RFU, mmol/L); null if not given
role VARCHAR analyte, or control for what the assay adds to watch itself
qc_flag VARCHAR flag of the feature as a whole, as delivered; null if none
"""
    ),
)
