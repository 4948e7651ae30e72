"""Calls of a text VCF: lines parsed in blocks, with only GT read of the samples' columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from biobraid.core.genotypes import calls_of_alleles, pack_calls
from biobraid.ingest.connectors.contract import Chunk, Counts, FileJob
from biobraid.ingest.connectors.genotype_files import broken
from biobraid.ingest.connectors.genotype_options import VcfOptions
from biobraid.ingest.connectors.genotype_samples import Samples
from biobraid.ingest.connectors.genotype_values import genotype_chunks
from biobraid.ingest.connectors.genotype_variants import Block, VariantReader, info_values
from biobraid.ingest.connectors.vcf_bytes import Kind, blocks
from biobraid.ingest.connectors.vcf_calls import (
    POLYPLOID,
    Calls,
    calls_of_line,
    fixed_width_calls,
)

U8 = npt.NDArray[np.uint8]
_MISSING = 3


@dataclass
class _Lines:
    """Alternate alleles of a block of lines while they are gathered."""

    record: list[int] = field(default_factory=list)
    chromosome: list[str] = field(default_factory=list)
    position: list[int] = field(default_factory=list)
    ref: list[str] = field(default_factory=list)
    alt: list[str] = field(default_factory=list)
    number: list[int] = field(default_factory=list)
    n_alts: list[int] = field(default_factory=list)
    label: list[str] = field(default_factory=list)
    filter: list[str | None] = field(default_factory=list)
    quality: list[str | None] = field(default_factory=list)
    info: list[str] = field(default_factory=list)
    rows: list[U8] = field(default_factory=list)
    rejects: list[tuple[int, str]] = field(default_factory=list)
    warnings: Counter[str] = field(default_factory=Counter)
    n_lines: int = 0

    def block(self, options: VcfOptions) -> Block:
        """The lines as a Block."""

        def text(values: list[str] | list[str | None]) -> pa.Array:
            return pa.array(values, pa.string())

        quality = pl.Series(self.quality, dtype=pl.String).cast(pl.Float64, strict=False)
        return Block(
            record=np.array(self.record, np.int64),
            chromosome=text(self.chromosome),
            position=np.array(self.position, np.int64),
            ref=text(self.ref),
            alt=text(self.alt),
            allele_number=np.array(self.number, np.int64),
            n_alts=np.array(self.n_alts, np.int64),
            label=text(self.label),
            filter=text(self.filter),
            quality=quality.to_arrow(),
            info=info_values(pl.Series(self.info, dtype=pl.String), options.info_fields),
        )


def read_calls(
    job: FileJob, kind: Kind, options: VcfOptions, samples: Samples, reader: VariantReader
) -> Iterator[Chunk | Counts]:
    """Variants with their calls, block by block; malformed lines are rejected and counted."""
    n_done = 0
    for text, n_bytes in blocks(job, kind):
        lines = _parse(job, text, n_done, samples.n)
        n_done += lines.n_lines
        counts = Counts(bytes_done=n_bytes, warnings=lines.warnings)
        if lines.rejects:
            counts.records_read = counts.records_rejected = len(lines.rejects)
            yield Chunk("raw.reject", _reject_rows(lines.rejects, reader.first_line, kind))
        if lines.record:
            placed = reader.place(lines.block(options), "call2")
            yield from placed.chunks
            packed = pack_calls(np.stack(lines.rows))
            yield from genotype_chunks(placed, packed, "call2", 1, samples)
            yield placed.counts
        yield counts
    if not n_done:
        raise broken(job, "the file holds no variant", "at least one line below its header")


def _parse(job: FileJob, text: bytes, n_before: int, n_samples: int) -> _Lines:
    buffer = np.frombuffer(text, np.uint8)
    lines = _Lines()
    start, size = 0, len(text)
    while start < size:
        end = text.find(b"\n", start)
        is_whole = end >= 0
        if not is_whole:
            end = size
        last = end - 1 if text[end - 1 : end] == b"\r" else end
        if last > start and text[start] != 35:  # '#': the header
            number = n_before + lines.n_lines
            lines.n_lines += 1
            reason = _line(lines, text, buffer, start, last, number, n_samples)
            if reason is not None and not is_whole:
                raise broken(job, "the file is cut off in the middle of a line")
            if reason is not None:
                lines.rejects.append((number, reason))
        start = end + 1
    return lines


def _line(
    lines: _Lines, text: bytes, buffer: U8, start: int, end: int, number: int, n_samples: int
) -> str | None:
    """Add one line's alternate alleles; the reason if it must be rejected."""
    at = start
    for _ in range(9):
        at = text.find(b"\t", at, end) + 1
        if not at:
            return "ragged-row"
    head = text[start : at - 1].decode("utf-8", errors="replace")
    chromosome, position, label, ref, alts, quality, filter_, info, fields = head.split("\t")
    if not (position.isascii() and position.isdigit()) or int(position) >= 2**31:
        return "invalid-position"
    section = buffer[at - 1 : end]
    alt_alleles = alts.split(",")
    calls = _calls(lines, fields, section, n_samples, len(alt_alleles))
    if isinstance(calls, str):
        return calls
    for allele, alt in enumerate(alt_alleles, 1):
        lines.record.append(number)
        lines.chromosome.append(chromosome)
        lines.position.append(int(position))
        lines.ref.append(ref)
        lines.alt.append(alt)
        lines.number.append(allele)
        lines.n_alts.append(len(alt_alleles))
        lines.label.append(label)
        lines.filter.append(None if filter_ == "." else filter_)
        lines.quality.append(None if quality == "." else quality)
        lines.info.append(info)
        if calls.codes is not None:
            lines.rows.append(calls.codes)
        elif calls.alleles is not None:
            lines.rows.append(calls_of_alleles(calls.alleles, allele))
    return None


def _calls(lines: _Lines, fields: str, section: U8, n_samples: int, n_alts: int) -> Calls | str:
    """The calls of a line, or why it is rejected."""
    calls = None
    if fields == "GT":
        calls = fixed_width_calls(section, n_samples, n_alts == 1)
    elif not fields.startswith("GT:"):
        if int((section == 9).sum()) != n_samples:
            return "ragged-row"
        lines.warnings["record-without-GT"] += 1
        return Calls(np.full(n_samples, _MISSING, np.uint8), None)
    if calls is None:
        calls = calls_of_line(section, n_samples)
    if calls is None:
        is_ragged = int((section == 9).sum()) != n_samples
        return "ragged-row" if is_ragged else "malformed-genotype"
    if calls.alleles is not None:
        if calls.alleles.max(initial=0) > n_alts:
            return "unknown-allele"
        n_many = int((calls.alleles[:, 0] == POLYPLOID).sum())
        if n_many:
            lines.warnings["polyploid-call"] += n_many
    if calls.n_half:
        lines.warnings["half-call"] += calls.n_half
    return calls


def _reject_rows(rejects: list[tuple[int, str]], first_line: int, kind: Kind) -> pa.Table:
    n = len(rejects)
    expected = {
        "ragged-row": "nine columns and one per sample",
        "invalid-position": "a whole number",
        "malformed-genotype": "calls such as 0/1, 1 or ./.",
        "unknown-allele": "numbers of alleles that the record names",
    }
    return pa.table(
        {
            "row_number": pa.array([number + first_line for number, _ in rejects], pa.int64()),
            "column_name": [kind] * n,
            "unit_of_count": ["record"] * n,
            "reason": [reason for _, reason in rejects],
            "expected": [expected[reason] for _, reason in rejects],
        }
    )
