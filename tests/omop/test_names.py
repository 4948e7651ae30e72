"""Which CDM table a file holds, by its name."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from biobraid.ingest.connectors.omop_names import table_of


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("omop_person.csv", "person"),
        ("PERSON.csv.gz", "person"),
        ("person.parquet", "person"),
        ("person/part-0.parquet", "person"),
        ("person000000000012.csv.gz", "person"),
        ("visit_detail-00000-of-00010.parquet", "visit_detail"),
        ("CDM54.OBSERVATION_PERIOD.csv", "observation_period"),
        ("person_2024-01-31.tsv", "person"),
        ("fact_relationship.csv", "fact_relationship"),
        ("concept_relationship.csv", "concept_relationship"),
        ("concept_class.csv", "concept_class"),
        ("note_nlp.csv", "note_nlp"),
        ("person_ext.csv", "person_ext"),
        ("salesperson.csv", None),
        ("person_of_interest.csv", None),
        ("README.md", None),
    ],
)
def test_a_table_is_known_by_its_file(name: str, table: str | None) -> None:
    assert table_of(PurePosixPath(name)) == table
