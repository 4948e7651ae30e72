"""What the vocabulary in force knows of some concepts; the starter, until another is loaded."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cache

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from biobraid.core.home import Home
from biobraid.core.manifest import Manifest
from biobraid.ingest.vocabulary.tables import (
    STARTER_VERSION,
    VOCABULARY_TABLES,
    starter_concepts,
    starter_table,
)

# Note in the manifest: {"name": "starter" or what was loaded, "version": ..., ...}
VOCABULARY_NOTE = "vocabulary"
STARTER = "starter"


@dataclass(frozen=True)
class Concept:
    """What a mapping must know of a concept."""

    concept_id: int
    concept_name: str
    domain_id: str
    vocabulary_id: str
    standard_concept: str | None
    concept_code: str
    invalid_reason: str | None
    is_stub: bool


@dataclass(frozen=True)
class Vocabulary:
    """The vocabulary in force: its version and its concept tables, read as far as asked for."""

    version: str
    concepts: ds.Dataset
    origins: ds.Dataset
    relationships: ds.Dataset
    domains: frozenset[str]
    vocabularies: frozenset[str]

    def look_up(self, concept_ids: Iterable[int]) -> dict[int, Concept]:
        """The concepts that the vocabulary has, by id."""
        wanted = pa.array(sorted(set(concept_ids)), pa.int64())
        names = [n for n in Concept.__dataclass_fields__ if n != "is_stub"]
        rows = _rows_of(self.concepts, "concept_id", wanted, names).to_pylist()
        origins = _rows_of(self.origins, "concept_id", wanted, ["concept_id", "is_stub"])
        stubs = set(origins.filter(origins["is_stub"])["concept_id"].to_pylist())
        return {
            row["concept_id"]: Concept(**row, is_stub=row["concept_id"] in stubs) for row in rows
        }

    def look_up_codes(self, codes: Collection[tuple[str, str]]) -> dict[tuple[str, str], int]:
        """Concepts of (vocabulary_id, code), compared as stem.code_target compares them.

        Without dots and, but for Read codes, without case; a valid concept before another,
        then the smallest id. Block by block: of millions of codes few are asked for.
        """
        keys = {pair: (pair[0], code_key(*pair)) for pair in codes}
        asked = pa.array(sorted({key for _, key in keys.values()}), pa.string())
        systems = pa.array(sorted({system for system, _ in codes}), pa.string())
        best: dict[tuple[str, str], tuple[bool, int]] = {}
        scanner = self.concepts.scanner(
            columns=["vocabulary_id", "concept_code", "concept_id", "invalid_reason"],
            filter=ds.field("vocabulary_id").isin(systems),
        )
        for block in scanner.to_batches() if codes else ():
            bare = pc.replace_substring(block["concept_code"], ".", "")
            is_near = pc.is_in(pc.utf8_upper(bare), pc.utf8_upper(asked))
            for row in block.filter(is_near).to_pylist():
                key = (row["vocabulary_id"], code_key(row["vocabulary_id"], row["concept_code"]))
                rank = (bool(row["invalid_reason"]), row["concept_id"])
                best[key] = min(best.get(key, rank), rank)
        return {pair: best[key][1] for pair, key in keys.items() if key in best}

    def replacements(self, concept_ids: Iterable[int]) -> dict[int, tuple[Concept, ...]]:
        """The standard concepts that the given ones map to (Maps to), themselves left out."""
        wanted = pa.array(sorted(set(concept_ids)), pa.int64())
        names = ["concept_id_1", "concept_id_2", "relationship_id", "invalid_reason"]
        found_rows = _rows_of(self.relationships, "concept_id_1", wanted, names)
        rows = found_rows.filter(pc.equal(found_rows["relationship_id"], "Maps to")).to_pylist()
        pairs = {
            (row["concept_id_1"], row["concept_id_2"])
            for row in rows
            if not row["invalid_reason"] and row["concept_id_1"] != row["concept_id_2"]
        }
        targets = self.look_up(two for _, two in pairs)
        found: dict[int, tuple[Concept, ...]] = {}
        for one, two in sorted(pairs):
            if two in targets and targets[two].standard_concept == "S":
                found[one] = (*found.get(one, ()), targets[two])
        return found


def code_key(system: str, code: str) -> str:
    """The code to compare by: no dots; in upper case, but for Read codes, which know case."""
    bare = code.replace(".", "")
    return bare if system.startswith(("Read", "CTV")) else bare.upper()


def vocabulary_in_force(home: Home) -> Vocabulary:
    """The home's vocabulary: what was loaded into it, else the starter shipped with us."""
    if not home.manifest.is_file():
        return starter_vocabulary()
    with Manifest(home) as manifest:
        note = manifest.note(VOCABULARY_NOTE, {"name": STARTER})
        paths = {name: home.landing / path for name, (path, _, _) in manifest.objects().items()}
    needed = [f"vocab.{name}" for name in ("concept", "concept_origin", "concept_relationship",
                                           "domain", "vocabulary")]  # fmt: skip
    if note["name"] == STARTER or any(name not in paths for name in needed):
        return starter_vocabulary()
    concepts, origins, relationships, domains, vocabularies = (
        ds.dataset(paths[name]) for name in needed
    )
    return Vocabulary(
        note["version"],
        concepts,
        origins,
        relationships,
        _ids(domains.to_table(columns=["domain_id"])),
        _ids(vocabularies.to_table(columns=["vocabulary_id"])),
    )


@cache
def starter_vocabulary() -> Vocabulary:
    """The vocabulary shipped with us."""
    concepts = starter_concepts()
    return Vocabulary(
        STARTER_VERSION,
        ds.dataset(concepts.select(VOCABULARY_TABLES["concept"].names)),
        ds.dataset(concepts.select(["concept_id", "is_stub"])),
        ds.dataset(starter_table("concept_relationship")),
        _ids(starter_table("domain").select(["domain_id"])),
        _ids(starter_table("vocabulary").select(["vocabulary_id"])),
    )


def _rows_of(data: ds.Dataset, key: str, wanted: pa.Array, columns: list[str]) -> pa.Table:
    """Rows whose key is wanted. A loaded vocabulary is asked through DuckDB.

    Thousands of ids among forty million relationships: a tenth of a filter's time.
    """
    if not len(wanted) or not isinstance(data, ds.FileSystemDataset):
        return data.to_table(columns=columns, filter=ds.field(key).isin(wanted))
    con = duckdb.connect()
    try:
        con.execute("SET enable_progress_bar = false")
        con.register("wanted", pa.table({key: wanted}))
        query = f"SELECT {', '.join(columns)} FROM read_parquet(?) SEMI JOIN wanted USING ({key})"  # noqa: S608
        return con.execute(query, [data.files]).to_arrow_table()
    finally:
        con.close()


def _ids(table: pa.Table) -> frozenset[str]:
    return frozenset(table.column(0).to_pylist())
