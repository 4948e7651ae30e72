"""Reading genotype files that stay where they lie, through the index in landing.

Nothing of where a file lies is kept: it is found among the files that the study declares, by
its size and a mark of its content.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from biobraid.core.errors import Fault, SourceFileError
from biobraid.core.genotypes.bgen_block import BrokenBlock, bgen_dosages
from biobraid.core.genotypes.packing import BLOCK_SAMPLES, codes_of_dosages
from biobraid.core.home import Home
from biobraid.core.study import delivery_folder, read_study

F64 = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]
_SLICE, _N_SLICES = 1 << 16, 64
_EIGHT_BITS, _MORE_BITS, _PGEN, _NEAR = 255, 32767, 16384, 2e-3


def file_mark(path: Path) -> str:
    """A mark of a file that need not be read whole: size, both ends, and places between.

    Terabytes are told apart by it in milliseconds; a change of single values within the file
    that leaves its size is not seen.
    """
    size = path.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with path.open("rb") as file:
        for at in np.unique(np.linspace(0, max(0, size - _SLICE), _N_SLICES).astype(np.int64)):
            file.seek(int(at))
            digest.update(file.read(_SLICE))
    return digest.hexdigest()


@dataclass(frozen=True)
class Reference:
    """The index of one referenced file, by variant_index.

    locate: finds the file, once values are asked for: who only wants to know what is indexed
    needs no file. n_records, first_byte, n_bytes, n_alleles, allele: as in
    raw.genotype_reference and raw.genotype_place.
    """

    locate: Callable[[], Path]
    where: str
    format: str
    n_samples: int
    n_records: int
    layout: int
    compression: int
    first_byte: Ints
    n_bytes: Ints
    n_alleles: Ints
    allele: Ints
    _opened: threading.local = field(default_factory=threading.local, init=False, compare=False)

    @cached_property
    def path(self) -> Path:
        """Where the file lies. Raises SourceFileError if it is not there."""
        return self.locate()

    def dosages(self, variant_index: int) -> F64:
        """Dosages of all samples of the file, NaN missing; whoever asks masks the withdrawn.

        Raises SourceFileError if the file is no longer what was indexed.
        """
        read = self._of_pgen if self.format == "pgen" else self._of_bgen
        try:
            return read(variant_index)
        except (BrokenBlock, RuntimeError):
            raise SourceFileError(
                Fault(self.where, f"variant {variant_index} cannot be read where the index has it",
                      "the file that was indexed", "Run: biobraid ingest")
            ) from None  # fmt: skip

    def _of_bgen(self, variant_index: int) -> F64:
        with self.path.open("rb") as file:
            file.seek(int(self.first_byte[variant_index]))
            data = file.read(int(self.n_bytes[variant_index]))
        return bgen_dosages(
            data,
            layout=self.layout,
            compression=self.compression,
            n_samples=self.n_samples,
            n_alleles=int(self.n_alleles[variant_index]),
            allele=int(self.allele[variant_index]),
        )

    def _of_pgen(self, variant_index: int) -> F64:
        if not hasattr(self._opened, "pgen"):  # a reader serves one thread
            self._opened.pgen = self._open_pgen()
        found = np.empty(self.n_samples, np.float32)
        self._opened.pgen.read_dosages(
            int(self.first_byte[variant_index]), found, allele_idx=int(self.allele[variant_index])
        )
        dosages = found.astype(np.float64)
        dosages[found < 0] = np.nan
        return dosages

    def _open_pgen(self) -> Any:
        import pgenlib

        n_alleles = np.full(self.n_records, 2, np.int64)
        n_alleles[self.first_byte] = self.n_alleles
        offsets = np.concatenate([[0], np.cumsum(n_alleles)]).astype(np.uintp)
        return pgenlib.PgenReader(
            str(self.path).encode(),
            raw_sample_ct=self.n_samples,
            variant_ct=self.n_records,
            allele_idx_offsets=offsets if (n_alleles > 2).any() else None,
        )

    def packed(self, variant_index: int) -> Iterator[tuple[int, int, U8]]:
        """(block, scale, dosage16 row) of a variant, as landing would hold it."""
        dosages = self.dosages(variant_index)
        scaled = dosages[~np.isnan(dosages)] * _EIGHT_BITS
        is_eight = bool((np.abs(scaled - np.rint(scaled)) < _NEAR).all())
        scale = _EIGHT_BITS if is_eight else _MORE_BITS
        if self.format == "pgen":
            scale = _PGEN
        codes = codes_of_dosages(dosages, scale, "dosage16")
        for block, first in enumerate(range(0, self.n_samples, BLOCK_SAMPLES)):
            yield block, scale, codes[first : first + BLOCK_SAMPLES].view(np.uint8)


def find_referenced(home: Home, study: str, source: str, n_bytes: int, mark: str) -> Path:
    """The file of a source with this size and mark; SourceFileError if it is not there."""
    declared = read_study(home.studies / study).sources[source]
    folder = delivery_folder(home, study)
    for pattern in declared.files:
        for path in sorted(folder.glob(pattern)):
            if path.stat().st_size == n_bytes and file_mark(path) == mark:
                return path
    raise SourceFileError(
        Fault(f"{study}/{source}", "a referenced genotype file is not where the study says",
              "the file that was indexed, in the study's delivery folder",
              "Put it back, or run: biobraid ingest")
    )  # fmt: skip
