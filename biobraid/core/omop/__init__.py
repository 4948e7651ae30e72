"""Columns of the OMOP CDM tables, read from OHDSI's own field list (see ORIGIN.md)."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from biobraid.core.schemas.table import Column, Table

# CDM 5.4, of CDM 6 the one table that surveys need, and the imaging extension.
_FIELDS = tuple(
    Path(__file__).with_name(n)
    for n in ("cdm54_fields.csv", "survey_fields.csv", "imaging_fields.csv")
)

# Tables that arrive as vocabulary files and are read as vocab.<table>.
VOCABULARY_TABLES = (
    "concept",
    "concept_ancestor",
    "concept_class",
    "concept_relationship",
    "concept_synonym",
    "domain",
    "drug_strength",
    "relationship",
    "source_to_concept_map",
    "vocabulary",
)


@dataclass(frozen=True)
class Field:
    """One column of a CDM table; empty strings where the standard says nothing."""

    table: str
    name: str
    type: str  # DuckDB type
    max_length: int | None  # of a VARCHAR
    is_required: bool
    is_primary_key: bool
    fk_table: str
    fk_field: str
    fk_domain: str
    description: str


@cache
def cdm_fields() -> tuple[Field, ...]:
    """All fields of CDM 5.4, survey_conduct and the imaging tables, tables and columns in the order of the standard."""
    return tuple(field for path in _FIELDS for field in _read_fields(path))


def _read_fields(path: Path) -> list[Field]:
    with path.open(encoding="utf-8", newline="") as handle:
        return [
            Field(
                row["table"],
                row["field"],
                row["type"],
                int(row["max_length"]) if row["max_length"] else None,
                row["is_required"] == "1",
                row["is_primary_key"] == "1",
                row["fk_table"],
                row["fk_field"],
                row["fk_domain"],
                row["description"],
            )
            for row in csv.DictReader(handle)
        ]


def table_fields(table: str) -> tuple[Field, ...]:
    """Fields of one CDM table, in order; empty for a name the standard does not know."""
    return tuple(f for f in cdm_fields() if f.table == table)


def vocabulary_table(name: str) -> Table:
    """A vocabulary table of the standard as a declaration of `vocab.<name>`."""
    fields = table_fields(name)
    key = tuple(f.name for f in fields if f.is_primary_key)
    columns = tuple(Column(f.name, f.type, f.description) for f in fields)
    return Table("vocab", name, f"OMOP {name}", key, columns)
