"""What every dictionary reader gives: variables and codes, not yet tied to a study or source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class VariableRow:
    """A row of vocab.variable without study and source; value_type as there.

    source: None where the variable holds for every source of the study. attributes: what the
    dictionary's own format says beside this, for the connector that reads its files.
    """

    variable: str
    label: str = ""
    value_type: str = "text"
    unit: str | None = None
    ucum_unit: str | None = None
    is_declared: bool = True
    time_variable: str | None = None
    source: str | None = None
    is_free_text: bool = False
    attributes: Mapping[str, str] = field(default_factory=dict)
    low: float | None = None  # range of a number, in `unit`, as the dictionary promises it
    high: float | None = None


@dataclass(frozen=True)
class CodeRow:
    """A row of vocab.variable_code without study and source; source as in VariableRow."""

    variable: str
    code: str
    meaning: str | None = None
    absent_reason: str | None = None
    source: str | None = None
