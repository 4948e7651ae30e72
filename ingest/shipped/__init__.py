"""Dictionaries and mappings that come with a connector, because its format fixes them.

`ingest/shipped/<connector>/dictionary.csv` and `mapping.csv`, in the form of a study's own
files. They hold for every source of that connector; what a study says itself wins.
"""

from biobraid.ingest.shipped.read import (
    shipped_codes,
    shipped_dictionary,
    shipped_mapping,
)

__all__ = ["shipped_codes", "shipped_dictionary", "shipped_mapping"]
