"""Connectors: one module per file format, each registering itself."""

from biobraid.ingest.connectors import bgen, delimited, fhir, omop, pgen, plink, redcap, ukb, vcf  # noqa: F401
