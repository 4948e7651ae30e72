"""Columns, types, grain and natural key of everything Python writes for the SQL models.

Landing Parquet, the `raw`, `vocab` and `link` schemas, SQLMesh's external models and the
documentation are all generated from this one package.
"""

import pyarrow as pa

from biobraid.core.schemas.link import (
    LINK_BRIDGE,
    LINK_CONSENT,
    LINK_QUALITY,
    LINK_QUALITY_DETAIL,
)
from biobraid.core.schemas.raw import (
    RAW_CONSENT,
    RAW_DETAIL,
    RAW_EVENT,
    RAW_FILE,
    RAW_RECORD,
    RAW_REJECT,
    RAW_VALUE,
)
from biobraid.core.schemas.table import ARROW_TYPES, Column, Table
from biobraid.core.schemas.vocab import (
    VOCAB_CENSORING,
    VOCAB_CODE,
    VOCAB_MAPPING,
    VOCAB_ORIGIN,
    VOCAB_SOURCE,
    VOCAB_UNIT_CONVERSION,
    VOCAB_UNIT_SPELLING,
    VOCAB_UNIT_TARGET,
    VOCAB_VARIABLE,
)

LANDING_TABLES: tuple[Table, ...] = (
    RAW_VALUE,
    RAW_EVENT,
    RAW_RECORD,
    RAW_DETAIL,
    RAW_CONSENT,
    RAW_REJECT,
)
OTHER_TABLES: tuple[Table, ...] = (
    RAW_FILE,
    VOCAB_SOURCE,
    VOCAB_CENSORING,
    VOCAB_VARIABLE,
    VOCAB_CODE,
    VOCAB_MAPPING,
    VOCAB_ORIGIN,
    VOCAB_UNIT_SPELLING,
    VOCAB_UNIT_CONVERSION,
    VOCAB_UNIT_TARGET,
    LINK_BRIDGE,
    LINK_CONSENT,
    LINK_QUALITY,
    LINK_QUALITY_DETAIL,
)
TABLES: dict[str, Table] = {t.full_name: t for t in LANDING_TABLES + OTHER_TABLES}

# Identity rows never reach landing; they travel encrypted to the vault's inbox.
IDENTITY = pa.schema(
    [
        ("source_person_key", pa.string()),
        ("study", pa.string()),
        ("source", pa.string()),
        ("type", pa.string()),  # one of IDENTITY_TYPES
        ("value", pa.string()),  # as delivered
        ("record_id", pa.int64()),
    ]
)
IDENTITY_TYPES = (
    "native_id",  # the study's own person id
    "map_id",  # an id in another study's namespace, written "study:id" by an authoritative map
    "nhs_number",
    "national_id",
    "mrn",
    "first_name",
    "surname",
    "full_name",
    "birth_date",
    "sex",
    "postcode",
    "address",
    "email",
    "phone",
    "sample_id",
    "device_serial",
    "clk",  # keyed token of a source that hands over no clear identifier (linkage/tokens.py)
    "free_text",
    "other",
)

ABSENT_REASONS = [
    "unknown",
    "asked-unknown",
    "temp-unknown",
    "not-asked",
    "asked-declined",
    "masked",
    "not-applicable",
    "unsupported",
    "as-text",
    "error",
    "not-a-number",
    "negative-infinity",
    "positive-infinity",
    "not-performed",
    "not-permitted",
    "x-not-in-study",
    "x-not-linked",
    "x-withdrawn",
    "x-lost-to-follow-up",
    "x-not-worn",
    "x-unmapped",
]
MODALITIES = ("questionnaire", "health_record", "genotype", "imaging", "wearable", "omics")

__all__ = [
    "ABSENT_REASONS",
    "ARROW_TYPES",
    "IDENTITY",
    "IDENTITY_TYPES",
    "LANDING_TABLES",
    "LINK_BRIDGE",
    "LINK_CONSENT",
    "LINK_QUALITY",
    "LINK_QUALITY_DETAIL",
    "MODALITIES",
    "OTHER_TABLES",
    "RAW_CONSENT",
    "RAW_DETAIL",
    "RAW_EVENT",
    "RAW_FILE",
    "RAW_RECORD",
    "RAW_REJECT",
    "RAW_VALUE",
    "TABLES",
    "VOCAB_CENSORING",
    "VOCAB_CODE",
    "VOCAB_MAPPING",
    "VOCAB_ORIGIN",
    "VOCAB_SOURCE",
    "VOCAB_UNIT_CONVERSION",
    "VOCAB_UNIT_SPELLING",
    "VOCAB_UNIT_TARGET",
    "VOCAB_VARIABLE",
    "Column",
    "Table",
]
