"""What may name somebody never lands unless the study says so; every such cell is counted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.omop.reader import details, read

NOTE = """
    note_id,person_id,note_date,note_type_concept_id,note_class_concept_id,note_title,note_text,encoding_concept_id,language_concept_id
    1,1,2020-01-02,44814637,706391,About Zzyzxcanary,Zzyzxcanary came today,32678,4180186
    """


def _said(rule: str, *names: str) -> list[dict[str, str]]:
    return [{"variable": name, "rule": rule, "reason": "this test says so"} for name in names]


def test_of_a_note_only_what_is_about_it_lands(tmp_path: Path) -> None:
    found = read(tmp_path / "note.csv", NOTE)
    assert found.books == (1, 1, 0, 0)
    assert found.ignored == {"free-text-undeclared": 2}
    assert "Zzyzxcanary" not in repr(found.tables)
    assert details(found, "note").keys() == {"encoding_concept_id", "language_concept_id"}


@pytest.mark.parametrize("rule", ["allow", "vault", "drop"])
def test_the_study_may_say_what_becomes_of_text(tmp_path: Path, rule: str) -> None:
    found = read(tmp_path / "note.csv", NOTE, free_text=_said(rule, "note_text", "note.note_title"))
    assert ("note_text" in details(found, "note")) == (rule == "allow")
    in_vault = [value for kind, value in found.identities if kind == "free_text"]
    assert len(in_vault) == found.tally.facts_to_vault == (2 if rule == "vault" else 0)
    assert found.ignored == ({"free-text-dropped": 2} if rule == "drop" else {})


def test_serial_numbers_and_tubes_go_to_the_vault(tmp_path: Path) -> None:
    device = read(
        tmp_path / "device_exposure.csv",
        """
        device_exposure_id,person_id,device_concept_id,device_exposure_start_date,unique_device_id,production_id
        1,1,4217646,2020-01-02,(01)Zzyzxcanary,LOTZzyzxcanary
        """,
    )
    assert "Zzyzxcanary" not in repr(device.tables)
    kinds = [kind for kind, _ in device.identities]
    assert kinds.count("device_serial") == device.tally.facts_to_vault == 2
    tube = read(
        tmp_path / "specimen.csv",
        """
        specimen_id,person_id,specimen_concept_id,specimen_date,specimen_source_id,specimen_source_value
        1,1,4001225,2020-01-02,TUBEZzyzxcanary,blood
        """,
    )
    assert ("sample_id", "TUBEZzyzxcanary") in tube.identities
    assert "Zzyzxcanary" not in repr(tube.tables)
    assert tube.rows("raw.event", "code") == [("blood",)]


def test_of_places_and_doctors_no_name_or_address_lands(tmp_path: Path) -> None:
    provider = read(
        tmp_path / "provider.csv",
        """
        provider_id,provider_name,npi,dea,specialty_concept_id,provider_source_value
        1,Dr Zzyzxcanary,1Zzyzxcanary,2Zzyzxcanary,38004446,Zzyzxcanary
        """,
    )
    assert provider.ignored == {"identifier-undeclared": 4}
    location = read(
        tmp_path / "location.csv",
        """
        location_id,address_1,city,state,zip,county,latitude,longitude,location_source_value,country_concept_id
        1,Zzyzxcanary 1,Zzyzxcanary,NY,Zzyzxcanary,Zzyzxcanary,1.5,2.5,Zzyzxcanary,4330435
        """,
        free_text=_said("allow", "latitude", "longitude"),
    )
    assert location.ignored == {"identifier-undeclared": 5}
    assert details(location, "location") == {
        "state": {"NY"},
        "country_concept_id": {"4330435"},
        "latitude": {"1.5"},
        "longitude": {"2.5"},
    }
    assert "Zzyzxcanary" not in repr(provider.tables) + repr(location.tables)


def test_a_visits_own_number_lands_only_if_allowed(tmp_path: Path) -> None:
    text = """
        visit_occurrence_id,person_id,visit_concept_id,visit_start_date,visit_source_value
        1,1,9201,2020-01-02,Zzyzxcanary
        """
    given: dict[str, Any] = {}
    found = read(tmp_path / "visit_occurrence.csv", text, **given)
    assert found.rows("raw.event", "code") == [(None,)]
    assert found.ignored == {"identifier-undeclared": 1}
    found = read(
        tmp_path / "visit_occurrence.csv", text, free_text=_said("allow", "visit_source_value")
    )
    assert found.rows("raw.event", "code") == [("Zzyzxcanary",)]


def test_columns_beyond_the_standard_are_counted_and_may_be_identities(tmp_path: Path) -> None:
    text = """
        person_id,gender_concept_id,year_of_birth,src_id,nhs_number
        1,8507,1950,EHR site 42,9434765919
        """
    found = read(tmp_path / "person.csv", text)
    assert found.ignored == {"extra-column": 2}
    found = read(tmp_path / "person.csv", text, identity={"nhs_number": "nhs_number"})
    assert ("nhs_number", "9434765919") in found.identities
    assert found.ignored == {"extra-column": 1}
    extension = read(tmp_path / "person_ext.csv", "person_id,src_id\n1,EHR site 42\n")
    assert (extension.books, extension.ignored) == ((1, 0, 0, 1), {"extension-table": 1})
