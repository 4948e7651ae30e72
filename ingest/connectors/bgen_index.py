"""Indexing a .bgen where it lies: its variants land, and where their values are; no value does.

The variants' headers are read from the file, whose values are skipped: about a page of it per
variant. A .bgi beside it would not do, because it has no place of the values.
"""

from __future__ import annotations

import mmap
import struct
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa

from biobraid.ingest.connectors.contract import Chunk, Counts, FileJob
from biobraid.ingest.connectors.genotype_files import broken
from biobraid.ingest.connectors.genotype_options import BgenOptions
from biobraid.ingest.connectors.genotype_values import reference_row
from biobraid.ingest.connectors.genotype_variants import Block, VariantReader

_CHUNK = 200_000
# chromosome, position, label, alleles in the file's order, first byte and size of the values
Header = tuple[str, int, str, tuple[str, ...], int, int]


def index_variants(
    job: FileJob, options: BgenOptions, n_samples: int, n_variants: int
) -> Iterator[Chunk | Counts]:
    """Rows of raw.variant and raw.genotype_place, and the one of raw.genotype_reference."""
    layout, compression = _flags(job.path)
    yield Chunk(
        "raw.genotype_reference",
        reference_row(
            job.path, "bgen", n_samples, n_variants, layout=layout, compression=compression
        ),
    )
    reader = VariantReader(job, options, is_ref_known=True, listed_in=".bgen")
    headers = _headers(job, n_samples, n_variants, layout, compression)
    n_read = done = 0
    while rows := list(islice(headers, _CHUNK)):
        block, place = _block(rows, n_read, options)
        yield without_alternate(sum(len(row[3]) < 2 for row in rows))
        placed = reader.place(block, "reference")
        yield from placed.chunks
        kept = pa.array(np.flatnonzero(placed.kept))
        yield Chunk(
            "raw.genotype_place",
            place.take(kept).append_column("variant_index", pa.array(placed.index)),
        )
        n_read += len(rows)
        until = rows[-1][4] + rows[-1][5]
        placed.counts.bytes_done, done = max(0, until - done), until
        yield placed.counts
    if n_read != n_variants:
        raise broken(
            job, f"the .bgen is cut off or damaged after {n_read} of {n_variants} variants"
        )
    reader.finish()


def without_alternate(n: int) -> Counts:
    """Counts of records of one allele only, which say nothing of anybody."""
    counts = Counts(records_read=n, records_ignored=n)
    counts.ignored = Counter({"no-alternate-allele": n}) if n else Counter()
    return counts


def _flags(path: Path) -> tuple[int, int]:
    """Layout and compression."""
    with path.open("rb") as file:
        (_, length) = struct.unpack("<II", file.read(8))
        file.seek(4 + length - 4)
        (flags,) = struct.unpack("<I", file.read(4))
    return flags >> 2 & 0xF, flags & 3


def _headers(
    job: FileJob, n_samples: int, n_variants: int, layout: int, compression: int
) -> Iterator[Header]:
    with job.path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if hasattr(data, "madvise"):
            data.madvise(mmap.MADV_RANDOM)  # values between the headers are not wanted
        (offset,) = struct.unpack_from("<I", data, 0)
        at = offset + 4
        for number in range(n_variants):
            try:
                header, at = _header(data, at, n_samples, layout, compression)
            except (struct.error, UnicodeDecodeError, IndexError):
                at = len(data) + 1
            if at > len(data):
                raise broken(
                    job,
                    f"the .bgen is cut off or damaged after {number} of {n_variants} variants",
                )
            yield header


def _header(
    data: mmap.mmap, at: int, n_samples: int, layout: int, compression: int
) -> tuple[Header, int]:
    if layout == 1:
        at += 4
    words = []
    for _ in range(3):
        (length,) = struct.unpack_from("<H", data, at)
        words.append(data[at + 2 : at + 2 + length].decode())
        at += 2 + length
    (position,) = struct.unpack_from("<I", data, at)
    at += 4
    n_alleles = 2
    if layout == 2:
        (n_alleles,) = struct.unpack_from("<H", data, at)
        at += 2
    alleles = []
    for _ in range(n_alleles):
        (length,) = struct.unpack_from("<I", data, at)
        alleles.append(data[at + 4 : at + 4 + length].decode())
        at += 4 + length
    if layout == 1 and not compression:
        size = 6 * n_samples
    else:
        size = 4 + struct.unpack_from("<I", data, at)[0]
    label = words[1] if words[1] not in ("", ".") else words[0]
    return (words[2], position, label, tuple(alleles), at, size), at + size


def _block(rows: list[Header], first: int, options: BgenOptions) -> tuple[Block, pa.Table]:
    """One row per alternate allele, and where its values lie."""
    made = []
    for number, (_, _, _, alleles, _, _) in enumerate(rows):
        order = range(len(alleles))
        places = list(order) if options.ref_allele == "first" else list(reversed(order))
        made += [(number, places[0], allele, n) for n, allele in enumerate(places[1:], 1)]
    at = [number for number, _, _, _ in made]
    n_alleles = np.array([len(rows[i][3]) for i in at], np.int64)

    def text(values: list[str]) -> pa.Array:
        return pa.array(values, pa.string())

    block = Block(
        record=np.array(at, np.int64) + first,
        chromosome=text([rows[i][0] for i in at]),
        position=np.array([rows[i][1] for i in at], np.int64),
        ref=text([rows[i][3][ref] for i, ref, _, _ in made]),
        alt=text([rows[i][3][alt] for i, _, alt, _ in made]),
        allele_number=np.array([n for _, _, _, n in made], np.int64),
        n_alts=n_alleles - 1,
        label=text([rows[i][2] for i in at]),
    )
    place = pa.table(
        {
            "first_byte": pa.array([rows[i][4] for i in at], pa.int64()),
            "n_bytes": pa.array([rows[i][5] for i in at], pa.int32()),
            "n_alleles": pa.array(n_alleles, pa.int32()),
            "allele": pa.array([allele for _, _, allele, _ in made], pa.int32()),
        }
    )
    return block, place
