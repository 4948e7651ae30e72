"""Rows of raw.genotype from matrices of packed values, without copying them value by value."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from biobraid.core.genotypes import BLOCK_SAMPLES, mask_samples, packed_size
from biobraid.ingest.connectors.contract import Chunk
from biobraid.ingest.connectors.genotype_samples import Samples
from biobraid.ingest.connectors.genotype_variants import Placed

U8 = npt.NDArray[np.uint8]


def genotype_chunks(
    placed: Placed, packed: U8, encoding: str, scale: int, samples: Samples
) -> Iterator[Chunk]:
    """Chunks of raw.genotype, a row per kept variant and block of samples.

    packed: (variants of the block, bytes of all samples), in the block's order; its rows may
    have other encodings in other calls. Values of masked samples become missing.
    """
    rows = packed if placed.kept.all() else packed[placed.kept]
    if not len(rows):
        return
    if len(samples.masked):
        rows = mask_samples(rows, encoding, samples.masked)
    n = len(rows)
    for block, first in enumerate(range(0, samples.n, BLOCK_SAMPLES)):
        n_here = min(BLOCK_SAMPLES, samples.n - first)
        start = packed_size(encoding, first)
        size = packed_size(encoding, n_here)
        indices = pa.array(np.zeros(n, np.int32))
        yield Chunk(
            "raw.genotype",
            pa.table(
                {
                    "variant_index": pa.array(placed.index),
                    "variant_id": placed.variant_id,
                    "chromosome": placed.chromosome,
                    "position": pa.array(placed.position, pa.int32()),
                    "sample_block": pa.array(np.full(n, block, np.int32)),
                    "n_samples": pa.array(np.full(n, n_here, np.int32)),
                    "encoding": pa.array([encoding]).take(indices),
                    "scale": pa.array(np.full(n, scale, np.int32)),
                    "genotypes": binary(rows[:, start : start + size]),
                }
            ),
        )


def binary(rows: U8) -> pa.Array:
    """The rows of a matrix as an Arrow binary array."""
    flat = np.ascontiguousarray(rows)
    n, size = flat.shape
    offsets = np.arange(n + 1, dtype=np.int64) * size
    if offsets[-1] >= 2**31:
        raise ValueError("a chunk of genotypes must stay below 2 GB")
    buffers = [None, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(flat)]
    return pa.Array.from_buffers(pa.binary(), n, buffers)


def scattered_chunks(
    placed: Placed, values: Sequence[tuple[str, int, U8]], samples: Samples
) -> Iterator[Chunk]:
    """Chunks of raw.genotype where each row may have an encoding and scale of its own.

    values: encoding, scale and packed bytes of each row of the block.
    """
    position_of = np.cumsum(placed.kept) - 1
    for kind in sorted({(encoding, scale) for encoding, scale, _ in values}):
        rows = [i for i, v in enumerate(values) if v[:2] == kind and placed.kept[i]]
        if not rows:
            continue
        at = position_of[rows]
        mine = Placed(
            np.ones(len(rows), bool),
            placed.index[at],
            placed.variant_id.take(pa.array(at)),
            placed.chromosome.take(pa.array(at)),
            placed.position[at],
            (),
            placed.counts,
        )
        packed = np.stack([values[i][2] for i in rows])
        yield from genotype_chunks(mine, packed, kind[0], kind[1], samples)
