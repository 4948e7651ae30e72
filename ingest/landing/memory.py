"""An in-memory DuckDB with a stated share of the machine, spilling below the home's tmp."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from biobraid.core.files import PARTIAL

_LEAST_GB = 0.2  # DuckDB cannot start a sort with less
_MOST_GB_FOR_IDS = 0.25


@dataclass(frozen=True)
class Share:
    """What one process may use."""

    memory_gb: float
    threads: int
    tmp: Path

    @property
    def bytes_for_ids(self) -> int:
        """Room for an array of ids beside DuckDB and the reader; the same for larger inputs."""
        return int(min(self.memory_gb / 3, _MOST_GB_FOR_IDS) * 1e9)


@contextmanager
def scratch_duckdb(share: Share) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that leaves nothing behind; row order of Parquet files is kept."""
    spill = share.tmp / f"spill-{os.getpid()}{PARTIAL}"
    con = duckdb.connect(
        ":memory:",
        config={
            "memory_limit": f"{max(share.memory_gb / 2, _LEAST_GB):.2f}GB",
            "threads": str(share.threads),
            "temp_directory": str(spill),
        },
    )
    try:
        con.execute("SET TimeZone = 'UTC'")
        yield con
    finally:
        con.close()
        shutil.rmtree(spill, ignore_errors=True)
