"""Read one genotype file with its connector, as a landing worker would, and unpack its values."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from biobraid.core.genotypes import codes_of_row, dosages_of_codes
from biobraid.core.keys import IngestKeys
from biobraid.core.study import Study
from biobraid.ingest.connectors.contract import Chunk, Counts, FileJob, get_connector
from biobraid.ingest.landing.tally import Tally

KEYS = IngestKeys(b"p" * 32, b"r" * 32, b"f" * 32, b"i" * 32)
FACTS = ("raw.variant", "raw.genotype_sample")
Matrix = npt.NDArray[np.float32]


@dataclass
class Delivered:
    """What came of a file: rows by table, identities, and books that hold."""

    tables: dict[str, list[dict[str, Any]]]
    tally: Tally
    identities: list[tuple[str, str]]

    @property
    def variants(self) -> list[dict[str, Any]]:
        """Rows of raw.variant in order."""
        return sorted(self.tables.get("raw.variant", []), key=lambda r: r["variant_index"])

    @property
    def samples(self) -> list[dict[str, Any]]:
        """Rows of raw.genotype_sample in order."""
        return sorted(self.tables.get("raw.genotype_sample", []), key=lambda r: r["sample_index"])

    @property
    def dosages(self) -> Matrix:
        """(variants, samples of the file), NaN missing."""
        by_variant: dict[int, list[tuple[int, Matrix]]] = {}
        for row in self.tables["raw.genotype"]:
            codes = codes_of_row(row["genotypes"], row["encoding"], row["n_samples"])
            values = dosages_of_codes(codes, row["encoding"], row["scale"])
            by_variant.setdefault(row["variant_index"], []).append((row["sample_block"], values))
        return np.stack(
            [
                np.concatenate([v for _, v in sorted(blocks, key=lambda b: b[0])])
                for _, blocks in sorted(by_variant.items())
            ]
        )

    @property
    def rejects(self) -> list[tuple[Any, ...]]:
        """(row number, list, reason) of raw.reject, sorted."""
        rows = self.tables.get("raw.reject", [])
        return sorted((r["row_number"], r["column_name"], r["reason"]) for r in rows)


def job(path: Path, connector: str, storage: str = "landing", **options: Any) -> FileJob:
    """The job of one file of a small study."""
    study = Study.model_validate(
        {
            "id": "toy", "name": "toy", "release": "1", "licence": "synthetic",
            "time_zone": "UTC",
            "sources": {
                "genes": {
                    "connector": connector, "files": [path.name], "modality": "genotype",
                    "storage": storage,
                    "options": {"build": "GRCh38", **options},
                }
            },
        }
    )  # fmt: skip
    return FileJob(path, study, "genes", "token", KEYS, {}, memory_gb=0.5, threads=1)


def person(native_id: str) -> str:
    """source_person_key of a native id."""
    return KEYS.person_key("toy", native_id)


def read(path: Path, connector: str, **options: Any) -> Delivered:
    """Everything the connector yields; the law of the books is checked."""
    tables: dict[str, list[dict[str, Any]]] = {}
    tally, identities, records = Tally(), [], set()
    given = job(path, connector, **options)
    for item in get_connector(connector).read(given):
        if isinstance(item, Counts):
            tally.add(item)
            continue
        rows = _rows(item)
        if item.table == "identity":
            identities += [(row["type"], row["value"]) for row in rows]
            continue
        tables.setdefault(item.table, []).extend(rows)
        if item.table in FACTS:
            tally.facts_landed += len(rows)
            records |= {row["record_id"] for row in rows}
        if item.table == "raw.reject":
            for row in rows:
                tally.rejects[(row["reason"], row["column_name"], row["unit_of_count"])] += 1
    tally.check("test", len(records))
    return Delivered(tables, tally, identities)


def _rows(chunk: Chunk) -> list[dict[str, Any]]:
    assert isinstance(chunk.rows, pa.Table)
    return chunk.rows.to_pylist()
