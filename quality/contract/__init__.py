"""The delivery contract: what a study's provider promised, and what each delivery keeps of it.

measure -> judge: `profile` counts a delivery in raw in a few scans, `measures` compares it with
the dictionary and with the last accepted delivery, and Great Expectations judges the measures
by the study's suite (`suite`, `gx`). Only `gx` and `gx_engine` import great_expectations.
"""
