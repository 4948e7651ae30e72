"""`vocab`: what the studies declare about sources, variables, codes and mappings."""

from biobraid.core.schemas.table import Table, columns_of

VOCAB_SOURCE = Table(
    "vocab",
    "study_source",
    "source of a study, as declared",
    ("study", "source"),
    columns_of(
        """
study VARCHAR study id
source VARCHAR source id
connector VARCHAR connector that reads it
modality VARCHAR questionnaire, health_record, genotype, imaging, wearable or omics
origin VARCHAR hospital, primary-care, register, survey, pharmacy, claims, research or device
type_concept_id BIGINT OMOP type concept of its records
time_zone VARCHAR IANA zone of local times without an offset
date_order VARCHAR ymd, dmy or mdy: how delivered dates with slashes are read
covers_from VARCHAR first local date the source could have recorded anything (YYYY-MM-DD); null if unknown
covers_to VARCHAR administrative censoring date (YYYY-MM-DD); null if unknown
release VARCHAR study release the source belongs to
"""
    ),
)

VOCAB_CENSORING = Table(
    "vocab",
    "study_censoring",
    "last day a source could have recorded anything about persons of one region, as declared",
    ("study", "source", "region"),
    columns_of(
        """
study VARCHAR study id
source VARCHAR source id
region VARCHAR code of the persons' registration (raw.record): data provider, country, ...
covers_to VARCHAR administrative censoring date of the source there (YYYY-MM-DD)
"""
    ),
)

VOCAB_VARIABLE = Table(
    "vocab",
    "variable",
    "variable promised by a study's dictionary",
    ("study", "source", "variable"),
    columns_of(
        """
study VARCHAR study id
source VARCHAR source id
variable VARCHAR variable as in raw.value
label VARCHAR what the variable is, in words
value_type VARCHAR number, integer, code, multicode, date, datetime, time, text, boolean
unit VARCHAR unit as the dictionary writes it; null if none
ucum_unit VARCHAR the same in UCUM; null if none or not known
is_declared BOOLEAN false where the variable was found in a file but not in a dictionary
time_variable VARCHAR variable whose date dates this one's instance (UK Biobank 53); null if the row has its own time
"""
    ),
)

VOCAB_CODE = Table(
    "vocab",
    "variable_code",
    "code a variable may take, with its meaning or with why it means absent",
    ("study", "source", "variable", "code"),
    columns_of(
        """
study VARCHAR study id
source VARCHAR source id
variable VARCHAR variable as in raw.value
code VARCHAR code as delivered
meaning VARCHAR label of the code; null if not known
absent_reason VARCHAR FHIR data-absent-reason code if the code means that the value is absent; null if it is a value
"""
    ),
)

VOCAB_RANGE = Table(
    "vocab",
    "variable_range",
    "range of numbers that a dictionary promises of a variable",
    ("study", "source", "variable"),
    columns_of(
        """
study VARCHAR study id
source VARCHAR source id
variable VARCHAR variable as in raw.value
low DOUBLE least number promised, in the unit of vocab.variable; null if none
high DOUBLE greatest number promised; null if none
"""
    ),
)

VOCAB_MAPPING = Table(
    "vocab",
    "mapping",
    "mapping of a variable or of one of its codes to a concept; several rows make several facts",
    ("study", "source", "variable", "source_code", "target_ordinal"),
    columns_of(
        """
study VARCHAR study id
source VARCHAR source id (a `*` of mapping.csv is expanded)
variable VARCHAR variable as in raw.value, or a code system for events
source_code VARCHAR code the row is about; null if the row is about the variable as a whole
target_ordinal INTEGER 1, 2, ... within study, source, variable and source_code
target_concept_id BIGINT OMOP concept; 0 if stated to have none
target_domain_id VARCHAR OMOP domain of the target, or Person for columns of the person table
unit_concept_id BIGINT UCUM concept the value is stored in; null if it has no unit
value_as_concept_id BIGINT concept of the answer; null if the value is a number or text
rule VARCHAR direct, recode, scale, date or ignore
rule_arg VARCHAR scale: factor or factor,offset; Person: column name; date: nothing
scale_factor DOUBLE parsed from rule_arg; 1 if none
scale_offset DOUBLE parsed from rule_arg; 0 if none
id_key BIGINT 63-bit key of (domain table, target concept): fact id = xor(row_id, id_key); 0 for the first unmapped
source_concept_id BIGINT OMOP concept of the source code; 0 if none
status VARCHAR APPROVED, UNCHECKED, IGNORED, as in Usagi
comment VARCHAR note of the mapper
"""
    ),
)

VOCAB_ORIGIN = Table(
    "vocab",
    "concept_origin",
    "concept of the loaded vocabulary, with where its row was taken from",
    ("concept_id",),
    columns_of(
        """
concept_id BIGINT OMOP concept
origin VARCHAR file or vocabulary release the row was taken from
is_stub BOOLEAN true where the id is used but its row could not be verified
id_key BIGINT 63-bit key of the concept: fact id = xor(row_id, id_key)
"""
    ),
)

VOCAB_UNIT_SPELLING = Table(
    "vocab",
    "unit_spelling",
    "spelling of a unit that was delivered or stands in a dictionary",
    ("unit",),
    columns_of(
        """
unit VARCHAR unit as delivered, trimmed
ucum_unit VARCHAR the same in UCUM; null if not known
"""
    ),
)

VOCAB_UNIT_CONVERSION = Table(
    "vocab",
    "unit_conversion",
    "way from a unit that occurs to a unit that values are stored in",
    ("analyte", "from_unit", "to_unit"),
    columns_of(
        """
analyte VARCHAR substance the conversion holds for; empty where the dimension alone decides
from_unit VARCHAR UCUM unit that occurs
to_unit VARCHAR UCUM unit of a concept or of a mapping; also from_unit itself
scale_factor DOUBLE value in to_unit = value in from_unit x scale_factor + scale_offset
scale_offset DOUBLE see scale_factor
"""
    ),
)

VOCAB_UNIT_TARGET = Table(
    "vocab",
    "unit_target",
    "measurement concept with the one unit its values are stored in",
    ("vocabulary_id", "concept_code"),
    columns_of(
        """
vocabulary_id VARCHAR OMOP vocabulary of the concept
concept_code VARCHAR code of the concept
ucum_unit VARCHAR UCUM unit of stored values, unless a study's mapping states another
analyte VARCHAR substance measured; empty where units convert by dimension alone
"""
    ),
)
