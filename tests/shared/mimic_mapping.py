"""mapping.csv of a MIMIC-IV pack from the public maps of its item ids.

The maps are CSV files of mimic-code and of OHDSI/MIMIC, which the project does not copy.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from pathlib import Path

from biobraid.ingest.mappings.read import MAPPING_COLUMNS, REQUIRED_COLUMNS
from biobraid.ingest.vocabulary.tables import starter_concepts

ITEMS, LABITEMS = "mimic4_synthetic:items", "mimic4_synthetic:labitems"
MEDICATIONS = "mimic4_synthetic:medication"
# file, code system, columns of item id and concept; the first that maps an item wins
_MAPS = (
    ("d_labitems_to_loinc.csv", LABITEMS, "itemid (omop_source_code)", "omop_concept_id"),
    ("meas_chartevents_main.csv", ITEMS, "itemid (omop_source_code)", "omop_concept_id"),
    ("outputevents_to_loinc.csv", ITEMS, "itemid (omop_source_code)", "omop_concept_id"),
    ("inputevents_to_rxnorm.csv", ITEMS, "itemid (omop_source_code)", "omop_concept_id"),
    ("proc_itemid.csv", ITEMS, "itemid (omop_source_code)", "omop_concept_id"),
    ("proc_datetimeevents.csv", ITEMS, "itemid (omop_source_code)", "omop_concept_id"),
    ("d_items_to_concept.csv", ITEMS, "itemid", "target_concept_id"),
)


def add_item_maps(mapping: Path, maps: Path, delivery: Path) -> None:
    """Append the maps of items and drug names to a pack's mapping.csv.

    Only concepts of the starter vocabulary are taken; drug names are compared with the names
    of its RxNorm ingredients and stay UNCHECKED.
    """
    concepts = {row["concept_id"]: row for row in starter_concepts().to_pylist()}
    done: dict[tuple[str, str], tuple[int, str, str]] = {}
    for name, system, item, concept in _MAPS:
        with (maps / name).open(encoding="utf-8-sig", newline="") as file:
            for row in csv.DictReader(file):
                key = (system, row[item].strip())
                if key[1] and row[concept].isdigit() and int(row[concept]) in concepts:
                    done.setdefault(key, (int(row[concept]), "APPROVED", row["label"]))
    ingredients = {
        row["concept_name"].lower(): concept_id
        for concept_id, row in concepts.items()
        if row["vocabulary_id"] == "RxNorm" and row["concept_class_id"] == "Ingredient"
    }
    for system, code, drug in _drugs(delivery):
        for word in (drug.lower(), drug.lower().split()[0].split("-")[0]):
            if word in ingredients:
                done.setdefault((system, code), (ingredients[word], "UNCHECKED", drug))
    columns = [*REQUIRED_COLUMNS, *MAPPING_COLUMNS]
    with mapping.open("a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        for (system, code), (concept_id, status, comment) in sorted(done.items()):
            writer.writerow(
                dict.fromkeys(columns, "")
                | {
                    "source": "*",
                    "variable": system,
                    "source_code": code,
                    "target_concept_id": concept_id,
                    "target_domain_id": concepts[concept_id]["domain_id"],
                    "rule": "direct",
                    "status": status,
                    "comment": comment,
                }
            )


def _drugs(delivery: Path) -> Iterator[tuple[str, str, str]]:
    """(code system, code, name) of the drugs that were delivered."""
    for table, system, code, name in (
        ("prescriptions", "NDC", "ndc", "drug"),
        ("emar", MEDICATIONS, "medication", "medication"),
    ):
        (path,) = delivery.glob(f"**/hosp/{table}.csv.gz")
        with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                if row[code] and row[code] != "0":
                    yield system, row[code], row[name]
