"""Filling release.duckdb: one real table per table of the warehouse, sorted by person."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from duckdb.func import FunctionNullHandling, PythonUDFType
from duckdb.sqltypes import BIGINT, VARCHAR, DuckDBPyType

from biobraid.core.errors import BusyError, Fault, QualityError, SettingsError
from biobraid.core.home import Home
from biobraid.core.manifest import Manifest
from biobraid.core.warehouse import duckdb_settings, literal, open_duckdb
from biobraid.export import consent, genotype_rows, owned_rows, row_rules, truncate
from biobraid.export.genotype_files import write_genotypes
from biobraid.export.genotype_macros import define_macros
from biobraid.export.joinable import joinable
from biobraid.export.pseudonyms import FactIds, person_table, token_of
from biobraid.export.release_plan import Contents, Plan
from biobraid.export.source_tables import comment, source_tables
from biobraid.export.table_plan import (
    EMPTY_SCHEMAS,
    RELEASED_SCHEMAS,
    SourceTable,
    order_of,
    reason_to_leave_out,
    select_of,
)

Progress = Callable[[str, float | None], None]  # table, share of the tables done


class ReleaseBuilder:
    """Open connection to a new release.duckdb with the warehouse attached read-only."""

    def __init__(self, home: Home, target: Path | None, plan: Plan) -> None:
        self._home = home
        self._plan = plan
        home.tmp.mkdir(exist_ok=True)
        config = duckdb_settings(home.settings, home.tmp)
        self._con = open_duckdb(target or Path(":memory:"), config)
        self._facts = FactIds(plan.keys) if plan.keys else None

    def close(self) -> None:
        """Close the file."""
        self._con.close()

    def prepare(self) -> list[SourceTable]:
        """Find persons and facts that may go and draw their ids; returns the tables to write."""
        con = self._con
        con.execute("SET TimeZone = 'UTC'")
        attach_warehouse(con, self._home)
        self._define_functions()
        consent.load_links(con, self._home)
        consent.find_refusals(con, consent.consent_defaults(self._home))
        consent.deny(con, self._plan.modalities)
        consent.persons_to_keep(con)
        self._make_persons()
        truncate.find_windows(con, self._plan.effective_policy)
        row_rules.find_limited(con)
        row_rules.cut_to_windows(con)
        owned_rows.find_owners(con)
        tables = source_tables(con)
        genotype_rows.find_samples(con, tables)
        if self._facts is not None:
            for table in tables:
                self._settle_clashes(table)
        return tables

    def count(self, tables: list[SourceTable]) -> Contents:
        """What the release would hold, without writing it."""
        contents = self._empty_contents()
        for table in tables:
            if not self._leave_out(table, contents):
                contents.tables[table.full_name] = self._count(genotype_rows.rows_of(table))
        return contents

    def write(self, tables: list[SourceTable], on_progress: Progress | None) -> Contents:
        """Write every table, with its comments."""
        contents = self._empty_contents()
        for schema in (*RELEASED_SCHEMAS, *EMPTY_SCHEMAS):
            self._con.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        for n, table in enumerate(tables):
            if on_progress:
                on_progress(table.full_name, n / len(tables))
            if not self._leave_out(table, contents):
                contents.tables[table.full_name] = self._write_table(table)
        self._copy_audits(contents)
        return contents

    def write_genotypes(self, folder: Path) -> Mapping[str, int]:
        """Write genotypes beside the tables, and the macros that read them; rows per file."""
        written = write_genotypes(
            self._home, self._con, folder, has_tokens=self._plan.keys is not None
        )
        if written:
            define_macros(self._con)
        return written

    def _copy_audits(self, contents: Contents) -> None:
        """The last audit in its suppressed form; only where it is of the release's own people."""
        found = self._con.execute(
            "SELECT table_name FROM duckdb_tables() WHERE database_name = 'warehouse' "
            "AND schema_name = 'audit_shown' ORDER BY 1"
        ).fetchall()
        for (name,) in found:
            if self._plan.keys is not None:
                contents.left_out[f"audit.{name}"] = "counts persons outside the project"
                continue
            self._con.execute(
                f'CREATE TABLE audit."{name}" AS FROM warehouse.audit_shown."{name}" ORDER BY ALL'
            )
            contents.tables[f"audit.{name}"] = self._count(f'FROM audit."{name}"')

    def joinable(self) -> dict[str, Any]:
        """What could join this release to another project's, see joinable.py."""
        return joinable(self._con)

    def write_manifest(self, entries: Mapping[str, str]) -> None:
        """Write meta.manifest: key and value (JSON)."""
        self._con.execute("CREATE TABLE meta.manifest (key VARCHAR, value VARCHAR)")
        self._con.executemany("INSERT INTO meta.manifest VALUES (?, ?)", list(entries.items()))
        comment(self._con, "meta.manifest", "What this release was made of", {
            "key": "name of the entry", "value": "its value, as JSON",
        })  # fmt: skip

    def finish(self) -> None:
        """Bring everything from the log into the file; closing alone would hide a full disk."""
        self._con.execute("CHECKPOINT")

    def scalar(self, sql: str) -> str | None:
        """First value of a query on the attached warehouse, as text."""
        row = self._con.execute(sql).fetchone()
        return None if row is None or row[0] is None else str(row[0])

    def _write_table(self, table: SourceTable) -> int:
        columns = select_of(table, self._plan.scope)
        name = f'{table.schema}."{table.name}"'
        self._con.execute(
            f"CREATE TABLE {name} AS SELECT {columns} {genotype_rows.rows_of(table)} "
            f"ORDER BY {order_of(table)}"
        )
        comment(
            self._con,
            name,
            table.comment,
            {c.name: c.comment for c in table.columns if c.comment},
        )
        return self._count(f"FROM {name}")

    def _count(self, rows: str) -> int:
        row = self._con.execute(f"SELECT count(*) {rows}").fetchone()
        return int(row[0]) if row else 0

    def _leave_out(self, table: SourceTable, contents: Contents) -> bool:
        reason = reason_to_leave_out(table, self._plan.scope)
        if reason:
            contents.left_out[table.full_name] = reason
        return reason is not None

    def _empty_contents(self) -> Contents:
        return Contents(n_persons=self._count("FROM project_person"))

    def _define_functions(self) -> None:
        if self._facts is None or self._plan.keys is None:
            return
        functions: tuple[tuple[str, Callable[[pa.Array], pa.Array], DuckDBPyType], ...] = (
            ("project_fact_id", self._facts, BIGINT),
            ("project_token", token_of(self._plan.keys), VARCHAR),
        )
        for name, function, kind in functions:
            self._con.create_function(
                name,
                function,
                [kind],
                kind,
                type=PythonUDFType.ARROW,
                null_handling=FunctionNullHandling.SPECIAL,
            )

    def _make_persons(self) -> None:
        """Make `project_person`: a row per kept person with its project id and shift."""
        con = self._con
        ids = con.execute("SELECT person_id FROM kept").to_arrow_table()["person_id"]
        if self._plan.keys is None:
            persons = pa.table({
                "person_id": ids, "project_person_id": ids,
                "person_token": pa.nulls(len(ids), pa.string()),
                "shift_days": pa.array(np.zeros(len(ids), dtype=np.int32)),
            })  # fmt: skip
        else:
            persons = person_table(self._plan.keys, ids, self._plan.policy)
        con.register("drawn_persons", persons)
        con.execute("""
            CREATE TEMP TABLE project_person AS
            WITH seen AS (
              SELECT person_id, max(observation_period_end_date) AS last_day
              FROM warehouse.cdm.observation_period GROUP BY person_id
            )
            SELECT d.person_id, d.project_person_id, d.person_token, d.shift_days,
              CAST(coalesce(s.last_day, max(s.last_day) OVER ()) + d.shift_days
                - INTERVAL 90 YEAR AS DATE) AS birth_floor
            FROM drawn_persons AS d
            LEFT JOIN seen AS s ON s.person_id = d.person_id""")
        con.unregister("drawn_persons")

    def _settle_clashes(self, table: SourceTable) -> None:
        """Draw the larger of two ids again where their project ids are the same."""
        if self._facts is None or table.key is None or not table.is_by_person:
            return
        made = f"project_fact_id(t.{table.key})"
        origin = f'warehouse.{table.schema}."{table.name}" AS t'
        self._con.execute(
            f"CREATE OR REPLACE TEMP TABLE clash AS SELECT {made} AS id FROM {origin} "  # noqa: S608
            "GROUP BY 1 HAVING count(*) > 1"
        )
        if not self._count("FROM clash"):
            return
        found = self._con.execute(
            f"SELECT DISTINCT t.{table.key} FROM {origin} WHERE {made} IN (FROM clash)"  # noqa: S608
        ).fetchall()
        self._facts.settle(np.array(sorted(int(row[0]) for row in found), dtype=np.int64))


def attach_warehouse(con: duckdb.DuckDBPyConnection, home: Home) -> None:
    """Attach the warehouse read-only under the name its views were made with."""
    if not home.warehouse.is_file():
        raise SettingsError(
            Fault(home.warehouse.name, "there is no warehouse yet", todo="Run: biobraid build")
        )
    with Manifest(home) as manifest:
        if not manifest.note("build_complete", True):
            raise QualityError(
                Fault(home.warehouse.name, "the last build did not end well: it is partly new",
                      "a warehouse that was built to its end", "Run: biobraid build")
            )  # fmt: skip
    try:
        con.execute(f"ATTACH {literal(home.warehouse)} AS warehouse (READ_ONLY)")
    except (duckdb.IOException, duckdb.BinderException) as error:
        words = str(error).lower()  # of another process, or of another connection of this one
        if "lock" not in words and "already attached" not in words:
            raise
        raise BusyError(
            Fault(home.warehouse.name, "another writer has it open", "no writer",
                  "Wait for the other command to end, then run this one again.")
        ) from None  # fmt: skip
