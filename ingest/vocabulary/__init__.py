"""The vocabulary: the starter shipped with us, and what is known of the concepts in force."""

from biobraid.ingest.vocabulary.lookup import (
    STARTER,
    VOCABULARY_NOTE,
    Concept,
    Vocabulary,
    starter_vocabulary,
    vocabulary_in_force,
)
from biobraid.ingest.vocabulary.tables import (
    STARTER_VERSION,
    VOCABULARY_TABLES,
    read_stubs,
    starter_concepts,
    starter_table,
)

__all__ = [
    "STARTER",
    "STARTER_VERSION",
    "VOCABULARY_NOTE",
    "VOCABULARY_TABLES",
    "Concept",
    "Vocabulary",
    "read_stubs",
    "starter_concepts",
    "starter_table",
    "starter_vocabulary",
    "vocabulary_in_force",
]
