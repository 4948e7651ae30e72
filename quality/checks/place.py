"""Where the tables of the CDM lie in a database, and with which columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import duckdb

SCHEMAS = ("cdm", "vocab")
PERSON, VISIT, CONCEPT = "person", "visit_occurrence", "concept"
INTEGERS = frozenset(("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT",
                      "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"))  # fmt: skip


def quoted(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


@dataclass(frozen=True)
class TablePlace:
    """One table of the CDM as it is found: its SQL name and the type of each column."""

    name: str
    sql: str
    columns: Mapping[str, str]  # lower-case name -> DuckDB type, in order

    @cached_property
    def key(self) -> str:
        """The column rows are listed by: <table>_id, else the first column."""
        own = f"{self.name}_id"
        return own if own in self.columns else next(iter(self.columns))


@dataclass(frozen=True)
class Place:
    """All tables found, by their name in the CDM."""

    tables: Mapping[str, TablePlace]

    def has(self, table: str, *fields: str) -> bool:
        """True if the table is there with all the fields."""
        found = self.tables.get(table)
        return found is not None and all(f in found.columns for f in fields)

    def sql(self, table: str) -> str:
        """SQL name of a table that is there."""
        return self.tables[table].sql


def find_tables(
    con: duckdb.DuckDBPyConnection,
    schemas: Sequence[str] = SCHEMAS,
    catalog: str | None = None,
) -> Place:
    """Tables and views of the schemas; where two schemas have one of a name, the first one's."""
    rows = con.execute(
        "SELECT database_name, schema_name, table_name, lower(column_name), data_type "
        "FROM duckdb_columns() WHERE database_name = coalesce(?, current_database()) "
        "AND NOT internal AND list_contains(?, lower(schema_name)) "
        "ORDER BY list_position(?, lower(schema_name)), schema_name, table_name, column_index",
        [catalog, list(schemas), list(schemas)],
    ).fetchall()
    names: dict[str, str] = {}
    columns: dict[str, dict[str, str]] = {}
    for database, schema, table, column, kind in rows:
        sql = ".".join(quoted(part) for part in (database, schema, table))
        if names.setdefault(table.lower(), sql) == sql:
            columns.setdefault(table.lower(), {})[column] = kind
    return Place({name: TablePlace(name, sql, columns[name]) for name, sql in names.items()})
