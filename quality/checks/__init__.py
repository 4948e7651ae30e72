"""Checks of a warehouse: OHDSI's 27 types, plausibility with units, coverage, checks of one's own."""
