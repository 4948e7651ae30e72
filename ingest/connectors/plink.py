"""Connector `plink`: .bed with .bim and .fam.

Records: every line of .fam (a sample) and of .bim (a variant). Facts: the rows they land as;
phenotypes of the .fam are ignored by rule.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
import polars as pl
import pyarrow as pa

from biobraid.core.genotypes import calls_from_bed
from biobraid.ingest.connectors.contract import Chunk, Counts, FileJob, connector, get_connector
from biobraid.ingest.connectors.genotype_files import (
    broken,
    plink_companions,
    read_text,
    the_one_beside,
)
from biobraid.ingest.connectors.genotype_lists import read_bim, read_fam
from biobraid.ingest.connectors.genotype_options import PlinkOptions
from biobraid.ingest.connectors.genotype_samples import judge_samples
from biobraid.ingest.connectors.genotype_values import genotype_chunks
from biobraid.ingest.connectors.genotype_variants import Block, VariantReader

_MAGIC, _VARIANT_MAJOR = b"\x6c\x1b", 1
_HEADER = 3
_CHUNK_BYTES = 8 << 20


@connector("plink", options=PlinkOptions, companions=plink_companions)
def read_plink(job: FileJob) -> Iterator[Chunk | Counts]:
    """Samples, then variants with their calls, a few megabytes at a time."""
    options = get_connector("plink").check_options(job.source.options)
    if not isinstance(options, PlinkOptions):
        raise TypeError("the connector is registered with other options")
    fam = the_one_beside(job, options.fam, ".fam", "fam")
    bim = the_one_beside(job, options.bim, ".bim", "bim")
    listed = read_fam(job, read_text(job, fam, ".fam"))
    variants = read_bim(job, read_text(job, bim, ".bim"))
    row_bytes = -(-len(listed.samples) // 4)
    _check_size(job, len(listed.samples), len(variants), row_bytes)
    yield Counts(columns=("chromosome", "label", "position", "A1", "A2"))
    yield other_cells(listed.n_other_cells)
    samples = judge_samples(job, options, listed.samples, ".fam")
    yield from samples.items()
    reader = VariantReader(job, options, is_ref_known=False, listed_in=".bim")
    step = max(1, _CHUNK_BYTES // row_bytes)
    with job.path.open("rb") as file:
        file.seek(_HEADER)
        for start in range(0, len(variants), step):
            block = _block(job, variants[start : start + step], start, options)
            raw = file.read(len(block) * row_bytes)
            rows = np.frombuffer(raw, np.uint8).reshape(len(block), row_bytes)
            calls = calls_from_bed(rows, samples.n, alt_is_first=options.ref_allele == "a2")
            placed = reader.place(block, "call2")
            yield from placed.chunks
            yield from genotype_chunks(placed, calls, "call2", 1, samples)
            placed.counts.bytes_done = len(raw)
            yield placed.counts
    reader.finish()


def other_cells(n: int) -> Counts:
    """Counts of phenotypes and covariates that stand in a list of samples."""
    counts = Counts(facts_read=n, facts_ignored=n)
    counts.ignored = Counter({"sample-list-column": n}) if n else Counter()
    return counts


def _check_size(job: FileJob, n_samples: int, n_variants: int, row_bytes: int) -> None:
    with job.path.open("rb") as file:
        header = file.read(_HEADER)
    if header[:2] != _MAGIC:
        raise broken(job, "the file does not begin as a .bed does", "PLINK 1's magic number")
    if header[2] != _VARIANT_MAJOR:
        raise broken(job, "the .bed is sample-major", "a variant-major .bed, as PLINK 1.9 writes")
    if not n_samples:
        raise broken(job, "the .fam lists no sample", "one line per sample")
    size, expected = job.path.stat().st_size, _HEADER + n_variants * row_bytes
    if size != expected:
        kind = "cut off, or of other lists" if size < expected else "of other lists"
        raise broken(
            job,
            f"the .bed is {kind}: {size} bytes",
            f"{expected} bytes for {n_samples} samples in the .fam and {n_variants} variants in the .bim",
        )


def _block(job: FileJob, lines: pl.DataFrame, start: int, options: PlinkOptions) -> Block:
    n = len(lines)
    first, second = (lines[name].to_arrow().cast(pa.string()) for name in ("first", "second"))
    alt, ref = (first, second) if options.ref_allele == "a2" else (second, first)
    return Block(
        record=np.arange(start, start + n),
        chromosome=lines["chromosome"].to_arrow().cast(pa.string()),
        position=positions(job, lines["position"], start, ".bim"),
        ref=ref,
        alt=alt,
        allele_number=np.ones(n, np.int64),
        n_alts=np.ones(n, np.int64),
        label=lines["label"].to_arrow().cast(pa.string()),
    )


def positions(job: FileJob, text: pl.Series, start: int, what: str) -> np.ndarray:
    """Positions as numbers; SourceFileError if one is none."""
    found = text.cast(pl.Int64, strict=False)
    if found.null_count() or (found < 0).any() or (found >= 2**31).any():
        bad = found.is_null() | (found < 0) | (found >= 2**31)
        line = start + int(bad.arg_max() or 0) + 1
        raise broken(job, f"record {line} of the {what} has no position", "a whole number")
    numbers: np.ndarray = found.to_numpy()
    return numbers
