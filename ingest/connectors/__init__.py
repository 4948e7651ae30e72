"""Connectors: one module per file format, each registering itself."""

from biobraid.ingest.connectors import delimited, omop, ukb  # noqa: F401
