"""Connectors: one module per file format, each registering itself."""

from biobraid.ingest.connectors import (  # noqa: F401
    delimited,
    dicom,
    fhir,
    imaging_index,
    omop,
    redcap,
    ukb,
)
