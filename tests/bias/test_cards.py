"""Cards: Croissant's shape, the RAI fields, and the mapping that users complete."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from biobraid.core.errors import SettingsError
from biobraid.export.croissant import dataset_croissant, moved, release_croissant, with_file
from biobraid.quality.bias.sentences import card_sentences, rai_fields
from biobraid.quality.bias.standing import HEADER, MAPPING, write_mapping
from biobraid.quality.bias.tables import TABLES, row_of


def content(**tables: list[dict[str, Any]]) -> dict[str, Any]:
    """The suppressed form of an audit with few rows."""
    made = {t: [row_of(t, r) for r in tables.get(t, [])] for t in TABLES}
    return {
        "reference_id": "demo", "min_cell": 10, "tables": made,
        "verdicts": dict.fromkeys(tables, "fail"),
        "not_assessed": {"drift": "needs two sides", "leakage": "audits an export"},
    }  # fmt: skip


WOMEN = {"attribute": "sex", "scheme": "omop-gender", "level": "female", "n": 600, "share": 0.6,
         "reference_share": 0.5, "smd": 0.2, "verdict": "watch", "reason": "|SMD| 0.2"}  # fmt: skip
GAP = {"variable": "1", "label": "HbA1c", "attribute": "sex", "level": "*", "n": 600, "rate": 0.3,
       "cramers_v": 0.2, "verdict": "fail", "reason": "V"}  # fmt: skip


@pytest.fixture
def dataset(tmp_path: Path) -> tuple[Path, dict[str, Any]]:
    """A folder with data and weights, and its manifest."""
    data = {"person_id": [1, 2], "bmi": [21.0, None], "bmi__absent_reason": [None, "unknown"],
            "case": [True, False], "first": pa.array([1, None], pa.date32())}  # fmt: skip
    pq.write_table(pa.table(data), tmp_path / "data.parquet")
    weights = {"person_id": [1, 2], "weight_set_id": ["w", "w"], "weight": [1.0, 1.0]}
    pq.write_table(pa.table(weights), tmp_path / "weights.parquet")
    manifest = {
        "dataset": "d1", "project": "alpha", "release": "r1", "cohort": "all", "title": "Body mass",
        "purpose": "", "sha256": dict.fromkeys(("data.parquet", "weights.parquet"), "ab" * 32),
        "plan": {"variables": [{"name": "bmi", "label": "Body mass index"},
                               {"name": "case", "label": "", "impute": {"plan": "labs"}}],
                 "publication": {"licence": "https://example.org/terms", "creator": "A Biobank",
                                 "url": "", "published_on": "2026-01-31"}},
    }  # fmt: skip
    return tmp_path, manifest


def test_the_description_has_croissant_s_shape(dataset: tuple[Path, dict[str, Any]]) -> None:
    folder, manifest = dataset
    words = {"weights.parquet": "One weight per person."}
    made = json.loads(json.dumps(dataset_croissant(manifest, folder, words, {})))
    context = made["@context"]
    assert context["@vocab"] == "https://schema.org/"
    assert context["cr"] == "http://mlcommons.org/croissant/"
    assert context["rai"] == "http://mlcommons.org/croissant/RAI/"
    assert {"citeAs", "column", "dataType", "extract", "field", "fileObject", "recordSet",
            "source", "sc", "dct", "conformsTo", "key"} <= set(context)  # fmt: skip
    assert made["@type"] == "sc:Dataset"
    assert made["conformsTo"] == ["http://mlcommons.org/croissant/1.0",
                                  "http://mlcommons.org/croissant/RAI/1.0"]  # fmt: skip
    assert made["name"] == "d1" and made["description"] and made["version"].startswith("1.0.0+")
    assert made["license"] == "https://example.org/terms"
    assert made["datePublished"] == "2026-01-31" and "url" not in made
    files = {f["@id"]: f for f in made["distribution"]}
    assert set(files) == {"data.parquet", "weights.parquet"}
    assert all(len(f["sha256"]) == 64 and f["encodingFormat"] for f in files.values())
    for record in made["recordSet"]:
        ids = [f["@id"] for f in record["field"]]
        assert len(ids) == len(set(ids)) and record["key"]["@id"] in ids
        for field in record["field"]:
            assert field["@type"] == "cr:Field"
            assert field["source"]["fileObject"]["@id"] in files
            assert field["source"]["extract"]["column"] == field["name"]
    kinds = {f["name"]: f["dataType"] for f in made["recordSet"][0]["field"]}
    assert kinds == {"person_id": "sc:Integer", "bmi": "sc:Float", "bmi__absent_reason": "sc:Text",
                     "case": "sc:Boolean", "first": "sc:Date"}  # fmt: skip
    assert "case by plan labs" in made["rai:dataImputationProtocol"]


def test_a_licence_is_never_guessed(dataset: tuple[Path, dict[str, Any]]) -> None:
    folder, manifest = dataset
    manifest["plan"]["publication"] = None
    made = dataset_croissant(manifest, folder, {}, {})
    assert "Not for redistribution" in made["license"]
    assert not {"creator", "datePublished", "url", "citeAs"} & set(made)


def test_a_card_elsewhere_links_to_where_the_files_lie(
    dataset: tuple[Path, dict[str, Any]],
) -> None:
    folder, manifest = dataset
    there = moved(dataset_croissant(manifest, folder, {}, {}), folder, folder / "reports" / "x")
    made = with_file(there, "audit.json", "cd" * 32, "The audit.")
    links = {f["@id"]: f["contentUrl"] for f in made["distribution"]}
    assert links == {"audit.json": "audit.json", "data.parquet": "../../data.parquet"}
    release = release_croissant(
        {"project": "alpha", "release": "r1", "title": "", "purpose": "",
         "sha256": {"release.duckdb": "ef" * 32}}, {"rai:dataBiases": ["x"]})  # fmt: skip
    assert release["distribution"][0]["@id"] == "release.duckdb"
    assert release["rai:dataBiases"] == ["x"]


def test_rai_fields_have_the_types_of_rai_1_0() -> None:
    made = rai_fields(content(representativeness=[WOMEN], missingness=[GAP]))
    assert set(made) == {"rai:dataBiases", "rai:dataLimitations", "rai:dataCollectionMissingData"}
    assert "over-represented: 60% of the people" in made["rai:dataBiases"][0]
    assert isinstance(made["rai:dataCollectionMissingData"], str)
    assert "HbA1c depends on sex" in made["rai:dataCollectionMissingData"]
    none = rai_fields(content())
    assert none["rai:dataCollectionMissingData"].startswith("Having no value")
    assert len(card_sentences(content(representativeness=[WOMEN]))) >= 4


def test_the_mapping_is_prefilled_where_the_audit_answers(tmp_path: Path) -> None:
    path, counts = write_mapping(tmp_path, content(representativeness=[WOMEN], missingness=[GAP]))
    rows = {r["item"]: r for r in csv.DictReader(path.read_text("utf-8").splitlines())}
    assert path.name == MAPPING and tuple(next(iter(rows.values()))) == HEADER
    assert counts == {"to be completed": len(rows) - 2, "prefilled": 2}
    assert {r["part"] for r in rows.values()} == {"documentation", "use"}
    assert "female" in rows["D10"]["answer"]
    assert rows["D10"]["evidence"] == "audit.json, representativeness"
    assert rows["U3"]["state"] == rows["U3"]["answer"] == "to be completed"  # drift: not assessed
    assert {r["recommendation"] for r in rows.values()} == {""}
    assert not any(w in path.read_text("utf-8").lower() for w in ("complies", "compliant"))


def test_what_users_wrote_stays_when_the_mapping_is_refreshed(tmp_path: Path) -> None:
    path, _ = write_mapping(tmp_path, content(representativeness=[WOMEN]))
    rows = list(csv.DictReader(path.read_text("utf-8").splitlines()))
    by_item = {r["item"]: r for r in rows}
    by_item["D1"].update(state="completed", answer="Two lines,\nof ours", recommendation="1.1")
    by_item["D2"]["answer"] = "The steward"  # and forgot the state
    by_item["D10"]["recommendation"] = "1.7"
    with path.open("w", encoding="utf-8", newline="") as handle:
        sheet = csv.DictWriter(handle, HEADER)
        sheet.writeheader()
        sheet.writerows(rows)
    men = WOMEN | {"level": "male", "smd": -0.2, "share": 0.4}
    write_mapping(tmp_path, content(representativeness=[men]))
    with path.open(encoding="utf-8", newline="") as handle:
        after = {r["item"]: r for r in csv.DictReader(handle)}
    assert after["D1"]["answer"] == "Two lines,\nof ours" and after["D1"]["state"] == "completed"
    assert after["D2"]["answer"] == "The steward"
    assert "male (omop-gender) is under-represented" in after["D10"]["answer"]
    assert after["D10"]["recommendation"] == "1.7"
    before = (tmp_path / "standing_together.before.csv").read_text("utf-8")
    assert "female (omop-gender)" in before  # what was replaced is not lost
    path.write_text("a,b\n1,2\n")
    with pytest.raises(SettingsError, match="no column item"):
        write_mapping(tmp_path, content())
