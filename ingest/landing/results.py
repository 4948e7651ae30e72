"""What an ingest tells its caller: progress while it runs, and an outcome for each file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from biobraid.core.errors import Fault, UserError

Status = Literal["landed", "unchanged", "superseded", "failed", "planned"]
BUG_EXIT_CODE = 1


@dataclass(frozen=True)
class Progress:
    """How far the ingest is; bytes and files are those of the whole run."""

    study: str
    source: str
    batch: str
    bytes_done: int
    bytes_total: int
    files_done: int
    files_total: int
    stage: Literal["hash", "read", "commit", "settle"]


OnProgress = Callable[[Progress], None]


@dataclass(frozen=True)
class FileOutcome:
    """What became of one file (or, without a batch, of a source that could not be begun).

    `path` is for the terminal only and is never persisted. `counts` are the books of a landed
    file and those a planned one would have. An earlier file that loses rows, some or all, is
    `superseded` (on a dry run `planned` too), has no path, and counts what it loses.
    `disk_bytes`: room its new parts need.
    """

    study: str
    source: str
    batch: str
    path: Path | None
    status: Status
    counts: Mapping[str, int] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    exit_code: int = 0
    disk_bytes: int = 0


@dataclass(frozen=True)
class IngestResult:
    """Outcomes in the order of study, source and file name."""

    outcomes: tuple[FileOutcome, ...] = ()
    without_files: tuple[tuple[str, str], ...] = ()  # (study, source) whose globs match nothing

    @property
    def exit_code(self) -> int:
        """0, 1 if a bug of ours showed, else the greatest code of the user errors."""
        codes = {o.exit_code for o in self.outcomes} - {0}
        if not codes:
            return 0
        return BUG_EXIT_CODE if BUG_EXIT_CODE in codes else max(codes)

    @property
    def changed(self) -> bool:
        """True if anything was, or would be, put in force."""
        return any(o.status in ("landed", "superseded", "planned") for o in self.outcomes)

    def count(self, status: Status) -> int:
        """How many files ended so."""
        return sum(o.status == status for o in self.outcomes)


def failure(
    study: str, source: str, batch: str, path: Path | None, error: UserError
) -> FileOutcome:
    """The outcome of a file that could not be landed."""
    return FileOutcome(
        study, source, batch, path, "failed", faults=error.faults, exit_code=error.exit_code
    )
