"""Corrections of withdrawn people's values: they name facts that go, and say what stood there."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from biobraid.core.corrections import put_corrections, read_corrections
from biobraid.core.holders import Erased, Gone, Holder, register
from biobraid.core.home import Home
from biobraid.core.manifest import Manifest
from biobraid.ingest.erasure.landing import modalities_of_sources


def find(home: Home, gone: Gone) -> dict[str, int]:
    """Corrections that would go."""
    with Manifest(home) as manifest:
        return {"correction.cell": pc.sum(_goes(home, manifest, gone)).as_py() or 0}


def erase(home: Home, gone: Gone) -> Erased:
    """Put the others in force again."""
    with Manifest(home) as manifest:
        goes = _goes(home, manifest, gone)
        n = pc.sum(goes).as_py() or 0
        if n:
            rows = read_corrections(home, manifest)
            put_corrections(home, manifest, rows.filter(pc.invert(goes)))
    return Erased(n)


def _goes(home: Home, manifest: Manifest, gone: Gone) -> pa.ChunkedArray:
    """Which corrections go; as of their facts, those without a time stay after a day."""
    rows = read_corrections(home, manifest)
    goes = pc.is_in(rows["source_person_key"], pa.array(sorted(gone.keys), pa.string()))
    if gone.modality != "*":
        mine = [
            f"{s}/{o}" for (s, o), m in modalities_of_sources(home).items() if m == gone.modality
        ]
        of = pc.binary_join_element_wise(rows["study"], rows["source"], "/")
        goes = pc.and_(goes, pc.is_in(of, pa.array(mine, pa.string())))
    if gone.after is not None:
        day = pc.utf8_slice_codeunits(rows["start_time"], 0, 10)
        goes = pc.and_(goes, pc.fill_null(pc.greater(day, gone.after), False))
    return goes


CORRECTIONS = register(Holder("corrections", find, erase))
