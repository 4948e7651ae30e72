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

# Tables whose ids in cdm are not those of records: what else names a row.
_BY_DAY = {"observation_period": "p.person_id || ' ' || i.observation_period_start_date"}
# Tables whose rows the domain of the concept may send elsewhere.
CODED = (
    "condition_occurrence", "drug_exposure", "procedure_occurrence", "device_exposure",
    "measurement", "observation",
)  # fmt: skip
_FACTS = " UNION ALL ".join(
    f"SELECT {name}_id AS fact_id, visit_occurrence_id, '{name}' AS cdm_table "
    f"FROM warehouse.cdm.{name}"
    for name in CODED
)


@dataclass
class Found:
    """What a full outer join of the two sides says of one table."""

    table: str
    n_delivered: int
    n_cdm: int
    only_delivered: int
    only_cdm: int
    different: dict[str, int] = field(default_factory=dict)  # column -> rows, if any

    @property
    def is_same(self) -> bool:
        """Every row on both sides, every column equal."""
        return not (self.only_delivered or self.only_cdm or self.different)


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
        self.con = con
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
            SELECT DISTINCT e.cdm_table AS tab, e.fact_id AS id, e.record_id, s.source_table
              FROM warehouse.stem.event e
              LEFT JOIN warehouse.staging.source_event s ON e.row_id = s.row_id
            UNION SELECT kind, record_id, record_id, NULL FROM warehouse.staging.source_record
            UNION SELECT kind, row_id, record_id, NULL FROM warehouse.staging.source_record
            UNION SELECT kind, row_id, record_id, NULL FROM warehouse.staging.source_event
              WHERE kind LIKE '%_era'
            """
        )

    def _hash(self, table: str, key: str) -> None:
        ids = self.con.execute(f"SELECT DISTINCT CAST({key} AS VARCHAR) AS id FROM in_{table}")
        native = ids.to_arrow_table()["id"].combine_chunks()
        where = f"{self._study}/{self._source}/{table}"
        made = positive(record_ids(self._keys, where, [("id", native)]))
        self.con.register("hashed", pa.table({"id": native, "record_id": made}))
        self.con.execute(f"INSERT INTO native SELECT '{table}', id, record_id FROM hashed")
        self.con.unregister("hashed")

    def _hash_persons(self) -> None:
        ids = self.con.execute("SELECT DISTINCT CAST(person_id AS VARCHAR) AS id FROM in_person")
        native = ids.to_arrow_table()["id"].combine_chunks()
        keys = person_keys(self._keys, self._study, native).dictionary_decode()
        self.con.register("hashed", pa.table({"id": native, "key": keys}))
        self.con.execute(
            "INSERT INTO person_of SELECT h.id, b.person_id FROM hashed h "
            "JOIN warehouse.link.person_bridge b ON h.key = b.source_person_key"
        )
        self.con.unregister("hashed")

    def table(
        self,
        name: str,
        expected: Mapping[str, str] | None = None,
        pointers: Mapping[str, str] | None = None,
    ) -> Found:
        """Compare one table; of rows that went to another table, see `moved`.

        expected: column -> SQL over the delivered row `i` of what a rule makes of it.
        pointers: column -> table that it leads to in all of these rows.
        """
        spec, con, rules = TABLES[name], self.con, dict(expected or {})
        columns = [f.name for f in table_fields(name)]
        there = {row[0] for row in con.execute(f"DESCRIBE in_{name}").fetchall()}
        con.execute(f"CREATE OR REPLACE TEMP TABLE left_side AS {self._left(name)}")
        con.execute(f"CREATE OR REPLACE TEMP TABLE right_side AS {self._right(name)}")
        counts = con.execute(
            """
            SELECT (SELECT count(*) FROM left_side), (SELECT count(*) FROM right_side),
              count(*) FILTER (NOT on_right), count(*) FILTER (NOT on_left)
            FROM (SELECT i.one IS NOT NULL AS on_left, c.one IS NOT NULL AS on_right
                  FROM left_side i FULL OUTER JOIN right_side c ON i.k = c.k)
            """
        ).fetchone()
        assert counts is not None
        found = Found(name, *counts)
        for column in columns:
            if column != spec.key and column in there:
                target = (pointers or {}).get(column, spec.references.get(column))
                n = self._different(name, column, rules.get(column), target)
                if n:
                    found.different[column] = n
        return found

    def _left(self, name: str) -> str:
        """Delivered rows with the key they are joined by, persons as person_id of the bank."""
        key = TABLES[name].key
        by_person = (
            f"SELECT {_BY_DAY.get(name, 'p.person_id')} AS k, 1 AS one, i.* FROM in_{name} i "
            "LEFT JOIN person_of p ON CAST(i.person_id AS VARCHAR) = p.id"
        )
        if key is None or name in ("person", *_BY_DAY):
            return by_person
        return (
            f"SELECT n.record_id AS k, 1 AS one, i.* FROM in_{name} i LEFT JOIN native n "
            f"ON n.tab = '{name}' AND n.id = CAST(i.{key} AS VARCHAR)"
        )

    def _right(self, name: str) -> str:
        """Rows of cdm that this delivery made, with the same key."""
        spec = TABLES[name]
        if spec.key is None or name in ("person", *_BY_DAY):
            key = _BY_DAY.get(name, "p.person_id")
            return (
                f"SELECT {key} AS k, 1 AS one, i.* FROM warehouse.cdm.{name} i "
                "LEFT JOIN person_of p ON i.person_id = p.person_id"
            )
        return (
            f"SELECT m.record_id AS k, 1 AS one, c.* FROM warehouse.cdm.{name} c LEFT JOIN made m "
            f"ON m.tab IN ('{name}', '{spec.kind}') AND m.id = c.{spec.key} "
            f"WHERE m.source_table IS NULL OR m.source_table = '{name}'"
        )

    def moved(self, name: str) -> tuple[int, int]:
        """Rows that the domain of their concept sent to another table, and how many of these
        differ in person, concept, dates, type, source value, source concept or visit.
        """
        places = dict(TABLES[name].columns)
        start = TABLES[name].start
        assert start is not None
        row = self.con.execute(
            f"""
            SELECT count(*), count(*) FILTER (
              p.person_id <> e.person_id OR i.{places["concept_id"]} <> e.concept_id
              OR i.{start[0]} IS DISTINCT FROM e.start_date
              OR i.{start[1]} IS DISTINCT FROM e.start_datetime
              OR i.{places["type_concept_id"]} IS DISTINCT FROM e.type_concept_id
              OR i.{places["code"]} IS DISTINCT FROM e.source_code
              OR coalesce(i.{places["source_concept_id"]}, 0) <> e.source_concept_id
              OR v.record_id IS DISTINCT FROM m.record_id
              OR c.domain_id IS NULL)
            FROM ({self._left(name)}) i
            JOIN warehouse.stem.event e ON e.record_id = i.k AND e.cdm_table <> '{name}'
            JOIN ({_FACTS}) f ON f.fact_id = e.fact_id AND f.cdm_table = e.cdm_table
            LEFT JOIN warehouse.vocab.concept c ON c.concept_id = e.concept_id
            LEFT JOIN person_of p ON p.id = CAST(i.person_id AS VARCHAR)
            LEFT JOIN native v ON v.tab = 'visit_occurrence'
              AND v.id = CAST(i.visit_occurrence_id AS VARCHAR)
            LEFT JOIN made m ON m.tab = 'visit_occurrence' AND m.id = f.visit_occurrence_id
            """
        ).fetchone()
        assert row is not None
        return int(row[0]), int(row[1])

    def _different(self, name: str, column: str, rule: str | None, target: str | None) -> int:
        """Rows on both sides whose values differ."""
        wanted = rule or f"i.{column}"
        join, value = "", f"c.{column}"
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
        row = self.con.execute(
            f"SELECT count(*) FROM left_side i JOIN right_side c ON i.k = c.k {join} "
            f"WHERE CAST({wanted} AS {kind}) IS DISTINCT FROM {value}"
        ).fetchone()
        assert row is not None
        return int(row[0])
