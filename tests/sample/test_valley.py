"""The OMOP extract: columns of CDM 5.4, 64-bit ids, and keys that lead nowhere where planted."""

from __future__ import annotations

import csv

from biobraid.core.omop import cdm_fields
from tests.sample.conftest import Sample

TABLES = (
    "person", "observation_period", "visit_occurrence", "condition_occurrence", "drug_exposure",
    "procedure_occurrence", "measurement", "observation", "death", "note", "condition_era",
    "drug_era", "location", "care_site", "provider", "cdm_source",
)  # fmt: skip


def table(sample: Sample, name: str) -> list[dict[str, str]]:
    path = sample.deliveries / "valley" / f"{name}.csv"
    with path.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def test_tables_have_the_columns_of_the_standard(sample: Sample) -> None:
    for name in TABLES:
        standard = [f.name for f in cdm_fields() if f.table == name]
        columns = list(table(sample, name)[0])
        assert set(columns) <= set(standard), name
        if name not in ("location", "care_site", "provider", "cdm_source"):
            assert columns == standard, name


def test_ids_fill_sixty_four_bits_and_are_unique(sample: Sample) -> None:
    for name in TABLES[:-1]:
        rows = table(sample, name)
        key = "person_id" if name in ("person", "death") else f"{name}_id"
        ids = [int(r[key]) for r in rows]
        assert len(set(ids)) == len(ids), name
        assert all(-(2**63) <= i < 2**63 for i in ids)
        if len(ids) > 100:
            assert min(ids) < -(2**62) < 2**62 < max(ids)


def test_foreign_keys_dangle_where_truth_says(sample: Sample) -> None:
    persons = {r["person_id"] for r in table(sample, "person")}
    visits = {r["visit_occurrence_id"] for r in table(sample, "visit_occurrence")}
    lost: dict[tuple[str, str], int] = {}
    for name in TABLES[1:12]:
        for r in table(sample, name):
            if r["person_id"] not in persons:
                lost[("dangling-person", f"{name}.csv")] = 1
            if name != "visit_occurrence" and r.get("visit_occurrence_id") and (
                r["visit_occurrence_id"] not in visits
            ):  # fmt: skip
                key = ("dangling-visit", f"{name}.csv")
                lost[key] = lost.get(key, 0) + 1
    planted = {
        (defect, file): n for (defect, study, file, _), n in sample.defects().items()
        if study == "valley" and defect.startswith("dangling")
    }  # fmt: skip
    assert lost == planted
    assert len(planted) == 2


def test_rows_are_as_many_as_truth_says(sample: Sample) -> None:
    expected = sample.expected("valley")
    for (name, state), n in expected.items():
        assert state == "delivered"
        assert len(table(sample, name)) == n, name


def test_results_have_units_ranges_and_censored_values(sample: Sample) -> None:
    rows = table(sample, "measurement")
    assert all(r["unit_concept_id"] and r["unit_source_value"] for r in rows)
    censored = [r for r in rows if r["value_source_value"] == "<0.5"]
    assert censored
    assert {r["operator_concept_id"] for r in censored} == {"4171756"}
    assert {(r["range_low"], r["range_high"]) for r in rows} == {
        ("", ""),
        ("0", "5"),
        ("4.0", "5.6"),
    }
