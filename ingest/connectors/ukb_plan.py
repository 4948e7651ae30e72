"""What happens to each column of a UK Biobank main table, decided once from the header."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from biobraid.core.keys import IngestKeys
from biobraid.ingest.connectors.contract import FileJob
from biobraid.ingest.connectors.ukb_columns import UkbColumn, parse_column
from biobraid.ingest.dictionaries import ukb_facts
from biobraid.ingest.hashing import U64, value_hash

Bools = npt.NDArray[np.bool_]
Ints32 = npt.NDArray[np.int32]
Cell = tuple[int, int, int]  # field, instance, array index
SEX, BIRTH_DATE, BIRTH_YEAR, BIRTH_MONTH = 31, 33, 34, 52
_NO_FIELD = -1


class Role(IntEnum):
    """Fate of a column's cells; every cell has exactly one."""

    VALUE = 0  # raw.value
    EVENT = 1  # raw.event
    BIRTH_DATE = 2  # lands at the study's precision, and goes to the vault
    BIRTH_MONTH = 3  # finer than the study's precision: to the vault only
    IDENTITY = 4  # to the vault, as declared
    TEXT_TO_VAULT = 5
    TEXT_DROPPED = 6
    TEXT_UNDECLARED = 7
    UNDECLARED = 8
    BULK = 9


IGNORED_BY: Mapping[Role, str] = {
    Role.TEXT_DROPPED: "free-text-dropped",
    Role.TEXT_UNDECLARED: "free-text-undeclared",
    Role.UNDECLARED: "undeclared-column",
    Role.BULK: "bulk-file-name",
}


@dataclass(frozen=True)
class Diagnosis:
    """What a coded clinical field of the main table means as an event."""

    kind: str
    code_system: str
    origin: str
    position: str | None = None


DIAGNOSES: Mapping[int, Diagnosis] = {
    41270: Diagnosis("condition", "ICD10", "hospital"),
    41271: Diagnosis("condition", "ICD9CM", "hospital"),
    41272: Diagnosis("procedure", "OPCS4", "hospital"),
    41273: Diagnosis("procedure", "OPCS3", "hospital"),
    40001: Diagnosis("death", "ICD10", "register", "primary"),
    40002: Diagnosis("death", "ICD10", "register", "secondary"),
    40006: Diagnosis("condition", "ICD10", "register"),
    40013: Diagnosis("condition", "ICD9CM", "register"),
}


@dataclass(frozen=True)
class MainPlan:
    """The columns of one file (the person id apart), as arrays to look up by column."""

    eid: str
    columns: tuple[UkbColumn, ...]
    roles: npt.NDArray[np.int8]
    instance: Ints32
    array: Ints32
    hashes: U64  # of field, instance and array index: the same whatever the naming style
    variables: pa.StringArray  # field ids
    variable_at: Ints32  # column -> its place in variables
    may_list: Bools  # a cell may hold several values
    may_name_file: Bools  # a cell may turn out to be a file's name
    is_time: Bools  # cells must be dates
    dates: tuple[int, ...]  # columns that date others
    date_number: Ints32  # column -> its place in dates, or -1
    dated_by: Ints32  # column -> the place in dates of what dates it, or -1

    @property
    def names(self) -> list[str]:
        """Column names in the file's order."""
        return [c.name for c in self.columns]

    def date_cells(self) -> dict[Cell, int]:
        """Cell (field, instance, array index) -> its place in dates."""
        return {self.columns[c].cell: i for i, c in enumerate(self.dates)}

    def date_of_element(self, column: int, index: int) -> Cell | None:
        """The cell that dates the value at an index of a list cell."""
        one = self.columns[column]
        return _date_cell(UkbColumn(one.name, one.field, one.instance, index))

    def column_of(self, field: int) -> str | None:
        """Name of the first column of a field, if there is one."""
        return next((c.name for c in self.columns if c.field == field), None)


def make_plan(job: FileJob, header: Sequence[str], eid: str) -> MainPlan:
    """Decide what becomes of each column."""
    columns = tuple(
        parse_column(name) or UkbColumn(name, _NO_FIELD) for name in header if name != eid
    )
    roles = np.array([_role(job, c) for c in columns], dtype=np.int8)
    fields = sorted({c.field for c in columns})
    place = {field: i for i, field in enumerate(fields)}
    cells = [_date_cell(c) for c in columns]
    wanted = set(cells) - {None}
    dates = tuple(i for i, c in enumerate(columns) if c.cell in wanted)
    number = {columns[c].cell: i for i, c in enumerate(dates)}
    date_number = np.full(len(columns), -1, dtype=np.int32)
    date_number[list(dates)] = np.arange(len(dates), dtype=np.int32)
    types = [_value_type(job, c.field) for c in columns]
    is_date = np.array([t in ("date", "datetime") for t in types], dtype=bool)
    return MainPlan(
        eid=eid,
        columns=columns,
        roles=roles,
        instance=np.array([c.instance for c in columns], dtype=np.int32),
        array=np.array([c.array for c in columns], dtype=np.int32),
        hashes=np.array([fact_hash(job.keys, *c.cell) for c in columns], dtype=np.uint64),
        variables=pa.array([str(f) for f in fields], pa.string()),
        variable_at=np.array([place[c.field] for c in columns], dtype=np.int32),
        may_list=np.array(
            [
                not c.has_array and (t in (None, "code", "multicode") or c.field in DIAGNOSES)
                for c, t in zip(columns, types, strict=True)
            ],
            dtype=bool,
        ),
        may_name_file=np.array([t not in ("number", "integer", "date") for t in types], bool),
        is_time=is_date | (date_number >= 0),
        dates=dates,
        date_number=date_number,
        dated_by=np.array([number.get(c, -1) if c else -1 for c in cells], dtype=np.int32),
    )


def fact_hash(keys: IngestKeys, field: int, instance: int, array: int) -> int:
    """Hash that tells a fact from the others of its record."""
    return value_hash(keys, "ukb", f"{field}|{instance}|{array}")


def _role(job: FileJob, column: UkbColumn) -> Role:
    field, source = str(column.field), job.source
    if column.name in source.identity or field in source.identity:
        return Role.VALUE if column.field in (SEX, BIRTH_YEAR) else Role.IDENTITY
    texts = {rule.variable: rule.rule for rule in source.free_text}
    if column.field == _NO_FIELD:
        return Role.UNDECLARED
    if ukb_facts.is_bulk(column.field):
        return Role.BULK
    if field in texts:
        roles = {"allow": Role.VALUE, "vault": Role.TEXT_TO_VAULT, "drop": Role.TEXT_DROPPED}
        return roles[texts[field]]
    if job.variables and field not in job.variables:
        return Role.UNDECLARED
    if _is_free_text(job, column.field):
        return Role.TEXT_UNDECLARED
    if column.field == BIRTH_DATE:
        return Role.BIRTH_DATE
    if column.field == BIRTH_MONTH and job.study.birth_precision == "year":
        return Role.BIRTH_MONTH
    return Role.EVENT if column.field in DIAGNOSES else Role.VALUE


def identity_type(job: FileJob, column: UkbColumn) -> str:
    """Declared identity type of a column, by its name or its field id."""
    declared = job.source.identity
    return declared.get(column.name) or declared.get(str(column.field)) or "free_text"


def _is_free_text(job: FileJob, field: int) -> bool:
    variable = job.variables.get(str(field))
    if variable is None:
        return ukb_facts.is_free_text(field)
    return variable.is_free_text or (variable.value_type == "text" and not variable.codes)


def _value_type(job: FileJob, field: int) -> str | None:
    variable = job.variables.get(str(field))
    return variable.value_type if variable else None


def _date_cell(column: UkbColumn) -> Cell | None:
    """Field, instance and array index of the cell that dates a column's values."""
    by = ukb_facts.date_field(column.field) if column.field != _NO_FIELD else None
    if by is None:
        return None
    return by.field, column.instance, column.array if by.aligned_by == "array" else 0
