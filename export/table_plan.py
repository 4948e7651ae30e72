"""How one table of the warehouse becomes a table of a release: columns, rows and order."""

from __future__ import annotations

from dataclasses import dataclass

from biobraid.export.dates import (
    BIRTH_COLUMNS,
    DATE_TYPES,
    DateKind,
    birth,
    dated,
    dated_text,
    minute_number,
)
from biobraid.export.owned_rows import HIDDEN, OWNED, PAIRS, ROUNDED, TOKENS, side

RELEASED_SCHEMAS = ("cdm", "vocab", "omics", "wearable", "mart", "imputed")
EMPTY_SCHEMAS = ("audit", "meta")

# Keys of the landing layer: of no use without it, and the same in every project.
DROPPED_COLUMNS = frozenset({"source_person_key", "row_id", "record_id", "batch"})
# Text columns ending in _id that name a part of a vocabulary or standard, not a thing.
_TERMS = frozenset(
    {
        "domain_id", "vocabulary_id", "concept_class_id", "relationship_id", "target_domain_id",
        "cost_domain_id", "variant_id", "run_id",  # run_id joins the tables of imputed to each other
    }
)  # fmt: skip
# Tables of cdm without a person that hold nothing about one.
_FREE_OF_PERSONS = frozenset(
    {"cdm_source", "care_site", "provider", "location", "metadata", "cohort_definition"}
)
_VOCABULARY = frozenset(
    {
        "concept", "vocabulary", "domain", "concept_class", "concept_relationship",
        "relationship", "concept_synonym", "concept_ancestor", "source_to_concept_map",
        "drug_strength",
    }
)  # fmt: skip
# Tables outside mart that count persons outside the project.
_COUNTS_OF_ALL = frozenset({"imputed.missingness_audit", "omics.genotype_arrival"})
_PUBLIC_DATES = {
    "vocab.study_source": ("covers_from", "covers_to"),
    "vocab.study_censoring": ("covers_to",),
    "cdm.metadata": ("metadata_date", "metadata_datetime"),
}
# Offsets change on the days of clock changes, and so tell by how much dates were shifted.
_CLOCK_COLUMNS = frozenset({"utc_offset_minutes", "time_flag"})
_INTEGERS = ("BIGINT", "INTEGER", "HUGEINT", "UBIGINT")
# How columns end that point at another fact of the person, which may be one that is denied.
_REFERENCES = (
    "visit_occurrence_id", "visit_detail_id", "measurement_event_id", "observation_event_id",
    "note_event_id", "episode_parent_id", "survey_conduct_id",
)  # fmt: skip


@dataclass(frozen=True)
class SourceColumn:
    """One column of the warehouse; the comment is its description."""

    name: str
    type: str
    comment: str | None

    @property
    def quoted(self) -> str:
        """The name as an SQL identifier."""
        return '"' + self.name.replace('"', '""') + '"'


@dataclass(frozen=True)
class SourceTable:
    """One table or view of the warehouse."""

    schema: str
    name: str
    comment: str | None
    columns: tuple[SourceColumn, ...]

    @property
    def full_name(self) -> str:
        """schema.table."""
        return f"{self.schema}.{self.name}"

    @property
    def key(self) -> str | None:
        """The table's id column (measurement_id of measurement), if it has one."""
        wanted = f"{self.name}_id"
        return wanted if any(c.name == wanted for c in self.columns) else None

    @property
    def is_by_person(self) -> bool:
        """True where each row is about one person."""
        return any(c.name == "person_id" for c in self.columns)


@dataclass(frozen=True)
class Scope:
    """What the release does to ids and dates; None of both for an internal one."""

    pseudonyms: bool
    dates: DateKind


def reason_to_leave_out(table: SourceTable, scope: Scope) -> str | None:
    """Why a table is not in the release, or None if it is."""
    if not scope.pseudonyms or table.is_by_person or table.schema == "vocab":
        return None
    if table.full_name in OWNED:
        return None
    if table.schema == "cdm" and table.name not in _FREE_OF_PERSONS | _VOCABULARY:
        return "rows belong to persons but name none, so consent cannot be applied"
    if table.schema == "mart" or table.full_name in _COUNTS_OF_ALL:
        return "counts persons outside the project"
    return None


def kept_columns(table: SourceTable) -> list[SourceColumn]:
    """Columns that go into the release, in the table's order."""
    return [c for c in table.columns if c.name not in DROPPED_COLUMNS]


def is_fact_id(table: SourceTable, column: SourceColumn) -> bool:
    """True for an integer that identifies a visit, a fact or a thing (not a concept or person)."""
    return (
        table.schema != "vocab"
        and not (table.schema == "cdm" and table.name in _VOCABULARY)
        and column.type in _INTEGERS
        and (column.name.endswith("_id") or column.name.startswith("fact_id"))
        and not column.name.endswith("concept_id")
        and column.name not in ("person_id", "cohort_definition_id")
    )


def select_of(table: SourceTable, scope: Scope) -> str:
    """Select list that makes the release's columns from `t` and the person `p`."""
    parts = []
    present = frozenset(c.name for c in table.columns)
    for column in kept_columns(table):
        made = _expression(table, column, scope, present)
        parts.append(f"CAST({made} AS {column.type}) AS {column.quoted}")
    return ",\n  ".join(parts)


def order_of(table: SourceTable) -> str:
    """ORDER BY list over the release's columns: by person first, then a stable order."""
    names = {c.name: c.quoted for c in kept_columns(table)}
    if "person_id" not in names:
        return ", ".join(list(names.values())[:3])
    if table.key is not None and table.key != "person_id":
        return f"person_id, {names[table.key]}"
    return ", ".join(["person_id", *(q for n, q in names.items() if n != "person_id")])


def _expression(
    table: SourceTable, column: SourceColumn, scope: Scope, present: frozenset[str]
) -> str:
    own = f"t.{column.quoted}"
    if not scope.pseudonyms:
        return _kept_reference(table, column)
    if table.full_name == "cdm.fact_relationship" and column.name.startswith("fact_id"):
        return side(column.name)
    if column.name in HIDDEN.get(table.full_name, ()):
        return "NULL"
    if column.name == PAIRS.get(table.full_name):
        return (
            "(SELECT max(o.project_person_id) FROM project_person AS o "  # noqa: S608
            f"WHERE o.person_id = {own})"
        )
    if column.name in ROUNDED.get(table.full_name, {}):
        return _rounded(own, column.name, ROUNDED[table.full_name][column.name])
    if is_fact_id(table, column):
        return f"project_fact_id(CAST({_kept_reference(table, column)} AS BIGINT))"
    if column.name in TOKENS:
        return f"project_token({own})"
    if not table.is_by_person:
        return "NULL" if _gives_dates_away(table, column, scope) else own
    if column.name == "person_id":
        return "p.project_person_id"
    if column.name == "person_source_value":
        return "p.person_token"
    if table.schema == "wearable" and column.name in _CLOCK_COLUMNS and scope.dates != "exact":
        return "NULL"
    if column.name in BIRTH_COLUMNS and "year_of_birth" in present:
        return birth(scope.dates, column.name, present)
    if table.full_name == "wearable.minute" and column.name == "minute_number":
        return minute_number(scope.dates)
    if column.type in DATE_TYPES:
        return dated(scope.dates, column.quoted, column.type)
    if column.type == "VARCHAR":
        if column.name.endswith(("_id", "_uid", "_identifier")) and column.name not in _TERMS:
            return f"project_token({own})"
        return dated_text(scope.dates, column.quoted)
    return own


def _kept_reference(table: SourceTable, column: SourceColumn) -> str:
    """The column, null where it points at a fact that does not go: a visit outside the window."""
    own = f"t.{column.quoted}"
    if table.full_name == "cdm.cost" and column.name == "payer_plan_period_id":
        denied = "SELECT record_id FROM denied_record"
    elif table.is_by_person and column.name != table.key and column.name.endswith(_REFERENCES):
        denied = "SELECT fact_id FROM denied_fact"
    else:
        return own
    return f"CASE WHEN {own} IN ({denied}) THEN NULL ELSE {own} END"


def _rounded(own: str, name: str, decimals: int) -> str:
    """A share, or the logarithm of a p-value, to some decimals."""
    if name.endswith("_p"):
        return f"CASE WHEN {own} > 0 THEN pow(10, round(log10({own}), {decimals})) ELSE {own} END"
    return f"round({own}, {decimals})"


def _gives_dates_away(table: SourceTable, column: SourceColumn, scope: Scope) -> bool:
    """Public censoring dates beside shifted ones would give every shift away."""
    return scope.dates == "shift" and column.name in _PUBLIC_DATES.get(table.full_name, ())
