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
from biobraid.ingest.mappings.row_faults import dictionary_unit_faults

__all__ = [
    "MAPPING_COLUMNS",
    "REQUIRED_COLUMNS",
    "AbsentCode",
    "Mapping",
    "StudyMapping",
    "dictionary_unit_faults",
    "examine_mapping",
    "load_mapping",
]
