"""The sample biobank: invented persons in real file formats, with known truth."""

from biobraid.ingest.sample.generate import (
    BLOCK_PERSONS,
    MAX_PERSONS,
    STUDIES,
    SampleSummary,
    generate,
)
from biobraid.ingest.sample.genotypes.tables import SCORE
from biobraid.ingest.sample.planted import DEFECTS, EFFECTS, MIN_PERSONS

__all__ = [
    "BLOCK_PERSONS",
    "DEFECTS",
    "EFFECTS",
    "MAX_PERSONS",
    "MIN_PERSONS",
    "SCORE",
    "STUDIES",
    "SampleSummary",
    "generate",
]
