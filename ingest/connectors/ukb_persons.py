"""Participants of UK Biobank tables: cleaned eids, and the identity rows for the vault."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.ingest.connectors.contract import Chunk, FileJob
from biobraid.ingest.hashing import U64, person_keys, positive

_NONE = pa.scalar(None, pa.string())
EXPECTED_EID = "an eid; blank and negative ones belong to nobody"


def clean_eids(eids: pa.StringArray) -> pa.StringArray:
    """Trimmed eids; null where blank or negative (UK Biobank's mark of a withdrawn person)."""
    trimmed = pc.utf8_trim_whitespace(eids)
    nobody = pc.or_(pc.equal(trimmed, ""), pc.starts_with(trimmed, "-"))
    return pc.if_else(pc.fill_null(nobody, True), _NONE, trimmed)


def keys_of(job: FileJob, eids: pa.StringArray) -> pa.DictionaryArray:
    """source_person_key of each row."""
    return person_keys(job.keys, job.study.person_namespace, eids)


def native_ids(eids: pa.StringArray, persons: pa.DictionaryArray, told: set[str]) -> Chunk | None:
    """One native_id row for each participant not yet told of; adds them to `told`.

    Without record_id: the participant is known even if the record lands nothing.
    """
    distinct = pc.unique(eids)
    new = [eid for eid in distinct.to_pylist() if eid and eid not in told]
    if not new:
        return None
    told.update(new)
    natives = pa.array(new, pa.string())
    rows = {
        "source_person_key": persons.take(pc.index_in(natives, eids)),
        "type": constant("native_id", len(new)),
        "value": natives,
    }
    return Chunk("identity", pa.table(rows))


def identities(
    job: FileJob, kind: str, values: pa.Array, persons: pa.Array, records: U64
) -> Chunk | None:
    """Identity rows of one type, one for each value that is not null."""
    found = np.flatnonzero(values.is_valid().to_numpy(zero_copy_only=False))
    if not len(found):
        return None
    at = pa.array(found)
    label, _, namespace = kind.partition(":")
    given = pc.utf8_trim_whitespace(values.take(at))
    if label == "map_id":
        # Never the other study's id itself: its person key is all that linkage compares.
        given = person_keys(job.keys, job.study_keys.get(namespace, namespace), given)
    rows = {
        "source_person_key": persons.take(at),
        "type": constant(kind, len(at)),
        "value": given,
        "record_id": positive(records[found]),
    }
    return Chunk("identity", pa.table(rows))


def constant(value: str | None, n: int) -> pa.DictionaryArray:
    """One text n times."""
    indices = pa.array(np.zeros(n, dtype=np.int32), mask=np.full(n, value is None))
    return pa.DictionaryArray.from_arrays(indices, pa.array([value or ""]))


def int32(values: npt.NDArray[np.int64]) -> pa.Int32Array:
    """Small integers as Arrow int32."""
    return pa.array(values.astype(np.int32))
