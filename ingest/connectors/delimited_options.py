"""Options of the `delimited` connector, as study.yaml writes them."""

from __future__ import annotations

import re
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from biobraid.core.schemas import MODALITIES
from biobraid.ingest.connectors.delimited_rules import (
    START,
    CodeColumn,
    EventText,
    FromColumn,
    KeyOf,
    Lookup,
    Split,
    TimeRule,
    names_in,
)
from biobraid.ingest.tabular import Dialect
from biobraid.ingest.tabular.dialect import Encoding

Layout = Literal["wide", "long", "event", "record", "consent"]
ConceptColumn = Literal[
    "concept_id", "source_concept_id", "type_concept_id", "value_concept_id", "unit_concept_id",
    "operator_concept_id", "qualifier_concept_id",
]  # fmt: skip
EVENT_KINDS = (
    "visit", "visit_detail", "condition", "drug", "procedure", "device", "death", "measurement",
    "observation", "specimen", "survey", "note", "episode", "condition_era", "drug_era",
    "dose_era",
)  # fmt: skip
RECORD_KINDS = (
    "registration", "enrolment", "censoring", "observation_period", "payer_plan_period", "cost",
    "fact_relationship", "episode_event", "person", "location", "care_site", "provider",
    "metadata",
)  # fmt: skip
POSITIONS = ("primary", "secondary", "external-cause")
STATUSES = ("given", "refused", "withdrawn", "expired")
LEVELS = ("no_contact", "no_access", "no_use")
EVENT_TEXT = tuple(EventText.model_fields)
REFERENCES = ("visit", "visit_detail", "parent", "provider", "care_site")

# Options beyond the dialect that a layout takes; the first tuple must be given.
_TAKES: dict[Layout, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "wide": ((), ("time", "instance", "arrays", "split")),
    "long": (("variable", "value"), ("time", "unit", "instance", "array", "split")),
    "event": (
        ("kind",),
        (*EVENT_TEXT, *REFERENCES, "code", "code_system", "time", "end_time", "position",
         "source_table", "admitted_from", "discharged_to", "concepts", "detail", "split"),
    ),
    "record": (
        ("kind",),
        ("code", "code_system", "time", "end_time", "label", "number", "reason", "parent",
         "detail"),
    ),
    "consent": (("status",), ("modality", "level", "time")),
}  # fmt: skip
_ANY_LAYOUT = {
    "layout", "delimiter", "quote", "encoding", "decimal", "null_values", "comment", "skip_rows",
    "skip_after_header", "header_case", "columns", "placeholder_ids", "empty", "only", "ignore",
    "drop", "lookup",
}  # fmt: skip


class DelimitedOptions(EventText):
    """How a delimited or Parquet file is written and what its columns mean.

    Columns are named as in the header, or as `columns` renames them (after `header_case`).
    `kind`, `position`, `modality`, `status`, `level` and the `..._system`s are one value for
    all records, or {column, values}. `code` is a column, several, {column: code system} or
    {column: CodeColumn}. docs/how-to/delimited.md shows each with an example.
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
    header_case: Literal["lower", "upper"] | None = None
    columns: dict[str, str] = {}  # header -> name
    placeholder_ids: list[str] = []  # regular expressions of ids that stand for nobody
    empty: dict[str, list[str]] = {}  # column that an option names -> values that mean nothing
    only: dict[str, list[str]] = {}  # column -> values; records with others are ignored
    ignore: dict[str, list[str]] = {}  # column -> values; records with one are ignored
    drop: list[str] = []  # columns that are not wanted; counted
    lookup: list[Lookup] = []  # columns that another file of the delivery holds

    time: TimeRule | None = None
    end_time: TimeRule | None = None
    instance: str | None = None
    arrays: dict[str, str] = {}  # variable -> separator of its values within a cell
    split: dict[str, Split] = {}  # variable or code -> its parts
    array: str | None = None
    variable: str | None = None
    kind: str | FromColumn | None = None
    code: dict[str, CodeColumn | str | None] = {}
    code_system: str | FromColumn | None = None
    position: str | FromColumn | None = None
    source_table: str | None = None
    visit: KeyOf | None = None
    visit_detail: KeyOf | None = None
    parent: KeyOf | None = None
    provider: KeyOf | None = None
    care_site: KeyOf | None = None
    admitted_from: str | None = None
    discharged_to: str | None = None
    concepts: dict[ConceptColumn, str] = {}  # column of raw.event -> column of the file
    detail: dict[str, str] = {}  # field of raw.detail -> column of the file
    label: str | None = None
    number: str | None = None
    reason: str | None = None
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
        faults += self._word_faults()
        if self.layout == "long" and any(isinstance(n, list) for n in (self.value, self.unit)):
            faults.append("layout long takes one column as `value` and one as `unit`")
        if self.time is not None and self.time.anchor == START:
            faults.append(f"anchor '{START}' belongs to end_time")
        elif self.end_time is not None and self.end_time.anchor == START and self.time is None:
            faults.append(f"anchor '{START}' needs the option 'time'")
        unused = sorted(set(self.empty) - set(self.used_columns()))
        faults += [f"empty: no option names the column '{name}'" for name in unused]
        wanted = sorted(set(self.drop) & set(self.used_columns()))
        faults += [f"drop: another option names the column '{name}'" for name in wanted]
        if faults:
            raise ValueError("; ".join(faults))
        self.dialect()
        return self

    def _word_faults(self) -> list[str]:
        faults = []
        rules = [(name, getattr(self, name)) for name in self.known_values()]
        rules += [("kind", own.kind) for own in self.code_columns().values()]
        for name, rule in rules:
            known = self.known_values().get(name, ())
            words = rule.words if isinstance(rule, FromColumn) else {rule}
            bad = sorted({w for w in words if w is not None and w not in known})
            faults += [f"{name} '{w}' is not one of {', '.join(known)}" for w in bad]
        return faults

    def known_values(self) -> dict[str, tuple[str, ...]]:
        """The words that an option of this layout may come to."""
        if self.layout == "event":
            return {"kind": EVENT_KINDS, "position": POSITIONS}
        if self.layout == "record":
            return {"kind": RECORD_KINDS}
        if self.layout == "consent":
            return {"modality": ("*", *MODALITIES), "status": STATUSES, "level": LEVELS}
        return {}

    def code_columns(self) -> dict[str, CodeColumn]:
        """The code columns, each in its long form."""
        return {
            column: own if isinstance(own, CodeColumn) else CodeColumn(system=own)
            for column, own in self.code.items()
        }

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
        for name in ("variable", "instance", "array", "admitted_from", "discharged_to", "label",
                     "number", "reason"):  # fmt: skip
            names += names_in(getattr(self, name))
        names += _text_columns(self)
        for name in ("kind", "code_system", "position", "modality", "status", "level"):
            rule = getattr(self, name)
            names += names_in(rule) if isinstance(rule, FromColumn) else []
        for time in (self.time, self.end_time):
            names += time.columns if time is not None else []
        for key in self.references().values():
            names += key.columns
        for own in self.code_columns().values():
            names += _text_columns(own) + own.once_per
            for rule in (own.system, own.kind):
                names += names_in(rule) if isinstance(rule, FromColumn) else []
        names += [*self.concepts.values(), *self.detail.values(), *self.only, *self.ignore]
        names += [*self.code, *(lookup.on or lookup.key for lookup in self.lookup)]
        return tuple(dict.fromkeys(names))

    def references(self) -> dict[str, KeyOf]:
        """Records of other sources that a record names, by option."""
        found = {name: getattr(self, name) for name in REFERENCES}
        return {name: key for name, key in found.items() if key is not None}


def _text_columns(options: EventText) -> list[str]:
    names: list[str] = []
    for name in EVENT_TEXT:
        rule = getattr(options, name)
        if not name.endswith("_system") or isinstance(rule, FromColumn):
            names += names_in(rule)
    return names
