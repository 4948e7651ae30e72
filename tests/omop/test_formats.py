"""The same database as text, gzip, Parquet, DuckDB and zip lands as the same rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.delimited.delivery import Delivered
from tests.omop import database
from tests.omop.reader import read

_SAME = ("raw.value", "raw.event", "raw.record", "raw.detail")
# How a value is spelt is the form's: 5.50 in a decimal column, 5.5 in text.
_SPELT = ("value", "quantity", "range_low", "range_high", "row_number", "time_source")


def _rows(delivered: list[Delivered]) -> set[tuple[Any, ...]]:
    found = set()
    for part in delivered:
        for table in _SAME:
            for row in part.tables.get(table, []):
                cells = tuple(
                    sorted((k, v) for k, v in row.items() if k not in _SPELT and v is not None)
                )
                found.add((table, *cells))
    return found


def _in_files(folder: Path) -> list[Delivered]:
    return [read(path) for path in sorted(folder.iterdir()) if path.is_file()]


@pytest.fixture
def con() -> duckdb.DuckDBPyConnection:
    """The database in memory."""
    return database.make_database()


def test_every_form_lands_the_same_rows(tmp_path: Path, con: duckdb.DuckDBPyConnection) -> None:
    for name in ("csv", "tsv", "parquet"):
        (tmp_path / name).mkdir()
    database.as_text(con, tmp_path / "csv")
    database.as_text(con, tmp_path / "tsv", ".tsv.gz")
    database.as_parquet(con, tmp_path / "parquet")
    database.as_duckdb(con, tmp_path / "bank.duckdb")
    database.as_zip(con, tmp_path / "bank.zip")
    wanted = _rows(_in_files(tmp_path / "csv"))
    assert len(wanted) == 99 + 774 + 538 + 240, "records, details, events, attributes"
    assert _rows(_in_files(tmp_path / "tsv")) == wanted
    assert _rows(_in_files(tmp_path / "parquet")) == wanted
    assert _rows([read(tmp_path / "bank.duckdb")]) == wanted
    zipped = read(tmp_path / "bank.zip")
    assert _rows([zipped]) == wanted
    assert zipped.tally.warnings == {"file-not-recognised": 1}, "the README is told"


def test_a_table_may_stand_in_a_folder_of_parts(tmp_path: Path) -> None:
    con = database.make_database(["person"])
    folder = tmp_path / "person"
    folder.mkdir()
    for part in (0, 1):
        con.execute(
            f"COPY (SELECT * FROM person WHERE year_of_birth % 2 = {part}) "
            f"TO '{folder}/part-{part}.parquet' (FORMAT parquet)"
        )
    assert [read(folder / f"part-{part}.parquet").books[0] for part in (0, 1)] == [12, 12]


def test_a_database_with_two_schemas_wants_one_named(
    tmp_path: Path, con: duckdb.DuckDBPyConnection
) -> None:
    path = tmp_path / "bank.duckdb"
    database.as_duckdb(con, path)
    database.as_duckdb(con, path, schema="old")
    with pytest.raises(Exception, match="more than one table of that name"):
        read(path)
    assert read(path, options={"db_schema": "old"}).books[0] == 687


def test_costs_and_relationships_land_with_what_they_lead_to_and_no_person(
    tmp_path: Path, con: duckdb.DuckDBPyConnection
) -> None:
    """Whose they are is found in staging, so that a file lands alike beside whichever others."""
    for name in ("files", "more"):
        (tmp_path / name).mkdir()
    database.as_text(con, tmp_path / "files")
    visits = read(tmp_path / "files" / "visit_occurrence.csv").tables["raw.event"]
    costs = read(tmp_path / "files" / "cost.csv").tables["raw.record"]
    assert len(costs) == 12
    assert {row["source_person_key"] for row in costs} == {None}
    assert {row["parent_record_id"] for row in costs} <= {row["record_id"] for row in visits}
    facts = read(tmp_path / "files" / "measurement.csv").tables["raw.event"]
    related = read(tmp_path / "files" / "fact_relationship.csv").tables["raw.record"]
    assert {row["parent_record_id"] for row in related} <= {row["record_id"] for row in facts}
    database.as_parquet(database.make_database(["cost"]), tmp_path / "more")
    alone = read(tmp_path / "more" / "cost.parquet")
    assert alone.books == (12, 12, 0, 0)
    assert [r["parent_record_id"] for r in alone.tables["raw.record"]] == [
        r["parent_record_id"] for r in costs
    ]
