"""A tiny Athena download, written as Athena writes it: tabs, no quotes, dates without dashes."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from pathlib import Path

from biobraid.core.home import Home
from biobraid.core.manifest import Manifest
from biobraid.ingest.vocabulary import VOCABULARY_TABLES

VERSION = "v5.0 31-AUG-26"
# id, name, domain, vocabulary, standard, code, invalid
CONCEPTS = (
    (0, "No matching concept", "Metadata", "None", "", "No matching concept", ""),
    (201826, "Type 2 diabetes mellitus", "Condition", "SNOMED", "S", "44054006", ""),
    (4193704, 'Type 2 diabetes "without" complication', "Condition", "SNOMED", "S", "313436004", ""),
    (442793, "Ménière's | disease, α-form", "Condition", "SNOMED", "S", "13445001", ""),
    (4099154, "Body weight", "Measurement", "SNOMED", "S", "27113001", ""),
    (40316773, "Prediabetes", "Condition", "SNOMED", "", "15777000", "U"),
    (73211009, "Disease (class)", "Condition", "SNOMED", "C", "64572001", ""),
    (45561952, "Type 2 diabetes, no complications", "Condition", "ICD10", "", "E11.9", ""),
    (45591000, "Ménière", "Condition", "ICD10", "", "H81.0", ""),
    (45591001, "History of something", "Observation", "ICD10", "", "Z99", ""),
    (45591002, "Withdrawn code", "Condition", "ICD10", "", "X99", "D"),
)  # fmt: skip
RELATIONSHIPS = (
    (201826, 201826, "Maps to"), (4193704, 4193704, "Maps to"), (442793, 442793, "Maps to"),
    (4099154, 4099154, "Maps to"), (40316773, 201826, "Maps to"),
    (45561952, 4193704, "Maps to"), (45591000, 442793, "Maps to"),
    (4193704, 201826, "Is a"), (201826, 4193704, "Subsumes"),
)  # fmt: skip
ANCESTORS = ((201826, 201826, 0), (201826, 4193704, 1), (4193704, 4193704, 0), (442793, 442793, 0))
DOMAINS = {"Metadata": 7, "Condition": 19, "Measurement": 21, "Observation": 27}


def write_download(
    folder: Path,
    *,
    concepts: Iterable[tuple[object, ...]] = CONCEPTS,
    relationships: Iterable[tuple[object, ...]] = RELATIONSHIPS,
    version: str = VERSION,
    more: dict[str, list[tuple[object, ...]]] | None = None,
) -> Path:
    """Write the nine files; `more` are further tables, such as CONCEPT_CPT4."""
    rows: dict[str, list[tuple[object, ...]]] = {
        "VOCABULARY": [("None", "OMOP Standardized Vocabularies", "ref", version, 0),
                       ("SNOMED", "SNOMED CT", "ref", "SNOMED 2026", 0),
                       ("ICD10", "ICD-10 (WHO)", "ref", "2021 Release", 0)],
        "DOMAIN": [(name, name, number) for name, number in DOMAINS.items()],
        "CONCEPT_CLASS": [("Clinical Finding", "Clinical Finding", 0), ("Undefined", "x", 0)],
        "RELATIONSHIP": [("Maps to", "Maps to", 0, 0, "Mapped from", 1),
                         ("Is a", "Is a", 1, 1, "Subsumes", 2)],
        "CONCEPT": [concept_row(*row) for row in concepts],
        "DRUG_STRENGTH": [(4099154, 4193704, 2.5, 8576, "", "", "", "", 30, *_DAYS, "")],
        "CONCEPT_SYNONYM": [(442793, 'Morbus "Ménière"', 4180186)],
        "CONCEPT_RELATIONSHIP": [(*row, *_DAYS, "") for row in relationships],
        "CONCEPT_ANCESTOR": [(a, d, n, n) for a, d, n in ANCESTORS],
    }  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    for name, lines in (rows | (more or {})).items():
        columns = VOCABULARY_TABLES["concept" if name == "CONCEPT_CPT4" else name.lower()].names
        text = "".join("\t".join(map(str, line)) + "\n" for line in [tuple(columns), *lines])
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder


_DAYS = ("19700101", "20991231")


def concept_row(
    concept_id: object, name: str, domain: str, vocabulary: str, standard: str, code: str,
    invalid: str,
) -> tuple[object, ...]:  # fmt: skip
    """A row of CONCEPT in the standard's order."""
    days = (_DAYS[0], "20211231" if invalid else _DAYS[1])
    return (
        concept_id,
        name,
        domain,
        vocabulary,
        "Clinical Finding",
        standard,
        code,
        *days,
        invalid,
    )


def replaced(concept_id: int, **new: str) -> list[tuple[object, ...]]:
    """CONCEPTS with some fields of one concept changed."""
    names = ("concept_id", "name", "domain", "vocabulary", "standard", "code", "invalid")
    return [
        tuple(new.get(n, v) for n, v in zip(names, row, strict=True))
        if row[0] == concept_id
        else row
        for row in CONCEPTS
    ]


def zip_download(folder: Path) -> Path:
    """The files of a folder in a zip beside it, inside a folder, as browsers pack them."""
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.iterdir()):
            archive.write(file, f"vocabulary_download/{file.name}")
            archive.writestr(f"__MACOSX/vocabulary_download/._{file.name}", b"junk")
    return path


def in_force(home: Home) -> dict[str, tuple[str, int, str]]:
    """Vocabulary tables in force, without those that studies declare."""
    with Manifest(home) as manifest:
        return {n: o for n, o in manifest.objects().items() if n.startswith("vocab.")}


def spoil(folder: Path, table: str, old: str, new: str) -> None:
    """Replace a text in one of the files."""
    path = folder / f"{table}.csv"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
