"""Options of the `delimited` connector, as study.yaml writes them."""

from __future__ import annotations

import re
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from biobraid.core.schemas import MODALITIES
from biobraid.ingest.tabular import Dialect
from biobraid.ingest.tabular.dialect import Encoding

Layout = Literal["wide", "long", "event", "record", "consent"]
EVENT_KINDS = (
    "visit", "condition", "drug", "procedure", "device", "death", "measurement", "observation",
)  # fmt: skip
RECORD_KINDS = (
    "registration", "enrolment", "censoring", "location", "care_site", "provider", "cost",
    "note_metadata",
)  # fmt: skip
POSITIONS = ("primary", "secondary", "external-cause")
STATUSES = ("given", "refused", "withdrawn", "expired")
LEVELS = ("no_contact", "no_access", "no_use")

# Options beyond the dialect that a layout takes; the first tuple must be given.
_TAKES: dict[Layout, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "wide": ((), ("time", "instance", "arrays")),
    "long": (("variable", "value"), ("time", "unit", "instance", "array")),
    "event": (
        ("kind",),
        ("code", "code_system", "time", "end_time", "value", "unit", "quantity", "position",
         "text", "visit", "source_table", "admitted_from", "discharged_to"),
    ),
    "record": (
        ("kind",),
        ("code", "code_system", "time", "end_time", "label", "number", "reason", "parent"),
    ),
    "consent": (("status",), ("modality", "level", "time")),
}  # fmt: skip
_ANY_LAYOUT = {
    "layout", "delimiter", "quote", "encoding", "decimal", "null_values", "comment", "skip_rows",
    "skip_after_header", "columns", "placeholder_ids",
}  # fmt: skip


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FromColumn(_Strict):
    """A value taken from a column, translated where the file has words of its own."""

    column: str
    values: dict[str, str] = {}  # as delivered -> ours; empty: ours already


class TimeRule(_Strict):
    """When a record happened: a column with its kind, or one date for all records."""

    column: str | None = None
    fixed: str | None = Field(default=None, pattern=r"^\d{4}-\d{2}-\d{2}$")
    kind: Literal["date", "datetime", "offset_minutes", "offset_days"] = "datetime"
    anchor: str | None = Field(default=None, pattern=r"^\d{4}-\d{2}-\d{2}$")
    two_digit_until: int | None = Field(default=None, ge=1999, le=2200)

    @model_validator(mode="before")
    @classmethod
    def _column_alone(cls, given: Any) -> Any:
        return {"column": given} if isinstance(given, str) else given

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.column is None) == (self.fixed is None):
            raise ValueError("give either `column` or `fixed`")
        if self.kind.startswith("offset") != (self.anchor is not None):
            raise ValueError("`anchor` belongs to kinds offset_minutes and offset_days")
        return self


class KeyOf(_Strict):
    """Columns that hold another source's record key, in that source's order."""

    source: str
    columns: list[str] = Field(min_length=1)


class DelimitedOptions(_Strict):
    """How a delimited or Parquet file is written and what its columns mean.

    Columns are named as in the header, or as `columns` renames them. `kind`, `code_system`,
    `position`, `modality`, `status` and `level` are one value for all records, or
    {column, values}. `code` is a column, several, or {column: code system}.
    """

    layout: Layout = "wide"
    delimiter: str = ","
    quote: str | None = '"'
    encoding: Encoding = "utf-8"
    decimal: Literal[".", ","] = "."
    null_values: list[str] = []
    comment: str | None = None
    skip_rows: int = Field(default=0, ge=0)
    skip_after_header: int = Field(default=0, ge=0)
    columns: dict[str, str] = {}  # header -> name
    placeholder_ids: list[str] = []  # regular expressions of ids that stand for nobody

    time: TimeRule | None = None
    end_time: TimeRule | None = None
    instance: str | None = None
    arrays: dict[str, str] = {}  # variable -> separator of its values within a cell
    array: str | None = None
    variable: str | None = None
    value: str | None = None
    unit: str | None = None
    kind: str | FromColumn | None = None
    code: dict[str, str | None] = {}
    code_system: str | FromColumn | None = None
    quantity: str | None = None
    position: str | FromColumn | None = None
    text: str | None = None
    source_table: str | None = None
    visit: KeyOf | None = None
    admitted_from: str | None = None
    discharged_to: str | None = None
    label: str | None = None
    number: str | None = None
    reason: str | None = None
    parent: KeyOf | None = None
    modality: str | FromColumn = "*"
    status: str | FromColumn | None = None
    level: str | FromColumn | None = None

    @field_validator("delimiter", mode="before")
    @classmethod
    def _tab(cls, given: Any) -> Any:
        return "\t" if given in ("tab", "\\t") else given

    @field_validator("code", mode="before")
    @classmethod
    def _code_columns(cls, given: Any) -> Any:
        if isinstance(given, str):
            given = [given]
        return dict.fromkeys(given) if isinstance(given, list) else given

    @field_validator("placeholder_ids")
    @classmethod
    def _expressions(cls, given: list[str]) -> list[str]:
        for text in given:
            try:
                re.compile(text)
            except re.error:
                raise ValueError(f"'{text}' is not a regular expression") from None
        return given

    @model_validator(mode="after")
    def _fits_layout(self) -> Self:
        required, optional = _TAKES[self.layout]
        given = self.model_fields_set - _ANY_LAYOUT
        wrong = sorted(given - {*required, *optional})
        missing = [name for name in required if name not in given]
        faults = [f"layout {self.layout} has no option '{name}'" for name in wrong]
        faults += [f"layout {self.layout} needs the option '{name}'" for name in missing]
        for name, known in self.known_values().items():
            rule = getattr(self, name)
            words = rule.values.values() if isinstance(rule, FromColumn) else [rule]
            bad = sorted({w for w in words if w is not None and w not in known})
            faults += [f"{name} '{w}' is not one of {', '.join(known)}" for w in bad]
        if faults:
            raise ValueError("; ".join(faults))
        self.dialect()
        return self

    def known_values(self) -> dict[str, tuple[str, ...]]:
        """The words that an option of this layout may come to."""
        if self.layout == "event":
            return {"kind": EVENT_KINDS, "position": POSITIONS}
        if self.layout == "record":
            return {"kind": RECORD_KINDS}
        if self.layout == "consent":
            return {"modality": ("*", *MODALITIES), "status": STATUSES, "level": LEVELS}
        return {}

    def dialect(self) -> Dialect:
        """How the text is written."""
        return Dialect(
            delimiter=self.delimiter,
            quote=self.quote,
            encoding=self.encoding,
            decimal=self.decimal,
            null_values=tuple(self.null_values),
            comment=self.comment,
            skip_rows=self.skip_rows,
            skip_after_header=self.skip_after_header,
        )

    def used_columns(self) -> tuple[str, ...]:
        """Columns that the options name, each once, in the order of the options."""
        names: list[str] = []
        for name in ("variable", "value", "unit", "instance", "array", "quantity", "text",
                     "admitted_from", "discharged_to", "label", "number", "reason"):  # fmt: skip
            names += [c for c in (getattr(self, name),) if c is not None]
        for name in ("kind", "code_system", "position", "modality", "status", "level"):
            rule = getattr(self, name)
            names += [rule.column] if isinstance(rule, FromColumn) else []
        for time in (self.time, self.end_time):
            names += [time.column] if time is not None and time.column is not None else []
        for key in (self.visit, self.parent):
            names += key.columns if key is not None else []
        return tuple(dict.fromkeys([*names, *self.code]))
