"""What the entries of a Takeout have in common on their way to samples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from biobraid.ingest.connectors.contract import Chunk, Counts
from biobraid.ingest.connectors.wearable_rows import DECLARED, Given, constant
from biobraid.ingest.connectors.wearable_times import NO_OFFSET, SECOND, Clock
from biobraid.ingest.tabular.block import reject_table


def rejected(
    n: int, reason: str, expected: str, column: str | None = None
) -> Iterator[Chunk | Counts]:
    """Rejected records, or cells of a column; entries of JSON have no line numbers."""
    if n:
        yield Chunk("raw.reject", reject_table(np.zeros(n, np.int64), reason, expected, column))
        if column is None:
            yield Counts(records_read=n, records_rejected=n)
        else:
            yield Counts(facts_read=n, facts_rejected=n)


def as_text(values: Sequence[Any]) -> pa.Array:
    """Values of JSON as text; null stays null."""
    return pa.array([None if v is None else str(v) for v in values], pa.string())


def given(
    native: str,
    variable: pa.Array,
    clock: Clock,
    seconds: Any,
    value: Any,
    unit: str | None,
    **more: Any,
) -> Given:
    """Samples of the account's person, placed in the source's zone."""
    n = len(clock)
    known = clock.offset != NO_OFFSET
    return Given(
        native=constant(native, n),
        variable=variable,
        clock=clock,
        duration_us=(np.asarray(seconds, dtype=np.float64) * SECOND).astype(np.int64),
        value=np.asarray(value, dtype=np.float64),
        unit=constant(unit, n),
        offset_source=np.where(known, DECLARED, -1).astype(np.int8),
        **more,
    )
