"""Concept ids that an OMOP-shaped source delivers, against the vocabulary in force."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.core.errors import Fault
from biobraid.core.home import Home
from biobraid.core.manifest import Part
from biobraid.core.warehouse import parquet_list
from biobraid.ingest.connectors.contract import Chunk
from biobraid.ingest.doctor.finding import Finding
from biobraid.ingest.vocabulary import vocabulary_in_force

N_LISTED = 20
_COLUMNS = (
    "concept_id", "source_concept_id", "type_concept_id", "value_concept_id", "unit_concept_id",
    "operator_concept_id", "qualifier_concept_id",
)  # fmt: skip
_NAMED = ("raw.value", "variable"), ("raw.detail", "field")  # table, column that names what it is


def concepts_of(chunk: Chunk) -> Counter[int]:
    """Concept ids of a chunk with the number of times each stands there."""
    found: Counter[int] = Counter()
    if chunk.table == "raw.event":
        for name in set(_COLUMNS) & set(chunk.rows.column_names):
            _add(found, chunk.rows[name])
    for table, column in _NAMED:
        if chunk.table == table and chunk.rows.num_rows:
            names = _plain(chunk.rows[column])
            is_concept = pc.ends_with(names, "concept_id")
            values = _plain(chunk.rows["value"]).filter(is_concept)
            is_id = pc.match_substring_regex(values, r"^\d{1,18}$")
            _add(found, pc.cast(values.filter(is_id), pa.int64()))
    return found


def landed_concepts(home: Home, parts: Mapping[str, Sequence[Part]]) -> Counter[int]:
    """Concept ids of landed parts (by table) with the number of times each stands there."""
    found: Counter[int] = Counter()
    queries = []
    if paths := _paths(home, parts.get("raw.event", ())):
        queries += [
            f"SELECT {name} AS id FROM read_parquet({paths})"  # noqa: S608
            for name in _COLUMNS
        ]
    for table, column in _NAMED:
        if paths := _paths(home, parts.get(table, ())):
            queries.append(
                f"SELECT TRY_CAST(value AS BIGINT) AS id FROM read_parquet({paths}) "  # noqa: S608
                f"WHERE {column} LIKE '%concept_id'"
            )
    with duckdb.connect(config={"threads": str(home.settings.threads)}) as con:
        for query in queries:
            rows = con.execute(
                f"SELECT id, count(*) FROM ({query}) WHERE id IS NOT NULL GROUP BY id"  # noqa: S608
            ).fetchall()
            for concept_id, n in rows:
                found[concept_id] += n
    return found


def unknown_concepts(
    home: Home, study_id: str, source_id: str, concepts: Counter[int], is_landed: bool
) -> list[Finding]:
    """One warning with the delivered concepts that the vocabulary in force lacks, by frequency."""
    if not concepts:
        return []
    vocabulary = vocabulary_in_force(home)
    known = vocabulary.look_up(concepts)
    missing = [(i, n) for i, n in concepts.most_common() if i != 0 and i not in known]
    if not missing:
        return []
    # A rare concept may point at somebody: ids are listed only where enough rows have them.
    shown = [f"{i} ({n})" for i, n in missing if n >= home.settings.min_cell][:N_LISTED]
    rest = len(missing) - len(shown)
    listed = ", ".join(shown) + (f"{', and ' if shown else ''}{rest} more" if rest else "")
    basis = "landed rows" if is_landed else "rows of a sample"
    fault = Fault(
        f"{study_id}/{source_id}",
        f"{len(missing)} of {len(concepts)} delivered concepts are not in the vocabulary; "
        f"with {basis}: {listed}",
        f"concepts of {vocabulary.version}",
        "Their rows stay in the table they were delivered in. Load a vocabulary that has them: "
        "biobraid vocabulary load.",
    )
    return [Finding("warning", fault, sum(n for _, n in missing))]


def _add(found: Counter[int], values: pa.ChunkedArray | pa.Array) -> None:
    for entry in pc.value_counts(values.drop_null()).to_pylist():
        found[entry["values"]] += entry["counts"]


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.cast(column, pa.string())


def _paths(home: Home, parts: Sequence[Part]) -> str:
    paths: list[Path] = [home.landing / part.path for part in parts if part.rows]
    return parquet_list(paths) if paths else ""
