"""What doctor finds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from biobraid.core.errors import Fault

# error: a command will stop or data will be lost; warning: likely not meant; note: good to know
Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True)
class Finding:
    """One thing found; count says how often, 0 where that means nothing."""

    severity: Severity
    fault: Fault
    count: int = 0


def findings(severity: Severity, faults: Iterable[Fault]) -> list[Finding]:
    """The faults as findings of one severity."""
    return [Finding(severity, fault) for fault in faults]
