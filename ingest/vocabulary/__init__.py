"""The vocabulary: the starter shipped with us, and what is known of the concepts in force."""

from biobraid.ingest.vocabulary.tables import (
    STARTER_VERSION,
    VOCABULARY_TABLES,
    read_stubs,
    starter_concepts,
    starter_table,
)

__all__ = [
    "STARTER_VERSION",
    "VOCABULARY_TABLES",
    "read_stubs",
    "starter_concepts",
    "starter_table",
]
