"""Variants of a genotype file: alleles in one form, ids, and a check of the declared build."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.core.errors import Fault, SourceFileError
from biobraid.core.genotypes import chromosome_length, chromosome_name, normalised
from biobraid.core.genotypes.builds import MARKERS
from biobraid.ingest.connectors.contract import Chunk, Counts, FileJob
from biobraid.ingest.connectors.genotype_options import GenotypeOptions
from biobraid.ingest.connectors.genotype_samples import record_base
from biobraid.ingest.hashing import mix, positive

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
_BEYOND_SHARE = 0.01  # more than this share of positions off their chromosome: another build


@dataclass(frozen=True)
class Block:
    """Alternate alleles as delivered, one row each, records together and in the file's order.

    record: number of the delivered record in the file, 0-based. Text columns are Arrow strings.
    """

    record: Ints
    chromosome: pa.Array
    position: Ints
    ref: pa.Array
    alt: pa.Array
    allele_number: Ints
    n_alts: Ints
    label: pa.Array
    filter: pa.Array | None = None
    quality: pa.Array | None = None
    info: pa.Array | None = None  # DOUBLE

    def __len__(self) -> int:
        return len(self.record)


@dataclass(frozen=True)
class Placed:
    """What landed of a block: rows for raw.variant, and what raw.genotype repeats of them."""

    kept: Bools  # rows of the block that landed
    index: npt.NDArray[np.int32]  # variant_index of the kept
    variant_id: pa.Array
    chromosome: pa.Array
    position: Ints
    chunks: tuple[Chunk, ...]
    counts: Counts


@dataclass
class VariantReader:
    """Turns blocks into rows, and keeps what has to be known of the whole file."""

    job: FileJob
    options: GenotypeOptions
    is_ref_known: bool
    listed_in: str  # name of the list for raw.reject
    first_line: int = 1  # line of the first record there
    n_alleles: int = 0
    n_placed: int = 0
    n_beyond: int = 0
    _base: np.uint64 = field(default=np.uint64(0))

    def __post_init__(self) -> None:
        self._base = record_base(self.job.keys, self.job, "variant")

    def place(self, block: Block, encoding: str | pa.Array) -> Placed:
        """Rows for raw.variant of one block, rejects, and counts of its records and facts."""
        names = _chromosome_names(block.chromosome)
        n_elsewhere = self._check_markers(names, block)
        position, ref, alt, is_changed = _normalised(block)
        beyond = self._beyond(names, block.position)
        self.n_placed += int((block.position > 0).sum())
        self.n_beyond += int(beyond.sum())
        kept = ~beyond if self.options.build_check == "strict" else np.ones(len(block), bool)
        index = np.flatnonzero(kept).astype(np.int32) + np.int32(self.n_alleles)
        self.n_alleles += len(block)
        counts = Counts(facts_read=int(kept.sum()))
        counts.records_read = len(np.unique(block.record))
        counts.warnings = self._warnings(block, ref, alt, beyond)
        if n_elsewhere:
            counts.warnings["marker-of-other-build"] = n_elsewhere
        chunks: list[Chunk] = []
        at = pa.array(np.flatnonzero(kept))
        ids = pc.binary_join_element_wise(
            names, pc.cast(pa.array(position), pa.string()), ref, alt, ":"
        )
        lost = ~kept
        if lost.any():
            chunks.append(self._rejected(np.unique(block.record[lost]), counts))
        rows = self._rows(block, names, position, ref, alt, ids, is_changed, encoding)
        rows = rows.take(at)
        rows = rows.append_column("variant_index", pa.array(index))
        chunks.insert(0, Chunk("raw.variant", rows))
        return Placed(
            kept, index, ids.take(at), names.take(at), position[kept], tuple(chunks), counts
        )

    def _rows(
        self,
        block: Block,
        names: pa.Array,
        position: Ints,
        ref: pa.Array,
        alt: pa.Array,
        ids: pa.Array,
        is_changed: Bools,
        encoding: str | pa.Array,
    ) -> pa.Table:
        n = len(block)
        records = mix(np.full(n, self._base, np.uint64), block.record.astype(np.uint64))
        columns = {
            "row_id": positive(mix(records, block.allele_number.astype(np.uint64))),
            "record_id": positive(records),
            "variant_id": ids,
            "build": _repeated(self.options.build, n),
            "chromosome": names,
            "position": pa.array(position, pa.int32()),
            "ref_allele": ref,
            "alt_allele": alt,
            "is_ref_known": _repeated(self.is_ref_known, n),
            "allele_number": pa.array(block.allele_number, pa.int32()),
            "n_alt_alleles": pa.array(block.n_alts, pa.int32()),
            "source_label": _or_null(block.label),
            "source_alleles": _source_alleles(block, is_changed),
            "encoding": _repeated(encoding, n) if isinstance(encoding, str) else encoding,
        }
        given = {"filter": block.filter, "quality": block.quality, "imputation_info": block.info}
        columns |= {name: values for name, values in given.items() if values is not None}
        return pa.table(columns)

    def _beyond(self, names: pa.Array, position: Ints) -> Bools:
        coded = names.dictionary_encode()
        ends = np.array(
            [
                chromosome_length(self.options.build, name) or 2**62
                for name in coded.dictionary.to_pylist()
            ],
            np.int64,
        )
        beyond: Bools = position > ends[coded.indices.to_numpy()] if len(names) else position > 0
        return beyond

    def _check_markers(self, names: pa.Array, block: Block) -> int:
        """Well-known variants that lie where the other build has them; strict: they refuse it."""
        n = 0
        found = pc.is_in(block.label, value_set=pa.array(list(MARKERS)))
        for i in np.flatnonzero(found.to_numpy(zero_copy_only=False)).tolist():
            label = block.label[i].as_py()
            chromosome, on_37, on_38 = MARKERS[label]
            here, other = (on_37, on_38) if self.options.build == "GRCh37" else (on_38, on_37)
            if names[i].as_py() != chromosome or block.position[i] == here:
                continue
            if block.position[i] != other:
                continue
            n += 1
            if self.options.build_check == "strict":
                raise self.other_build(f"{label} lies where the other build has it")
        return n

    def other_build(self, found: str) -> SourceFileError:
        """The error of a file that is not on the declared build."""
        return SourceFileError(
            Fault(
                self.job.where,
                f"the file is not on {self.options.build}: {found}",
                f"positions on {self.options.build}, as the source's options.build declares",
                "Correct options.build. Where the file is right and only looks otherwise, "
                "declare build_check: warn.",
            )
        )

    def _warnings(self, block: Block, ref: pa.Array, alt: pa.Array, beyond: Bools) -> Counter[str]:
        same = pc.equal(ref, alt)
        counted = {
            "position-beyond-chromosome": int(beyond.sum()),
            "variant-without-position": int((block.position <= 0).sum()),
            "equal-alleles": int(pc.sum(same).as_py() or 0),
            "no-alternate-allele": int(pc.sum(pc.equal(alt, ".")).as_py() or 0),
        }
        return Counter({name: n for name, n in counted.items() if n})

    def _rejected(self, records: Ints, counts: Counts) -> Chunk:
        n = len(records)
        counts.records_rejected += n
        return Chunk(
            "raw.reject",
            pa.table(
                {
                    "row_number": pa.array(records + self.first_line, pa.int64()),
                    "column_name": [self.listed_in] * n,
                    "unit_of_count": ["record"] * n,
                    "reason": ["position-beyond-chromosome"] * n,
                    "expected": [f"a position on {self.options.build}"] * n,
                }
            ),
        )

    def finish(self) -> None:
        """Refuse a file of which too many positions lie off their chromosomes."""
        if self.options.build_check == "strict" and self.n_beyond > _BEYOND_SHARE * self.n_placed:
            raise self.other_build(
                f"{self.n_beyond} of {self.n_placed} positions lie beyond the end of their chromosome"
            )


def _chromosome_names(delivered: pa.Array) -> pa.Array:
    coded = delivered.dictionary_encode()
    names = pa.array([chromosome_name(c) for c in coded.dictionary.to_pylist()], pa.string())
    return names.take(coded.indices)


def _normalised(block: Block) -> tuple[Ints, pa.Array, pa.Array, Bools]:
    """Position, alleles, and whether they differ from what was delivered.

    Single bases in upper case, which nearly all are, need no look of their own.
    """
    simple = pc.and_(
        pc.match_substring_regex(block.ref, "^[ACGT]$"),
        pc.match_substring_regex(block.alt, "^[ACGT]$"),
    )
    others = np.flatnonzero(~simple.to_numpy(zero_copy_only=False))
    position, is_changed = block.position.copy(), np.zeros(len(block), bool)
    if not len(others):
        return position, block.ref, block.alt, is_changed
    refs = np.array(block.ref.to_pylist(), object)
    alts = np.array(block.alt.to_pylist(), object)
    for i in others.tolist():
        found = normalised(int(position[i]), refs[i], alts[i])
        is_changed[i] = (found.position, found.ref, found.alt) != (position[i], refs[i], alts[i])
        position[i], refs[i], alts[i] = found.position, found.ref, found.alt
    return position, pa.array(refs, pa.string()), pa.array(alts, pa.string()), is_changed


def _source_alleles(block: Block, is_changed: Bools) -> pa.Array:
    """pos:ref:alt,alt of records that were split or normalised; null for all others."""
    wanted = is_changed | (block.n_alts > 1)
    found: list[str | None] = [None] * len(block)
    if wanted.any():
        by_record: dict[int, list[int]] = {}
        touched = np.isin(block.record, np.unique(block.record[wanted]))
        for i in np.flatnonzero(touched).tolist():
            by_record.setdefault(int(block.record[i]), []).append(i)
        for rows in by_record.values():
            alts = ",".join(block.alt[i].as_py() for i in rows)
            text = f"{block.position[rows[0]]}:{block.ref[rows[0]].as_py()}:{alts}"
            for i in rows:
                found[i] = text
    return pa.array(found, pa.string())


def _or_null(labels: pa.Array) -> pa.Array:
    named = pc.invert(pc.is_in(labels, value_set=pa.array([".", "", "0"])))
    return pc.if_else(named, labels, pa.scalar(None, pa.string()))


def _repeated(value: str | bool, n: int) -> pa.Array:
    indices = pa.array(np.zeros(n, np.int32))
    return pa.array([value]).take(indices)


def info_values(info: pl.Series, names: Sequence[str]) -> pa.Array:
    """Quality of imputation from VCF-like INFO text: the first field of `names` that is there.

    Null where no field is there, or where it is no number.
    """
    found = [
        info.str.extract(rf"(?:^|;){re.escape(name)}=([-0-9.eE+]+)").cast(pl.Float64, strict=False)
        for name in names
    ]
    return pl.select(pl.coalesce(found)).to_series().to_arrow()
