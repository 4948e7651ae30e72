"""Units that occur, published for the SQL models: spellings, conversions, and where they lead.

Runs at the end of ingest. Models cannot call pint, so every pair that can be needed is worked
out here: units that occur times units that values are stored in, which is a few thousand rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds

import biobraid
from biobraid.core.home import Home
from biobraid.core.manifest import Manifest
from biobraid.core.schemas import (
    VOCAB_MAPPING,
    VOCAB_UNIT_CONVERSION,
    VOCAB_UNIT_SPELLING,
    VOCAB_UNIT_TARGET,
    VOCAB_VARIABLE,
)
from biobraid.core.warehouse import parquet_list
from biobraid.ingest.unit_analytes import analytes, conversion, unit_targets
from biobraid.ingest.units import NO_UNIT, to_ucum
from biobraid.ingest.vocabulary import vocabulary_in_force
from biobraid.ingest.vocabulary.lookup import VOCABULARY_NOTE
from biobraid.ingest.vocabulary.publish import Published, put_in_force, write_table

_NOTE = "units"  # manifest note: what the tables in force were made from
_DELIVERED = ("raw.value", "raw.event")
_SHIPPED = ("unit_spellings.csv", "unit_analytes.csv", "unit_linear.csv", "unit_targets.csv")


def publish_units(home: Home, manifest: Manifest, con: duckdb.DuckDBPyConnection) -> None:
    """Put the tables of units in force; nothing is read where nothing has changed.

    con: an in-memory connection that reads what is landed within the process's share.
    """
    mark = _mark(manifest)
    names = {t.full_name for t in (VOCAB_UNIT_SPELLING, VOCAB_UNIT_CONVERSION, VOCAB_UNIT_TARGET)}
    if manifest.note(_NOTE) == mark and names <= set(manifest.objects()):
        return
    spellings = {unit: to_ucum(unit) for unit in _units_that_occur(home, manifest, con)}
    declared = _column(home, manifest, VOCAB_VARIABLE.full_name, "ucum_unit")
    occurring = {*spellings.values(), *declared} - {None, NO_UNIT}
    tables = [
        _write(
            home,
            VOCAB_UNIT_SPELLING.name,
            [{"unit": unit, "ucum_unit": ucum} for unit, ucum in sorted(spellings.items())],
            VOCAB_UNIT_SPELLING.arrow,
        ),
        _write(
            home,
            VOCAB_UNIT_CONVERSION.name,
            _conversions(sorted(map(str, occurring)), _mapped_units(home, manifest)),
            VOCAB_UNIT_CONVERSION.arrow,
        ),
        _write(
            home,
            VOCAB_UNIT_TARGET.name,
            [
                {
                    "vocabulary_id": t.vocabulary_id,
                    "concept_code": t.concept_code,
                    "ucum_unit": t.ucum,
                    "analyte": t.analyte,
                }
                for t in unit_targets()
            ],
            VOCAB_UNIT_TARGET.arrow,
        ),
    ]
    with manifest.transaction():
        put_in_force(manifest, tables)
        manifest.set_note(_NOTE, mark)


def _conversions(occurring: Iterable[str], mapped: set[str]) -> list[dict[str, object]]:
    """Rows of vocab.unit_conversion; no row where no conversion exists."""
    targets = unit_targets()
    wanted = {"": mapped | {t.ucum for t in targets}}
    for target in targets:
        if target.analyte:
            wanted.setdefault(target.analyte, set(mapped)).add(target.ucum)
    rows: list[dict[str, object]] = []
    for name in sorted(wanted):
        for start in occurring:
            for end in sorted(wanted[name]):
                found = conversion(start, end, analytes().get(name))
                if found is not None:
                    rows.append(
                        {
                            "analyte": name,
                            "from_unit": start,
                            "to_unit": end,
                            "scale_factor": found[0],
                            "scale_offset": found[1],
                        }
                    )
    return rows


def _units_that_occur(home: Home, manifest: Manifest, con: duckdb.DuckDBPyConnection) -> set[str]:
    """Every spelling delivered or written in a dictionary, trimmed as the models trim it."""
    found = set(_column(home, manifest, VOCAB_VARIABLE.full_name, "unit"))
    for table in _DELIVERED:
        paths = [home.landing / part.path for part in manifest.parts(table)]
        if paths:
            found |= _distinct(con, paths)
    return {unit.strip() for unit in found if unit and unit.strip()}


def _distinct(con: duckdb.DuckDBPyConnection, paths: list[Path]) -> set[str]:
    query = f"SELECT DISTINCT unit FROM read_parquet({parquet_list(paths)}) WHERE unit IS NOT NULL"  # noqa: S608
    return {unit for (unit,) in con.execute(query).fetchall()}


def _mapped_units(home: Home, manifest: Manifest) -> set[str]:
    """UCUM codes of the units that mappings state."""
    ids = _column(home, manifest, VOCAB_MAPPING.full_name, "unit_concept_id")
    known = vocabulary_in_force(home).look_up(i for i in ids if i)
    return {c.concept_code for c in known.values() if c.vocabulary_id == "UCUM"}


def _column(home: Home, manifest: Manifest, table: str, column: str) -> list[Any]:
    """Distinct values of a column of a table in force; none where there is no such table."""
    found = manifest.objects().get(table)
    if found is None:
        return []
    values: list[Any] = (
        ds.dataset(home.landing / found[0]).to_table(columns=[column])[column].unique().to_pylist()
    )
    return [v for v in values if v is not None]


def _write(home: Home, name: str, rows: list[dict[str, object]], schema: pa.Schema) -> Published:
    table = pa.Table.from_pylist(rows, schema)
    return write_table(home, name, schema, table.to_batches())


def _mark(manifest: Manifest) -> str:
    """Hash of everything the tables follow from."""
    marks = manifest.fingerprints()
    names = (*_DELIVERED, VOCAB_VARIABLE.full_name, VOCAB_MAPPING.full_name)
    digest = hashlib.sha256(repr([marks.get(name) for name in names]).encode())
    digest.update(repr(manifest.note(VOCABULARY_NOTE)).encode() + biobraid.__version__.encode())
    for name in _SHIPPED:
        digest.update((Path(__file__).parent / name).read_bytes())
    return digest.hexdigest()
