"""Putting vocabulary tables in force: Parquet files in landing/vocab, named by their content."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from biobraid.core.files import atomic_path
from biobraid.core.home import Home
from biobraid.core.keys import concept_key
from biobraid.core.manifest import Manifest
from biobraid.core.omop.domains import cdm_table_of_domain
from biobraid.core.schemas import VOCAB_ORIGIN
from biobraid.ingest.vocabulary.lookup import STARTER, VOCABULARY_NOTE
from biobraid.ingest.vocabulary.tables import (
    STARTER_FOLDER,
    STARTER_VERSION,
    VOCABULARY_TABLES,
    starter_concepts,
    starter_table,
)


@dataclass(frozen=True)
class Published:
    """A table's file, ready to be put in force; path relative to landing."""

    name: str
    path: str
    rows: int
    fingerprint: str


def write_table(
    home: Home, name: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]
) -> Published:
    """Write vocab.<name> as Parquet, named and fingerprinted by its content.

    The fingerprint hashes the Arrow bytes, so equal rows in equal batches give the same one.
    Nothing is in force before `put_in_force`.
    """
    hasher = _HashSink()
    n_rows = 0
    folder = home.landing / "vocab"
    with atomic_path(folder / f"{name}.new.parquet") as partial:
        with (
            pq.ParquetWriter(partial, schema, compression="zstd") as writer,
            pa.ipc.new_stream(pa.PythonFile(hasher, mode="w"), schema) as hashed,
        ):
            for batch in batches:
                writer.write_batch(batch)
                hashed.write_batch(batch)
                n_rows += batch.num_rows
        fingerprint = hasher.hash.hexdigest()
    final = folder / f"{name}-{fingerprint[:8]}.parquet"
    (folder / f"{name}.new.parquet").replace(final)
    path = final.relative_to(home.landing).as_posix()
    return Published(f"vocab.{name}", path, n_rows, fingerprint)


def put_in_force(manifest: Manifest, tables: Iterable[Published]) -> None:
    """Put the files in force, those that are already excepted; inside a transaction."""
    known = manifest.objects()
    for table in tables:
        now = (table.path, table.rows, table.fingerprint)
        if known.get(table.name) != now:
            manifest.put_object(table.name, *now)


def write_starter(home: Home, manifest: Manifest) -> list[Published]:
    """Files of the starter vocabulary; none if it or another vocabulary is already in force.

    A loaded vocabulary is whatever stands in the note `VOCABULARY_NOTE` under another name
    than the starter's: it is left alone.
    """
    note = manifest.note(VOCABULARY_NOTE)
    known = manifest.objects()
    names = [f"vocab.{name}" for name in (*VOCABULARY_TABLES, VOCAB_ORIGIN.name)]
    is_complete = all(n in known and (home.landing / known[n][0]).is_file() for n in names)
    if note and (note["name"] != STARTER or (note["files"] == starter_mark() and is_complete)):
        return []
    written = [
        write_table(home, name, schema, starter_table(name).to_batches())
        for name, schema in VOCABULARY_TABLES.items()
    ]
    concepts = starter_concepts()
    origins = origin_batches(concepts.to_batches())
    return [*written, write_table(home, VOCAB_ORIGIN.name, VOCAB_ORIGIN.arrow, origins)]


def note_starter(manifest: Manifest) -> None:
    """Remember that the starter vocabulary, as shipped now, is the one in force."""
    note = {"name": STARTER, "version": STARTER_VERSION, "files": starter_mark()}
    manifest.set_note(VOCABULARY_NOTE, note)


def origin_batches(concepts: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """vocab.concept_origin of concepts that carry domain_id, origin and is_stub."""
    for batch in concepts:
        ids = batch["concept_id"].to_pylist()
        domains = batch["domain_id"].to_pylist()
        keys = [
            concept_key(cdm_table_of_domain(domain), concept_id) if concept_id else 0
            for concept_id, domain in zip(ids, domains, strict=True)
        ]
        yield pa.RecordBatch.from_arrays(
            [batch["concept_id"], batch["origin"], batch["is_stub"], pa.array(keys, pa.int64())],
            schema=VOCAB_ORIGIN.arrow,
        )


def starter_mark() -> str:
    """Hash of the shipped files; another one means that they are written anew."""
    files: list[Path] = sorted(STARTER_FOLDER.glob("*.csv.gz"))
    hashed = hashlib.sha256()
    for path in files:
        hashed.update(path.name.encode() + b"\x00" + hashlib.sha256(path.read_bytes()).digest())
    return hashed.hexdigest()


class _HashSink:
    """A file-like object that keeps only the hash of what is written to it."""

    def __init__(self) -> None:
        self.hash = hashlib.sha256()
        self.closed = False

    def write(self, data: bytes) -> int:
        """Hash the bytes."""
        self.hash.update(data)
        return len(data)

    def flush(self) -> None:
        """Nothing is buffered."""

    def close(self) -> None:
        """The hash outlives the stream."""
        self.closed = True
