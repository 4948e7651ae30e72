"""Connectors: one module per file format, each registering itself."""

from biobraid.ingest.connectors import delimited, dicom, fhir, omop, redcap, ukb  # noqa: F401
