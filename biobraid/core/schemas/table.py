"""What a table declaration is made of."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

# DuckDB/Spark type names used in the schemas -> Arrow types.
ARROW_TYPES: dict[str, pa.DataType] = {
    "BIGINT": pa.int64(),
    "INTEGER": pa.int32(),
    "SMALLINT": pa.int16(),
    "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(),
    "DATE": pa.date32(),
    "VARCHAR": pa.string(),
    "BLOB": pa.binary(),
}


@dataclass(frozen=True)
class Column:
    """One column: name, SQL type, and what it holds (with units and missing values)."""

    name: str
    type: str
    description: str


@dataclass(frozen=True)
class Table:
    """One table that a Python step writes; `grain` names what one row is."""

    schema: str
    name: str
    grain: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def arrow(self) -> pa.Schema:
        """The Arrow schema, columns in the declared order, all nullable."""
        return pa.schema([pa.field(c.name, ARROW_TYPES[c.type]) for c in self.columns])

    @property
    def full_name(self) -> str:
        """Schema-qualified name."""
        return f"{self.schema}.{self.name}"


def columns_of(text: str) -> tuple[Column, ...]:
    """Parse 'name TYPE description' lines."""
    rows = (line.split(None, 2) for line in text.splitlines() if line.strip())
    return tuple(Column(name, kind, description) for name, kind, description in rows)
