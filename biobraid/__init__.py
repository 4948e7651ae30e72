"""biobraid: one OMOP-style warehouse of everything a biobank holds about a person."""

__version__ = "0.1.0"
FORMAT_VERSION = 1
