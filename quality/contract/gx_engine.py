"""Great Expectations on DuckDB: an engine that reads results before the connection is given back."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal

from great_expectations.datasource.fluent import SQLDatasource
from great_expectations.execution_engine import SqlAlchemyExecutionEngine


class DuckdbEngine(SqlAlchemyExecutionEngine):  # type: ignore[misc]
    """SQLAlchemy's engine with results read at once.

    GX closes the connection before it reads, and DuckDB drops an unread result on rollback:
    every metric then fails with "list index out of range".
    """

    def execute_query(self, query: Any) -> Any:
        """The whole result, kept apart from its connection."""
        with self.get_connection() as connection:
            return connection.execute(query).freeze()()


class DuckdbDatasource(SQLDatasource):  # type: ignore[misc]
    """A DuckDB file as a datasource of GX."""

    type: Literal["duckdb"] = "duckdb"
    execution_engine_override: ClassVar[Any] = DuckdbEngine


def connection_string(path: Path) -> str:
    """How SQLAlchemy names a DuckDB file."""
    return f"duckdb:///{path.as_posix()}"
