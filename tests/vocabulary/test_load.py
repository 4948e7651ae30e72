"""An Athena download takes the place of the starter: from a folder, a zip or Parquet."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from biobraid.core.home import Home
from biobraid.core.keys import concept_key
from biobraid.core.manifest import Manifest
from biobraid.ingest.vocabulary import VOCABULARY_TABLES, starter_vocabulary, vocabulary_in_force
from biobraid.ingest.vocabulary.check_loaded import UNNAMED_CPT4
from biobraid.ingest.vocabulary.load import load
from biobraid.ingest.vocabulary.status import vocabulary_status
from tests.vocabulary.download import (
    CONCEPTS,
    RELATIONSHIPS,
    VERSION,
    in_force,
    write_download,
    zip_download,
)


def rows(home: Home, query: str, *names: str) -> list[tuple[Any, ...]]:
    """A query with `?` for each named vocabulary table in force."""
    objects = in_force(home)
    paths = [str(home.landing / objects[f"vocab.{name}"][0]) for name in names]
    return duckdb.execute(query, paths).fetchall()


@pytest.fixture
def loaded(home: Home, tmp_path: Path) -> Home:
    """A home with the tiny download in force."""
    load(home, write_download(tmp_path / "athena"))
    return home


def test_concepts_are_those_of_the_download_with_every_character(loaded: Home) -> None:
    found = rows(
        loaded,
        "SELECT concept_id, concept_name, standard_concept, valid_end_date, invalid_reason"
        " FROM read_parquet(?) WHERE vocabulary_id IN ('SNOMED', 'ICD10') AND concept_id NOT IN (4171754, 4171755, 4171756, 4172704, 4180186)"
        " ORDER BY concept_id",
        "concept",
    )
    assert found == sorted(
        (i, name, standard or None, date(2021, 12, 31) if bad else date(2099, 12, 31), bad or None)
        for i, name, _, vocabulary, standard, _, bad in CONCEPTS
        if vocabulary != "None"
    )
    assert ("Morbus \"Ménière\"",) in rows(
        loaded, "SELECT concept_synonym_name FROM read_parquet(?)", "concept_synonym"
    )  # fmt: skip
    strength = "SELECT amount_value, numerator_value, box_size FROM read_parquet(?)"
    assert rows(loaded, strength, "drug_strength") == [(2.5, None, 30)]


def test_the_starter_gives_way_but_for_what_the_download_was_not_asked_for(loaded: Home) -> None:
    origins = dict(rows(loaded, "SELECT concept_id, origin FROM read_parquet(?)", "concept_origin"))
    athena = f"Athena {VERSION}"
    assert {origins[row[0]] for row in CONCEPTS} == {athena}
    assert "stub" in origins[32817], "the type of hospital records, which our models name"
    assert origins[8507] != athena, "a vocabulary that the download does not have"
    assert 4329847 not in origins, "SNOMED is the download's alone"
    names = {i for (i,) in rows(loaded, "SELECT vocabulary_id FROM read_parquet(?)", "vocabulary")}
    assert {"None", "SNOMED", "ICD10", "Type Concept", "UCUM"} <= names
    lost = rows(
        loaded,
        "SELECT COUNT(*) FROM read_parquet(?) AS r WHERE concept_id_1 NOT IN"
        " (SELECT concept_id FROM read_parquet(?))",
        "concept_relationship",
        "concept",
    )
    assert lost == [(0,)]


def test_keys_of_concepts_are_those_that_mappings_use(loaded: Home) -> None:
    keys = dict(rows(loaded, "SELECT concept_id, id_key FROM read_parquet(?)", "concept_origin"))
    assert keys[201826] == concept_key("condition_occurrence", 201826)
    assert keys[4099154] == concept_key("measurement", 4099154)
    assert keys[0] == 0
    assert len(keys) == in_force(loaded)["vocab.concept"][1]


def test_a_zip_gives_the_same_tables_as_the_folder(loaded: Home, tmp_path: Path) -> None:
    before = in_force(loaded)
    archive = zip_download(tmp_path / "athena")
    again = load(loaded, archive)
    assert in_force(loaded) == before
    assert again.version == VERSION
    assert not loaded.vocabulary_stage.exists()


@pytest.mark.parametrize("in_zip", [False, True])
def test_parquet_and_iso_dates_are_read_too(home: Home, tmp_path: Path, in_zip: bool) -> None:
    folder = write_download(tmp_path / "athena")
    for name in ("CONCEPT", "CONCEPT_RELATIONSHIP"):
        path = folder / f"{name}.csv"
        lines = [line.split("\t") for line in path.read_text().splitlines()]
        columns = dict(zip(lines[0], zip(*lines[1:], strict=True), strict=True))
        table = pa.table({k: pa.array(v) for k, v in columns.items()})
        kinds = {f.name: f.type for f in VOCABULARY_TABLES[name.lower()]}
        for at, column in enumerate(table.column_names):
            if pa.types.is_integer(kinds[column]):
                table = table.set_column(at, column, table[column].cast(pa.int32()))
        pq.write_table(table, folder / f"{name.lower()}.parquet")
        path.unlink()
    ancestors = folder / "DRUG_STRENGTH.csv"
    ancestors.write_text(
        ancestors.read_text().replace("19700101\t20991231", "1970-01-01\t2099-12-31")
    )
    load(home, zip_download(folder) if in_zip else folder)
    query = (
        "SELECT COUNT(*), MIN(valid_end_date) FROM read_parquet(?) WHERE vocabulary_id = 'ICD10'"
    )
    assert rows(home, query, "concept") == [(4, date(2021, 12, 31))]
    assert rows(home, "SELECT valid_start_date FROM read_parquet(?)", "drug_strength") == [
        (date(1970, 1, 1),)
    ]


def test_loading_the_same_again_changes_nothing(loaded: Home, tmp_path: Path) -> None:
    before = in_force(loaded)
    load(loaded, tmp_path / "athena")
    assert in_force(loaded) == before
    assert (vocabulary_status(loaded)["previous"] or {})["name"] == "starter"


def test_the_vocabulary_before_is_kept_for_comparing_and_one_before_it_is_not(
    loaded: Home, tmp_path: Path
) -> None:
    write_download(tmp_path / "next", concepts=CONCEPTS[:-1], version="v5.0 30-NOV-26")
    load(loaded, tmp_path / "next")
    status = vocabulary_status(loaded)
    assert (status["version"], status["previous"]["version"]) == ("v5.0 30-NOV-26", VERSION)
    files = {path.name for path in (loaded.landing / "vocab").iterdir()}
    with Manifest(loaded) as manifest:
        assert files == {Path(path).name for path, _, _ in manifest.objects().values()}


def test_cpt4_concepts_without_names_are_kept_and_counted(home: Home, tmp_path: Path) -> None:
    cpt4 = [
        (2414397, "", "Observation", "CPT4", "CPT4", "S", "99213", "19700101", "20991231", ""),
        (2414398, "", "Observation", "CPT4", "CPT4", "S", "99214", "19700101", "20991231", ""),
    ]
    named = (2414398, "Office visit", "Observation", "CPT4", "S", "99214", "")
    folder = write_download(
        tmp_path / "athena", concepts=[*CONCEPTS, named], more={"CONCEPT_CPT4": cpt4}
    )
    loaded = load(home, folder)
    assert loaded.warnings[UNNAMED_CPT4] == 1
    assert rows(
        home,
        "SELECT concept_name FROM read_parquet(?) WHERE vocabulary_id = 'CPT4' ORDER BY concept_id",
        "concept",
    ) == [("CPT4 99213 (no name in the download)",), ("Office visit",)]


def test_relationships_to_nowhere_are_counted(home: Home, tmp_path: Path) -> None:
    folder = write_download(
        tmp_path / "athena", relationships=[*RELATIONSHIPS, (201826, 999, "Is a")]
    )
    warnings = load(home, folder).warnings
    assert warnings["rows of concept_relationship whose concepts are not in CONCEPT"] == 1


def test_a_dry_run_says_what_would_come_and_changes_nothing(home: Home, tmp_path: Path) -> None:
    folder = write_download(tmp_path / "athena")
    before = {path for path in home.root.rglob("*") if path.name != "manifest.sqlite"}
    found = load(home, folder, dry_run=True)
    assert (found.version, found.files["domain"]) == (
        VERSION,
        (folder / "DOMAIN.csv").stat().st_size,
    )
    assert {path for path in home.root.rglob("*") if path.name != "manifest.sqlite"} == before
    assert vocabulary_in_force(home) is starter_vocabulary()


@pytest.mark.shared
def test_a_published_omop_sample_can_be_loaded(home: Home, shared_data: Path) -> None:
    archive = shared_data / "omop_synthea27nj" / "Synthea27NjParquet_5.4.zip"
    loaded = load(home, archive, is_extract=True)
    assert loaded.version == "v5.0 09-APR-22*"
    assert loaded.rows["concept"] == 2294 + loaded.kept_from_starter
    assert loaded.warnings["rows of concept_relationship whose concepts are not in CONCEPT"] > 0
