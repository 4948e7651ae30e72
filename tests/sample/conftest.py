"""One generated sample for all tests that only read it."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from biobraid.ingest.sample import SampleSummary, generate

PERSONS = 5000


@dataclass(frozen=True)
class Sample:
    """A generated sample and where it lies."""

    summary: SampleSummary
    deliveries: Path
    studies: Path
    truth: Path

    def persons(self) -> dict[str, list[object]]:
        """truth/persons.parquet, by column."""
        columns: dict[str, list[object]] = pq.read_table(self.truth / "persons.parquet").to_pydict()
        return columns

    def defects(self) -> Counter[tuple[str, str, str, str]]:
        """(defect, study, file, column) -> how many."""
        with (self.truth / "defects.csv").open(encoding="utf-8", newline="") as lines:
            return Counter(
                {(r["defect"], r["study"], r["file"], r["column"]): int(r["n"])
                 for r in csv.DictReader(lines)}
            )  # fmt: skip

    def expected(self, study: str) -> Counter[tuple[str, str]]:
        """(what, state) -> how many, of a study (expected.csv)."""
        with (self.truth / "expected.csv").open(encoding="utf-8", newline="") as lines:
            return Counter(
                {(r["what"], r["state"]): int(r["n"])
                 for r in csv.DictReader(lines) if r["study"] == study}
            )  # fmt: skip


def make_sample(root: Path, persons: int, seed: int = 1, block_persons: int = 20_000) -> Sample:
    """A sample below `root`."""
    deliveries, studies, truth = root / "deliveries", root / "studies", root / "truth"
    summary = generate(
        deliveries, studies, truth, persons=persons, seed=seed, block_persons=block_persons
    )
    return Sample(summary, deliveries, studies, truth)


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    """5,000 persons, seed 1; read only."""
    return make_sample(tmp_path_factory.mktemp("sample"), PERSONS)
