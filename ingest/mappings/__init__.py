"""mapping.csv: which variable or code means which concept, and which codes mean "absent"."""

from biobraid.ingest.mappings.read import (
    MAPPING_COLUMNS,
    REQUIRED_COLUMNS,
    AbsentCode,
    Mapping,
    StudyMapping,
    examine_mapping,
    load_mapping,
)

__all__ = [
    "MAPPING_COLUMNS",
    "REQUIRED_COLUMNS",
    "AbsentCode",
    "Mapping",
    "StudyMapping",
    "examine_mapping",
    "load_mapping",
]
