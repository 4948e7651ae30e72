"""Connectors: one module per file format, each registering itself."""

from biobraid.ingest.connectors import delimited, omop, redcap, ukb  # noqa: F401
