"""OMOP in = OMOP out: every delivered row found again in cdm, every value equal, or why not.

A delivered row and a cdm row are the same if both come from one record id: the keyed hash of
the native id on one side, what staging and stem say of the cdm id on the other. Columns that a
rule changes are named, with the reason, by the caller; all others must be equal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import duckdb
import pyarrow as pa

from biobraid.core.home import Home
from biobraid.core.keys import ingest_keys
from biobraid.core.omop import table_fields
from biobraid.ingest.connectors.omop_tables import TABLES
from biobraid.ingest.hashing import person_keys, positive, record_ids

_TABLE_OF_KIND = {table.kind: table.name for table in TABLES.values()}


@dataclass
class Found:
    """What a full outer join of the two sides says of one table."""

    table: str
    n_delivered: int
    n_cdm: int
    only_delivered: int
    only_cdm: int
    different: dict[str, int] = field(default_factory=dict)  # column -> rows

    @property
    def is_same(self) -> bool:
        """Every row on both sides, every column equal."""
        return not (self.only_delivered or self.only_cdm or any(self.different.values()))


class Comparison:
    """Delivered tables (relations by name in `delivered`) against a built warehouse."""

    def __init__(
        self,
        home: Home,
        con: duckdb.DuckDBPyConnection,
        study: str,
        source: str,
        delivered: Mapping[str, str],
    ) -> None:
        """con: with the warehouse attached as `warehouse`; delivered: table -> SQL of its rows."""
        self._con, self._delivered = con, delivered
        self._keys, self._study, self._source = ingest_keys(home), study, source
        con.execute("CREATE TABLE native (tab VARCHAR, id VARCHAR, record_id BIGINT)")
        con.execute("CREATE TABLE person_of (id VARCHAR, person_id BIGINT)")
        for table, rows in delivered.items():
            key = TABLES[table].key
            con.execute(f"CREATE TABLE in_{table} AS SELECT * FROM {rows}")
            if key is not None:
                self._hash(table, key)
        self._hash_persons()
        con.execute(
            """
            CREATE TABLE made AS
            SELECT DISTINCT cdm_table AS tab, fact_id AS id, record_id FROM warehouse.stem.event
            UNION SELECT kind, record_id, record_id FROM warehouse.staging.source_record
            UNION SELECT kind, row_id, record_id FROM warehouse.staging.source_record
            UNION SELECT kind, row_id, record_id FROM warehouse.staging.source_event
              WHERE kind LIKE '%_era'
            """
        )

    def _hash(self, table: str, key: str) -> None:
        ids = self._con.execute(f"SELECT DISTINCT CAST({key} AS VARCHAR) AS id FROM in_{table}")
        native = ids.to_arrow_table()["id"].combine_chunks()
        where = f"{self._study}/{self._source}/{table}"
        made = positive(record_ids(self._keys, where, [("id", native)]))
        self._con.register("hashed", pa.table({"id": native, "record_id": made}))
        self._con.execute(f"INSERT INTO native SELECT '{table}', id, record_id FROM hashed")
        self._con.unregister("hashed")

    def _hash_persons(self) -> None:
        ids = self._con.execute("SELECT DISTINCT CAST(person_id AS VARCHAR) AS id FROM in_person")
        native = ids.to_arrow_table()["id"].combine_chunks()
        keys = person_keys(self._keys, self._study, native).dictionary_decode()
        self._con.register("hashed", pa.table({"id": native, "key": keys}))
        self._con.execute(
            "INSERT INTO person_of SELECT h.id, b.person_id FROM hashed h "
            "JOIN warehouse.link.person_bridge b ON h.key = b.source_person_key"
        )
        self._con.unregister("hashed")

    def table(self, name: str, expected: Mapping[str, str] | None = None) -> Found:
        """Compare one table. expected: column -> SQL over the delivered row `i` of what a rule
        makes of it (NULL where it drops it).
        """
        spec, con, rules = TABLES[name], self._con, dict(expected or {})
        columns = [f.name for f in table_fields(name)]
        there = {row[0] for row in con.execute(f"DESCRIBE in_{name}").fetchall()}
        if spec.key is None:
            delivered = f"SELECT CAST(p.person_id AS BIGINT) AS k, i.* FROM in_{name} i JOIN person_of p ON CAST(i.person_id AS VARCHAR) = p.id"
            made = f"SELECT person_id AS k, * FROM warehouse.cdm.{name}"
        elif name == "person":
            delivered = f"SELECT p.person_id AS k, i.* FROM in_person i LEFT JOIN person_of p ON CAST(i.person_id AS VARCHAR) = p.id"
            made = "SELECT person_id AS k, * FROM warehouse.cdm.person"
        else:
            delivered = (
                f"SELECT n.record_id AS k, i.* FROM in_{name} i JOIN native n "
                f"ON n.tab = '{name}' AND n.id = CAST(i.{spec.key} AS VARCHAR)"
            )
            made = (
                f"SELECT m.record_id AS k, c.* FROM warehouse.cdm.{name} c LEFT JOIN made m "
                f"ON m.tab IN ('{name}', '{spec.kind}') AND m.id = c.{spec.key}"
            )
        con.execute(f"CREATE OR REPLACE TEMP TABLE left_side AS {delivered}")
        con.execute(f"CREATE OR REPLACE TEMP TABLE right_side AS {made}")
        counts = con.execute(
            "SELECT (SELECT count(*) FROM left_side), (SELECT count(*) FROM right_side), "
            "count(*) FILTER (c.k IS NULL), count(*) FILTER (i.k IS NULL) "
            "FROM left_side i FULL OUTER JOIN right_side c ON i.k = c.k"
        ).fetchone()
        assert counts is not None
        found = Found(name, *counts)
        for column in columns:
            if column == spec.key or (column not in there and column not in rules):
                continue
            found.different[column] = self._different(name, column, rules.get(column))
        return found

    def _different(self, name: str, column: str, rule: str | None) -> int:
        """Rows on both sides whose values differ."""
        wanted = rule or f"i.{column}"
        join, value = "", f"c.{column}"
        target = TABLES[name].references.get(column)
        if column == "person_id":
            join = "LEFT JOIN person_of p ON p.id = CAST(i.person_id AS VARCHAR)"
            wanted = "p.person_id"
        elif target is not None and rule is None:
            kind = TABLES[target].kind
            join = (
                f"LEFT JOIN native n ON n.tab = '{target}' AND n.id = CAST(i.{column} AS VARCHAR) "
                f"LEFT JOIN made m ON m.tab IN ('{target}', '{kind}') AND m.id = c.{column}"
            )
            wanted, value = "n.record_id", "m.record_id"
        kind = next(f.type for f in table_fields(name) if f.name == column)
        row = self._con.execute(
            f"SELECT count(*) FROM left_side i JOIN right_side c ON i.k = c.k {join} "
            f"WHERE CAST({wanted} AS {kind}) IS DISTINCT FROM {value}"
        ).fetchone()
        assert row is not None
        return int(row[0])
