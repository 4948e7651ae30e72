"""Parts of the `delimited` connector's options: where a word, time, key, code or split stands."""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

SENTINEL_FLAGS = (
    "sentinel-unknown", "sentinel-before-birth", "sentinel-birth", "sentinel-birth-year",
    "sentinel-future",
)  # fmt: skip
START = "start"  # as an anchor: the record's own start
_DATE = r"^\d{4}-\d{2}-\d{2}$"
Names = str | list[str]  # one column, or several of which the first that is given counts


class Strict(BaseModel):
    """Unknown options are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class FromColumn(Strict):
    """A value taken from a column, translated where the file has words of its own."""

    column: str
    values: dict[str, str] = {}  # as delivered -> ours; empty: ours already
    otherwise: str | None = None  # ours for every other word that is given

    @property
    def words(self) -> set[str]:
        """All that it may come to, where the file's own words are translated."""
        return {*self.values.values(), *([self.otherwise] if self.otherwise else [])}


class TimeRule(Strict):
    """When a record happened: a column with its kind, or one date for all records.

    fallback: column whose day counts where `column` is empty. anchor: what offsets count from,
    a date or (for an end time) `start`; anchor_column: a column of dates instead. sentinels:
    dates that mean no date, as a list or as {date: flag}; a record with one has no time.
    """

    column: str | None = None
    fallback: str | None = None
    fixed: str | None = Field(default=None, pattern=_DATE)
    kind: Literal[
        "date", "datetime", "offset_minutes", "offset_days", "offset_months", "offset_years"
    ] = "datetime"
    anchor: str | None = Field(default=None, pattern=rf"{_DATE}|^{START}$")
    anchor_column: str | None = None
    two_digit_until: int | None = Field(default=None, ge=1999, le=2200)
    sentinels: dict[str, str] = {}

    @model_validator(mode="before")
    @classmethod
    def _column_alone(cls, given: Any) -> Any:
        return {"column": given} if isinstance(given, str) else given

    @field_validator("fixed", "anchor", mode="before")
    @classmethod
    def _yaml_date(cls, given: Any) -> Any:
        return _as_text(given)

    @field_validator("sentinels", mode="before")
    @classmethod
    def _listed(cls, given: Any) -> Any:
        if isinstance(given, list):
            given = dict.fromkeys(given, SENTINEL_FLAGS[0])
        return {_as_text(k): v for k, v in given.items()} if isinstance(given, dict) else given

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.column is None) == (self.fixed is None):
            raise ValueError("give either `column` or `fixed`")
        n_anchors = (self.anchor is not None) + (self.anchor_column is not None)
        if n_anchors != self.is_offset:
            raise ValueError(
                "`anchor` or `anchor_column` belongs to kinds offset_minutes, offset_days, "
                "offset_months and offset_years"
            )
        if self.fallback is not None and (self.column is None or self.is_offset):
            raise ValueError("`fallback` belongs to a column of dates or times")
        for date, flag in self.sentinels.items():
            if flag not in SENTINEL_FLAGS:
                raise ValueError(
                    f"sentinel flag '{flag}' is not one of {', '.join(SENTINEL_FLAGS)}"
                )
            try:
                dt.date.fromisoformat(date)
            except ValueError:
                raise ValueError(f"sentinel '{date}' is not a date YYYY-MM-DD") from None
        if self.sentinels and self.is_offset:
            raise ValueError("`sentinels` belong to a column of dates or times")
        return self

    @property
    def is_offset(self) -> bool:
        """True where the column holds a time span since an anchor."""
        return self.kind.startswith("offset")

    @property
    def columns(self) -> list[str]:
        """Columns that the rule reads."""
        return [c for c in (self.column, self.fallback, self.anchor_column) if c is not None]


class KeyOf(Strict):
    """Columns that hold another source's record key, in that source's order."""

    source: str
    columns: list[str] = Field(min_length=1)


class Lookup(Strict):
    """Columns of another file of the delivery, joined by one key.

    files: pattern below the folder of the file that is read. key: the key's column there; on:
    its column in the file that is read, where that has another name.
    """

    files: str
    key: str
    columns: list[str] = Field(min_length=1)
    on: str | None = None


class Split(Strict):
    """A value of several parts ("120/80") that are variables or codes of their own."""

    separator: str = Field(min_length=1)
    into: list[str] = Field(min_length=2)

    @field_validator("into")
    @classmethod
    def _each_once(cls, given: list[str]) -> list[str]:
        if len(set(given)) < len(given):
            raise ValueError("`into` names a part twice")
        return given


class EventText(Strict):
    """Columns with the words of an event; a list means the first column that is given."""

    text: Names | None = None
    value: Names | None = None
    value_source: Names | None = None
    unit: Names | None = None
    value_code: Names | None = None
    value_code_system: str | FromColumn | None = None
    range_low: Names | None = None
    range_high: Names | None = None
    qualifier_code: Names | None = None
    qualifier_code_system: str | FromColumn | None = None
    qualifier_text: Names | None = None
    quantity: Names | None = None
    days_supply: Names | None = None
    refills: Names | None = None
    stop_reason: Names | None = None
    dose_unit: Names | None = None
    lot_number: Names | None = None


class CodeColumn(EventText):
    """A code column with what holds for its events alone; what is not given: as for all.

    once_per: columns within which the same event is repeated in file after file row (one
    culture in the row of each antibiotic tested); it lands once, the repeats are counted.
    """

    system: str | FromColumn | None = None
    kind: str | FromColumn | None = None
    once_per: list[str] = []


def names_in(given: Names | FromColumn | None) -> list[str]:
    """Columns that an option names."""
    if given is None:
        return []
    if isinstance(given, FromColumn):
        return [given.column]
    return [given] if isinstance(given, str) else given


def _as_text(given: Any) -> Any:
    """YAML reads an unquoted date as a date."""
    return given.isoformat() if isinstance(given, dt.date) else given
