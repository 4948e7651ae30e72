"""What the study packs declare about their sources, as linkage needs it."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from biobraid.core.home import Home
from biobraid.core.study import read_study, study_packs


@dataclass(frozen=True)
class Declared:
    """minting: (study, source) whose source persons may become persons of their own.

    date_orders: (study, source) -> how slashed dates are read. countries: study -> country
    pack. many_of_one: studies with a source in which one person may have several records.
    """

    minting: frozenset[tuple[str, str]]
    date_orders: dict[tuple[str, str], str]
    countries: dict[str, str]
    many_of_one: frozenset[str]


def declared_sources(home: Home) -> Declared:
    """Of all study packs of the home."""
    minting, many = set(), set()
    orders: dict[tuple[str, str], str] = {}
    countries = {}
    for study in map(read_study, study_packs(home)):
        countries[study.id] = study.country
        for source_id, source in study.sources.items():
            orders[study.id, source_id] = source.date_order
            if source.mints_persons:
                minting.add((study.id, source_id))
            if not source.duplicate_free:
                many.add(study.id)
    return Declared(frozenset(minting), orders, countries, frozenset(many))


def make_many_of_one(con: duckdb.DuckDBPyConnection, declared: Declared) -> None:
    """Make `many_of_one` (study)."""
    con.execute("CREATE TEMP TABLE many_of_one (study VARCHAR)")
    if declared.many_of_one:
        con.executemany("INSERT INTO many_of_one VALUES (?)", [[s] for s in sorted(declared.many_of_one)])  # fmt: skip
