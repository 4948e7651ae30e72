"""Connector `bgen`: imputed probabilities of a .bgen, with .sample and, for regions, .bgi.

Read through the bgen package. Probabilities become dosages of each alternate allele, and the
INFO of biallelic variants is computed from them. `regions` lands a slice; the rest of the file
is then ignored by rule and counted. Records and facts as in `plink`.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import islice

import numpy as np
import pyarrow as pa
from bgen import BgenReader

from biobraid.core.genotypes import chromosome_name
from biobraid.ingest.connectors.bgen_values import Alternate, alternates
from biobraid.ingest.connectors.contract import Chunk, Counts, FileJob, connector, get_connector
from biobraid.ingest.connectors.genotype_files import (
    beside,
    bgen_companions,
    broken,
    read_text,
    the_one_beside,
)
from biobraid.ingest.connectors.genotype_lists import SampleList, read_sample_file
from biobraid.ingest.connectors.genotype_options import BgenOptions, parse_region
from biobraid.ingest.connectors.genotype_samples import Sample, judge_samples
from biobraid.ingest.connectors.genotype_values import scattered_chunks
from biobraid.ingest.connectors.genotype_variants import Block, VariantReader
from biobraid.ingest.connectors.plink import other_cells

_CHUNK_VALUES = 8 << 20
# The package logs variants whose probabilities are malformed; nothing below cli prints.
logging.getLogger().addFilter(lambda record: "this bgen is malformed" not in record.getMessage())


@connector("bgen", options=BgenOptions, companions=bgen_companions)
def read_bgen(job: FileJob) -> Iterator[Chunk | Counts]:
    """Samples, then variants with their dosages."""
    options = get_connector("bgen").check_options(job.source.options)
    if not isinstance(options, BgenOptions):
        raise TypeError("the connector is registered with other options")
    try:
        opened = BgenReader(str(job.path), delay_parsing=True)
    except (ValueError, RuntimeError, MemoryError):
        raise broken(
            job, "the file does not begin as a .bgen does", "a .bgen of BGEN 1.1 to 1.3"
        ) from None
    with closing(opened) as file:
        n_samples, n_variants = file.header.nsamples, file.header.nvariants
        listed = _samples(job, options, file, n_samples)
        yield Counts(columns=("chromosome", "position", "rsid", "alleles", "probabilities"))
        yield other_cells(listed.n_other_cells)
        samples = judge_samples(job, options, listed.samples, ".sample")
        yield from samples.items()
        reader = VariantReader(job, options, is_ref_known=True, listed_in=".bgen")
        step = max(1, _CHUNK_VALUES // max(1, n_samples))
        wanted = _wanted(job, options, file)
        n_read = done = 0
        while True:
            try:
                rows = [
                    (number, row)
                    for number, variant in islice(wanted, step)
                    for row in alternates(variant, options)
                ]
            except (ValueError, IndexError, RuntimeError):
                found = f"the .bgen is cut off or damaged after {n_read} of {n_variants} variants"
                raise broken(job, found) from None
            if not rows:
                break
            block = _block(rows)
            placed = reader.place(block, pa.array([row.encoding for _, row in rows]))
            yield from placed.chunks
            values = [(row.encoding, row.scale, row.packed) for _, row in rows]
            yield from scattered_chunks(placed, values, samples)
            n_read += placed.counts.records_read
            until = rows[-1][1].end_of_record
            placed.counts.bytes_done, done = max(0, until - done), until
            yield placed.counts
        if n_read < n_variants:
            left = n_variants - n_read
            counts = Counts(records_read=left, records_ignored=left)
            counts.ignored["outside-regions"] = left
            yield counts
        reader.finish()


def _samples(job: FileJob, options: BgenOptions, file: BgenReader, n_samples: int) -> SampleList:
    """Samples of the .sample file, else those named in the .bgen itself."""
    if options.sample or not file.header.has_sample_ids or beside(job.path, "{stem}.sample"):
        path = the_one_beside(job, options.sample or "{stem}.sample", ".sample", "sample")
        listed = read_sample_file(job, read_text(job, path, ".sample"))
    else:
        listed = SampleList([Sample(str(name), line=0) for name in file.samples], 0)
    if len(listed.samples) != n_samples:
        raise broken(
            job, f"the .bgen holds {n_samples} samples", f"{len(listed.samples)}, as listed"
        )
    return listed


def _wanted(job: FileJob, options: BgenOptions, file: BgenReader) -> Iterator[tuple[int, object]]:
    """(number, variant) of the variants to land; the number is the place in the file."""
    if not options.regions:
        yield from enumerate(file)
        return
    regions = [parse_region(text) for text in options.regions]
    index = beside(job.path, options.bgi)
    if not index:  # made in passing: headers are read, probabilities are not
        for number, variant in enumerate(file):
            if _is_inside(chromosome_name(variant.chrom), variant.pos, regions):
                yield number, variant
        return
    places = _index(job, str(index[0]), file.header.nvariants)
    numbers = {offset: number for number, (offset, _, _) in enumerate(places)}
    for name in sorted({name for _, name, _ in places}):
        for region in regions:
            if chromosome_name(region[0]) == chromosome_name(name):
                for variant in file.fetch(name, region[1], region[2]):
                    yield numbers[variant.fileoffset], variant


def _is_inside(chromosome: str, position: int, regions: list[tuple[str, int, int]]) -> bool:
    return any(
        chromosome == chromosome_name(name) and first <= position <= last
        for name, first, last in regions
    )


def _index(job: FileJob, path: str, n_variants: int) -> list[tuple[int, str, int]]:
    """(offset, chromosome, position) of every variant, in the file's order, from a .bgi."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as con:
            rows = con.execute(
                "SELECT file_start_position, chromosome, position FROM Variant "
                "ORDER BY file_start_position"
            ).fetchall()
    except sqlite3.Error:
        raise broken(job, "the .bgi beside it is no index", "one that bgenix made") from None
    if len(rows) != n_variants:
        raise broken(
            job,
            f"the .bgi beside it lists {len(rows)} variants",
            f"{n_variants}, as the .bgen holds",
        )
    return rows


def _block(rows: list[tuple[int, Alternate]]) -> Block:
    def column(values: list[str]) -> pa.Array:
        return pa.array(values, pa.string())

    made = [row for _, row in rows]
    return Block(
        record=np.array([number for number, _ in rows], np.int64),
        chromosome=column([row.chromosome for row in made]),
        position=np.array([row.position for row in made], np.int64),
        ref=column([row.ref for row in made]),
        alt=column([row.alt for row in made]),
        allele_number=np.array([row.allele_number for row in made], np.int64),
        n_alts=np.array([row.n_alts for row in made], np.int64),
        label=column([row.label for row in made]),
        info=pa.array([row.info for row in made], pa.float64()),
    )
