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
from biobraid.core.schemas.raw_asset import ASSET_KINDS, RAW_ASSET, RAW_VECTOR
from biobraid.core.schemas.raw_feature import RAW_FEATURE, RAW_FEATURE_DEFINITION
from biobraid.core.schemas.raw_genotype import RAW_GENOTYPE, RAW_GENOTYPE_SAMPLE, RAW_VARIANT
from biobraid.core.schemas.raw_genotype_qc import (
    QC_LANDING_TABLES,
    QC_OTHER_TABLES,
)
from biobraid.core.schemas.raw_genotype_reference import REFERENCE_TABLES
from biobraid.core.schemas.raw_wearable import (
    RAW_WEARABLE_SAMPLE,
    VOCAB_WEARABLE_STREAM,
    VOCAB_WEARABLE_VARIABLE,
)
from biobraid.core.schemas.table import ARROW_TYPES, Column, Table
from biobraid.core.schemas.vocab import (
    VOCAB_CENSORING,
    VOCAB_CODE,
    VOCAB_MAPPING,
    VOCAB_ORIGIN,
    VOCAB_RANGE,
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
    RAW_ASSET,
    RAW_VECTOR,
    RAW_FEATURE,
    RAW_FEATURE_DEFINITION,
    RAW_WEARABLE_SAMPLE,
    RAW_REJECT,
    RAW_VARIANT,
    RAW_GENOTYPE_SAMPLE,
    RAW_GENOTYPE,
    *QC_LANDING_TABLES,
    *REFERENCE_TABLES,
)
OTHER_TABLES: tuple[Table, ...] = (
    RAW_FILE,
    VOCAB_SOURCE,
    VOCAB_CENSORING,
    VOCAB_VARIABLE,
    VOCAB_CODE,
    VOCAB_RANGE,
    VOCAB_MAPPING,
    VOCAB_ORIGIN,
    VOCAB_UNIT_SPELLING,
    VOCAB_UNIT_CONVERSION,
    VOCAB_UNIT_TARGET,
    VOCAB_WEARABLE_STREAM,
    VOCAB_WEARABLE_VARIABLE,
    LINK_BRIDGE,
    LINK_CONSENT,
    LINK_QUALITY,
    LINK_QUALITY_DETAIL,
    *QC_OTHER_TABLES,
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
    "asset_location",  # where a bulk object lies below the study's deliveries, with its asset id
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
    "ASSET_KINDS",
    "IDENTITY",
    "IDENTITY_TYPES",
    "LANDING_TABLES",
    "LINK_BRIDGE",
    "LINK_CONSENT",
    "LINK_QUALITY",
    "LINK_QUALITY_DETAIL",
    "MODALITIES",
    "OTHER_TABLES",
    "RAW_ASSET",
    "RAW_CONSENT",
    "RAW_DETAIL",
    "RAW_EVENT",
    "RAW_FEATURE",
    "RAW_FEATURE_DEFINITION",
    "RAW_FILE",
    "RAW_GENOTYPE",
    "RAW_GENOTYPE_SAMPLE",
    "RAW_RECORD",
    "RAW_REJECT",
    "RAW_VALUE",
    "RAW_VARIANT",
    "RAW_VECTOR",
    "RAW_WEARABLE_SAMPLE",
    "TABLES",
    "VOCAB_CENSORING",
    "VOCAB_CODE",
    "VOCAB_MAPPING",
    "VOCAB_ORIGIN",
    "VOCAB_RANGE",
    "VOCAB_SOURCE",
    "VOCAB_UNIT_CONVERSION",
    "VOCAB_UNIT_SPELLING",
    "VOCAB_UNIT_TARGET",
    "VOCAB_VARIABLE",
    "VOCAB_WEARABLE_STREAM",
    "VOCAB_WEARABLE_VARIABLE",
    "Column",
    "Table",
]
