"""Connectors: one module per file format, each registering itself."""

from biobraid.ingest.connectors import (  # noqa: F401
    bids,
    biom,
    delimited,
    dicom,
    embeddings,
    feature_matrix,
    fhir,
    imaging_index,
    nightingale,
    olink,
    omop,
    redcap,
    somascan,
    ukb,
    wfdb,
)
