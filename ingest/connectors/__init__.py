"""Connectors: one module per file format, each registering itself."""

from biobraid.ingest.connectors import (  # noqa: F401
    biom,
    delimited,
    feature_matrix,
    fhir,
    nightingale,
    olink,
    omop,
    redcap,
    somascan,
    ukb,
)
