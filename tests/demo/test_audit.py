"""Bias audits of the sample biobank, from the command line to the report."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from biobraid.cli.main import run
from tests.demo.conftest import Demo

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("demo")]

MIN_CELL = 10
FAST = ["--demo-margins", "--boot", "20"]


def _audit(demo: Demo, *more: str) -> int:
    return run(["--quiet", "--home", str(demo.home.root), "audit", *more])


def _payload(demo: Demo, name: str) -> dict[str, Any]:
    path = demo.home.reports / "audits" / name / "audit.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def audited(demo: Demo) -> Path:
    """The warehouse, audited with an outcome and an exposure."""
    assert _audit(demo, "run", *FAST, "--outcome", "320128", "--exposure", "sex=male") == 0
    return demo.home.reports / "audits" / "warehouse"


def test_exact_rows_stay_in_the_warehouse_and_its_weights_meet_the_margins(
    demo: Demo, audited: Path
) -> None:
    with duckdb.connect(str(demo.home.warehouse), read_only=True) as con:
        tables = {t for (t,) in con.execute(
            "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'audit'").fetchall()}  # fmt: skip
        assert {"run", "reference_margin", "representativeness", "modality_participation",
                "intersection", "intersection_smd", "followup", "missingness", "mcar", "linkage",
                "blind_spot", "sensitivity", "leakage", "drift", "weight_diagnostic",
                "person_weight"} <= tables  # fmt: skip
        women = con.execute(
            "SELECT sum(weight) FILTER (level = 'female') / sum(weight) FROM audit.person_weight "
            "JOIN mart.person_attribute USING (person_id) WHERE attribute = 'sex' "
            "AND weight_set_id LIKE '%(cohort)'"
        ).fetchone()
        total = con.execute(
            "SELECT sum(n) FROM audit.representativeness WHERE attribute = 'sex'").fetchone()  # fmt: skip
        assert con.execute("SELECT count(*) FROM mart.participant").fetchone() == total
        assert con.execute(
            "SELECT count(*) FROM duckdb_columns() WHERE schema_name = 'audit' AND comment IS NULL"
        ).fetchone() == (0,)
    assert women is not None and women[0] == pytest.approx(0.4899, abs=1e-3)


def test_no_number_that_leaves_counts_a_small_group(demo: Demo, audited: Path) -> None:
    from biobraid.quality.bias.shapes import SHAPES

    tables = _payload(demo, "warehouse")["tables"]
    counts = {r[c] for t, rows in tables.items() for r in rows for c in SHAPES[t].counts}
    shown = sorted(n for n in counts if n is not None)
    assert len(shown) > 30
    assert not [n for n in shown if n % MIN_CELL]
    also = [r["n_expected"] for r in tables["intersection"]]
    also += [r["ess"] for r in tables["weight_diagnostic"]]
    also += [r["value"] for r in tables["profile"] if r["unit"] == "people"]
    also += [r["exposure"] for t in ("missingness", "linkage") for r in tables[t]]
    assert not [x for x in also if x is not None and x % MIN_CELL]
    with duckdb.connect(str(demo.home.warehouse), read_only=True) as con:
        assert con.execute(
            "SELECT count(*) FROM audit.representativeness WHERE n BETWEEN 1 AND 9").fetchone() != (0,)  # fmt: skip
        assert con.execute(
            "SELECT count(*) FROM audit_shown.representativeness WHERE n % 10 <> 0").fetchone() == (0,)  # fmt: skip


def test_the_report_is_one_small_file_of_its_own_and_the_same_again(
    demo: Demo, audited: Path
) -> None:
    path = audited / "audit.html"
    before = path.read_bytes()
    text = before.decode()
    assert len(before) <= 500_000
    assert "<script" not in text and "Content-Security-Policy" in text
    assert not re.findall(r'(?:src|href)="(?!#)', text)
    assert not re.findall(r"url\((?!#)", text)
    charts, tables = text.count("<svg "), text.count("<details>")
    assert charts >= 7 and tables >= charts
    assert text.count('role="img" aria-label="') == charts
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    assert _audit(demo, "report") == 0
    assert path.read_bytes() == before


def test_sections_that_could_not_be_assessed_say_why(demo: Demo, audited: Path) -> None:
    payload = _payload(demo, "warehouse")
    assert set(payload["not_assessed"]) == {"leakage", "drift"}
    assert _audit(demo, "run", "--release", "heart_study", "--boot", "20") == 0
    unref = _payload(demo, "release-heart_study")
    assert "--margins" in unref["not_assessed"]["representativeness"]
    assert unref["reference_id"] is None


def test_an_export_is_audited_for_what_its_features_give_away(demo: Demo) -> None:
    assert _audit(demo, "run", *FAST, "--export", "heart_study/bmi_hba1c", "--sets", "none") == 0
    payload = _payload(demo, "export-heart_study-bmi_hba1c")
    leaked = [r for r in payload["tables"]["leakage"] if r["attribute"] == "sex" and r["auc"]]
    assert leaked and all(r["auc"] > 0.95 for r in leaked)  # sex is among the features
    data = pq.read_table(demo.home.exports / "heart_study" / "bmi_hba1c" / "data.parquet")
    assert payload["tables"]["run"][0]["n"] == pytest.approx(data.num_rows, abs=5)
    folder = demo.home.reports / "audits" / "export-heart_study-bmi_hba1c"
    card = json.loads((folder / "croissant.json").read_text(encoding="utf-8"))
    assert card["rai:dataBiases"] and not any("leakage" in s for s in card["rai:dataLimitations"])
    assert all((folder / f["contentUrl"]).is_file() for f in card["distribution"])


def test_a_cohort_is_audited_and_a_release_weighed(demo: Demo) -> None:
    name = ["--cohort", "heart_study/adults_with_bmi"]
    assert _audit(demo, "run", *FAST, *name, "--sets", "none") == 0
    cohort = _payload(demo, "cohort-heart_study-adults_with_bmi")["tables"]["run"][0]["n"]
    assert 0 < cohort < _payload(demo, "warehouse")["tables"]["run"][0]["n"]
    assert _audit(demo, "weights", "--demo-margins", "--release", "second/r1") == 0
    folder = demo.home.reports / "audits" / "release-second-r1"
    weights = pq.read_table(folder / "weights-cohort.parquet")
    assert weights["weight"].to_numpy().mean() == pytest.approx(1.0)


def test_strict_ends_with_13_and_drift_of_a_release_to_itself_is_none(demo: Demo) -> None:
    assert _audit(demo, "run", *FAST, "--sets", "none", "--strict") == 13
    assert _audit(demo, "drift", "heart_study/r1", "heart_study/r1", "--strict") == 0


def test_margins_are_checked_against_the_warehouse(
    demo: Demo, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from biobraid.quality.bias.margins import demo_margins

    bad = tmp_path / "margins.csv"
    bad.write_text(demo_margins().read_text().replace(",female,", ",femal,"), encoding="utf-8")
    assert _audit(demo, "margins", "check", str(bad)) == 0
    assert "Did you mean: female" in capfd.readouterr().err
    bad.write_text(demo_margins().read_text().replace("omop-gender,", ",", 1), encoding="utf-8")
    assert _audit(demo, "margins", "check", str(bad)) == 10


def test_an_internal_release_holds_the_suppressed_audit_a_projects_own_does_not(
    demo: Demo, audited: Path
) -> None:
    home = ["--quiet", "--home", str(demo.home.root), "release"]
    assert run([*home, "--internal", "audited"]) == 0
    assert run([*home, "second", "audited"]) == 0
    with duckdb.connect(str(demo.home.releases / "internal/audited/release.duckdb")) as con:
        found = con.execute(
            "SELECT count(*), count(*) FILTER (n % 10 <> 0) FROM audit.intersection"
        )
        n, small = found.fetchone() or (0, 1)
        assert n > 1 and small == 0
    with duckdb.connect(str(demo.home.releases / "second/audited/release.duckdb")) as con:
        assert not con.execute(
            "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'audit'").fetchall()  # fmt: skip


def test_sentences_for_cards_name_what_was_found(audited: Path) -> None:
    made = json.loads((audited / "rai.json").read_text(encoding="utf-8"))
    assert made["@context"]["rai"] == "http://mlcommons.org/croissant/RAI/"
    assert any("under-represented" in s for s in made["rai:dataBiases"])
    assert any("effective sample" in s for s in made["rai:dataLimitations"])
    assert made["rai:dataCollectionMissingData"]


def test_the_how_to_is_true(demo: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "bias.md").read_text("utf-8")
    block = re.search(r"<!-- runs: bias -->\n```sh\n(.*?)```", page, re.S)
    assert block
    monkeypatch.chdir(tmp_path)
    for name, text in re.findall(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```", page, re.S):
        Path(name).write_text(text, "utf-8")
    rows = "".join(f"85{(7, 32)[i % 2]:02},{1940 + i % 40},{20 + i % 15}\n" for i in range(200))
    Path("clinic.csv").write_text(f"sex,year_of_birth,bmi\n{rows}", "utf-8")
    for line in block[1].splitlines():
        words = line.split()
        assert words[:3] == ["biobraid", "--home", "demo-biobank"]
        assert run(["--quiet", "--home", str(demo.home.root), *words[3:]]) == 0, line


def test_the_how_to_reads_every_chart() -> None:
    from biobraid.quality.bias.report import SECTIONS

    page = (Path(__file__).parents[2] / "docs" / "how-to" / "bias.md").read_text("utf-8")
    charted = [s.title for s in SECTIONS if s.draws]
    assert len(charted) >= 7
    for title in charted:
        assert f"\n**{title.partition(',')[0]}**" in page, title
