"""Connector `embeddings`: vectors that a model computed from images, as Parquet or NumPy arrays.

Records: rows of the table. Facts: one raw.vector each, joined to the image by its series UID. A
Parquet file holds them as a list column or as columns of one beginning; a folder holds a table
(CSV or Parquet) and one .npy file with a row for each row of the table, in its order.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pv
import pyarrow.parquet as pq

from biobraid.core.errors import Fault, SourceFileError
from biobraid.ingest.connectors.contract import Chunk, Counts, FileJob, connector, get_connector
from biobraid.ingest.connectors.dicom import refuse_delta
from biobraid.ingest.connectors.imaging_index_options import EmbeddingsOptions
from biobraid.ingest.connectors.imaging_rows import asset_id
from biobraid.ingest.connectors.ukb_persons import constant, native_ids
from biobraid.ingest.file_groups import files_below, state_of
from biobraid.ingest.hashing import person_keys
from biobraid.ingest.tabular.block import reject_table

_BLOCK = 20_000
Vectors = npt.NDArray[np.float32]


@connector("embeddings", options=EmbeddingsOptions, takes_folders=True)
def read_embeddings(job: FileJob) -> Iterator[Chunk | Counts]:
    """Chunks and counts of one delivery."""
    options = get_connector("embeddings").check_options(job.source.options)
    if not isinstance(options, EmbeddingsOptions):
        raise TypeError("the connector is registered with other options")
    refuse_delta(job)
    told: set[str] = set()
    seen: set[int] = set()
    first = 1
    for table, vectors in _blocks(job, options):
        yield from _block(job, options, table, vectors, told, seen, first)
        first += table.num_rows
    yield Counts(bytes_done=state_of(job.path)[0], keys_are_unique=True)


def _block(
    job: FileJob,
    options: EmbeddingsOptions,
    table: pa.Table,
    vectors: Vectors,
    told: set[str],
    seen: set[int],
    first: int,
) -> Iterator[Chunk | Counts]:
    n = table.num_rows
    person = job.source.person_id or options.person
    natives, series = (_text(table, name, job) for name in (person, options.series_uid))
    ids = [asset_id(job, uid) if uid else 0 for uid in series.to_pylist()]
    good = np.ones(n, dtype=bool)
    rejects = []
    for bad, reason, expected in (
        (natives.is_null().to_numpy(zero_copy_only=False), "missing-person-id", "a person's id"),
        (series.is_null().to_numpy(zero_copy_only=False), "missing-uid", "an image's series UID"),
        (~np.isfinite(vectors).all(axis=1), "invalid-value", "a vector of finite numbers"),
        (_repeated(ids, seen), "duplicate-key", "one vector per image"),
    ):
        bad = bad & good
        if bad.any():
            rejects.append(reject_table(np.arange(first, first + n)[bad], reason, expected))
            good &= ~bad
    counts = Counts(columns=tuple(table.column_names), keys_are_unique=True)
    counts.records_read = n
    counts.records_rejected = int((~good).sum())
    for reject in rejects:
        yield Chunk("raw.reject", reject)
    at = np.flatnonzero(good)
    if len(at):
        kept = natives.take(pa.array(at))
        persons = person_keys(job.keys, job.study.person_namespace, kept)
        named = native_ids(kept, persons, told)
        if named is not None:
            yield named
        yield Chunk("raw.vector", _rows(job, options, [ids[i] for i in at], persons, vectors[at]))
    counts.facts_read = 3 * len(at)  # the vector, the person's id and the image's
    counts.facts_ignored = 2 * len(at)
    counts.ignored["record-key"] = 2 * len(at)
    yield counts


def _rows(
    job: FileJob, options: EmbeddingsOptions, ids: list[int], persons: pa.Array, vectors: Vectors
) -> pa.Table:
    n, width = vectors.shape
    scope = (job.study.id, job.source_id, options.model, options.version)
    rows = [job.keys.record_id("vector", *scope, str(one)) for one in ids]
    offsets = pa.array(np.arange(0, (n + 1) * width, width, dtype=np.int32))
    return pa.table(
        {
            "row_id": pa.array(rows, pa.int64()),
            "record_id": pa.array(rows, pa.int64()),
            "source_person_key": persons,
            "asset_id": pa.array(ids, pa.int64()),
            "model": constant(options.model, n),
            "version": constant(options.version, n),
            "vector": pa.ListArray.from_arrays(offsets, pa.array(vectors.reshape(-1))),
        }
    )


def _repeated(ids: list[int], seen: set[int]) -> npt.NDArray[np.bool_]:
    twice = np.zeros(len(ids), dtype=bool)
    for place, one in enumerate(ids):
        twice[place] = one in seen
        seen.add(one)
    return twice


def _text(table: pa.Table, name: str, job: FileJob) -> pa.StringArray:
    if name not in table.column_names:
        raise SourceFileError(Fault(job.where, f"the table has no column '{name}'", "that column"))
    values = pc.utf8_trim_whitespace(table.column(name).cast(pa.string()).combine_chunks())
    return pc.if_else(pc.equal(values, ""), pa.scalar(None, pa.string()), values)


def _blocks(job: FileJob, options: EmbeddingsOptions) -> Iterator[tuple[pa.Table, Vectors]]:
    if not job.path.is_dir():
        yield from _of_parquet(job, options, job.path)
        return
    files = [f.path for f in files_below(job.path) if not f.name.startswith(".")]
    arrays = [p for p in files if p.suffix == ".npy"]
    tables = [p for p in files if p.suffix in (".csv", ".tsv", ".parquet")]
    if len(arrays) != 1 or len(tables) != 1:
        raise _fault(job, f"{len(tables)} tables and {len(arrays)} .npy files", "one of each")
    yield from _of_array(job, _read_table(job, options, tables[0]), arrays[0])


def _of_array(job: FileJob, table: pa.Table, path: Path) -> Iterator[tuple[pa.Table, Vectors]]:
    try:
        vectors = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError):
        raise _fault(job, "the .npy file is damaged or holds objects", "numbers") from None
    if vectors.ndim != 2 or len(vectors) != table.num_rows or vectors.dtype.kind not in "fiu":
        shape = " x ".join(map(str, vectors.shape))
        raise _fault(job, f"an array of {shape} beside {table.num_rows} rows", "a row for each")
    for start in range(0, table.num_rows, _BLOCK):
        block = table.slice(start, _BLOCK)
        yield block, np.asarray(vectors[start : start + block.num_rows], dtype=np.float32)


def _of_parquet(
    job: FileJob, options: EmbeddingsOptions, path: Path
) -> Iterator[tuple[pa.Table, Vectors]]:
    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowException, OSError):
        raise _fault(job, "the file is no whole Parquet file", "Parquet, or a folder") from None
    names = file.schema_arrow.names
    is_one = options.vector in names
    parts = [options.vector] if is_one else [n for n in names if n.startswith(options.vector)]
    if not parts:
        raise _fault(job, f"no column begins with '{options.vector}'", "the vector's columns")
    batches = file.iter_batches(_BLOCK)
    width = None
    while True:
        try:
            batch = next(batches, None)
            if batch is None:
                return
            table = pa.Table.from_batches([batch])
            vectors = _vectors(job, table, parts)
        except (pa.ArrowException, OSError):
            raise _fault(
                job, "the file is damaged, or its vectors are no numbers", "numbers"
            ) from None
        width = width or vectors.shape[1]
        if vectors.shape[1] != width:
            raise _fault(job, "vectors of several lengths", "one length for all")
        yield table.drop_columns(parts), vectors


def _vectors(job: FileJob, table: pa.Table, parts: list[str]) -> Vectors:
    column = table.column(parts[0]).combine_chunks()
    if not pa.types.is_nested(column.type):
        cells = [table.column(p).cast(pa.float32()).to_numpy() for p in parts]
        return np.stack(cells, axis=1).astype(np.float32)
    width = pc.list_value_length(column)
    widths = pc.unique(width.drop_null()).to_pylist()
    if len(widths) != 1 or column.null_count:
        raise _fault(job, f"vectors of {len(widths)} lengths, or none", "one length for all")
    flat = column.flatten().cast(pa.float32()).to_numpy(zero_copy_only=False)
    return np.asarray(flat, dtype=np.float32).reshape(table.num_rows, widths[0])


def _read_table(job: FileJob, options: EmbeddingsOptions, path: Path) -> pa.Table:
    try:
        if path.suffix == ".parquet":
            return pq.read_table(path)
        parse = pv.ParseOptions(delimiter="\t" if path.suffix == ".tsv" else options.delimiter)
        wanted = (job.source.person_id or options.person, options.series_uid)
        text = pv.ConvertOptions(column_types=dict.fromkeys(wanted, pa.string()))
        return pv.read_csv(path, parse_options=parse, convert_options=text)
    except (pa.ArrowException, OSError):
        raise _fault(job, "the table beside the vectors cannot be read", "CSV or Parquet") from None


def _fault(job: FileJob, found: str, expected: str) -> SourceFileError:
    return SourceFileError(Fault(job.where, found, expected, "Ask for the delivery again."))
