"""Rows of a table of imaging-derived phenotypes as raw.value, joined to their images."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from biobraid.core.errors import Fault, SettingsError
from biobraid.ingest.connectors.contract import Chunk
from biobraid.ingest.connectors.imaging_index_rows import IndexRows
from biobraid.ingest.connectors.imaging_rows import Told, time_columns
from biobraid.ingest.connectors.ukb_persons import constant
from biobraid.ingest.hashing import U64, mix, positive, value_hash

KIND = "image_feature"


def feature_rows(rows: IndexRows, _: Told) -> Iterator[Chunk]:
    """raw.value of every declared column; raw.detail with the image and the algorithm."""
    records, times = rows.records, time_columns(rows.job, rows.times())
    for role in ("date", "other_date", "time"):
        rows.landed.add(rows.roles.get(role, ""))
    yield from rows.unread_dates(("date", "other_date"))
    declared = [n for n in rows.job.variables if n not in rows.used]
    header = set(rows.columns_there)
    found = [name for name in declared if name in header]
    if not found:
        raise SettingsError(
            Fault(
                f"studies/{rows.job.study.id}/dictionary.csv",
                f"declares no column of the table of source {rows.job.source_id}",
                "the features of the table, each a variable",
            )
        )
    for name in found:
        values = rows.column(name)
        at = np.flatnonzero(values.is_valid().to_numpy(zero_copy_only=False))
        rows.landed.add(name)
        if not len(at):
            continue
        n, place = len(at), pa.array(at)
        zero = pa.array(np.zeros(n, np.int32))
        columns = {
            **_origin(rows, records, at, f"value:{name}"),
            "variable": constant(name, n),
            "instance": zero,
            "array_index": zero,
            "value": values.take(place),
            **{key: column.take(place) for key, column in times.items()},
        }
        yield Chunk("raw.value", pa.table(columns))
    yield from _details(rows, records)


def _details(rows: IndexRows, records: U64) -> Iterator[Chunk]:
    n = rows.n
    fields: dict[str, pa.Array] = {"asset_id": rows.assets.cast(pa.string())}
    if (algorithm := rows.role("algorithm")) is not None:
        fields["alg_system"] = algorithm
        rows.landed.add(rows.roles["algorithm"])
    elif rows.options.algorithm:
        fields["alg_system"] = constant(rows.options.algorithm, n).cast(pa.string())
    if (when := rows.role("algorithm_time")) is not None:
        fields["alg_datetime"] = when
        rows.landed.add(rows.roles["algorithm_time"])
    for field, values in fields.items():
        at = np.flatnonzero(values.is_valid().to_numpy(zero_copy_only=False))
        columns = {
            **_origin(rows, records, at, f"detail:{field}"),
            "kind": constant(KIND, len(at)),
            "field": constant(field, len(at)),
            "value": values.take(pa.array(at)),
        }
        yield Chunk("raw.detail", pa.table(columns))


def _origin(rows: IndexRows, records: U64, at: np.ndarray, fact: str) -> dict[str, pa.Array]:
    hashed = np.uint64(value_hash(rows.job.keys, "image-feature", fact))
    return {
        "row_id": positive(mix(records[at], hashed)),
        "record_id": positive(records[at]),
        "source_person_key": rows.persons.take(pa.array(at)),
    }
