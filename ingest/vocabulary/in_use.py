"""Which codes and concepts this biobank uses, and how much: mappings, delivered codes, cdm."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import pyarrow as pa

from biobraid.core.errors import BusyError, Fault, MappingError
from biobraid.core.home import Home
from biobraid.core.manifest import Manifest
from biobraid.core.study import study_packs
from biobraid.core.warehouse import literal
from biobraid.ingest.csv_rows import read_csv_rows
from biobraid.ingest.mappings import MAPPING_COLUMNS, REQUIRED_COLUMNS

_IDS = ("target_concept_id", "unit_concept_id", "value_as_concept_id", "source_concept_id")
# As stem.code_target and staging.source_event compare codes.
CODE_KEY = (
    "CASE WHEN {system} LIKE 'Read%' OR {system} LIKE 'CTV%' THEN REPLACE({code}, '.', '')"
    " ELSE UPPER(REPLACE({code}, '.', '')) END"
)


def collect_in_use(con: duckdb.DuckDBPyConnection, home: Home) -> bool:
    """Make the temporary tables used_code(code_system, code_key) and used_concept(concept_id).

    True if there is a warehouse; it is attached as `warehouse`, for reading.
    """
    codes = CODE_KEY.format(system="code_system", code="code")
    pairs, ids = _of_packs(home)
    con.register("pack_code", pairs)
    con.register("pack_id", ids)
    code_parts = [f"SELECT code_system, {codes} AS code_key FROM pack_code"]  # noqa: S608
    id_parts = ["SELECT concept_id FROM pack_id"]
    with Manifest(home) as manifest:
        mapping = manifest.objects().get("vocab.mapping")
    if mapping is not None:
        rows = f"(SELECT *, variable AS code_system, source_code AS code FROM read_parquet({literal(home.landing / mapping[0])}))"  # noqa: S608
        code_parts.append(f"SELECT code_system, {codes} FROM {rows} WHERE code IS NOT NULL")  # noqa: S608
        id_parts += [f"SELECT {name} FROM {rows}" for name in _IDS]  # noqa: S608
    has_warehouse = _attach(con, home)
    if has_warehouse:
        if _exists(con, "staging", "event_frequency"):
            code_parts.append("SELECT code_system, code_key FROM warehouse.staging.event_frequency")
        id_parts += [
            f"SELECT {column} FROM warehouse.cdm.{table}"  # noqa: S608
            for table, column, _ in concept_columns(con)
        ]
    con.execute(
        "CREATE TEMP TABLE used_code AS SELECT DISTINCT code_system, code_key FROM ("  # noqa: S608
        f"{' UNION ALL '.join(code_parts)}) WHERE code_key <> ''"
    )
    con.execute(
        "CREATE TEMP TABLE used_concept AS SELECT DISTINCT concept_id FROM ("  # noqa: S608
        f"{' UNION ALL '.join(id_parts)}) WHERE concept_id > 0"
    )
    return has_warehouse


def concept_columns(con: duckdb.DuckDBPyConnection) -> list[tuple[str, str, bool]]:
    """(table, column, whether the table has person_id) of every concept column in cdm.

    Eras are left out: they are made of the rows that are counted already.
    """
    rows = con.execute(
        "SELECT c.table_name, c.column_name, p.column_name IS NOT NULL"
        " FROM duckdb_columns() AS c LEFT JOIN duckdb_columns() AS p"
        " ON p.database_name = 'warehouse' AND p.schema_name = 'cdm'"
        " AND p.table_name = c.table_name AND p.column_name = 'person_id'"
        " WHERE c.database_name = 'warehouse' AND c.schema_name = 'cdm'"
        " AND c.column_name LIKE '%concept_id' AND c.data_type = 'BIGINT'"
        " AND c.table_name NOT IN ('condition_era', 'drug_era', 'dose_era') ORDER BY ALL"
    ).fetchall()
    return [(str(table), str(column), bool(has)) for table, column, has in rows]


def code_numbers(
    con: duckdb.DuckDBPyConnection, changed: pa.Table, by: Sequence[str]
) -> list[tuple[object, ...]]:
    """(*by, rows, persons) of events whose code is in `changed` (code_system, code_key, ...)."""
    if not _exists(con, "staging", "source_event"):
        return []
    con.register("changed", changed)
    names = ", ".join(by)
    return con.execute(
        f"SELECT {names}, COUNT(*), COUNT(DISTINCT person_id)"  # noqa: S608
        " FROM warehouse.staging.source_event JOIN changed USING (code_system, code_key)"
        f" GROUP BY {names}"
    ).fetchall()


def concept_numbers(
    con: duckdb.DuckDBPyConnection, changed: pa.Table, by: Sequence[str]
) -> list[tuple[object, ...]]:
    """(*by, rows, persons) of cdm rows that hold a concept of `changed` (concept_id, ...).

    A row that holds a concept in two columns counts twice.
    """
    parts = [
        f"SELECT {column} AS concept_id, {'person_id' if has_person else 'NULL'} AS person_id"  # noqa: S608
        f" FROM warehouse.cdm.{table} WHERE {column} IN (SELECT concept_id FROM changed)"
        for table, column, has_person in concept_columns(con)
    ]
    if not parts:
        return []
    con.register("changed", changed)
    names = ", ".join(by)
    return con.execute(
        f"SELECT {names}, COUNT(*), COUNT(DISTINCT person_id)"  # noqa: S608
        f" FROM ({' UNION ALL '.join(parts)}) JOIN changed USING (concept_id) GROUP BY {names}"
    ).fetchall()


def _of_packs(home: Home) -> tuple[pa.Table, pa.Table]:
    """Codes and concept ids that the mapping.csv of the studies name, landed or not."""
    systems: list[str] = []
    codes: list[str] = []
    ids: set[int] = set()
    for pack in study_packs(home):
        path = pack / "mapping.csv"
        if not path.is_file():
            continue
        where = f"studies/{pack.name}/mapping.csv"
        read = read_csv_rows(path, where, REQUIRED_COLUMNS, MAPPING_COLUMNS)
        if read.faults:
            raise MappingError(read.faults)
        for _, row in read.rows:
            if row["source_code"]:
                systems.append(row["variable"])
                codes.append(row["source_code"])
            ids |= {int(row[name]) for name in _IDS[:3] if row[name].isdigit()}
    return (
        pa.table({"code_system": pa.array(systems, pa.string()),
                  "code": pa.array(codes, pa.string())}),
        pa.table({"concept_id": pa.array(sorted(ids), pa.int64())}),
    )  # fmt: skip


def _attach(con: duckdb.DuckDBPyConnection, home: Home) -> bool:
    if not home.warehouse.is_file():
        return False
    try:
        # Its views name the catalog by the file's stem.
        con.execute(f"ATTACH {literal(home.warehouse)} AS warehouse (READ_ONLY)")
    except duckdb.IOException:
        raise BusyError(
            Fault(home.warehouse.name, "another process holds it", "no other writer",
                  "Wait for the other command to end, then run this one again.")
        ) from None  # fmt: skip
    return True


def _exists(con: duckdb.DuckDBPyConnection, schema: str, table: str) -> bool:
    found = con.execute(
        "SELECT 1 FROM duckdb_columns() WHERE database_name = 'warehouse'"
        " AND schema_name = ? AND table_name = ?",
        [schema, table],
    ).fetchone()
    return found is not None
