"""Which CDM table a delivered file holds, by its name."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path, PurePath

from biobraid.ingest.connectors.omop_columns import IGNORED_TABLES
from biobraid.ingest.connectors.omop_tables import EVERY_TABLE

_ENDINGS = re.compile(r"(\.(csv|tsv|txt|psv|gz|parquet|pq|parq|duckdb|db|zip))+$")
# What may follow the table's name: a part number, a date, a shard ("-00000-of-00010").
_TAIL = r"(?:[._ -]*(?:part|chunk|shard|of|v)?[._ -]*[0-9][0-9a-f._ -]*(?:of[._ -]*[0-9]+)?)*"
_BY_LENGTH = sorted(EVERY_TABLE, key=len, reverse=True)
_NAME = re.compile(rf"(?:.*?[^a-z0-9])??({'|'.join(_BY_LENGTH)})(_ext)?{_TAIL}")


def table_of(path: PurePath | str) -> str | None:
    """The table a file holds by its own name, or else by the name of its folder.

    omop_person.csv, PERSON.csv.gz, person.parquet, person_2024-01-31.tsv and
    person/part-0.parquet are all `person`; person_ext.csv is `person_ext`, an extension
    that the standard does not know; None where no table is named.
    """
    name = PurePath(path)
    for part in (name.name, name.parent.name):
        stem = _ENDINGS.sub("", part.lower())
        found = _NAME.fullmatch(stem)
        if found:
            return found[1] + (found[2] or "")
    return None


def is_extension(table: str) -> bool:
    """True for tables such as person_ext, which lead a delivery beyond the standard."""
    return table.endswith("_ext")


def one_of_each_table(files: Iterable[Path]) -> list[Path]:
    """The first file of each table that lands, and every file that may hold several."""
    first: dict[str, Path] = {}
    several = []
    for path in files:
        table = table_of(path)
        if table is None:
            several.append(path)
        elif table not in IGNORED_TABLES and not is_extension(table):
            first.setdefault(table, path)
    return [*first.values(), *several]
