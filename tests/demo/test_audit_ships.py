"""What audits send along: weights and cards of a dataset, drift against a file, run's last step."""

from __future__ import annotations

import csv
import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from biobraid.catalog.status import status
from biobraid.cli.audit_step import audit_built
from biobraid.cli.main import Invocation, run
from biobraid.cli.output import Output
from biobraid.core.home import open_home
from biobraid.core.runs import Run
from biobraid.quality.bias.shapes import SHAPES
from tests.demo.conftest import Demo

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("demo")]

MIN_CELL = 10
PLAN = """
title: Sex, birth and the last body mass index
variables:
  - {name: sex, table: person, column: gender_concept_id}
  - {name: year_of_birth, table: person, column: year_of_birth}
  - {name: bmi, table: measurement, concept_id: 3038553, unit_concept_id: 9531}
"""


def _run(demo: Demo, *words: str) -> int:
    return run(["--quiet", "--home", str(demo.home.root), *words])


@pytest.fixture(scope="module")
def weighted(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export of everybody with weights."""
    folder = tmp_path_factory.mktemp("plans")
    (folder / "everyone.sql").write_text("-- step: Everybody\nSELECT person_id FROM person\n")
    (folder / "weighted.yaml").write_text(PLAN)
    assert _run(demo, "cohort", "heart_study", str(folder / "everyone.sql")) == 0
    assert _run(demo, "export", "heart_study", "everyone", str(folder / "weighted.yaml"),
                "--demo-margins", "--weights") == 0  # fmt: skip
    return demo.home.exports / "heart_study" / "weighted"


def test_weights_are_of_exactly_the_exported_people_and_meet_the_margins(weighted: Path) -> None:
    data = pq.read_table(weighted / "data.parquet")
    weights = pq.read_table(weighted / "weights.parquet")
    assert weights["person_id"].to_pylist() == data["person_id"].to_pylist()
    manifest = json.loads((weighted / "manifest.json").read_text("utf-8"))
    said = manifest["weights"]
    assert set(weights["weight_set_id"].to_pylist()) == {said["weight_set_id"]}
    assert said["margins"] == "sex, deprivation, sex x deprivation"
    assert said["ess"] >= 200 and said["verdict"] == "watch" and "under 500" in said["reason"]
    assert manifest["sha256"].keys() >= {"weights.parquet", "audit.json", "croissant.json"}
    women = duckdb.execute(
        "SELECT sum(weight) FILTER (sex = 8532) / sum(weight) FROM read_parquet(?) "
        "JOIN read_parquet(?) USING (person_id)",
        [str(weighted / "data.parquet"), str(weighted / "weights.parquet")],
    ).fetchone()
    assert women is not None and women[0] == pytest.approx(0.4899, abs=1e-3)


def test_weights_that_are_not_supported_are_refused_and_nothing_is_written(
    demo: Demo, weighted: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    plan = weighted.with_name("refused.yaml")
    plan.write_text(PLAN)
    try:
        assert _run(demo, "export", "heart_study", "adults_with_bmi", str(plan),
                    "--demo-margins", "--weights") == 13  # fmt: skip
    finally:
        plan.unlink()
    assert "refused: effective sample size under 200" in capfd.readouterr().err
    assert not (weighted.parent / "refused").exists()


def test_the_cards_tell_what_the_audit_found(weighted: Path) -> None:
    card = (weighted / "card.md").read_text("utf-8")
    assert "## Who is missing" in card and "under-represented" in card
    made = json.loads((weighted / "croissant.json").read_text("utf-8"))
    assert any("under-represented" in s for s in made["rai:dataBiases"])
    assert any("effective sample" in s for s in made["rai:dataLimitations"])
    assert isinstance(made["rai:dataCollectionMissingData"], str)
    files = {f["@id"] for f in made["distribution"]}
    assert files == {"data.parquet", "dictionary.csv", "audit.json", "weights.parquet"}


def test_nothing_that_is_shipped_counts_a_small_group(weighted: Path) -> None:
    tables = json.loads((weighted / "audit.json").read_text("utf-8"))["tables"]
    manifest = json.loads((weighted / "manifest.json").read_text("utf-8"))
    counts = {r[c] for t, rows in tables.items() for r in rows for c in SHAPES[t].counts}
    counts |= {manifest["weights"]["n"], manifest["weights"]["ess"]}
    shown = sorted(n for n in counts if n is not None)
    assert len(shown) > 20
    assert not [n for n in shown if n % MIN_CELL]
    assert not [1 for a, b in itertools.combinations(shown, 2) if 0 < b - a < MIN_CELL]
    # In words only shares stand, and of people these follow from rounded counts.
    made = json.loads((weighted / "croissant.json").read_text("utf-8"))
    words = json.dumps([made[k] for k in made if k.startswith("rai:")] + [made["description"]])
    for n, what in re.findall(r"\b(\d+) (people|persons|participants)\b", words):
        assert int(n) % MIN_CELL == 0, what


def test_a_file_of_a_deployment_is_compared_by_column(
    demo: Demo, weighted: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "clinic.csv"
    query = f"COPY (SELECT sex, year_of_birth, bmi + 6 AS bmi FROM '{weighted}/data.parquet') TO '{path}'"
    duckdb.execute(query)
    given = ["audit", "drift", "heart_study/weighted", str(path)]
    assert _run(demo, "--json", *given) == 0
    rows = {r["attribute"]: r for r in json.loads(capfd.readouterr().out)["drift"]}
    assert rows["sex"]["verdict"] == "ok" and rows["bmi"]["verdict"] == "fail"
    assert not [r for r in rows.values() if r["n"] % MIN_CELL or r["n_b"] % MIN_CELL]
    assert _run(demo, *given, "--strict") == 13
    assert _run(demo, *given, "--column", "sex", "--strict") == 0
    path.write_text("gender,year_of_birth\n8507,1950\n")
    assert _run(demo, *given) == 10
    assert "no column sex, bmi" in capfd.readouterr().err
    path.write_text("sex\nmale\n")
    assert _run(demo, "audit", "drift", "heart_study/r1", str(path), "--column", "sex") == 14


@pytest.fixture
def with_margins(demo: Demo) -> Iterator[Path]:
    """The demo's settings, naming margins for the time of a test."""
    from biobraid.quality.bias.margins import demo_margins

    settings = demo.home.root / "biobraid.toml"
    before = settings.read_text("utf-8")
    changed = before.replace('audit_margins = ""', 'audit_margins = "margins.csv"')
    assert changed != before
    settings.write_text(changed, "utf-8")
    margins = demo.home.root / "margins.csv"
    margins.write_bytes(demo_margins().read_bytes())
    yield margins
    settings.write_text(before, "utf-8")
    margins.unlink(missing_ok=True)


def _last_step(root: Path) -> dict[str, Any]:
    journalled = Run("0", "run", "")
    audit_built(Invocation(root, Output(False, True)), open_home(root), journalled)
    found: dict[str, Any] = journalled.detail["audit"]
    return found


def test_run_ends_with_an_audit_where_the_settings_name_margins(
    demo: Demo, with_margins: Path
) -> None:
    assert "audit_margins" in status(demo.home)["audit"][0]["state"]  # the demo named none
    assert _last_step(demo.home.root)["state"] == "audited"
    (row,) = status(open_home(demo.home.root))["audit"]
    assert row["state"] == "audited" and "representativeness" in row["fail"]
    assert (demo.home.root / row["report"]).is_file()
    assert _last_step(demo.home.root)["state"] == "nothing changed since the last one"
    with_margins.write_text("spoilt\n")
    assert "no audit: SettingsError" in _last_step(demo.home.root)["state"]
    assert "no audit" in status(demo.home)["audit"][0]["state"]


def test_the_mapping_of_an_export_is_prefilled(demo: Demo, weighted: Path) -> None:
    name = ["--export", "heart_study/weighted"]
    assert _run(demo, "audit", "standing", *name) == 10  # no audit of it in reports yet
    folder = demo.home.reports / "audits" / "export-heart_study-weighted"
    folder.mkdir(parents=True)
    (folder / "audit.json").write_bytes((weighted / "audit.json").read_bytes())
    assert _run(demo, "audit", "standing", *name) == 0
    with (folder / "standing_together.csv").open(encoding="utf-8", newline="") as handle:
        states = [row["state"] for row in csv.DictReader(handle)]
    assert states.count("prefilled") >= 8 and states.count("to be completed") >= 8
