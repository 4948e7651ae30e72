"""Connectors: one module per file format, each registering itself."""

from biobraid.ingest.connectors import (  # noqa: F401
    bgen,
    components,
    delimited,
    fhir,
    kinship,
    omop,
    pgen,
    plink,
    redcap,
    ukb,
    vcf,
)
