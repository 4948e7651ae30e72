"""Connectors: one module per file format, each registering itself."""

from biobraid.ingest.connectors import (  # noqa: F401
    bids,
    delimited,
    dicom,
    embeddings,
    fhir,
    imaging_index,
    omop,
    redcap,
    ukb,
    wfdb,
)
