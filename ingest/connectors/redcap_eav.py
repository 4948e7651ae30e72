"""A REDCap export with a line for each cell, as blocks of the rows that the flat export would have.

The lines of a record stand anywhere in the file. DuckDB sorts them, within the worker's share of
memory and on disk beyond it; the rows are then made some thousand records at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from tempfile import TemporaryDirectory

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.core.files import PARTIAL
from biobraid.ingest.connectors.contract import FileJob
from biobraid.ingest.connectors.redcap_options import RedcapOptions
from biobraid.ingest.connectors.redcap_project import ACCESS_GROUP, KEYS, Project
from biobraid.ingest.dictionaries.redcap_fields import CHECKED, column_suffix
from biobraid.ingest.tabular import (
    ParquetTable,
    TextBlock,
    TextTable,
    is_parquet,
    open_parquet_table,
    open_text_table,
)
from biobraid.ingest.tabular.block import REJECT, ArrowBlock, reject_table

Ints = npt.NDArray[np.int64]
EAV = ("record", "field_name", "value")
ROWS_PER_BLOCK = 20_000
BLOCK_BYTES = 2 << 20  # cells of one character: a block of 2 MB has a million facts


def open_lines(
    job: FileJob, options: RedcapOptions
) -> AbstractContextManager[TextTable | ParquetTable]:
    """The file as it is delivered."""
    if is_parquet(job.path):
        return open_parquet_table(job.path, null_values=(), where=job.where)
    return open_text_table(job.path, options.dialect(), block_bytes=BLOCK_BYTES, where=job.where)


class EavExport:
    """A line for each cell, pivoted. A cell delivered twice keeps the later value.

    Only fields that some line names are columns: of the others nothing can be said.
    """

    def __init__(self, job: FileJob, options: RedcapOptions, project: Project) -> None:
        self._folder = None
        config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": f"{max(job.memory_gb / 2, 0.25):.2f}GB",
            "threads": "1",
            "preserve_insertion_order": "false",
        }
        if job.tmp is not None:  # a folder of this reader only: two must not share temporary files
            job.tmp.mkdir(parents=True, exist_ok=True)
            self._folder = TemporaryDirectory(suffix=PARTIAL, dir=job.tmp)
            config["temp_directory"] = self._folder.name
        self._con = duckdb.connect(config=config)
        self._keys, self._damaged, self._bytes = self._load(job, options)
        self._number_rows()
        self._names = self._name_cells(project)
        self.n_keys = self._count(
            "SELECT count(*) FROM line WHERE field_name = ?", project.record_id
        )
        self.rejects = self._rejects()
        self._con.execute("DROP VIEW given; DROP TABLE line; DROP TABLE place")
        self.header = (project.record_id, *self._keys, *self._names)

    def blocks(self) -> Iterator[TextBlock]:
        """All rows, some thousand records at a time."""
        columns = ", ".join(f'"{name}"' for name in ("record", *self._keys, "row_number"))
        for start in range(0, self._count("SELECT count(*) FROM head"), ROWS_PER_BLOCK):
            bounds = [start, start + ROWS_PER_BLOCK]
            heads = self._con.execute(
                f"SELECT {columns} FROM head WHERE g >= ? AND g < ? ORDER BY g",  # noqa: S608  own names
                bounds,
            ).to_arrow_table()
            cells = self._con.execute(
                "SELECT g, c, value FROM cell WHERE g >= ? AND g < ? AND is_last ORDER BY c, g",
                bounds,
            ).to_arrow_table()
            rows = self._wide(heads, cells, start)
            block = ArrowBlock(rows, heads["row_number"].to_numpy(), self._bytes, self.header)
            if start == 0:
                block.rejects = self._damaged
            yield block

    def _load(self, job: FileJob, options: RedcapOptions) -> tuple[list[str], pa.Table, int]:
        """Table `line`: all lines that name a record and a field, the others in `nameless`.

        Returns the columns that are keys, the damaged lines, and the bytes read.
        """
        rejects, n_bytes = [REJECT.empty_table()], 0
        with open_lines(job, options) as table:
            keys = [name for name in (*KEYS, ACCESS_GROUP) if name in table.header]
            names = ["record", "field_name", *keys]
            typed = ", ".join(f'"{name}" VARCHAR' for name in (*names, "value"))
            self._con.execute(f"CREATE TABLE line ({typed}, row_number BIGINT)")
            self._con.execute("CREATE TABLE nameless (row_number BIGINT)")
            for block in table:
                made = {
                    n: pc.fill_null(pc.utf8_trim_whitespace(block.column(n)), "") for n in names
                }
                made["value"] = pc.fill_null(block.column("value"), "")
                made["row_number"] = pa.array(block.row_numbers, pa.int64())
                rows = pa.table(made)
                is_named = pc.and_(
                    pc.not_equal(rows["record"], ""), pc.not_equal(rows["field_name"], "")
                )
                self._insert("line", rows.filter(is_named))
                self._insert("nameless", rows.filter(pc.invert(is_named)).select(["row_number"]))
                rejects.append(block.rejects)
                n_bytes = block.bytes_done
        return keys, pa.concat_tables(rejects), n_bytes

    def _insert(self, name: str, rows: pa.Table) -> None:
        self._con.register("block", rows)
        self._con.execute(f"INSERT INTO {name} SELECT * FROM block")  # noqa: S608  own name
        self._con.unregister("block")

    def _number_rows(self) -> None:
        """Table `head`: the rows of the wide table, numbered as their first lines stand."""
        whose = ", ".join(f'"{name}"' for name in self._row_keys())
        others = "".join(
            f', arg_min("{name}", row_number) AS "{name}"'
            for name in self._keys if name not in KEYS
        )  # fmt: skip
        self._con.execute(
            f"CREATE TABLE head AS SELECT *, row_number() OVER (ORDER BY row_number) - 1 AS g FROM ("  # noqa: S608
            f"SELECT {whose}, min(row_number) AS row_number{others} FROM line GROUP BY {whose})"
        )

    def _row_keys(self) -> list[str]:
        return ["record", *(name for name in self._keys if name in KEYS)]

    def _name_cells(self, project: Project) -> list[str]:
        """Table `cell`: row, column, value of each cell, sorted by row. The columns' names."""
        checkboxes = {
            project.told(name, "field")
            for name in project.variables
            if project.kind_of(name) == "checkbox"
        }
        self._con.execute("CREATE TABLE checkbox (field_name VARCHAR)")
        self._insert("checkbox", pa.table({"field_name": pa.array(checkboxes, pa.string())}))
        self._con.execute("CREATE TABLE record_id AS SELECT ? AS field_name", [project.record_id])
        self._con.execute(
            "CREATE VIEW given AS SELECT l.*, CASE WHEN b.field_name IS NOT NULL THEN l.value END "
            "AS choice FROM line AS l LEFT JOIN checkbox AS b USING (field_name) "
            "ANTI JOIN record_id AS r USING (field_name) WHERE l.value <> ''"
        )
        pairs = self._con.execute(
            "SELECT field_name, choice AS value FROM given GROUP BY ALL ORDER BY min(row_number)"
        ).to_arrow_table()
        variables = _variables(pairs, checkboxes, project)
        names: list[str] = variables.dictionary.to_pylist()
        column = pc.cast(variables.indices, pa.int64())
        choices = pa.array([i for i, name in enumerate(names) if "___" in name], pa.int64())
        is_choice = pc.is_in(column, choices)
        self._con.register(
            "named", pairs.append_column("c", column).append_column("is_choice", is_choice)
        )
        on = " AND ".join(f'l."{name}" = h."{name}"' for name in self._row_keys())
        # Places first, as numbers only: the text is moved once, by a sort that may go to disk.
        self._con.execute(
            f"CREATE TABLE place AS SELECT h.g, n.c, n.is_choice, l.row_number FROM given AS l "  # noqa: S608  own names
            f"JOIN head AS h ON {on} JOIN named AS n "
            f"ON l.field_name = n.field_name AND l.choice IS NOT DISTINCT FROM n.value"
        )
        self._con.execute(
            f"CREATE TABLE cell AS SELECT p.g, p.c, l.row_number, l.field_name, "  # noqa: S608  own text
            f"CASE WHEN p.is_choice THEN '{CHECKED}' ELSE l.value END AS value, "
            f"m.row_number IS NOT NULL AS is_last FROM line AS l JOIN place AS p USING (row_number) "
            f"LEFT JOIN (SELECT max(row_number) AS row_number FROM place WHERE c IS NOT NULL "
            f"GROUP BY g, c) AS m USING (row_number) ORDER BY p.g"
        )
        self._con.unregister("named")
        return names

    def _rejects(self) -> pa.Table:
        """Lines without a name, of a choice that the field lacks, and all but the last of a cell."""
        found = [
            ("missing-record-or-field", "a record and the name of a field",
             "SELECT row_number, 'field_name' AS name FROM nameless"),
            ("unknown-code", "a choice of the field",
             "SELECT row_number, field_name AS name FROM cell WHERE c IS NULL"),
            ("duplicate-key", "one line per cell",
             "SELECT row_number, n.name FROM cell JOIN column_name AS n USING (c) WHERE NOT is_last"),
        ]  # fmt: skip
        names = pa.array(self._names, pa.string())
        self._con.execute("CREATE TABLE column_name (c BIGINT, name VARCHAR)")
        self._insert("column_name", pa.table({"c": np.arange(len(names)), "name": names}))
        made = []
        for reason, expected, sql in found:
            rows = self._con.execute(f"{sql} ORDER BY row_number").to_arrow_table()
            bad = reject_table(rows["row_number"].to_numpy(), reason, expected, "field_name")
            place = bad.column_names.index("column_name")
            made.append(bad.set_column(place, "column_name", rows["name"]))
        return pa.concat_tables(made)

    def _wide(self, heads: pa.Table, cells: pa.Table, start: int) -> pa.Table:
        """The rows of some records, their cells (sorted by column) scattered to the columns."""
        columns = [heads[name] for name in heads.column_names if name != "row_number"]
        n, value = len(heads), cells["value"].combine_chunks()
        group = cells["g"].to_numpy() - start
        bounds = np.searchsorted(cells["c"].to_numpy(), np.arange(len(self._names) + 1))
        for i in range(len(self._names)):
            mine = np.arange(bounds[i], bounds[i + 1])
            at = np.zeros(n, dtype=np.int64)
            is_empty = np.ones(n, dtype=bool)
            at[group[mine]] = mine
            is_empty[group[mine]] = False
            columns.append(value.take(pa.array(at, mask=is_empty)))
        return pa.table(columns, names=list(self.header))

    def _count(self, sql: str, *values: str) -> int:
        found = self._con.execute(sql, list(values)).fetchone()
        return int(found[0]) if found else 0


def _variables(lines: pa.Table, checkboxes: set[str], project: Project) -> pa.DictionaryArray:
    """Variable of each line: of a checkbox the one of the choice that is its value.

    Null where the value is no choice: it is nothing that a name may be made of.
    """
    field = lines["field_name"].combine_chunks()
    is_checkbox = pc.is_in(field, pa.array(sorted(checkboxes), pa.string()))
    codes = pc.if_else(is_checkbox, lines["value"].combine_chunks(), pa.scalar(None, pa.string()))
    encoded = pc.utf8_trim_whitespace(codes).dictionary_encode()
    suffixes = [column_suffix(code) for code in encoded.dictionary.to_pylist()]
    suffix = pa.array(suffixes, pa.string()).take(encoded.indices)
    named = pc.binary_join_element_wise(field, suffix, "___")
    is_known = pc.is_in(named, pa.array(list(project.variables), pa.string()))
    choice = pc.if_else(is_known, named, pa.scalar(None, pa.string()))
    return pc.if_else(is_checkbox, choice, field).dictionary_encode()
