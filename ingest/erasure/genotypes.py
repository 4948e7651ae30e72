"""Landed genotypes: a person is a place in every block of samples, and is masked there."""

from __future__ import annotations

import duckdb

from biobraid.core.holders import Erased, Gone, Holder, register
from biobraid.core.home import Home
from biobraid.core.manifest import Manifest
from biobraid.ingest.genotypes import SAMPLES, mask_persons


def find(home: Home, gone: Gone) -> dict[str, int]:
    """Samples of these people."""
    with Manifest(home) as manifest, duckdb.connect() as con:
        paths = [str(home.landing / p.path) for p in manifest.parts(SAMPLES) if p.rows]
        if not paths or not _reaches(gone):
            return {"genotypes": 0}
        row = con.execute(
            "SELECT count(*) FROM read_parquet(?) WHERE source_person_key IN (SELECT unnest(?))",
            [paths, sorted(gone.keys)],
        ).fetchone()
    return {"genotypes": int(row[0]) if row else 0}


def erase(home: Home, gone: Gone) -> Erased:
    """Make all values of these people missing and remove their samples."""
    return Erased(mask_persons(home, sorted(gone.keys)) if _reaches(gone) else 0)


def _reaches(gone: Gone) -> bool:
    """Genotypes have no day of their own: what is dropped after a day leaves them."""
    return gone.modality in ("*", "genotype") and gone.after is None


GENOTYPES = register(Holder("genotypes", find, erase))
