"""`raw`: the few fixed shapes that connectors land."""

from biobraid.core.schemas.table import Table, columns_of

ORIGIN = """
study VARCHAR study the row came from
source VARCHAR source within the study
batch VARCHAR keyed token of the delivered file the row came from
row_id BIGINT positive 63-bit id of the fact, keyed, the same in every delivery
record_id BIGINT positive 63-bit id of the delivered record the fact stood in
source_person_key VARCHAR 32 hex digits, keyed hash of study namespace and native person id; null if the record names nobody
"""

TIMES = """
start_time VARCHAR local time as ISO 8601 (YYYY-MM-DD or YYYY-MM-DDTHH:MM:SS[.fff]); null if none was given
start_offset_minutes INTEGER minutes east of UTC as delivered; null if the source gave none
end_time VARCHAR like start_time
end_offset_minutes INTEGER like start_offset_minutes
time_source VARCHAR start time as delivered, where it differs from start_time
time_flag VARCHAR why start_time is not what was delivered: sentinel-unknown, sentinel-before-birth, sentinel-birth, sentinel-birth-year, sentinel-future, partial-date, ambiguous-local-time, nonexistent-local-time; null otherwise
"""

_VALUE_TIMES = "\n".join(line for line in TIMES.splitlines() if not line.startswith("end_"))

RAW_VALUE = Table(
    "raw",
    "value",
    "person x variable x instance x array index x time, as delivered",
    ("source_person_key", "variable", "instance", "array_index", "start_time"),
    columns_of(
        ORIGIN
        + """
variable VARCHAR variable as named in the study's dictionary (UK Biobank: the field id)
instance INTEGER visit or repeat the value belongs to; 0 where the source has none
array_index INTEGER position within a multi-valued answer; 0 where there is one value
value VARCHAR value as delivered; null only where absent_reason is not (an empty cell makes no row)
absent_reason VARCHAR why there is no value, where the source's structure says it (a branch not taken): FHIR data-absent-reason, see ABSENT_REASONS; null otherwise
unit VARCHAR unit as delivered; null if the unit stands only in the dictionary
survey_record_id BIGINT record_id of the filled-in instrument (raw.event, kind survey) the answer belongs to, or row_id of that event where its record holds several instruments (a row of REDCap); null if none
"""
        + _VALUE_TIMES
    ),
)

RAW_EVENT = Table(
    "raw",
    "event",
    "dated event about a person: visit, condition, drug, procedure, measurement, survey, ...",
    ("record_id", "kind", "code_system", "code"),
    columns_of(
        ORIGIN
        + """
kind VARCHAR visit, visit_detail, condition, drug, procedure, device, death, measurement, observation, specimen, survey, note, episode, condition_era, drug_era or dose_era
source_table VARCHAR table or file kind the event stood in (hesin_diag, gp_scripts, ...)
variable VARCHAR dictionary variable of the coded column; null if the code system alone says it
code VARCHAR code as delivered, trimmed; null for an uncoded event such as a visit or a bare death
code_system VARCHAR OMOP vocabulary id of the code (ICD10, ICD9CM, OPCS4, Read, dm+d, BNF, ...) or study:source for local codes
code_text VARCHAR label delivered beside the code (a drug name); null if none
position VARCHAR rank of the code in its record: primary, secondary, external-cause, or null
value VARCHAR value delivered with the event, as text
unit VARCHAR unit delivered with the value
value_code VARCHAR coded value (a FHIR valueCodeableConcept); null if the value is a number or text
value_code_system VARCHAR OMOP vocabulary id of value_code, or study:source
absent_reason VARCHAR why the event says nothing (FHIR dataAbsentReason), see ABSENT_REASONS; such an event makes no fact and is counted as missing; null otherwise
value_source VARCHAR value verbatim, where the source gives it beside `value`; null otherwise
range_low VARCHAR lower end of the normal range, in `unit`, as text
range_high VARCHAR upper end of the normal range, in `unit`, as text
qualifier_code VARCHAR code that qualifies the event: route of a drug, modifier of a procedure, status of a condition, anatomic site of a specimen, qualifier of an observation, specialty of a visit
qualifier_code_system VARCHAR OMOP vocabulary id of qualifier_code, or study:source
qualifier_text VARCHAR label of the qualifier as delivered
quantity VARCHAR amount delivered with a drug, device, specimen or procedure, as text
days_supply VARCHAR drugs only: days the supply lasts, as text
refills VARCHAR drugs only: number of refills, as text
stop_reason VARCHAR why a drug or condition ended, as delivered
dose_unit VARCHAR drugs only: unit of the dose, as delivered
lot_number VARCHAR drugs only: lot, as delivered
origin VARCHAR hospital, primary-care, register, survey, pharmacy, claims, research or device
visit_record_id BIGINT record_id of the visit the event belongs to; null if none
visit_detail_record_id BIGINT record_id of the visit detail the event belongs to; null if none
parent_record_id BIGINT record_id of the event this one belongs to: the visit before, the parent of a visit detail, the survey of an answer, the order of a dispensing; null if none
provider_record_id BIGINT record_id of the provider (raw.record); null if none
care_site_record_id BIGINT record_id of the care site (raw.record); null if none
concept_id BIGINT standard concept that an OMOP-shaped source delivers; null where `code` is to be looked up
source_concept_id BIGINT source concept that an OMOP-shaped source delivers; null otherwise
type_concept_id BIGINT type concept that an OMOP-shaped source delivers; null: that of the source
value_concept_id BIGINT concept of the value that an OMOP-shaped source delivers; null otherwise
unit_concept_id BIGINT unit concept that an OMOP-shaped source delivers; null otherwise
operator_concept_id BIGINT operator concept that an OMOP-shaped source delivers; null otherwise
qualifier_concept_id BIGINT concept of the qualifier that an OMOP-shaped source delivers; null otherwise
admitted_from VARCHAR visits only: where from, as delivered
discharged_to VARCHAR visits only: where to, as delivered
"""
        + TIMES
    ),
)

RAW_RECORD = Table(
    "raw",
    "record",
    "row of any other OMOP-shaped table: registration, location, care site, provider, cost",
    ("record_id", "kind"),
    columns_of(
        ORIGIN
        + """
kind VARCHAR registration, enrolment, censoring, observation_period, payer_plan_period, cost, fact_relationship, episode_event, person (all of a person), or location, care_site, provider, medication, metadata (of nobody)
code VARCHAR code as delivered; null if none
code_system VARCHAR OMOP vocabulary id of the code
label VARCHAR text delivered with the record, free of identifiers
number DOUBLE number delivered with the record
reason VARCHAR why a period ended, as delivered
parent_record_id BIGINT record_id this one belongs to; null if none
"""
        + TIMES
    ),
)

RAW_DETAIL = Table(
    "raw",
    "detail",
    "field of a delivered record for which raw.event and raw.record have no column of their own",
    ("record_id", "kind", "field"),
    columns_of(
        ORIGIN
        + """
kind VARCHAR kind of the event or record the field belongs to, as there
field VARCHAR name of the field, that of the OMOP column where there is one (country_concept_id, paid_by_payer, assisted_source_value, ...)
value VARCHAR value as text; a reference to another record is its record_id in digits; never null
"""
    ),
)

RAW_CONSENT = Table(
    "raw",
    "consent",
    "person x modality x status x time",
    ("source_person_key", "modality", "start_time"),
    columns_of(
        ORIGIN
        + """
modality VARCHAR questionnaire, health_record, genotype, imaging, wearable, omics, or * for all
status VARCHAR given, refused, withdrawn, expired
level VARCHAR of a withdrawal: no_contact, no_access or no_use; null otherwise
"""
        + _VALUE_TIMES
    ),
)

RAW_REJECT = Table(
    "raw",
    "reject",
    "rejected record, or a rejected cell of a record that landed",
    ("batch", "row_number", "column_name"),
    columns_of(
        """
study VARCHAR study the row came from
source VARCHAR source within the study
batch VARCHAR keyed token of the delivered file
row_number BIGINT line of the file the record starts on, header = 1
column_name VARCHAR column at fault; null if the whole record is
unit_of_count VARCHAR record or cell
reason VARCHAR ragged-row, missing-person-id, invalid-date, duplicate-key, bad-encoding, unknown-code, ...
expected VARCHAR what would have been accepted; never the value found
"""
    ),
)

RAW_FILE = Table(
    "raw",
    "file",
    "delivered file, with its books",
    ("study", "source", "batch"),
    columns_of(
        """
study VARCHAR study the file belongs to
source VARCHAR source within the study
batch VARCHAR keyed token of the file's content
delivery INTEGER number of the delivery within the source, 1 = first
status VARCHAR active, superseded or failed
connector VARCHAR connector that read it
bytes BIGINT size as delivered
records_read BIGINT records the file holds, headers not counted
records_landed BIGINT records now in landing from this file
records_rejected BIGINT records rejected, see raw.reject
records_ignored BIGINT records ignored by a stated rule
records_superseded BIGINT records replaced by a newer version
records_deleted BIGINT records deleted by a deletion record, a tombstone or a withdrawal
facts_read BIGINT non-empty cells, empty cells whose absent_reason is known, or facts of the landed, superseded and deleted records
facts_landed BIGINT facts now in landing from this file
facts_rejected BIGINT cells rejected
facts_ignored BIGINT cells ignored by a stated rule (undeclared free text, undeclared columns, record keys)
facts_to_vault BIGINT cells that went to the vault
facts_superseded BIGINT facts replaced by a newer version
facts_deleted BIGINT facts deleted
landed_at VARCHAR UTC time the file was committed
"""
    ),
)
