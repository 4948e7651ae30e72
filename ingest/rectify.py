"""Putting delivered values of one person right, and taking that back (core/corrections.py)."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import pyarrow as pa

from biobraid.core.corrections import FIELDS, put_corrections, read_corrections
from biobraid.core.errors import Fault, SettingsError
from biobraid.core.home import Home
from biobraid.core.manifest import Manifest
from biobraid.core.warehouse import duckdb_settings, parquet_list


@dataclass(frozen=True)
class Which:
    """Which delivered fact of a person: the variable of an answer, or the code of an event.

    day, instance and array_index narrow it down; instance and array_index are those of raw.value.
    """

    table: str  # of FIELDS
    name: str
    field: str = "value"
    day: str | None = None
    instance: int | None = None
    array_index: int | None = None


@dataclass(frozen=True)
class Cell:
    """The fact found, its value as delivered, and what it was corrected to, if it was."""

    table: str
    field: str
    row_id: int
    study: str
    source: str
    start_time: str | None
    delivered: str | None
    corrected: str | None

    @property
    def label(self) -> str:
        """How the vault's history names it."""
        return f"{self.table}.{self.field}:{self.row_id}"


def find_cell(home: Home, key: str, which: Which) -> Cell:
    """The one fact of the source person that is meant.

    Raises SettingsError if there is none or more than one, or if the field cannot be corrected.
    """
    if which.field not in FIELDS[which.table]:
        raise SettingsError(
            Fault(f"--field {which.field}", f"{which.table} has no such field to correct",
                  f"one of {', '.join(FIELDS[which.table])}")
        )  # fmt: skip
    config = duckdb_settings(home.settings, home.tmp)
    with Manifest(home) as manifest, duckdb.connect(config={**config}) as con:
        paths = [home.landing / p.path for p in manifest.parts(which.table) if p.rows]
        rows = con.execute(*_query(which, key, paths)).fetchall() if paths else []
        known = {
            (r["table_name"], r["row_id"], r["field"]): r["new_value"]
            for r in read_corrections(home, manifest).to_pylist()
        }
    if len(rows) != 1:
        raise SettingsError(
            Fault(
                f"'{which.name}'",
                f"{len(rows)} values of this person are meant"
                if rows
                else "this person has no such value",
                "exactly one",
                "Narrow it down with --at, --instance or --index; see: biobraid subject report",
            )
        )
    row_id, study, source, start, delivered = rows[0]
    corrected = known.get((which.table, row_id, which.field))
    return Cell(which.table, which.field, row_id, study, source, start, delivered, corrected)


def _query(which: Which, key: str, paths: list) -> tuple[str, list[object]]:  # type: ignore[type-arg]
    by_name = "variable" if which.table == "raw.value" else "code"
    conditions, values = [f"{by_name} = ?", "source_person_key = ?"], [which.name, key]
    given: list[object] = [*values]
    if which.day is not None:
        conditions.append("left(start_time, 10) = ?")
        given.append(which.day)
    if which.table == "raw.value":
        for column in ("instance", "array_index"):
            if (wanted := getattr(which, column)) is not None:
                conditions.append(f"{column} = ?")
                given.append(wanted)
    return (
        f"SELECT row_id, study, source, start_time, {which.field} "  # noqa: S608  constants
        f"FROM read_parquet({parquet_list(paths)}) WHERE {' AND '.join(conditions)}",
        given,
    )


def correct(home: Home, key: str, cell: Cell, value: str, day: str) -> None:
    """Lay `value` over the fact; what was delivered stays. A repeated call changes nothing."""
    row = {
        "table_name": cell.table, "row_id": cell.row_id, "field": cell.field,
        "study": cell.study, "source": cell.source, "source_person_key": key,
        "start_time": cell.start_time, "old_value": cell.delivered, "new_value": value,
        "made_on": day,
    }  # fmt: skip
    _replace(home, cell, [row])


def take_back(home: Home, cell: Cell) -> None:
    """Let the delivered value show again."""
    _replace(home, cell, [])


def _replace(home: Home, cell: Cell, rows: list[dict[str, object]]) -> None:
    with Manifest(home) as manifest:
        before = read_corrections(home, manifest)
        mine = (cell.table, cell.row_id, cell.field)
        others = [
            r for r in before.to_pylist() if (r["table_name"], r["row_id"], r["field"]) != mine
        ]
        put_corrections(home, manifest, pa.Table.from_pylist([*others, *rows], before.schema))
