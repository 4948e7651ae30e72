"""Polygenic scores: files of the PGS Catalog, matched to the warehouse's or a release's variants."""
