"""Connector `pgen`: PLINK 2's .pgen with .pvar or .pvar.zst, and .psam.

Read through pgenlib. Multiallelic records are split; records with dosages land as dosages, all
others as calls. Phase is not kept. Records and facts as in `plink`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pgenlib
import polars as pl
import pyarrow as pa

from biobraid.core.genotypes import codes_of_dosages, pack_calls
from biobraid.ingest.connectors.contract import Chunk, Counts, FileJob, connector, get_connector
from biobraid.ingest.connectors.genotype_files import (
    broken,
    pgen_companions,
    read_text,
    the_one_beside,
)
from biobraid.ingest.connectors.genotype_lists import read_psam, read_pvar
from biobraid.ingest.connectors.genotype_options import PgenOptions
from biobraid.ingest.connectors.genotype_samples import judge_samples
from biobraid.ingest.connectors.genotype_values import reference_row, scattered_chunks
from biobraid.ingest.connectors.genotype_variants import Block, VariantReader, info_values
from biobraid.ingest.connectors.plink import other_cells, positions

_MAGIC = b"\x6c\x1b"
_BED = (0, 1)
_CALLS_ONLY, _VARIABLE_WIDTH = 0x02, 0x10
_SCALES = {16: 16384, 8: 127}
_CHUNK_VALUES = 16 << 20
_INDEX_ROWS = 1 << 18
_INFO_FIELDS = ("R2", "DR2", "INFO", "IMP_INFO")


Value = tuple[str, int, npt.NDArray[np.uint8]]  # encoding, scale, packed


@connector("pgen", options=PgenOptions, companions=pgen_companions)
def read_pgen(job: FileJob) -> Iterator[Chunk | Counts]:
    """Samples, then variants with their calls or dosages."""
    options = get_connector("pgen").check_options(job.source.options)
    if not isinstance(options, PgenOptions):
        raise TypeError("the connector is registered with other options")
    listed = read_psam(
        job, read_text(job, the_one_beside(job, options.psam, ".psam", "psam"), ".psam")
    )
    variants, first_line = read_pvar(
        job, read_text(job, the_one_beside(job, options.pvar, ".pvar", "pvar"), ".pvar")
    )
    header = _check_header(job, len(listed.samples), len(variants))
    n_alts = variants["alts"].str.count_matches(",").to_numpy().astype(np.int64) + 1
    yield Counts(columns=tuple(variants.columns))
    yield other_cells(listed.n_other_cells)
    samples = judge_samples(job, options, listed.samples, ".psam")
    yield from samples.items()
    reader = VariantReader(
        job, options, is_ref_known=True, listed_in=".pvar", first_line=first_line
    )
    if job.source.storage == "reference":
        yield from _index(job, variants, n_alts, samples.n, reader)
        return
    step = max(1, _CHUNK_VALUES // samples.n)
    with _open(job, samples.n, n_alts) as values:
        for start in range(0, len(variants), step):
            lines = variants[start : start + step]
            block = _block(job, lines, n_alts[start : start + step], start)
            try:
                found = _values(values, block, samples.n, options, _may_hold_dosages(header))
            except RuntimeError:
                raise broken(job, "the .pgen cannot be read to its end: it is damaged") from None
            encodings = pa.array([encoding for encoding, _, _ in found])
            placed = reader.place(block, encodings)
            yield from placed.chunks
            yield from scattered_chunks(placed, found, samples)
            placed.counts.bytes_done = job.path.stat().st_size * len(lines) // len(variants)
            yield placed.counts
    reader.finish()


def _index(
    job: FileJob,
    variants: pl.DataFrame,
    n_alts: npt.NDArray[np.int64],
    n_samples: int,
    reader: VariantReader,
) -> Iterator[Chunk | Counts]:
    """Variants and the numbers of their records; values stay in the file, which has an index."""
    _open(job, n_samples, n_alts).close()  # a file that cannot be opened is said now
    yield Chunk("raw.genotype_reference", reference_row(job.path, "pgen", n_samples, len(variants)))
    n_rejected = 0
    for start in range(0, len(variants), _INDEX_ROWS):
        lines = variants[start : start + _INDEX_ROWS]
        block = _block(job, lines, n_alts[start : start + _INDEX_ROWS], start)
        placed = reader.place(block, "reference")
        yield from placed.chunks
        n_rejected += placed.counts.records_rejected
        place = {
            "variant_index": placed.index,
            "first_byte": block.record[placed.kept],
            "n_alleles": (block.n_alts[placed.kept] + 1).astype(np.int32),
            "allele": block.allele_number[placed.kept].astype(np.int32),
        }
        yield Chunk("raw.genotype_place", pa.table(place))
        yield placed.counts
    if n_rejected and (n_alts > 1).any():
        raise broken(
            job,
            f"{n_rejected} records of a multiallelic .pgen are off their chromosomes",
            "a file that can be read record by record; land it, or mend its .pvar",
        )
    yield Counts(bytes_done=job.path.stat().st_size)
    reader.finish()


def _check_header(job: FileJob, n_samples: int, n_variants: int) -> bytes:
    with job.path.open("rb") as file:
        header = file.read(12)
    if header[:2] != _MAGIC or len(header) < 12:
        raise broken(job, "the file does not begin as a .pgen does", "PLINK 2's magic number")
    if header[2] in _BED:
        raise broken(
            job,
            "the file is a .bed",
            "a .pgen",
        )
    if not n_samples:
        raise broken(job, "the .psam lists no sample", "one line per sample")
    if header[2] not in (0x20, 0x21, 0x11):
        in_file = (int.from_bytes(header[7:11], "little"), int.from_bytes(header[3:7], "little"))
        if in_file != (n_samples, n_variants):
            raise broken(
                job,
                f"the .pgen holds {in_file[0]} samples and {in_file[1]} variants",
                f"{n_samples} samples of the .psam and {n_variants} variants of the .pvar",
            )
    return header


def _open(job: FileJob, n_samples: int, n_alts: npt.NDArray[np.int64]) -> pgenlib.PgenReader:
    offsets = np.concatenate([[0], np.cumsum(n_alts + 1)]).astype(np.uintp)
    try:
        return pgenlib.PgenReader(
            str(job.path).encode(),
            raw_sample_ct=n_samples,
            variant_ct=len(n_alts),
            allele_idx_offsets=offsets if (n_alts > 1).any() else None,
        )
    except (RuntimeError, AssertionError):
        raise broken(job, "the .pgen cannot be opened: it is cut off or damaged") from None


def _block(job: FileJob, lines: pl.DataFrame, n_alts: npt.NDArray[np.int64], start: int) -> Block:
    numbered = lines.with_row_index("record", start).with_columns(
        pl.col("alts").str.split(",").alias("alt"), pl.Series("n_alts", n_alts)
    )
    rows = numbered.explode("alt", empty_as_null=True, keep_nulls=True)
    first = np.concatenate([[0], np.cumsum(n_alts)[:-1]])
    allele_number = np.arange(len(rows)) - np.repeat(first, n_alts) + 1

    def text(name: str) -> pa.Array:
        return rows[name].to_arrow().cast(pa.string())

    def optional(name: str, missing: str = ".") -> pl.Series | None:
        return rows[name].replace(missing, None) if name in rows.columns else None

    filters, quality = optional("filter"), optional("quality")
    return Block(
        record=rows["record"].to_numpy().astype(np.int64),
        chromosome=text("chromosome"),
        position=positions(job, rows["position"], start, ".pvar"),
        ref=text("ref"),
        alt=text("alt"),
        allele_number=allele_number,
        n_alts=rows["n_alts"].to_numpy(),
        label=text("label"),
        filter=None if filters is None else filters.to_arrow().cast(pa.string()),
        quality=None if quality is None else quality.cast(pl.Float64, strict=False).to_arrow(),
        info=info_values(rows["info"], _INFO_FIELDS) if "info" in rows.columns else None,
    )


def _may_hold_dosages(header: bytes) -> bool:
    """False where no record can hold dosages or phase, by the kind of the file.

    Mode 2 holds calls only; in the usual mode 0x10 records of four-bit types do (PGEN
    specification, header control byte).
    """
    if header[2] == _CALLS_ONLY:
        return False
    return not (header[2] == _VARIABLE_WIDTH and header[11] & 15 < 4)


def _values(
    values: pgenlib.PgenReader,
    block: Block,
    n_samples: int,
    options: PgenOptions,
    may_hold_dosages: bool,
) -> list[Value]:
    """Encoding, scale and packed values of every row of a block."""
    n = len(block)
    calls = np.empty((n, n_samples), np.int8)
    rows = list(zip(block.record.tolist(), block.allele_number.tolist(), strict=True))
    if n and (block.n_alts == 1).all():
        values.read_range(rows[0][0], rows[-1][0] + 1, calls)
    else:
        for i, (record, allele) in enumerate(rows):
            values.read(record, calls[i], allele_idx=allele)
    calls[calls < 0] = 3
    packed = pack_calls(calls.view(np.uint8))
    found: list[Value] = [("call2", 1, row) for row in packed]
    if not may_hold_dosages:
        return found
    dosages = np.empty(n_samples, np.float32)
    encoding, scale = f"dosage{options.dosage_bits}", _SCALES[options.dosage_bits]
    for i, (record, allele) in enumerate(rows):
        values.read_dosages(record, dosages, allele_idx=allele)
        if (np.where(dosages < 0, np.float32(3), dosages) != calls[i]).any():
            given = np.where(dosages < 0, np.nan, dosages)
            found[i] = (encoding, scale, codes_of_dosages(given, scale, encoding).view(np.uint8))
    return found
