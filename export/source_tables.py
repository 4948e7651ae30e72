"""Tables of the attached warehouse, and comments of those of a release."""

from __future__ import annotations

from collections.abc import Mapping

import duckdb

from biobraid.core.warehouse import literal
from biobraid.export.table_plan import RELEASED_SCHEMAS, SourceColumn, SourceTable


def source_tables(con: duckdb.DuckDBPyConnection) -> list[SourceTable]:
    """Tables and views of the released schemas of the attached warehouse, by name."""
    marks = ", ".join("?" * len(RELEASED_SCHEMAS))
    comments = {
        (schema, name): text
        for schema, name, text in con.execute(
            f"""SELECT schema_name, table_name, comment FROM duckdb_tables()
                WHERE database_name = 'warehouse' AND schema_name IN ({marks})
                UNION ALL
                SELECT schema_name, view_name, comment FROM duckdb_views()
                WHERE database_name = 'warehouse' AND schema_name IN ({marks})""",  # noqa: S608
            [*RELEASED_SCHEMAS, *RELEASED_SCHEMAS],
        ).fetchall()
    }
    columns: dict[tuple[str, str], list[SourceColumn]] = {}
    for schema, table, name, kind, text in con.execute(
        f"""SELECT schema_name, table_name, column_name, data_type, comment
            FROM duckdb_columns() WHERE database_name = 'warehouse'
            AND schema_name IN ({marks}) ORDER BY schema_name, table_name, column_index""",  # noqa: S608
        list(RELEASED_SCHEMAS),
    ).fetchall():
        columns.setdefault((schema, table), []).append(SourceColumn(name, kind, text))
    return [
        SourceTable(schema, name, comments.get((schema, name)), tuple(found))
        for (schema, name), found in sorted(columns.items())
    ]


def comment(
    con: duckdb.DuckDBPyConnection, name: str, table: str | None, columns: Mapping[str, str | None]
) -> None:
    """Set a table's and its columns' comments (COMMENT takes no parameter)."""
    if table:
        con.execute(f"COMMENT ON TABLE {name} IS {literal(table)}")
    known = {row[0] for row in con.execute(f"DESCRIBE {name}").fetchall()}
    for column, text in columns.items():
        if text and column in known:
            con.execute(f'COMMENT ON COLUMN {name}."{column}" IS {literal(text)}')
