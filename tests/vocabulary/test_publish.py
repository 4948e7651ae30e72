"""What the studies declare becomes vocab.* in one step, and only when it changes."""

from __future__ import annotations

from typing import Any

import pyarrow.dataset as ds
import pytest
import yaml

from biobraid.core.errors import SettingsError
from biobraid.core.home import Home
from biobraid.core.keys import concept_key
from biobraid.core.manifest import Manifest
from biobraid.core.study import Censoring, Study, read_study
from biobraid.ingest import catalog_tables
from biobraid.ingest.catalog_tables import TYPE_CONCEPTS, publish_catalog
from biobraid.ingest.vocabulary import (
    VOCABULARY_NOTE,
    VOCABULARY_TABLES,
    starter_vocabulary,
    vocabulary_in_force,
)
from tests.dictionaries.packs import small_study, write_pack

DICTIONARY = """
variable,label,type,unit,allowed_values,instance_rule
weight,Weight,number,lb,,
smoking,Smokes,code,,1=yes|2=no|-3=prefer not to answer,
"""
MAPPING = """
*,weight,,3025315,Measurement,9529,,scale,0.45359237,,APPROVED,
survey,smoking,-3,,,,,direct,,asked-declined,APPROVED,
survey,smoking,-9,,,,,direct,,unknown,APPROVED,
"""


def table(home: Home, name: str) -> list[dict[str, Any]]:
    """Rows of a vocab table in force."""
    with Manifest(home) as manifest:
        path, rows, _ = manifest.objects()[f"vocab.{name}"]
    found: list[dict[str, Any]] = ds.dataset(home.landing / path).to_table().to_pylist()
    assert len(found) == rows
    return found


def objects(home: Home) -> dict[str, tuple[str, int, str]]:
    """What is in force."""
    with Manifest(home) as manifest:
        return manifest.objects()


@pytest.fixture
def study(home: Home) -> Study:
    """A study with a dictionary and a mapping."""
    return small_study(home, dictionary=DICTIONARY, mapping=MAPPING)


def test_sources_variables_codes_and_mappings_are_published(home: Home, study: Study) -> None:
    publish_catalog(home, [study])
    sources = {row["source"]: row for row in table(home, "study_source")}
    assert sources["hospital"]["type_concept_id"] == 32817
    assert sources["survey"]["time_zone"] == "Europe/London"
    variables = {(r["source"], r["variable"]): r for r in table(home, "variable")}
    assert variables[("survey", "weight")]["ucum_unit"] == "[lb_us]"
    assert len(variables) == 4
    codes = {r["code"]: r for r in table(home, "variable_code") if r["source"] == "survey"}
    assert (codes["-3"]["meaning"], codes["-3"]["absent_reason"]) == (
        "prefer not to answer",
        "asked-declined",
    )
    assert codes["-9"]["absent_reason"] == "unknown"
    assert codes["1"]["absent_reason"] is None
    mapped = table(home, "mapping")
    assert {(r["source"], r["scale_factor"]) for r in mapped} == {
        ("hospital", 0.45359237),
        ("survey", 0.45359237),
    }
    assert mapped[0]["id_key"] == concept_key("measurement", 3025315)


def test_censoring_dates_are_published_by_source_and_region(home: Home, study: Study) -> None:
    rules = [
        Censoring(source="hospital", region="2", to="2018-08-31"),
        Censoring(source="hospital", region="1", to="2020-12-31"),
    ]
    publish_catalog(home, [study.model_copy(update={"censoring": rules})])
    assert table(home, "study_censoring") == [
        {"study": study.id, "source": "hospital", "region": region, "covers_to": to}
        for region, to in (("1", "2020-12-31"), ("2", "2018-08-31"))
    ]


@pytest.mark.parametrize(
    ("rules", "fault"),
    [
        ([{"source": "hospitl", "region": "1", "to": "2020-01-01"}], "did you mean hospital"),
        ([{"source": "hospital", "region": "1", "to": "2020"}], "to"),
        (2 * [{"source": "hospital", "region": "1", "to": "2020-01-01"}], "has two dates"),
    ],
)
def test_a_censoring_rule_that_cannot_hold_is_refused(
    home: Home, study: Study, rules: list[dict[str, str]], fault: str
) -> None:
    path = home.studies / study.id / "study.yaml"
    given = yaml.safe_load(path.read_text(encoding="utf-8")) | {"censoring": rules}
    path.write_text(yaml.safe_dump(given), encoding="utf-8")
    with pytest.raises(SettingsError, match=fault):
        read_study(path.parent)


def test_the_starter_vocabulary_is_published_with_origins(home: Home, study: Study) -> None:
    publish_catalog(home, [study])
    assert set(VOCABULARY_TABLES) <= {name.removeprefix("vocab.") for name in objects(home)}
    origins = {row["concept_id"]: row for row in table(home, "concept_origin")}
    assert origins[3025315]["id_key"] == concept_key("measurement", 3025315)
    assert origins[0]["id_key"] == 0
    assert origins[32817]["is_stub"]
    assert len(origins) == len(table(home, "concept"))


def test_publishing_again_changes_nothing(home: Home, study: Study) -> None:
    publish_catalog(home, [study])
    before = objects(home)
    publish_catalog(home, [study])
    assert objects(home) == before
    with Manifest(home) as manifest:
        assert manifest.sweep() == 0


def test_a_changed_mapping_changes_its_table_alone(home: Home, study: Study) -> None:
    publish_catalog(home, [study])
    before = objects(home)
    changed = small_study(
        home, dictionary=DICTIONARY, mapping=MAPPING.replace("0.45359237", "0.4536")
    )
    publish_catalog(home, [changed])
    after = objects(home)
    assert {name for name in after if after[name] != before[name]} == {"vocab.mapping"}
    with Manifest(home) as manifest:
        assert manifest.sweep() == 1


def test_rows_of_other_studies_stay_until_their_pack_is_gone(home: Home, study: Study) -> None:
    other = read_study(write_pack(home, "other", dictionary=DICTIONARY))
    publish_catalog(home, [study, other])
    both = objects(home)
    publish_catalog(home, [study])
    assert objects(home) == both
    for path in (home.studies / "other").iterdir():
        path.unlink()
    publish_catalog(home, [study])
    assert {row["study"] for row in table(home, "variable")} == {"small"}


def test_faults_of_all_studies_come_at_once_and_nothing_is_published(
    home: Home, study: Study
) -> None:
    bad = read_study(write_pack(home, "other", dictionary="variable,label,type\na,A,numbr\n"))
    write_pack(home, mapping="survey,weight,,x,Measurement,,,direct,,,,")
    with pytest.raises(SettingsError) as caught:
        publish_catalog(home, [study, bad])
    assert [fault.where for fault in caught.value.faults] == [
        "studies/small/mapping.csv, row 2",
        "studies/other/dictionary.csv, line 2",
    ]
    assert objects(home) == {}


def test_a_publication_killed_half_way_is_not_in_force(
    home: Home, study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(catalog_tables, "put_in_force", killed)
        with pytest.raises(KeyboardInterrupt):
            publish_catalog(home, [study])
    assert objects(home) == {}
    publish_catalog(home, [study])
    expected = objects(home)
    with Manifest(home) as manifest:
        assert manifest.sweep() == 0
    assert len(expected) == 19


def test_a_loaded_vocabulary_is_left_alone_and_looked_into(home: Home, study: Study) -> None:
    publish_catalog(home, [study])
    assert vocabulary_in_force(home) is starter_vocabulary()
    with Manifest(home) as manifest, manifest.transaction():
        manifest.set_note(VOCABULARY_NOTE, {"name": "athena", "version": "v5.0 31-AUG-26"})
    before = objects(home)
    publish_catalog(home, [study])
    assert objects(home) == before
    loaded = vocabulary_in_force(home)
    assert loaded.version == "v5.0 31-AUG-26"
    assert loaded.look_up([8507])[8507].concept_name == "MALE"


def test_source_codes_are_looked_up_without_dots(home: Home) -> None:
    found = starter_vocabulary().look_up_codes([("Visit", "I.P"), ("Visit", "XX")])
    assert found == {("Visit", "I.P"): 9201}


def test_the_type_concept_of_every_origin_is_in_the_vocabulary() -> None:
    known = starter_vocabulary().look_up(TYPE_CONCEPTS.values())
    assert set(TYPE_CONCEPTS.values()) <= set(known)
