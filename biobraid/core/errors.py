"""The faults a user can cause, each with its exit code; every other exception is our bug."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True)
class Fault:
    """One thing wrong: what was found, where, what was expected, what to do.

    `where` names a file and place ("studies/x/mapping.csv, row 41") and never a
    participant's value. `suggestions` are near misses, best first.
    """

    where: str
    found: str
    expected: str = ""
    todo: str = ""
    suggestions: tuple[str, ...] = ()

    def text(self) -> str:
        """The fault as the indented lines a terminal or a log shows."""
        lines = [f"{self.where}: {self.found}" if self.where else self.found]
        if self.expected:
            lines.append(f"  Expected: {self.expected}")
        if self.suggestions:
            lines.append(f"  Did you mean: {', '.join(self.suggestions)}")
        if self.todo:
            lines.append(f"  {self.todo}")
        return "\n".join(lines)


class UserError(Exception):
    """A fault of input, settings or surroundings; shown without a traceback."""

    exit_code = 10

    def __init__(self, faults: Fault | str | Sequence[Fault], todo: str = "") -> None:
        if isinstance(faults, str):
            faults = Fault("", faults, todo=todo)
        self.faults: tuple[Fault, ...] = (faults,) if isinstance(faults, Fault) else tuple(faults)
        super().__init__("\n".join(f.text() for f in self.faults))

    def __reduce__(self) -> tuple[type[UserError], tuple[tuple[Fault, ...]]]:
        """Keep the faults when a worker process sends the error to its parent."""
        return (type(self), (self.faults,))


class SettingsError(UserError):
    """biobraid.toml, study.yaml, dictionary or mapping is wrong."""

    exit_code = 10


class MappingError(SettingsError):
    """A row of mapping.csv cannot be used."""


class SourceFileError(UserError):
    """A delivered file cannot be read as declared."""

    exit_code = 11


class LinkageError(UserError):
    """Linkage failed, or the vault is damaged."""

    exit_code = 12


class KeyFileError(LinkageError):
    """A key file is missing, readable by others, or not the one the home was made with."""


class QualityError(UserError):
    """A quality gate is closed, the law of the books included."""

    exit_code = 13


class DisclosureError(UserError):
    """A release or export would disclose more than its project allows."""

    exit_code = 14


class BusyError(UserError):
    """Another process holds the file that must be written."""

    exit_code = 15


class DiskError(UserError):
    """The disk is full or a file-size limit was hit; nothing half-written stays."""

    exit_code = 16


def near_misses(word: str, known: Iterable[str], n: int = 3) -> tuple[str, ...]:
    """Up to n of the known words that look like word, best first."""
    by_lower = {k.lower(): k for k in known}
    return tuple(by_lower[m] for m in get_close_matches(word.lower(), by_lower, n=n, cutoff=0.6))
