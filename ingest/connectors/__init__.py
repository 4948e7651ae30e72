"""Connectors: one module per file format, each registering itself."""

from biobraid.ingest.connectors import (  # noqa: F401
    apple_health,
    cwa,
    delimited,
    fhir,
    fitbit,
    garmin_fit,
    mydatahelps,
    omop,
    openmhealth,
    redcap,
    ukb,
)
