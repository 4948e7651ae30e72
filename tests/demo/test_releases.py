"""What researchers get: releases that any DuckDB opens, and that cannot be joined by their ids."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from biobraid.cli.main import run
from biobraid.core.home import Home
from tests.demo.conftest import Demo

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("demo")]


def _release(home: Home, project: str) -> Path:
    return home.releases / project / "r1" / "release.duckdb"


def _open(path: Path, alias: str) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.execute(f"ATTACH '{path}' AS {alias} (READ_ONLY)")
    return con


def _tables(con: duckdb.DuckDBPyConnection, alias: str) -> list[tuple[str, str]]:
    return con.execute(
        "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = ? ORDER BY ALL",
        [alias],
    ).fetchall()


def test_every_table_answers_under_another_alias(demo: Demo) -> None:
    con = _open(_release(demo.home, "heart_study"), "elsewhere")
    tables = _tables(con, "elsewhere")
    assert ("cdm", "person") in tables
    assert len(tables) >= 20
    for schema, table in tables:
        con.execute(f"SELECT * FROM elsewhere.{schema}.{table} LIMIT 1").fetchall()
    con.execute("USE elsewhere")
    assert con.execute("SELECT COUNT(*) FROM cdm.person").fetchone()[0] > 100


def test_ids_are_positive_bigints(demo: Demo) -> None:
    con = _open(_release(demo.home, "heart_study"), "r")
    for table in ("person", "measurement", "condition_occurrence", "drug_exposure", "observation"):
        kind = con.execute(
            "SELECT data_type FROM duckdb_columns() WHERE table_name = ? AND column_name = ?",
            [table, f"{table}_id"],
        ).fetchone()
        assert kind == ("BIGINT",)
        low = con.execute(f"SELECT MIN({table}_id) FROM r.cdm.{table}").fetchone()[0]
        assert low > 0


def test_two_projects_share_no_id(demo: Demo) -> None:
    con = duckdb.connect()
    for alias, project in (("a", "heart_study"), ("b", "second")):
        con.execute(f"ATTACH '{_release(demo.home, project)}' AS {alias} (READ_ONLY)")
    con.execute(f"ATTACH '{demo.home.warehouse}' AS warehouse (READ_ONLY)")
    columns = con.execute(
        "SELECT schema_name, table_name, column_name FROM duckdb_columns() "
        "WHERE database_name = 'a' AND schema_name = 'cdm' AND data_type = 'BIGINT' "
        "AND column_name LIKE '%\\_id' ESCAPE '\\' AND column_name NOT LIKE '%concept\\_id' ESCAPE '\\'"
    ).fetchall()
    assert len(columns) > 15
    for schema, table, column in columns:
        values = f"SELECT {column} AS id FROM a.{schema}.{table} WHERE {column} IS NOT NULL"
        for other in ("b", "warehouse"):
            shared = con.execute(
                f"SELECT COUNT(*) FROM ({values}) JOIN {other}.{schema}.{table} AS o "
                f"ON o.{column} = id"
            ).fetchone()
            assert shared == (0,), f"{table}.{column} is shared with {other}"


def test_the_withdrawn_are_in_no_release(demo: Demo) -> None:
    bridge = next((demo.home.landing / "link").glob("person_bridge*.parquet"))
    withdrawn = [r for r in pq.read_table(bridge).to_pylist() if r["link_status"] == "withdrawn"]
    assert len(withdrawn) >= 1
    assert {r["person_id"] for r in withdrawn} == {None}
    con = duckdb.connect()
    n_linked = con.execute(
        "SELECT COUNT(DISTINCT person_id) FROM read_parquet(?) WHERE link_status = 'linked'",
        [str(bridge)],
    ).fetchone()[0]
    for project in ("heart_study", "second"):
        con.execute(f"ATTACH '{_release(demo.home, project)}' AS {project} (READ_ONLY)")
        n = con.execute(f"SELECT COUNT(*) FROM {project}.cdm.person").fetchone()[0]
        assert 0 < n <= n_linked


def test_the_dataset_says_why_a_value_is_absent(demo: Demo) -> None:
    folder = demo.home.exports / "heart_study" / "bmi_hba1c"
    data = pq.read_table(folder / "data.parquet")
    assert {"bmi", "bmi__absent_reason", "bmi__is_imputed", "bmi__age_days"} <= set(
        data.column_names
    )
    for row in data.to_pylist():
        assert (row["hba1c"] is None) == (row["hba1c__absent_reason"] is not None)
        assert row["bmi"] is not None  # the cohort asks for one
    assert {"dictionary.csv", "card.md", "manifest.json"} <= {p.name for p in folder.iterdir()}


def test_the_sample_does_not_go_into_a_biobank_with_studies_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "mybank"
    assert run(["--quiet", "init", str(root)]) == 0
    (root / "studies" / "lakeside").mkdir()
    (root / "studies" / "lakeside" / "study.yaml").write_text("id: lakeside\n")
    assert run(["--quiet", "demo", str(root)]) == 10
    assert "studies of its own: lakeside" in capsys.readouterr().err
    assert [p.name for p in (root / "studies").iterdir()] == ["lakeside"]


def test_a_home_that_cannot_be_made_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["init", "/proc/nowhere/bank"]) == 10
    assert "the folder cannot be made" in capsys.readouterr().err
