"""The starter vocabulary: which facts it holds, and that it can be made again."""

from __future__ import annotations

from pathlib import Path

import pyarrow.compute as pc
import pytest

from biobraid.ingest.vocabulary import (
    VOCABULARY_TABLES,
    read_stubs,
    starter_concepts,
    starter_table,
    starter_vocabulary,
)
from biobraid.ingest.vocabulary.make_starter import make_starter
from biobraid.ingest.vocabulary.tables import STARTER_FOLDER


def test_every_concept_id_is_there_once_and_every_row_has_an_origin() -> None:
    concepts = starter_concepts()
    assert pc.count_distinct(concepts["concept_id"]).as_py() == concepts.num_rows > 7_000
    for name in ("concept_name", "domain_id", "vocabulary_id", "concept_code", "origin"):
        assert concepts[name].null_count == 0
        assert pc.min(pc.utf8_length(concepts[name])).as_py() > 0


def test_concepts_that_every_warehouse_uses_are_there() -> None:
    known = starter_vocabulary().look_up([0, 8507, 8532, 9201, 38003564, 8876, 3004249, 32817])
    assert known[8507].concept_name == "MALE"
    assert known[8876].concept_code == "mm[Hg]"
    assert known[0].concept_name == "No matching concept"
    assert len(known) == 8


def test_an_id_that_no_source_verifies_is_a_stub() -> None:
    known = starter_vocabulary().look_up(int(row["concept_id"]) for row in read_stubs())
    assert {c.concept_name for c in known.values() if c.is_stub} == {"unverified"}
    assert known[32817].is_stub
    assert not starter_vocabulary().look_up([8507])[8507].is_stub


def test_all_ucum_units_of_the_shard_are_there() -> None:
    concepts = starter_concepts()
    assert concepts.filter(pc.equal(concepts["vocabulary_id"], "UCUM")).num_rows == 1_042


def test_relationships_and_ancestors_have_both_ends() -> None:
    ids = starter_concepts()["concept_id"]
    for table, ends in (
        ("concept_relationship", ("concept_id_1", "concept_id_2")),
        ("concept_ancestor", ("ancestor_concept_id", "descendant_concept_id")),
    ):
        rows = starter_table(table)
        for end in ends:
            assert pc.all(pc.is_in(rows[end], ids)).as_py()


def test_standard_concepts_map_to_themselves_and_nothing_maps_to_another_kind() -> None:
    concepts, rows = starter_concepts(), starter_table("concept_relationship")
    standard = concepts.filter(pc.equal(concepts["standard_concept"], "S"))["concept_id"]
    maps_to = rows.filter(pc.equal(rows["relationship_id"], "Maps to"))
    itself = maps_to.filter(pc.equal(maps_to["concept_id_1"], maps_to["concept_id_2"]))
    assert set(itself["concept_id_1"].to_pylist()) == set(standard.to_pylist())
    assert pc.all(pc.is_in(maps_to["concept_id_2"], standard)).as_py()


def test_where_sources_disagree_the_newer_release_wins() -> None:
    known = starter_vocabulary().look_up([4163872, 4163874])
    assert known[4163872].concept_name == "Plain X-ray of chest"  # "Plain chest X-ray" in 2022
    assert known[4163874].standard_concept is None  # standard in 2022


def test_every_table_has_omops_columns_and_every_used_name_its_row() -> None:
    concepts = starter_concepts()
    for name, schema in VOCABULARY_TABLES.items():
        assert starter_table(name).schema == schema
    for table in ("vocabulary", "domain", "concept_class"):
        names = starter_table(table)[f"{table}_id"].to_pylist()
        assert set(concepts[f"{table}_id"].to_pylist()) <= set(names)


def test_the_shipped_files_are_small() -> None:
    assert sum(path.stat().st_size for path in STARTER_FOLDER.iterdir()) < 2_000_000


@pytest.mark.shared
@pytest.mark.slow
def test_making_it_again_gives_the_shipped_rows(shared_data: Path, tmp_path: Path) -> None:
    import gzip

    make_starter(shared_data, tmp_path)
    shipped = {p.name: gzip.decompress(p.read_bytes()) for p in STARTER_FOLDER.iterdir()}
    made = {p.name: gzip.decompress(p.read_bytes()) for p in tmp_path.iterdir()}
    assert made == shipped
