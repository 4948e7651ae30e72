"""OMOP's vocabulary tables as Arrow schemas, and the starter vocabulary shipped with us."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pc

STARTER_FOLDER = Path(__file__).parent / "starter"
STARTER_VERSION = "biobraid starter 1 (v5.0 29-FEB-24 and others, see vocab.concept_origin)"


def _schema(text: str) -> pa.Schema:
    types = {"i": pa.int64(), "n": pa.int32(), "s": pa.string(), "d": pa.date32(),
             "f": pa.float64()}  # fmt: skip
    pairs = (field.split(":") for field in text.split())
    return pa.schema([(name, types[kind]) for name, kind in pairs])


# Columns in OMOP's order (CDM 5.4 field list); ids are BIGINT with us.
VOCABULARY_TABLES: dict[str, pa.Schema] = {
    "concept": _schema(
        "concept_id:i concept_name:s domain_id:s vocabulary_id:s concept_class_id:s "
        "standard_concept:s concept_code:s valid_start_date:d valid_end_date:d invalid_reason:s"
    ),
    "vocabulary": _schema(
        "vocabulary_id:s vocabulary_name:s vocabulary_reference:s vocabulary_version:s "
        "vocabulary_concept_id:i"
    ),
    "domain": _schema("domain_id:s domain_name:s domain_concept_id:i"),
    "concept_class": _schema("concept_class_id:s concept_class_name:s concept_class_concept_id:i"),
    "concept_relationship": _schema(
        "concept_id_1:i concept_id_2:i relationship_id:s valid_start_date:d valid_end_date:d "
        "invalid_reason:s"
    ),
    "relationship": _schema(
        "relationship_id:s relationship_name:s is_hierarchical:s defines_ancestry:s "
        "reverse_relationship_id:s relationship_concept_id:i"
    ),
    "concept_synonym": _schema("concept_id:i concept_synonym_name:s language_concept_id:i"),
    "concept_ancestor": _schema(
        "ancestor_concept_id:i descendant_concept_id:i min_levels_of_separation:n "
        "max_levels_of_separation:n"
    ),
    "source_to_concept_map": _schema(
        "source_code:s source_concept_id:i source_vocabulary_id:s source_code_description:s "
        "target_concept_id:i target_vocabulary_id:s valid_start_date:d valid_end_date:d "
        "invalid_reason:s"
    ),
    "drug_strength": _schema(
        "drug_concept_id:i ingredient_concept_id:i amount_value:f amount_unit_concept_id:i "
        "numerator_value:f numerator_unit_concept_id:i denominator_value:f "
        "denominator_unit_concept_id:i box_size:n valid_start_date:d valid_end_date:d "
        "invalid_reason:s"
    ),
}
CONCEPT_COLUMNS: tuple[str, ...] = tuple(VOCABULARY_TABLES["concept"].names)


def starter_table(name: str) -> pa.Table:
    """One OMOP vocabulary table of the starter vocabulary; empty where it ships no rows."""
    schema = VOCABULARY_TABLES[name]
    if not (STARTER_FOLDER / f"{name}.csv.gz").is_file():
        return schema.empty_table()
    return _read(name, schema).select(schema.names)


@cache
def starter_concepts() -> pa.Table:
    """Concepts of the starter vocabulary: OMOP's columns, then origin and is_stub."""
    schema = VOCABULARY_TABLES["concept"]
    return _read("concept", schema.append(pa.field("origin", pa.string())).append(
        pa.field("is_stub", pa.bool_())
    ))  # fmt: skip


def read_stubs() -> list[dict[str, str]]:
    """Rows of stubs.csv: ids that we use and no source at hand verifies."""
    path = Path(__file__).parent / "stubs.csv"
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def _read(name: str, schema: pa.Schema) -> pa.Table:
    # Only these columns know null; in the others an empty text is a text.
    nullable = {"standard_concept", "invalid_reason", "vocabulary_reference", "vocabulary_version"}
    options = pc.ConvertOptions(
        column_types={field.name: field.type for field in schema},
        include_columns=schema.names,
        strings_can_be_null=bool(nullable & set(schema.names)),
        null_values=[""],
        quoted_strings_can_be_null=True,
        true_values=["true"],
        false_values=["false"],
    )
    return pc.read_csv(STARTER_FOLDER / f"{name}.csv.gz", convert_options=options).cast(schema)
