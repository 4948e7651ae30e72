"""Connectors: one module per file format, each registering itself."""

from biobraid.ingest.connectors import delimited, fhir, ukb  # noqa: F401
