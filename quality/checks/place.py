"""Where the tables of the CDM lie in a database, and with which columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import duckdb

from biobraid.core.omop import cdm_fields

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
    """Tables of the CDM in the schemas; where two schemas have one of a name, the first one's.

    Asks for the columns of these only: binding every view of a warehouse takes a second.
    """
    rows = con.execute(
        "SELECT database_name, schema_name, name FROM ("
        "SELECT database_name, schema_name, table_name AS name, internal FROM duckdb_tables() "
        "UNION ALL SELECT database_name, schema_name, view_name, internal FROM duckdb_views()) "
        "WHERE database_name = coalesce(?, current_database()) AND NOT internal "
        "AND list_contains(?, lower(schema_name)) "
        "ORDER BY list_position(?, lower(schema_name)), schema_name, name",
        [catalog, list(schemas), list(schemas)],
    ).fetchall()
    wanted = {f.table for f in cdm_fields()}
    tables: dict[str, TablePlace] = {}
    for database, schema, table in rows:
        name = table.lower()
        if name in wanted and name not in tables:
            sql = ".".join(quoted(part) for part in (database, schema, table))
            found = con.execute(f"DESCRIBE {sql}").fetchall()
            tables[name] = TablePlace(name, sql, {row[0].lower(): row[1] for row in found})
    return Place(tables)
