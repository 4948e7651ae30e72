"""The header of a VCF: samples, fields, and whether its contigs are those of the build."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from biobraid.core.genotypes import BUILDS, chromosome_length, chromosome_name, find_build
from biobraid.ingest.connectors.contract import FileJob
from biobraid.ingest.connectors.genotype_files import broken
from biobraid.ingest.connectors.genotype_samples import Sample
from biobraid.ingest.connectors.genotype_variants import VariantReader

_COLUMNS = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT"]
_CONTIG = re.compile(r"ID=([^,>]+)")
_LENGTH = re.compile(r"length=(\d+)")
_ASSEMBLY = re.compile(r"assembly=\"?([^,>\"]+)")
_FORMAT = re.compile(r"##FORMAT=<ID=([^,>]+)")


@dataclass(frozen=True)
class Header:
    """What the header says. n_lines: of it, the line of names included."""

    samples: tuple[Sample, ...]
    formats: frozenset[str]
    contigs: tuple[str, ...]  # the ##contig lines
    n_lines: int


def read_header(job: FileJob, text: str) -> Header:
    """The header from its text; SourceFileError without samples or with other columns."""
    lines = text.splitlines()
    names = lines[-1].split("\t") if lines else []
    if names[: len(_COLUMNS)] != _COLUMNS or len(names) == len(_COLUMNS):
        found = "names no samples" if names[:8] == _COLUMNS[:8] else "has no line of column names"
        raise broken(job, f"the header {found}", "#CHROM to FORMAT, then one column per sample")
    return Header(
        tuple(Sample(name, line=0) for name in names[len(_COLUMNS) :]),
        frozenset(m[1] for line in lines if (m := _FORMAT.match(line))),
        tuple(line for line in lines if line.startswith("##contig=")),
        len(lines),
    )


def check_contigs(header: Header, reader: VariantReader) -> Counter[str]:
    """Contigs that say that the file is on another build than declared; strict: they refuse it."""
    faults = list(_faults(header, next(b for b in BUILDS if b != reader.options.build)))
    if faults and reader.options.build_check == "strict":
        raise reader.other_build(faults[0])
    return Counter({"contig-of-other-build": len(faults)} if faults else {})


def _faults(header: Header, other: str) -> Iterator[str]:
    for line in header.contigs:
        contig, length, assembly = (p.search(line) for p in (_CONTIG, _LENGTH, _ASSEMBLY))
        if assembly and find_build(assembly[1]) == other:
            yield f"its header says assembly {other}"
            continue
        if contig is None or length is None:
            continue
        name = chromosome_name(contig[1])
        if name != "MT" and int(length[1]) == chromosome_length(other, name):
            yield f"its header gives chromosome {name} the length it has on {other}"
