"""Models run one by one in DuckDB in memory, over the tables a test gives: no SQLMesh, fast."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

import duckdb
import sqlglot
import sqlmesh  # noqa: F401  extends sqlglot's generators, which must not be in use before
from sqlglot import exp

from biobraid.core.schemas import Table
from biobraid.core.warehouse_views import external_tables
from tests.models.tables import Cell, TextTable, parse_table, parse_tables

MODELS = Path(__file__).parents[2] / "models"
_TABLE = re.compile(
    r"\b(?:FROM|JOIN)\s+((?:raw|vocab|link|meta|staging|stem|cdm|omics|wearable|mart)\.\w+)"
)
_EXTERNAL = {table.full_name: table for table in external_tables()}
# Short names that specs use.
_SHORT = {"person": "person_id", "number": "value_number", "code": "value_code"}
_RAW_SHORT = {"person": "source_person_key"}
_DEFAULTS: dict[str, Mapping[str, str]] = {
    "instance": {"": "0"},
    "array_index": {"": "0"},
    "study": {"": "s"},
    "source": {"": "main"},
    "batch": {"": "b"},
    "kind": {"": "condition", "raw.record": "registration"},
    "link_status": {"": "linked"},
    "target_ordinal": {"": "1"},
    "rule": {"": "direct"},
    "status": {"": "APPROVED", "raw.file": "active"},
    "value_type": {"": "text"},
    "modality": {"": "questionnaire"},
    "type_concept_id": {"": "32817"},
    "name": {"": "test biobank"},
    "version": {"": "0"},
}


@cache
def model_query(name: str) -> str:
    """The query of a model: what stands after its MODEL block."""
    text = (MODELS / f"{name.replace('.', '/')}.sql").read_text(encoding="utf-8")
    return text.split("\n);\n", 1)[1]


def parents(name: str) -> set[str]:
    """Tables a model reads."""
    return set(_TABLE.findall(model_query(name)))


@cache
def model_columns(name: str) -> tuple[tuple[str, str], ...]:
    """Columns of a model and their types, as its query casts them."""
    query = sqlglot.parse_one(model_query(name), read="duckdb")
    assert isinstance(query, exp.Query)
    found = []
    for projection in query.selects:
        cast = projection.this
        assert isinstance(cast, exp.Cast), f"{name}.{projection.alias} is not cast"
        found.append((projection.alias, cast.to.sql("duckdb")))
    return tuple(found)


class Rows:
    """Result of a model; equal to a text table if its rows are, in any order."""

    def __init__(self, names: list[str], rows: list[tuple[object, ...]]) -> None:
        self.names = names
        self.rows = rows

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, str):
            return NotImplemented
        wanted = parse_table(other)
        return sorted(self._only(wanted.header)) == sorted(map(_text_row, wanted.rows))

    __hash__ = None  # type: ignore[assignment]

    def _only(self, header: Iterable[str]) -> list[tuple[str, ...]]:
        places = [self.names.index(n if n in self.names else _SHORT.get(n, n)) for n in header]
        return [_text_row(_cell(row[i]) for i in places) for row in self.rows]

    def column(self, name: str) -> list[object]:
        """One column, in no particular order."""
        return [row[self.names.index(name)] for row in self.rows]

    def __repr__(self) -> str:
        shown = [i for i in range(len(self.names)) if any(r[i] is not None for r in self.rows)]
        lines = [" | ".join(self.names[i] for i in shown)]
        lines += [" | ".join(_cell(row[i]) or "" for i in shown) for row in self.rows]
        return "\n" + "\n".join(lines)


def _text_row(cells: Iterable[Cell]) -> tuple[str, ...]:
    return tuple(cell or "" for cell in cells)


def _cell(value: object) -> Cell:
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


class Warehouse:
    """An in-memory warehouse of given tables; models are built when first asked for."""

    def __init__(self, given: str) -> None:
        self.con = duckdb.connect(":memory:", config={"threads": 1})
        self.built: set[str] = set()
        tables = {t.name or "raw.value": t for t in parse_tables(given)}
        for schema in (
            "raw",
            "vocab",
            "link",
            "meta",
            "staging",
            "stem",
            "cdm",
            "omics",
            "wearable",
            "mart",
        ):
            self.con.execute(f"CREATE SCHEMA {schema}")
        unknown = set(tables) - set(_EXTERNAL)
        if unknown:
            raise ValueError(f"no such external table: {unknown}")
        for name, table in _EXTERNAL.items():
            self._create(table)
            if name in tables:
                self._insert(table, tables[name])
        if "link.person_bridge" not in tables:
            self.link_everybody()
        if "meta.biobank" not in tables:
            self.con.execute("INSERT INTO meta.biobank VALUES ('test biobank', '0')")

    def build(self, name: str) -> Rows:
        """The model's rows, its parents built before."""
        self._materialise(name)
        found = self.con.execute(f"SELECT * FROM {name}")
        names = [column[0] for column in found.description or []]
        return Rows(names, found.fetchall())

    def put(self, name: str, given: str) -> None:
        """Give a model's rows by hand instead of building it; columns not given are null."""
        table = parse_table(given)
        columns = [column for column in model_columns(name) if column[0] in table.header]
        unknown = set(table.header) - {column for column, _ in columns}
        if unknown:
            raise ValueError(f"{name} has no column {unknown}")
        every = ", ".join(f'"{column}" {kind}' for column, kind in model_columns(name))
        self.con.execute(f"CREATE TABLE {name} ({every})")
        named = ", ".join(f'"{column}"' for column in table.header)
        marks = ", ".join("?" for _ in table.header)
        for row in table.rows:
            self.con.execute(f"INSERT INTO {name} ({named}) VALUES ({marks})", row)
        self.built.add(name)

    def _materialise(self, name: str) -> None:
        if name in self.built or name in _EXTERNAL:
            return
        for parent in sorted(parents(name)):
            self._materialise(parent)
        self.con.execute(f"CREATE TABLE {name} AS {model_query(name)}")
        self.built.add(name)

    def _create(self, table: Table) -> None:
        columns = ", ".join(f"{c.name} {c.type}" for c in table.columns)
        self.con.execute(f"CREATE TABLE {table.full_name} ({columns})")

    def _insert(self, table: Table, given: TextTable) -> None:
        header = [_RAW_SHORT.get(n, n) if table.schema == "raw" else n for n in given.header]
        if table.schema == "link":
            header = [_SHORT.get(n, n) for n in header]
        unknown = set(header) - {c.name for c in table.columns}
        if unknown:
            raise ValueError(f"{table.full_name} has no column {unknown}")
        marks = ", ".join("?" for _ in table.columns)
        for number, row in enumerate(given.rows, start=1):
            cells = dict(zip(header, row, strict=True))
            values = [self._value(table, c.name, cells, number) for c in table.columns]
            self.con.execute(f"INSERT INTO {table.full_name} VALUES ({marks})", values)

    def _value(self, table: Table, column: str, cells: Mapping[str, Cell], number: int) -> Cell:
        if column in cells:
            return cells[column]
        if column in ("row_id", "record_id") and table.schema == "raw":
            offset = {"value": 1000, "event": 2000, "record": 3000, "detail": 4000}.get(
                table.name, 0
            )
            return str(offset + number)
        if column == "source_person_key" and table.schema == "link":
            return cells.get("person_id")
        if column == "target_domain_id" or table.full_name == "vocab.concept":
            return {"domain_id": "Condition", "standard_concept": "S"}.get(column)
        choice = _DEFAULTS.get(column)
        return None if choice is None else choice.get(table.full_name, choice[""])

    def link_everybody(self) -> None:
        """Link every source person to the person of the same number."""
        keys: set[str] = set()
        for name in ("value", "event", "record", "asset", "vector", "wearable_sample"):
            found = self.con.execute(
                f"SELECT DISTINCT source_person_key FROM raw.{name} "
                "WHERE source_person_key IS NOT NULL"
            ).fetchall()
            keys |= {key for (key,) in found}
        for key in sorted(keys):
            self.con.execute(
                "INSERT INTO link.person_bridge VALUES (?, 's', ?, 'linked', 'minted', 1)",
                [key, int(key)],
            )
