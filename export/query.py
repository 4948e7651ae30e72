"""SQL on a release, for reading only."""

from __future__ import annotations

import duckdb
import pyarrow as pa

from biobraid.core.home import Home
from biobraid.export.release import find_release
from biobraid.export.session import checked_selects, lock_down, query_error, release_session


def query(home: Home, release: str | None, sql: str, *, limit: int | None = None) -> pa.Table:
    """Rows of the last SELECT in `sql`, at most `limit` of them.

    release: "project/name", "project" for its current one, None for the only project's.
    Tables are named as in the release (cdm.person); cohorts of the project as cohort.<name>.
    Raises QueryError with DuckDB's message; nothing can be written, no file can be read.
    """
    with release_session(home, find_release(home, release)) as con:
        lock_down(con)
        statements = checked_selects(con, sql, "query")
        try:
            for statement in statements[:-1]:
                con.execute(statement).fetchone()
            return _rows(con.execute(statements[-1]), limit)
        except duckdb.Error as error:
            raise query_error("query", error) from None


def _rows(result: duckdb.DuckDBPyConnection, limit: int | None) -> pa.Table:
    if limit is None:
        return result.to_arrow_table()
    reader = result.to_arrow_reader(min(max(limit, 1), 10_000))
    batches: list[pa.RecordBatch] = []
    n_left = limit
    for batch in reader:
        if n_left <= 0:
            break
        batches.append(batch.slice(0, n_left))
        n_left -= len(batch)
    return pa.Table.from_batches(batches, schema=reader.schema)
