"""Connector `bgen`: imputed probabilities of a .bgen, with .sample and, for regions, .bgi.

Read through the bgen package. Probabilities become dosages of each alternate allele, and the
INFO of biallelic variants is computed from them. `regions` lands a slice; the rest of the file
is then ignored by rule and counted. Records and facts as in `plink`.
"""

from __future__ import annotations

import logging
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
from bgen import BgenReader

from biobraid.core.genotypes import chromosome_name
from biobraid.ingest.connectors.bgen_index import index_variants, without_alternate
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
MALFORMED = "malformed-probabilities"  # warning that counts samples made missing
# The package logs such variants; here they are counted, and nothing below cli prints.
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
        if job.source.storage == "reference":
            yield from index_variants(job, options, n_samples, n_variants)
            return
        reader = VariantReader(job, options, is_ref_known=True, listed_in=".bgen")
        step = max(1, _CHUNK_VALUES // max(1, n_samples))
        wanted = _wanted(job, options, file)
        n_read = done = 0
        while True:
            try:
                variants = list(islice(wanted, step))
                rows = [(n, row) for n, variant in variants for row in alternates(variant, options)]
            except (ValueError, IndexError, RuntimeError):
                found = f"the .bgen is cut off or damaged after {n_read} of {n_variants} variants"
                raise broken(job, found) from None
            if not variants:
                break
            n_bare = len(variants) - len({n for n, _ in rows})
            n_read += n_bare
            yield without_alternate(n_bare)
            if not rows:
                continue
            block = _block(rows)
            placed = reader.place(block, pa.array([row.encoding for _, row in rows]))
            yield from placed.chunks
            values = [(row.encoding, row.scale, row.packed) for _, row in rows]
            yield from scattered_chunks(placed, values, samples)
            n_read += placed.counts.records_read
            if n_malformed := sum(row.n_malformed for _, row in rows):
                placed.counts.warnings[MALFORMED] += n_malformed
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
        if file.header.has_sample_ids:
            _check_order(job, listed, [str(name) for name in file.samples])
    else:
        listed = SampleList([Sample(str(name), line=0) for name in file.samples], 0)
    if len(listed.samples) != n_samples:
        raise broken(
            job, f"the .bgen holds {n_samples} samples", f"{len(listed.samples)}, as listed"
        )
    return listed


def _check_order(job: FileJob, listed: SampleList, in_file: list[str]) -> None:
    """Refuse a .sample that names samples of the .bgen in other places than the .bgen itself.

    Ids of the .bgen that the .sample does not know (those of a laboratory) tell nothing.
    """
    n_times = Counter(in_file)
    place = {name: at for at, name in enumerate(in_file) if n_times[name] == 1}
    n_known, n_elsewhere = 0, 0
    for names in ([s.iid for s in listed.samples], [s.fid for s in listed.samples]):
        there = [(at, place[name]) for at, name in enumerate(names) if name in place]
        if len(there) > n_known:
            n_known, n_elsewhere = len(there), sum(here != other for here, other in there)
    if n_elsewhere:
        raise broken(
            job,
            f"{n_elsewhere} samples stand elsewhere in the .sample than in the .bgen",
            "samples in the order of the .bgen",
        )


def _wanted(job: FileJob, options: BgenOptions, file: BgenReader) -> Iterator[tuple[int, object]]:
    """(number, variant) of the variants to land; the number is the place in the file."""
    if not options.regions:
        yield from enumerate(file)
        return
    regions = _apart([parse_region(text) for text in options.regions])
    index = beside(job.path, options.bgi)
    if not index:  # made in passing: headers are read, probabilities are not
        for number, variant in enumerate(file):
            if _is_inside(chromosome_name(variant.chrom), variant.pos, regions):
                yield number, variant
        return
    places = _index(job, index[0], file.header.nvariants)
    numbers = {offset: number for number, (offset, _, _) in enumerate(places)}
    for name in sorted({name for _, name, _ in places}):
        for region in regions:
            if region[0] == chromosome_name(name):
                for variant in file.fetch(name, region[1], region[2]):
                    yield numbers[variant.fileoffset], variant


def _apart(regions: list[tuple[str, int, int]]) -> list[tuple[str, int, int]]:
    """The same regions, sorted, with those that overlap made one: a variant lands once."""
    found: list[tuple[str, int, int]] = []
    for name, first, last in sorted((chromosome_name(n), a, b) for n, a, b in regions):
        if found and found[-1][0] == name and first <= found[-1][2]:
            first, last = found[-1][1], max(last, found[-1][2])
            found.pop()
        found.append((name, first, last))
    return found


def _is_inside(chromosome: str, position: int, regions: list[tuple[str, int, int]]) -> bool:
    return any(chromosome == name and first <= position <= last for name, first, last in regions)


def _index(job: FileJob, path: Path, n_variants: int) -> list[tuple[int, str, int]]:
    """(offset, chromosome, position) of every variant, in the file's order, from a .bgi."""
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as con:
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
