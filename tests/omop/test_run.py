"""A CDM 5.3 database with negative and 64-bit ids goes in; the same rows come out of cdm."""

from __future__ import annotations

import json
from collections.abc import Iterator

import duckdb
import pytest

from biobraid.cli.main import run
from biobraid.core.home import Home, create_home
from biobraid.core.keys import create_keys
from biobraid.ingest.connectors.omop_columns import RENAMED
from biobraid.ingest.connectors.omop_tables import TABLES
from biobraid.ingest.landing import check_books
from tests.omop import database
from tests.omop.compare import CODED, Comparison
from tests.omop.rules import rules_of
from tests.privacy.scanner import Canary, scan

STUDY = """
id: toy
name: A toy OMOP database
release: "1"
licence: none
time_zone: UTC
birth_precision: day
sources:
  cdm:
    connector: omop
    files: ["*.csv"]
    modality: health_record
    origin: hospital
    options: {eras: keep}
"""
COMPARED = [
    name for name in database.TABLES if name in TABLES and name not in ("fact_relationship",)
]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A home that ingested, linked and built the database, delivered as CSV files."""
    root = tmp_path_factory.mktemp("omop")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BIOBRAID_KEY_DIR", str(root / "keys"))
        made = create_home(root / "bank", memory_limit_gb=1.0, threads=2)
        create_keys(made)
        (made.studies / "toy").mkdir(parents=True)
        (made.studies / "toy" / "study.yaml").write_text(STUDY)
        delivery = made.deliveries / "toy"
        delivery.mkdir(parents=True)
        database.as_text(database.make_database(), delivery)
        assert run(["--home", str(made.root), "--quiet", "run"]) == 0
        yield made


@pytest.fixture(scope="module")
def compared(home: Home) -> Comparison:
    """Delivered tables, with CDM 5.4's names, beside the built warehouse."""
    con = database.make_database()
    for table in COMPARED:
        for old, new in RENAMED.items():
            columns = {row[0] for row in con.execute(f"DESCRIBE {table}").fetchall()}
            if old in columns:
                con.execute(f"ALTER TABLE {table} RENAME COLUMN {old} TO {new}")
    con.execute(f"ATTACH '{home.warehouse}' AS warehouse (READ_ONLY)")
    return Comparison(home, con, "toy", "cdm", {name: f"memory.{name}" for name in COMPARED})


@pytest.mark.slow
@pytest.mark.parametrize("table", COMPARED)
def test_every_delivered_row_is_found_again(compared: Comparison, table: str) -> None:
    found = compared.table(table, rules_of(table), {"cost_event_id": "visit_occurrence"})
    assert found.n_delivered == found.n_cdm > 0
    assert found.is_same, found
    if table in CODED:
        assert compared.moved(table) == (0, 0)


@pytest.mark.slow
def test_relationships_lead_to_the_same_records(compared: Comparison) -> None:
    found = compared.con.execute(
        """
        SELECT count(*) FROM memory.fact_relationship f
        JOIN native a ON a.tab = 'measurement' AND a.id = CAST(f.fact_id_1 AS VARCHAR)
        JOIN native b ON b.tab = 'condition_occurrence' AND b.id = CAST(f.fact_id_2 AS VARCHAR)
        JOIN made x ON x.tab = 'measurement' AND x.record_id = a.record_id
        JOIN made y ON y.tab = 'condition_occurrence' AND y.record_id = b.record_id
        JOIN warehouse.cdm.fact_relationship c USING (domain_concept_id_1, domain_concept_id_2,
          relationship_concept_id)
        WHERE c.fact_id_1 = x.id AND c.fact_id_2 = y.id
        """
    ).fetchone()
    assert found == (6,)


@pytest.mark.slow
def test_books_balance_and_a_reference_to_nothing_is_told(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check_books(home) == []
    capsys.readouterr()
    assert run(["--home", str(home.root), "--json", "status"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["warehouse"]["dangling"] == [
        {
            "study": "toy", "source": "cdm", "kind": "condition", "reference": "visit",
            "n_references": 72, "n_dangling": 1,
        }
    ]  # fmt: skip
    ignored = {row["rule"]: row["n"] for row in report["ignored"]}
    assert ignored["vocabulary-table"] == ignored["delivered-cdm-source"] == 1
    assert ignored["free-text-undeclared"] == 72 + 72 + 12


@pytest.mark.slow
def test_no_name_number_or_text_is_left_outside_the_vault(home: Home) -> None:
    planted = ["MRN7", "Mrs Canary", "Dr Name1", "SN11", "TUBE11", "1 Some Street", "FAM23"]
    canaries = [Canary("identifier", value) for value in planted]
    assert scan(home.root, canaries).found == []


@pytest.mark.slow
def test_the_same_database_in_a_duckdb_file_makes_the_same_cdm(
    home: Home, compared: Comparison
) -> None:
    """Another form of delivery, under another name of the files: no id of the cdm changes."""
    compared.con.close()  # one process opens a DuckDB file in one way only
    query = "SELECT * FROM warehouse.cdm.{} ORDER BY ALL"
    names = ("visit_occurrence", "measurement", "death", "cost", "person")
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{home.warehouse}' AS warehouse (READ_ONLY)")
        before = [con.execute(query.format(name)).fetchall() for name in names]
    delivery = home.deliveries / "toy"
    for path in delivery.iterdir():
        path.unlink()
    database.as_duckdb(database.make_database(), delivery / "export.csv")
    assert run(["--home", str(home.root), "--quiet", "run"]) == 0
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{home.warehouse}' AS warehouse (READ_ONLY)")
        after = [con.execute(query.format(name)).fetchall() for name in names]
    assert after == before
