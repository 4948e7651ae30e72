"""What the studies declare, published as vocab.* for the SQL models, with the vocabulary."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from biobraid.core.errors import Fault, MappingError, SettingsError
from biobraid.core.home import Home
from biobraid.core.manifest import Manifest
from biobraid.core.schemas import (
    VOCAB_CENSORING,
    VOCAB_CODE,
    VOCAB_MAPPING,
    VOCAB_RANGE,
    VOCAB_SOURCE,
    VOCAB_VARIABLE,
    Table,
)
from biobraid.core.study import Study, study_packs
from biobraid.ingest.dictionaries import CodeRow, VariableRow, examine_dictionary, rows_of_source
from biobraid.ingest.mappings import AbsentCode, StudyMapping, examine_mapping
from biobraid.ingest.vocabulary.publish import (
    Published,
    note_starter,
    put_in_force,
    write_starter,
    write_table,
)
from biobraid.ingest.wearable_tables import write_wearable_tables

# OMOP type concept of a source's records, by where they come from (vocabulary/stubs.csv).
TYPE_CONCEPTS = {
    "hospital": 32817,  # EHR
    "primary-care": 32817,
    "register": 32879,  # registry
    "survey": 32862,  # survey filled in by the participant
    "pharmacy": 32825,  # dispensing
    "claims": 32810,  # claim
    "research": 32809,  # case report form
    "device": 32880,  # standard algorithm
}
BATCH_ROWS = 65_536
Rows = Iterator[dict[str, Any]]


def publish_catalog(home: Home, studies: Sequence[Study]) -> None:
    """Put in force what `studies` declare, and the starter vocabulary if there is no other.

    Rows of other studies stay while their packs do. All faults of all dictionaries and
    mappings come in one error, before anything is written. Unchanged content changes nothing.
    """
    read = [_Declared(home, study) for study in studies]
    faults = [fault for declared in read for fault in declared.faults]
    if faults:
        is_mapping = all("mapping.csv" in fault.where for fault in faults)
        raise (MappingError if is_mapping else SettingsError)(faults)
    read.sort(key=lambda declared: declared.study.id)
    with Manifest(home) as manifest:
        kept = _kept(home, manifest, {study.id for study in studies})
        starter = write_starter(home, manifest)
        tables: list[Published] = [
            _write(home, table, (rows(d) for d in read), kept.get(table.full_name))
            for table, rows in (
                (VOCAB_SOURCE, _source_rows),
                (VOCAB_CENSORING, _censoring_rows),
                (VOCAB_VARIABLE, _variable_rows),
                (VOCAB_CODE, _code_rows),
                (VOCAB_RANGE, _range_rows),
                (VOCAB_MAPPING, _mapping_rows),
            )
        ]
        with manifest.transaction():
            put_in_force(manifest, [*starter, *tables, *write_wearable_tables(home)])
            if starter:
                note_starter(manifest)


class _Declared:
    """A study with its dictionary and mapping, and what is wrong with them."""

    def __init__(self, home: Home, study: Study) -> None:
        dictionary = examine_dictionary(home, study)
        self.study = study
        self.variables: list[VariableRow] = dictionary.variables
        self.codes: list[CodeRow] = dictionary.codes
        self.mapping: StudyMapping = examine_mapping(home, study, self.variables)
        self.faults: list[Fault] = [*dictionary.faults, *self.mapping.faults]


def _source_rows(declared: _Declared) -> Rows:
    study = declared.study
    for source_id, source in sorted(study.sources.items()):
        yield {
            "study": study.id,
            "source": source_id,
            "connector": source.connector,
            "modality": source.modality,
            "origin": source.origin,
            "type_concept_id": TYPE_CONCEPTS[source.origin],
            "time_zone": source.time_zone or study.time_zone,
            "date_order": source.date_order,
            "covers_from": source.covers.from_,
            "covers_to": source.covers.to,
            "release": study.release,
        }


def _censoring_rows(declared: _Declared) -> Rows:
    for rule in sorted(declared.study.censoring, key=lambda r: (r.source, r.region)):
        yield {
            "study": declared.study.id,
            "source": rule.source,
            "region": rule.region,
            "covers_to": rule.to,
        }


def _variable_rows(declared: _Declared) -> Rows:
    for source in sorted(declared.study.sources):
        for row in sorted(rows_of_source(declared.variables, source), key=lambda r: r.variable):
            yield asdict(row) | {"study": declared.study.id, "source": source}


def _range_rows(declared: _Declared) -> Rows:
    for source in sorted(declared.study.sources):
        for row in sorted(rows_of_source(declared.variables, source), key=lambda r: r.variable):
            if row.low is not None or row.high is not None:
                own = {"variable": row.variable, "low": row.low, "high": row.high}
                yield {"study": declared.study.id, "source": source, **own}


def _code_rows(declared: _Declared) -> Rows:
    for source in sorted(declared.study.sources):
        absent = [code for code in declared.mapping.absent if code.source == source]
        for row in _with_absent(rows_of_source(declared.codes, source), absent):
            yield {
                "study": declared.study.id,
                "source": source,
                "variable": row.variable,
                "code": row.code,
                "meaning": row.meaning,
                "absent_reason": row.absent_reason,
            }


def _with_absent(codes: Sequence[CodeRow], absent: Iterable[AbsentCode]) -> list[CodeRow]:
    """The dictionary's codes with the mapping's absent reasons, which win; sorted."""
    by_key = {(row.variable, row.code): row for row in codes}
    for code in absent:
        key = (code.variable, code.code)
        known = by_key.get(key, CodeRow(*key))
        by_key[key] = replace(known, absent_reason=code.absent_reason)
    return [by_key[key] for key in sorted(by_key)]


def _mapping_rows(declared: _Declared) -> Rows:
    for mapping in declared.mapping.mappings:
        yield vars(mapping) | {"study": declared.study.id}


def _kept(home: Home, manifest: Manifest, given: set[str]) -> dict[str, pa.Table]:
    """Rows in force of studies that are not given but whose packs are still there."""
    others = sorted({pack.name for pack in study_packs(home)} - given)
    if not others:
        return {}
    return {
        name: ds.dataset(home.landing / path).to_table(filter=ds.field("study").isin(others))
        for name, (path, _, _) in manifest.objects().items()
        if name in (VOCAB_SOURCE.full_name, VOCAB_VARIABLE.full_name, VOCAB_CODE.full_name,
                    VOCAB_RANGE.full_name, VOCAB_MAPPING.full_name)
    }  # fmt: skip


def _write(home: Home, table: Table, studies: Iterable[Rows], kept: pa.Table | None) -> Published:
    """Write one table, sorted by study; `kept` rows take their place among the others."""
    by_study: dict[str, Iterator[pa.RecordBatch]] = {}
    for rows in studies:
        batches = _batches(rows, table.arrow)
        first = next(batches, None)
        if first is not None:
            by_study[first["study"][0].as_py()] = _chain(first, batches)
    if kept is not None:
        for study in kept["study"].unique().to_pylist():
            mine = kept.filter(pc.equal(kept["study"], study)).combine_chunks()
            by_study[study] = iter(mine.to_batches(max_chunksize=BATCH_ROWS))
    everything = (batch for study in sorted(by_study) for batch in by_study[study])
    return write_table(home, table.name, table.arrow, everything)


def _batches(rows: Rows, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    block: list[dict[str, Any]] = []
    for row in rows:
        block.append(row)
        if len(block) == BATCH_ROWS:
            yield _batch(block, schema)
            block = []
    if block:
        yield _batch(block, schema)


def _batch(block: list[dict[str, Any]], schema: pa.Schema) -> pa.RecordBatch:
    columns = [pa.array([row[f.name] for row in block], f.type) for f in schema]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _chain(first: pa.RecordBatch, rest: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield first
    yield from rest
