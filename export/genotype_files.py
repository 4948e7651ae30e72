"""Genotypes of a release: landing rows with the released samples only, in the release's order.

genotypes/values/NNN.parquet, one per set: the columns of raw.genotype without its origin, the
set's id as in omics.variant. genotypes/samples.parquet: set, place and person. Impossible calls
(core/genotypes/dosage.py) are missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from biobraid.core.genotypes import (
    BLOCK_SAMPLES,
    MISSING_CALL,
    MISSING_CODE,
    pack_calls,
    packed_size,
    ploidy,
    rows_of_group,
    unpack_calls,
)
from biobraid.core.home import Home
from biobraid.core.manifest import Manifest

GENOTYPES = "genotypes"
VALUES = f"{GENOTYPES}/values"
SAMPLES = f"{GENOTYPES}/samples.parquet"
GROUP_BYTES = 2 << 20  # a look-up unpacks one group; SQL reads the footer of all of them too
_SCHEMA = pa.schema(
    [
        ("genotype_set_id", pa.string()),
        ("variant_index", pa.int32()),
        ("variant_id", pa.string()),
        ("chromosome", pa.string()),
        ("position", pa.int32()),
        ("sample_block", pa.int32()),
        ("n_samples", pa.int32()),
        ("encoding", pa.string()),
        ("scale", pa.int32()),
        ("genotypes", pa.binary()),
    ]
)
_HAPLOID = ("X", "Y", "MT")
U8 = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class ReleasedSet:
    """One genotype set: where its samples stand in landing, in the order of the release."""

    set_id: str  # of the warehouse: study/source/batch
    released_id: str
    build: str
    places: npt.NDArray[np.int64]
    sexes: npt.NDArray[np.int8]

    @property
    def origin(self) -> tuple[str, str, str]:
        """Study, source and batch."""
        study, source, batch = self.set_id.split("/")
        return study, source, batch


@dataclass(frozen=True)
class _Rows:
    """Whole rows of one encoding: values of all samples of the set, one variant a row."""

    meta: pa.Table  # without genotypes
    encoding: str
    packed: U8


def released_sets(con: duckdb.DuckDBPyConnection, *, has_tokens: bool) -> Iterator[ReleasedSet]:
    """The sets of `kept_sample`, with the ids they have in the release, sorted by these."""
    if con.execute("SELECT count(*) FROM kept_sample").fetchone() == (0,):
        return
    released = "project_token(k.genotype_set_id)" if has_tokens else "k.genotype_set_id"
    found = con.execute(f"""
        SELECT k.genotype_set_id, {released}, max(v.build)
        FROM (SELECT DISTINCT genotype_set_id FROM kept_sample) AS k
        LEFT JOIN (SELECT DISTINCT genotype_set_id, build FROM warehouse.omics.variant) AS v
          ON v.genotype_set_id = k.genotype_set_id
        GROUP BY ALL ORDER BY 2""").fetchall()  # noqa: S608
    for set_id, token, build in found:
        samples = con.execute(
            "SELECT sample_index, sex FROM kept_sample WHERE genotype_set_id = ? ORDER BY place",
            [set_id],
        ).fetchnumpy()
        places, sexes = samples["sample_index"], samples["sex"]
        yield ReleasedSet(
            set_id, token, build or "GRCh38", places.astype(np.int64), sexes.astype(np.int8)
        )


def write_genotypes(
    home: Home,
    con: duckdb.DuckDBPyConnection,
    folder: Path,
    *,
    has_tokens: bool,
) -> Mapping[str, int]:
    """Write the release's genotypes into `folder`; returns rows per file (relative path).

    Nothing is written where no genotype is released.
    """
    parts: dict[tuple[str, str, str], list[Path]] = {}
    with Manifest(home) as manifest:
        for part in manifest.parts("raw.genotype"):
            if part.rows:
                origin = (part.study, part.source, part.batch)
                parts.setdefault(origin, []).append(home.landing / part.path)
    written: dict[str, int] = {}
    ids: dict[str, str] = {}
    for number, genotype_set in enumerate(released_sets(con, has_tokens=has_tokens)):
        (folder / VALUES).mkdir(parents=True, exist_ok=True)
        ids[genotype_set.set_id] = genotype_set.released_id
        name = f"{VALUES}/{number:03d}.parquet"
        paths = sorted(parts.get(genotype_set.origin, []), key=_number)
        if not paths:
            continue
        n_blocks = _n_blocks(con, paths)
        written[name] = write_set(genotype_set, paths, n_blocks, folder / name)
    if ids:
        written[SAMPLES] = write_samples(_sample_rows(ids, con), folder / SAMPLES)
    return written


def _number(path: Path) -> int:
    return int(path.name.split("-")[1])


def _sample_rows(ids: Mapping[str, str], con: duckdb.DuckDBPyConnection) -> pa.Table:
    columns = {"genotype_set_id": list(ids), "released_id": list(ids.values())}
    con.register("released_set", pa.table(columns))
    rows = con.execute("""
        SELECT r.released_id AS genotype_set_id, k.place AS sample_index,
          k.project_person_id AS person_id
        FROM kept_sample AS k JOIN released_set AS r ON r.genotype_set_id = k.genotype_set_id
        ORDER BY 1, 2""").to_arrow_table()
    con.unregister("released_set")
    return rows


def write_samples(rows: pa.Table, path: Path) -> int:
    """Write genotype_set_id, sample_index, person_id; sorted by the first two."""
    pq.write_table(rows, path, compression="zstd", use_dictionary=["genotype_set_id"])
    return int(rows.num_rows)


def _n_blocks(con: duckdb.DuckDBPyConnection, paths: Sequence[Path]) -> int:
    found = con.execute(
        "SELECT coalesce(max(sample_block), 0) + 1 FROM read_parquet(?)", [[str(p) for p in paths]]
    ).fetchone()
    return int(found[0]) if found else 1


def write_set(genotype_set: ReleasedSet, paths: Sequence[Path], n_blocks: int, target: Path) -> int:
    """Write the values of one set from its parts of raw.genotype; returns the rows written.

    n_blocks: blocks of samples of the set in landing.
    """
    n_rows = 0
    # One group is made while the one before it is written.
    with (
        pq.ParquetWriter(
            target,
            _SCHEMA,
            compression="zstd",
            compression_level=1,
            use_dictionary=["genotype_set_id", "chromosome", "encoding"],
            write_statistics=["chromosome", "position", "variant_id"],
        ) as writer,
        ThreadPoolExecutor(1) as pool,
    ):
        waiting = None
        for rows in _whole_rows(paths, n_blocks):
            made = pool.submit(_released, genotype_set, rows)
            n_rows += _write(writer, waiting.result()) if waiting else 0
            waiting = made
        n_rows += _write(writer, waiting.result()) if waiting else 0
    return n_rows


def _write(writer: pq.ParquetWriter, tables: Sequence[pa.Table]) -> int:
    for table in tables:
        size = max(1, table.column("genotypes").nbytes // max(1, table.num_rows))
        n_groups = max(1, round(table.num_rows / rows_of_group(size, GROUP_BYTES)))
        writer.write_table(table, row_group_size=-(-table.num_rows // n_groups))
    return sum(table.num_rows for table in tables)


def _whole_rows(paths: Sequence[Path], n_blocks: int) -> Iterator[_Rows]:
    """Rows of landing with their blocks of samples joined, a row group at a time."""
    waiting: dict[int, dict[int, bytes]] = {}
    for path in paths:
        with pq.ParquetFile(path) as file:
            for group in range(file.num_row_groups):
                table = file.read_row_group(group)
                if n_blocks == 1:
                    yield from _by_encoding(table, table.column("genotypes"))
                else:
                    yield from _joined(table, waiting, n_blocks)
    if waiting:
        raise RuntimeError("landing holds variants without all blocks of their samples")


def _joined(
    table: pa.Table, waiting: dict[int, dict[int, bytes]], n_blocks: int
) -> Iterator[_Rows]:
    """Rows of which the last block stands in this table; the others wait."""
    done: list[int] = []
    joined: list[bytes] = []
    columns = ("variant_index", "sample_block", "genotypes")
    for i, row in enumerate(table.select(columns).to_pylist()):
        blocks = waiting.setdefault(row["variant_index"], {})
        blocks[row["sample_block"]] = row["genotypes"]
        if len(blocks) == n_blocks:
            done.append(i)
            joined.append(b"".join(blocks[b] for b in range(n_blocks)))
            del waiting[row["variant_index"]]
    if done:
        values = pa.chunked_array([pa.array(joined, pa.binary())])
        yield from _by_encoding(table.take(done), values)


def _by_encoding(table: pa.Table, genotypes: pa.ChunkedArray) -> Iterator[_Rows]:
    meta = table.drop_columns(["genotypes"])
    values = genotypes.combine_chunks()
    sizes = np.diff(np.frombuffer(values.buffers()[1], np.int32)[: len(values) + 1])
    encodings = np.array(table.column("encoding").to_pylist())
    for encoding in np.unique(encodings):
        at = np.flatnonzero(encodings == encoding)
        mine = values if len(at) == len(values) else values.take(pa.array(at))
        offset = np.frombuffer(mine.buffers()[1], np.int32)[mine.offset]
        flat = np.frombuffer(mine.buffers()[2], np.uint8)[offset:]
        size = int(sizes[at[0]])
        packed = flat[: size * len(at)].reshape(len(at), size)
        yield _Rows(meta.take(pa.array(at)), str(encoding), packed)


def _released(genotype_set: ReleasedSet, rows: _Rows) -> list[pa.Table]:
    """The rows with the released samples in their order, cut into blocks again."""
    places, n = genotype_set.places, len(genotype_set.places)
    if rows.encoding == "call2":
        codes: U8 = unpack_calls(rows.packed, rows.packed.shape[1] * 4)[:, places]
    elif rows.encoding == "dosage8":
        codes = rows.packed[:, places]
    else:
        codes = rows.packed.view("<u2")[:, places]
    _hide_impossible(genotype_set, rows, codes)
    tables = []
    for block, first in enumerate(range(0, n, BLOCK_SAMPLES)):
        mine = codes[:, first : first + BLOCK_SAMPLES]
        packed = pack_calls(mine) if rows.encoding == "call2" else np.ascontiguousarray(mine)
        flat = packed.view(np.uint8)
        n_rows = len(rows.meta)
        repeated = {
            "genotype_set_id": pa.array([genotype_set.released_id] * n_rows),
            "sample_block": pa.array(np.full(n_rows, block, np.int32)),
            "n_samples": pa.array(np.full(n_rows, mine.shape[1], np.int32)),
            "genotypes": _binary(flat, packed_size(rows.encoding, mine.shape[1])),
        }
        columns = [
            repeated[name] if name in repeated else rows.meta.column(name).cast(kind)
            for name, kind in zip(_SCHEMA.names, _SCHEMA.types, strict=True)
        ]
        tables.append(pa.table(columns, schema=_SCHEMA))
    return tables


def _hide_impossible(
    genotype_set: ReleasedSet, rows: _Rows, codes: npt.NDArray[np.unsignedinteger]
) -> None:
    """Set calls that cannot be to missing: haploid heterozygotes, and any of ploidy 0."""
    chromosomes = rows.meta.column("chromosome").to_pylist()
    positions = rows.meta.column("position").to_pylist()
    for i, chromosome in enumerate(chromosomes):
        if chromosome not in _HAPLOID:
            continue
        copies = ploidy(genotype_set.build, chromosome, positions[i], genotype_set.sexes)
        codes[i, copies == 0] = MISSING_CODE[rows.encoding]
        if rows.encoding == "call2":
            codes[i, (copies == 1) & (codes[i] == 1)] = MISSING_CALL


def _binary(flat: U8, size: int) -> pa.Array:
    offsets = np.arange(len(flat) + 1, dtype=np.int32) * np.int32(size)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(flat))]
    return pa.Array.from_buffers(pa.binary(), len(flat), buffers)
