"""What both formats of BIOM tables have in common: entries in blocks, metadata as text, faults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from biobraid.core.errors import Fault, SourceFileError
from biobraid.ingest.connectors.contract import FileJob

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Metadata = Mapping[str, list[str | None]]
ENTRIES = 1 << 20  # of a block


@dataclass(frozen=True)
class Entries:
    """Non-zero entries of samples first .. first + n_samples - 1: sample, observation, value."""

    first: int
    n_samples: int
    sample: Ints
    observation: Ints
    value: Floats


def end_of_block(starts: Ints, first: int, n_samples: int) -> int:
    """The sample after the last of the block that begins with `first`; it holds one at least.

    starts: where the entries of each sample begin, and where the last ones end.
    """
    last = int(np.searchsorted(starts, starts[first] + ENTRIES, side="right")) - 1
    return min(max(last, first + 1), n_samples)


def flat(value: Any) -> str | None:
    """Text of a metadata value; the ranks of a lineage joined."""
    if value is None:
        return None
    if isinstance(value, list | tuple):
        parts = (as_text(part).strip() for part in value)
        return "; ".join(part for part in parts if part) or None
    return as_text(value)


def as_text(value: Any) -> str:
    """The value as text; halves of characters, which no column can hold, become marks."""
    text = str(value)
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def fault(job: FileJob, found: str, expected: str) -> SourceFileError:
    """Something wrong with the whole file."""
    todo = "Ask for the file again; nothing of it was landed."
    return SourceFileError(Fault(job.where, found, expected, todo))
