"""SQL on a release: reads the release and the project's cohorts, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from biobraid.core.home import Home
from biobraid.export.project import OpenProject
from biobraid.export.query import query
from biobraid.export.release import DATABASE, file_sha256, release
from biobraid.export.session import QueryError
from tests.export.conftest import N_PERSONS


@pytest.fixture
def released(bank: Home, alpha: OpenProject) -> Home:
    release(bank, "alpha", "r1")
    return bank


def test_rows_come_back_as_arrow(released: Home) -> None:
    assert query(released, None, "SELECT count(*) AS n FROM cdm.person").to_pylist() == [
        {"n": N_PERSONS}
    ]
    assert query(released, "alpha", "FROM person", limit=7).num_rows == 7
    assert query(released, "alpha/r1", "SELECT 1; SELECT 2 AS two").to_pylist() == [{"two": 2}]


def test_a_wrong_statement_is_the_user_s_fault(released: Home) -> None:
    with pytest.raises(QueryError, match="Candidate bindings") as caught:
        query(released, None, "SELECT person_idd FROM cdm.person")
    assert caught.value.exit_code == 10
    with pytest.raises(QueryError, match="syntax error"):
        query(released, None, "SELEKT 1")


@pytest.mark.parametrize(
    "expression",
    ["CAST(v AS INTEGER)", "CAST(v AS DATE)", "error(v)", "strptime(v, '%Y')", "v::DECIMAL(3,1)"],
)
def test_an_error_met_on_a_row_does_not_show_its_value(released: Home, expression: str) -> None:
    rows = "(SELECT race_source_value AS v FROM cdm.person)"
    assert query(released, None, f"SELECT DISTINCT v FROM {rows}").to_pylist() == [{"v": "White"}]
    with pytest.raises(QueryError, match="does not fit") as caught:
        query(released, None, f"SELECT {expression} FROM {rows}")
    assert "White" not in str(caught.value) and "TRY_CAST" in str(caught.value)


def test_no_file_can_be_read_or_written(released: Home, tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    folder = released.releases / "alpha" / "r1"
    before = file_sha256(folder / DATABASE)
    for sql in (
        f"SELECT * FROM read_csv('{secret}')",
        f"SELECT * FROM '{secret}'",
        f"SELECT * FROM read_text('{released.root / 'biobraid.toml'}')",
        f"COPY (SELECT 1) TO '{tmp_path / 'out.csv'}'",
        f"COPY (SELECT 1) TO '{folder / DATABASE}.wal'",
        f"EXPLAIN ANALYZE COPY (SELECT 1) TO '{folder / DATABASE}.wal'",
        f"ATTACH '{released.warehouse}' AS w",
        "SET enable_external_access = true",
        "DROP TABLE release.cdm.person",
        "DELETE FROM release.cdm.person",
        "CREATE TABLE project.cohort.x AS SELECT 1",
        "INSTALL httpfs",
        "",
    ):
        with pytest.raises(QueryError):
            query(released, None, sql)
    assert not (tmp_path / "out.csv").exists()
    assert sorted(p.name for p in folder.iterdir()) == ["manifest.json", DATABASE]
    assert file_sha256(folder / DATABASE) == before


def test_an_internal_release_can_be_queried(bank: Home) -> None:
    release(bank, None, "r1", internal=True)
    assert query(bank, "internal", "SELECT min(person_id) AS p FROM person").to_pylist() == [
        {"p": 1007}
    ]
