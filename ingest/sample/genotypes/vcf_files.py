"""The sequenced genotypes of northgate as VCF.gz: phased calls, haploids, half-calls, three alleles."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from biobraid.ingest.sample.genotypes.bgzf import BgzfFile
from biobraid.ingest.sample.genotypes.draw import NONE, alleles
from biobraid.ingest.sample.genotypes.members import Members
from biobraid.ingest.sample.genotypes.panel import BUILD, Panel

FILE = "northgate_wgs.vcf.gz"
_MISSING, _HALF = 0.003, 0.002
_GONE = 3  # an allele that was not called
_CHROMOSOMES = {"MT": "chrM"}
_LENGTHS = {
    "1": 248_956_422, "2": 242_193_529, "19": 58_617_616, "22": 50_818_468, "X": 156_040_895,
    "Y": 57_227_415, "MT": 16_569,
}  # fmt: skip


def write_vcf(folder: Path, made: Panel, who: Members) -> None:
    """Write FILE with every variant of the panel."""
    with BgzfFile(folder / FILE) as out:
        out.write(_header(who.ids.to_pylist()))
        for block in range(made.n_blocks):
            first, second = _called(made, block, who)
            texts = _TEXT[first, second]
            at = made.of_block(block)
            for column, v in enumerate(range(at.start, at.stop)):
                alt = f"{made.alt[v]},{made.alt2[v]}" if made.alt2[v] else made.alt[v]
                fixed = (
                    _name(str(made.chromosome[v])), str(made.position[v]), made.rsid[v],
                    made.ref[v], alt, ".", "PASS", ".", "GT",
                )  # fmt: skip
                line = "\t".join([*map(str, fixed), *texts[:, column].tolist()])
                out.write(line.encode() + b"\n")


def _name(chromosome: str) -> str:
    return _CHROMOSOMES.get(chromosome, f"chr{chromosome}")


def _header(samples: list[str]) -> bytes:
    lines = ["##fileformat=VCFv4.3", f"##reference={BUILD}"]
    lines += [f"##contig=<ID={_name(c)},length={n},assembly={BUILD}>" for c, n in _LENGTHS.items()]
    lines.append('##FILTER=<ID=PASS,Description="All filters passed">')
    lines.append('##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">')
    fixed = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT"]
    return ("\n".join([*lines, "\t".join([*fixed, *samples])]) + "\n").encode()


def _called(
    made: Panel, block: int, who: Members
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Both alleles as called; half-calls lose the second of two."""
    first, second = alleles(made, block, who.draws, who.male)
    at = made.of_block(block)
    for column, variant in enumerate(range(at.start, at.stop)):
        gone = who.draws.chance("not-sequenced", _MISSING, variant)
        half = who.draws.chance("half-call", _HALF, variant)
        for strand in (first, second):
            strand[gone & (strand[:, column] != NONE), column] = _GONE
        two = (first[:, column] != NONE) & (second[:, column] != NONE)
        second[half & two, column] = _GONE
    return first, second


def _texts() -> npt.NDArray[np.object_]:
    sign = {0: "0", 1: "1", 2: "2", _GONE: ".", NONE: ""}
    table = np.full((10, 10), ".", dtype=object)
    for a, left in sign.items():
        for b, right in sign.items():
            table[a, b] = "|".join(t for t in (left, right) if t) or "."
    table[_GONE, _GONE] = "./."
    return table


_TEXT = _texts()
