"""Connectors: one module per file format, each registering itself."""

from biobraid.ingest.connectors import delimited, fhir, omop, redcap, ukb  # noqa: F401
