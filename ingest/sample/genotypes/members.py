"""Who of the sample was genotyped by whom, and whose sample is not what it should be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from biobraid.ingest.sample.attendance import patient_ids
from biobraid.ingest.sample.cells import number
from biobraid.ingest.sample.draws import Draws, Flags, Ints
from biobraid.ingest.sample.people import People
from biobraid.ingest.sample.planted import (
    CANARIES,
    DUPLICATE_SAMPLE_AMONG,
    LOW_CALL_RATE,
    SEX_MISMATCH,
)

ARRAY, IMPUTED, SEQUENCED = "ukdemo", "riverside", "northgate"
_SHARE = {ARRAY: 0.94, IMPUTED: 0.80, SEQUENCED: 0.90}


@dataclass(frozen=True)
class Members:
    """The genotyped people of one study, in order of their number.

    draws, male: whose DNA is in the tube; said_male: what the sample sheet says.
    """

    ids: pa.Array
    draws: Draws
    male: Flags
    said_male: Flags
    is_poor: Flags  # a sample with a low call rate
    n_duplicates: int
    n_mismatched: int


class Roll:
    """The genotyped people of one study, gathered block by block (numbers and ids only)."""

    def __init__(self, study: str) -> None:
        self.study = study
        self._seed = 0
        self._numbers: list[Ints] = []
        self._ids: list[pa.Array] = []
        self._male: list[Flags] = []

    def write(self, block: People) -> None:
        """Take in the members of a block of persons."""
        ids, belongs = _ids_in(block, self.study)
        draws = block.draws
        forced = np.isin(draws.numbers, (*CANARIES, *range(30)))
        rows = np.flatnonzero(
            belongs & (forced | draws.chance(f"genotyped/{self.study}", _SHARE[self.study]))
        )
        self._seed = draws.seed
        self._numbers.append(draws.numbers[rows])
        self._ids.append(ids.take(pa.array(rows)))
        self._male.append(block.traits.male[rows])

    def members(self) -> Members:
        """Everybody, with the planted defects of the array samples."""
        numbers, said = np.concatenate(self._numbers), np.concatenate(self._male)
        dna, male, poor = numbers.copy(), said.copy(), np.zeros(len(numbers), dtype=np.bool_)
        n_duplicates = n_mismatched = 0
        if self.study == ARRAY:
            male[numbers == SEX_MISMATCH] ^= True
            n_mismatched = int((numbers == SEX_MISMATCH).sum())
            poor = numbers == LOW_CALL_RATE
            first, second = duplicate_pair(numbers, said)
            dna[numbers == second] = first
            n_duplicates = int((numbers == second).sum())
        ids = pa.concat_arrays(self._ids)
        return Members(ids, Draws(self._seed, dna), male, said, poor, n_duplicates, n_mismatched)


def duplicate_pair(numbers: Ints, male: Flags) -> tuple[int, int]:
    """Two planted persons of one sex: the second's tube holds the first's DNA."""
    sexes = {int(n): bool(m) for n, m in zip(numbers, male, strict=True) if n < 30}
    a, b, c = DUPLICATE_SAMPLE_AMONG
    if sexes.get(a) == sexes.get(b):
        return a, b
    return (a, c) if sexes.get(a) == sexes.get(c) else (b, c)


def _ids_in(block: People, study: str) -> tuple[pa.Array, Flags]:
    if study == ARRAY:
        return number(block.identity.eid), block.part.in_ukdemo
    if study == IMPUTED:
        return block.identity.riverside_id, block.part.in_riverside
    return patient_ids(block.draws, study), block.attends.at[study]
