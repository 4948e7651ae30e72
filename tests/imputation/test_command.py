"""biobraid impute, through the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from biobraid.cli.main import run
from biobraid.core.home import Home
from biobraid.core.lock import writer
from biobraid.core.manifest import Manifest
from tests.imputation import warehouse

PLAN = """
variables:
  - {name: bmi, concept_id: 3038553}
  - {name: hba1c, concept_id: 3004410, max_age_days: 4000}
"""


@pytest.fixture
def ready(home: Home, tmp_path: Path) -> Home:
    """A home whose warehouse was built, and a plan beside it."""
    con = warehouse.cohort(500, seed=3)
    con.execute(f"ATTACH '{home.warehouse}' AS built")
    con.execute("COPY FROM DATABASE memory TO built")
    con.close()
    with Manifest(home) as manifest:
        manifest.set_note("build_complete", True)
    (tmp_path / "labs.yaml").write_text(PLAN)
    return home


def call(home: Home, *words: str) -> int:
    return run(["--home", str(home.root), *words])


def tables(home: Home) -> list[str]:
    with duckdb.connect(str(home.warehouse), read_only=True) as con:
        found = con.execute(
            "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'imputed' ORDER BY 1"
        ).fetchall()
    return [row[0] for row in found]


def test_a_dry_run_prints_what_would_be_filled_and_writes_nothing(
    ready: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in (["impute", str(tmp_path / "labs.yaml"), "--dry-run"],
                  ["impute", "--dry-run", str(tmp_path / "labs.yaml")]):  # fmt: skip
        assert call(ready, *words) == 0
        assert "Would fill (plan labs)" in capsys.readouterr().out
    assert tables(ready) == []


def test_a_plan_is_run_and_said_in_json(
    ready: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(ready, "impute", str(tmp_path / "labs.yaml"), "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["plan"] == "labs"
    assert said["is_calibrated"] is True
    assert {v["name"] for v in said["variables"]} == {"bmi", "hba1c"}
    assert all(v["n_imputed"] == v["n_missing"] > 0 for v in said["variables"][:1])
    assert "imputed_value" in tables(ready)
    with Manifest(ready) as manifest:
        assert [(r["verb"], r["status"]) for r in manifest.runs()][-1] == ("impute", "ok")


def test_a_plan_by_forests_keeps_its_kernel_and_says_what_it_is_worth(
    ready: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "table.yaml"
    path.write_text(f"method: forests\nassumes: mnar\nm: 2\niterations: 1{PLAN}".replace(
        ", max_age_days: 4000", ""))  # fmt: skip
    assert call(ready, "impute", str(path), "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["is_default_for_design"] is False
    assert {v["method"] for v in said["variables"]} == {"forests"}
    assert (ready.kernels / "table.forests").is_file()
    assert call(ready, "impute", str(path), "--use-kernel") == 0
    assert "no default where values are missing" in capsys.readouterr().err
    assert call(ready, "impute", str(tmp_path / "labs.yaml"), "--use-kernel") == 10
    assert call(ready, "impute", "evaluate", str(path)) == 10


def test_an_evaluation_writes_its_report_and_no_table(
    ready: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(ready, "impute", "evaluate", str(tmp_path / "labs.yaml")) == 0
    assert "Hidden cells of held-out persons" in capsys.readouterr().out
    folder = ready.reports / "imputation" / "labs"
    assert {p.suffix for p in folder.iterdir()} == {".csv", ".png"}
    assert tables(ready) == []


def test_faults_of_the_user_have_their_exit_codes(ready: Home, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("variables: []\n")
    assert call(ready, "impute", str(tmp_path / "bad.yaml")) == 10
    assert call(ready, "impute", str(tmp_path / "none.yaml")) == 2
    with writer(ready):
        assert call(ready, "impute", str(tmp_path / "labs.yaml")) == 15
    with Manifest(ready) as manifest:
        manifest.set_note("build_complete", False)
    assert call(ready, "impute", str(tmp_path / "labs.yaml")) == 10


def test_help_loads_no_heavy_package() -> None:
    code = (
        "import sys; from biobraid.cli.main import run; run(['impute', '--help']); "
        "print(sorted({'pandas', 'scipy', 'miceforest', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
