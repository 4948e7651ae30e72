"""Look-ups in the genotypes of a release, from Python.

genotypes = open_genotypes(folder)            # releases/<project>/<name>
for found in genotypes.variant("1:1000:A:C"):
    found.person_ids, found.dosages           # one entry per sample; NaN missing
for found in genotypes.region("1", 1_000, 2_000): ...
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from biobraid.core.errors import Fault, UserError
from biobraid.core.genotypes import BLOCK_SAMPLES, codes_of_row, dosages_of_codes
from biobraid.export.genotype_files import SAMPLES, VALUES


@dataclass(frozen=True)
class VariantDosages:
    """One variant of one genotype set.

    person_ids and dosages (0 to 2, of the alternate allele; NaN missing) are aligned; a person
    with several samples in the set stands there several times.
    """

    genotype_set_id: str
    variant_id: str
    chromosome: str
    position: int
    person_ids: npt.NDArray[np.int64]
    dosages: npt.NDArray[np.float32]


@dataclass(frozen=True)
class _Group:
    """A row group of a file, with the places it may hold."""

    file: int
    number: int
    chromosomes: tuple[str, str]
    positions: tuple[int, int]

    def may_hold(self, chromosome: str, first: int, last: int) -> bool:
        low, high = self.chromosomes
        return (
            low <= chromosome <= high and self.positions[0] <= last and first <= self.positions[1]
        )


class Genotypes:
    """Open genotypes of a release. Files stay open until `close`; use as a context manager."""

    def __init__(self, folder: Path) -> None:
        if not (folder / SAMPLES).is_file():
            raise UserError(
                Fault(
                    f"releases/{folder.parent.name}/{folder.name}",
                    "the release holds no genotypes",
                    "a release of a project that has the modality genotype",
                )
            )
        samples = pq.read_table(folder / SAMPLES)
        self._persons = {
            str(name): _persons_of(samples, name)
            for name in pc.unique(samples.column("genotype_set_id")).to_pylist()
        }
        self._files = [pq.ParquetFile(path) for path in sorted((folder / VALUES).glob("*.parquet"))]
        self._groups = [g for n, file in enumerate(self._files) for g in _groups_of(n, file)]

    def close(self) -> None:
        """Close the files."""
        for file in self._files:
            file.close()

    def __enter__(self) -> Genotypes:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def variant(self, variant_id: str) -> list[VariantDosages]:
        """The variant chr:pos:ref:alt in every set that has it; empty if none does."""
        parts = variant_id.split(":")
        if len(parts) < 4 or not parts[1].isdigit():
            raise UserError(Fault(f"variant '{variant_id}'", "is no variant id", "chr:pos:ref:alt"))
        position = int(parts[1])
        return list(self._find(parts[0], position, position, variant_id))

    def region(self, chromosome: str, first: int, last: int) -> Iterator[VariantDosages]:
        """Variants of a region (both ends included), set by set in the order of the files."""
        yield from self._find(chromosome, first, last, None)

    def _find(
        self, chromosome: str, first: int, last: int, variant_id: str | None
    ) -> Iterator[VariantDosages]:
        waiting: dict[tuple[str, int], list[tuple[int, npt.NDArray[np.float32]]]] = {}
        for group in self._groups:
            if not group.may_hold(chromosome, first, last):
                continue
            table = self._files[group.file].read_row_group(group.number)
            for i in _matches(table, chromosome, first, last, variant_id):
                row = table.slice(i, 1).to_pylist()[0]
                codes = codes_of_row(row["genotypes"], row["encoding"], row["n_samples"])
                dosages = dosages_of_codes(codes, row["encoding"], row["scale"])
                set_id = row["genotype_set_id"]
                persons = self._persons[set_id]
                blocks = waiting.setdefault((set_id, row["variant_index"]), [])
                blocks.append((row["sample_block"], dosages))
                if len(blocks) * BLOCK_SAMPLES < len(persons):
                    continue
                del waiting[(set_id, row["variant_index"])]
                whole = np.concatenate([d for _, d in sorted(blocks, key=lambda block: block[0])])
                yield VariantDosages(
                    set_id, row["variant_id"], row["chromosome"], row["position"], persons, whole
                )


def open_genotypes(folder: Path) -> Genotypes:
    """The genotypes of a release's folder; UserError if it holds none."""
    return Genotypes(folder)


def _persons_of(samples: pa.Table, set_id: str) -> npt.NDArray[np.int64]:
    mine = samples.filter(pc.equal(samples.column("genotype_set_id"), set_id))
    persons: npt.NDArray[np.int64] = mine.sort_by("sample_index").column("person_id").to_numpy()
    return persons


def _groups_of(number: int, file: pq.ParquetFile) -> Iterator[_Group]:
    metadata = file.metadata
    names = metadata.schema.names
    at = {name: names.index(name) for name in ("chromosome", "position")}
    for n in range(metadata.num_row_groups):
        group = metadata.row_group(n)
        chromosome, position = (group.column(at[name]).statistics for name in at)
        yield _Group(
            number, n, (chromosome.min, chromosome.max), (int(position.min), int(position.max))
        )


def _matches(
    table: pa.Table, chromosome: str, first: int, last: int, variant_id: str | None
) -> list[int]:
    position = table.column("position")
    found = pc.and_(pc.greater_equal(position, first), pc.less_equal(position, last))
    found = pc.and_(found, pc.equal(table.column("chromosome"), chromosome))
    if variant_id is not None:
        found = pc.and_(found, pc.equal(table.column("variant_id"), variant_id))
    places: list[int] = np.flatnonzero(found.to_numpy()).tolist()
    return places
