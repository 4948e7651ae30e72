"""A wide dataset, worked by hand: values, ages, reasons, and the guard on small groups."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from biobraid.core.errors import DisclosureError, DiskError, Fault, QualityError, SettingsError
from biobraid.core.home import Home
from biobraid.export import wide as wide_module
from biobraid.export.cohort import run_cohort
from biobraid.export.companion import Beside
from biobraid.export.project import DatePolicy, create_project
from biobraid.export.register import find_entry
from biobraid.export.release import file_sha256, release
from biobraid.export.wide import export_wide
from tests.export.conftest import BMI, DIABETES, GLUCOSE

COHORT = """-- step: Observed
SELECT p.person_id, o.observation_period_start_date + 10 AS cohort_start_date
FROM person AS p JOIN observation_period AS o USING (person_id)
"""
PLAN = f"""
title: Body mass
variables:
  - {{name: bmi, table: measurement, concept_id: {BMI}, pick: latest, unit_concept_id: 9531,
      window: {{from_days: -365, to_days: 0}}}}
  - {{name: glucose, table: measurement, concept_id: {GLUCOSE}, pick: mean}}
  - {{name: diabetes, table: condition_occurrence, codelist: diabetes, pick: any}}
  - {{name: first_diabetes, table: condition_occurrence, concept_id: [{DIABETES}],
      pick: earliest}}
  - {{name: born, table: person, column: year_of_birth}}
  - {{name: ethnicity, table: person, column: ethnicity_concept_id}}
  - {{name: never, table: measurement, concept_id: 999}}
"""
# Number n of the fixture has BMI 20 + n in the internal view; 20 has none and declined.


@pytest.fixture
def ready(bank: Home, tmp_path: Path) -> Home:
    """A project with exact dates, a release, a cohort of all, and a plan."""
    with duckdb.connect(str(bank.warehouse)) as con:  # 30 is known to study two only
        con.execute("DELETE FROM mart.source_coverage WHERE person_id = 30007 AND study = 'one'")
        con.execute("DELETE FROM cdm.measurement WHERE person_id = 30007")
        con.execute("DELETE FROM cdm.condition_occurrence WHERE person_id = 30007")
        con.execute(  # 31 was never scanned, and not in hospital
            "DELETE FROM mart.source_coverage WHERE person_id = 31007 AND source <> 'baseline'"
        )
        con.execute(
            "DELETE FROM cdm.measurement WHERE person_id = 31007 "
            f"AND measurement_concept_id = {GLUCOSE}"
        )
        con.execute(  # only notes that never record diabetes: no reason to call 31 free of it
            "INSERT INTO vocab.study_source VALUES "
            "('one', 'notes', 'health_record', NULL, NULL, 'primary-care')"
        )
        con.execute(
            "INSERT INTO mart.source_coverage SELECT 31007, 'one', 'notes', 'health_record', "
            "DATE '2000-01-01', DATE '2022-12-31', 'administrative-censoring', NULL"
        )
        con.execute(  # an older BMI and one after the window must not be picked
            f"""INSERT INTO cdm.measurement
            SELECT 900000, 1007, {BMI}, DATE '2019-06-01', NULL, 99, 9531, '21001', NULL UNION ALL
            SELECT 900001, 1007, {BMI}, DATE '2021-06-01', NULL, 98, 9531, '21001', NULL"""
        )
        con.execute(
            """INSERT INTO stem.event SELECT measurement_id, 'one', 'baseline', person_id,
            'measurement', NULL, measurement_date, NULL, 'own' FROM cdm.measurement
            WHERE measurement_id >= 900000"""
        )
    project = create_project(bank, "alpha", date_policy=DatePolicy(kind="exact"))
    (project.code_lists / "diabetes.csv").write_text("concept_id,descendants\n201820,true\n")
    release(bank, "alpha", "r1")
    (tmp_path / "all.sql").write_text(COHORT)
    (tmp_path / "plan.yaml").write_text(PLAN)
    run_cohort(bank, "alpha", "all", tmp_path / "all.sql")
    return bank


def numbered(home: Home, folder: Path) -> dict[int, dict[str, Any]]:
    """Rows of the dataset by the number of the fixture's person."""
    rows = pq.read_table(folder / "data.parquet").to_pylist()
    first = {row["cohort_start_date"].toordinal() for row in rows}
    zero = min(first) - 1
    return {row["cohort_start_date"].toordinal() - zero: row for row in rows}


def test_worked_by_hand(ready: Home, tmp_path: Path) -> None:
    made = export_wide(ready, "alpha", "all", "d1", tmp_path / "plan.yaml")
    rows = numbered(ready, made.folder)
    assert len(rows) == made.n_persons == 60
    one = rows[1]
    assert (one["bmi"], one["bmi__age_days"], one["bmi__absent_reason"]) == (21.0, 10, None)
    assert one["bmi__is_imputed"] is False
    assert (one["glucose"], one["diabetes"], one["diabetes__age_days"]) == (21.0, False, None)
    assert one["first_diabetes"] is None
    assert one["first_diabetes__absent_reason"] == "unknown"
    assert (one["born"], one["ethnicity"]) == (1925, None)
    assert one["ethnicity__absent_reason"] == "unknown"
    assert (one["never"], one["never__absent_reason"]) == (None, "unknown")
    two = rows[2]
    assert two["diabetes"] is True
    assert two["first_diabetes"].isoformat() == "2021-01-03"
    assert two["diabetes__age_days"] == two["first_diabetes__age_days"] == -356


def test_every_empty_cell_has_its_reason(ready: Home, tmp_path: Path) -> None:
    made = export_wide(ready, "alpha", "all", "d1", tmp_path / "plan.yaml")
    rows = numbered(ready, made.folder)
    assert (rows[20]["bmi"], rows[20]["bmi__absent_reason"]) == (None, "asked-declined")
    assert (rows[30]["bmi"], rows[30]["bmi__absent_reason"]) == (None, "x-not-in-study")
    assert (rows[31]["glucose"], rows[31]["glucose__absent_reason"]) == (None, "x-not-linked")
    assert (rows[31]["diabetes"], rows[31]["diabetes__absent_reason"]) == (None, "x-not-linked")
    for row in rows.values():
        for name in ("bmi", "glucose", "diabetes", "first_diabetes", "born", "ethnicity", "never"):
            assert (row[name] is None) == (row[f"{name}__absent_reason"] is not None)


def test_files_beside_the_data(ready: Home, tmp_path: Path) -> None:
    made = export_wide(ready, "alpha", "all", "d1", tmp_path / "plan.yaml")
    manifest = json.loads((made.folder / "manifest.json").read_text())
    assert manifest["release"] == "r1"
    assert manifest["n_persons"] == 60
    assert manifest["sha256"]["data.parquet"] == file_sha256(made.folder / "data.parquet")
    lines = (made.folder / "dictionary.csv").read_text().splitlines()
    columns = pq.read_schema(made.folder / "data.parquet").names
    assert [line.split(",")[0] for line in lines[1:]] == columns
    # 58 of 60 have a BMI: two without one are too few to tell
    assert "fewer than 10 present or absent" in next(x for x in lines if x.startswith("bmi,"))
    assert "hidden (small)" in (made.folder / "card.md").read_text()


def test_sorted_and_the_same_bytes_again(ready: Home, tmp_path: Path) -> None:
    first = export_wide(ready, "alpha", "all", "d1", tmp_path / "plan.yaml")
    second = export_wide(ready, "alpha", "all", "d2", tmp_path / "plan.yaml")
    assert first.sha256 == second.sha256
    ids = pq.read_table(first.folder / "data.parquet")["person_id"].to_pylist()
    assert ids == sorted(ids)
    with pytest.raises(SettingsError, match="the dataset exists"):
        export_wide(ready, "alpha", "all", "d1", tmp_path / "plan.yaml")


def test_a_small_cohort_is_not_exported(ready: Home, tmp_path: Path) -> None:
    (tmp_path / "few.sql").write_text(COHORT + "LIMIT 9")
    run_cohort(ready, "alpha", "few", tmp_path / "few.sql")
    with pytest.raises(DisclosureError) as caught:
        export_wide(ready, "alpha", "few", "d1", tmp_path / "plan.yaml")
    assert caught.value.exit_code == 14
    assert not list((ready.exports / "alpha").iterdir())


def test_all_faults_of_a_plan_at_once(ready: Home, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(
        "variables:\n"
        "  - {name: A, table: measurement, concept_id: 1}\n"
        "  - {name: b, table: measurment, concept_id: 1}\n"
        "  - {name: c, table: measurement}\n"
        "  - {name: d, table: condition_occurrence, concept_id: 1, value: number}\n"
    )
    with pytest.raises(SettingsError) as caught:
        export_wide(ready, "alpha", "all", "d1", tmp_path / "bad.yaml")
    assert len(caught.value.faults) == 4


def test_an_unknown_cohort_offers_near_names(ready: Home, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="Did you mean: all"):
        export_wide(ready, "alpha", "alll", "d1", tmp_path / "plan.yaml")


def test_a_full_disk_leaves_nothing(
    ready: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(wide_module, "write_parquet", full)
        with pytest.raises(DiskError):
            export_wide(ready, "alpha", "all", "d1", tmp_path / "plan.yaml")
    assert not list((ready.exports / "alpha").iterdir())
    export_wide(ready, "alpha", "all", "d1", tmp_path / "plan.yaml")


def test_what_a_companion_writes_belongs_to_the_dataset(ready: Home, tmp_path: Path) -> None:
    seen: list[list[int]] = []

    def companion(folder: Path, release: Path, person_id: pa.Array) -> Beside:
        assert release.name == "r1"
        seen.append(person_id.to_pylist())
        (folder / "audit.json").write_text("{}")
        rai = {"rai:dataBiases": ["Few old people."]}
        return Beside({"audit": {"file": "audit.json"}}, ["## Who is missing"], rai,
                      {"audit.json": "The audit."})  # fmt: skip

    made = export_wide(ready, "alpha", "all", "d1", tmp_path / "plan.yaml", companion=companion)
    assert seen == [pq.read_table(made.folder / "data.parquet")["person_id"].to_pylist()]
    manifest = json.loads((made.folder / "manifest.json").read_text())
    assert manifest["audit"] == {"file": "audit.json"}
    assert set(manifest["sha256"]) == {p.name for p in made.folder.iterdir()} - {"manifest.json"}
    card = json.loads((made.folder / "croissant.json").read_text())
    files = {f["@id"]: f["sha256"] for f in card["distribution"]}
    assert files == {n: manifest["sha256"][n] for n in ("audit.json", "data.parquet",
                                                        "dictionary.csv")}  # fmt: skip
    assert card["rai:dataBiases"] == ["Few old people."]
    assert "## Who is missing" in (made.folder / "card.md").read_text()
    columns = pq.read_schema(made.folder / "data.parquet").names
    assert [f["name"] for f in card["recordSet"][0]["field"]] == columns
    assert find_entry(ready, "alpha", "d1").sha256 == manifest["sha256"]["data.parquet"]


def test_a_companion_that_refuses_leaves_no_dataset(ready: Home, tmp_path: Path) -> None:
    def companion(folder: Path, release: Path, person_id: pa.Array) -> Beside:
        (folder / "weights.parquet").write_text("")
        raise QualityError(Fault("weights", "refused"))

    with pytest.raises(QualityError):
        export_wide(ready, "alpha", "all", "d1", tmp_path / "plan.yaml", companion=companion)
    assert not list((ready.exports / "alpha").iterdir())
