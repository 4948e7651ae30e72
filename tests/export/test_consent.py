"""A release holds exactly what the participants allow, derived tables included."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from biobraid.core.home import Home
from biobraid.export.project import OpenProject, create_project
from biobraid.export.release import DATABASE, release
from tests.export.conftest import GLUCOSE, N_PERSONS, person, put_links, rows


def made(bank: Home, name: str = "r") -> Path:
    """An internal release: consent applies, and own ids make it readable."""
    return release(bank, None, name, internal=True).folder / DATABASE


def persons_of(database: Path, table: str, where: str = "TRUE") -> set[Any]:
    return {r[0] for r in rows(database, f"SELECT person_id FROM r.{table} WHERE {where}")}


def tables_by_person(database: Path) -> list[str]:
    return [
        str(r[0])
        for r in rows(
            database,
            "SELECT schema_name || '.' || table_name FROM duckdb_columns() "
            "WHERE database_name = 'r' AND column_name = 'person_id'",
        )
    ]


def test_the_withdrawn_and_the_quarantined_are_nowhere(bank: Home) -> None:
    put_links(bank, {3: "withdrawn", 4: "quarantined"})
    database = made(bank)
    for table in tables_by_person(database):
        found = persons_of(database, table)
        assert not {person(3), person(4)} & found, table
    assert len(persons_of(database, "cdm.person")) == N_PERSONS - 2


def test_a_withdrawal_counts_before_the_next_build(bank: Home, alpha: OpenProject) -> None:
    first = release(bank, "alpha", "before")
    put_links(bank, {3: "withdrawn"})
    second = release(bank, "alpha", "after")
    assert (first.n_persons, second.n_persons) == (N_PERSONS, N_PERSONS - 1)


def test_refused_imaging_is_absent_with_all_that_derives_from_it(bank: Home) -> None:
    put_links(bank, consents=[(5, "imaging", "refused", None, "2021-01-01")])
    database = made(bank)
    scanned = f"measurement_concept_id = {GLUCOSE}"
    assert person(5) not in persons_of(database, "cdm.measurement", scanned)
    assert person(6) in persons_of(database, "cdm.measurement", scanned)
    assert person(5) in persons_of(database, "cdm.measurement", f"NOT {scanned}")
    assert person(5) not in persons_of(database, "mart.modality", "modality = 'imaging'")
    assert person(5) in persons_of(database, "mart.modality", "modality = 'questionnaire'")
    assert person(5) not in persons_of(database, "mart.source_coverage", "source = 'scanner'")
    assert rows(
        database, f"SELECT n_studies, n_rows FROM r.mart.participant WHERE person_id = {person(5)}"
    ) == [(None, None)]


def test_refused_health_records_take_conditions_visits_and_death(bank: Home) -> None:
    put_links(bank, consents=[(10, "health_record", "refused", None, None)])
    database = made(bank)
    for table in ("cdm.condition_occurrence", "cdm.visit_occurrence", "cdm.death"):
        assert person(10) not in persons_of(database, table), table
        assert person(20) in persons_of(database, table), table
    assert person(10) not in persons_of(database, "mart.participant", "death_date IS NOT NULL")
    assert person(20) in persons_of(database, "mart.participant", "death_date IS NOT NULL")


def test_refused_questionnaire_takes_ethnicity_but_not_sex_and_birth(bank: Home) -> None:
    put_links(bank, consents=[(8, "questionnaire", "refused", None, None)])
    database = made(bank)
    assert rows(
        database,
        "SELECT gender_concept_id, year_of_birth, race_concept_id, race_source_value "
        f"FROM r.cdm.person WHERE person_id = {person(8)}",
    ) == [(8507, 1948, 0, None)]
    assert rows(
        database,
        f"SELECT attribute, level FROM r.mart.person_attribute WHERE person_id = {person(8)} "
        "ORDER BY 1",
    ) == [("age_band", "70-79"), ("sex", "male")]


def test_data_after_a_no_access_withdrawal_is_dropped(bank: Home) -> None:
    put_links(bank, consents=[(12, "*", "withdrawn", "no_access", "2020-06-30")])
    database = made(bank)
    own = f"person_id = {person(12)}"
    assert rows(
        database, f"SELECT CAST(measurement_date AS VARCHAR) FROM r.cdm.measurement WHERE {own}"
    ) == [("2020-01-13",)]
    assert persons_of(database, "cdm.condition_occurrence", own) == set()
    assert rows(
        database,
        f"SELECT CAST(observation_period_start_date AS VARCHAR), "
        f"CAST(observation_period_end_date AS VARCHAR) FROM r.cdm.observation_period WHERE {own}",
    ) == [("2020-01-13", "2020-06-30")]
    assert rows(
        database,
        "SELECT DISTINCT CAST(covered_to AS VARCHAR), end_reason FROM r.mart.source_coverage "
        f"WHERE {own}",
    ) == [("2020-06-30", "censored")]


def test_no_contact_limits_nothing_and_no_use_everything(bank: Home) -> None:
    put_links(
        bank,
        consents=[
            (14, "*", "withdrawn", "no_contact", "2020-06-30"),
            (16, "*", "withdrawn", "no_use", "2020-06-30"),
        ],
    )
    found = persons_of(made(bank), "cdm.person")
    assert person(14) in found
    assert person(16) not in found


def test_a_refusal_of_all_is_lifted_by_a_later_consent_to_one(bank: Home) -> None:
    put_links(
        bank,
        consents=[
            (18, "*", "refused", None, "2020-01-01"),
            (18, "imaging", "given", None, "2021-01-01"),
            (22, "*", "refused", None, "2021-01-01"),
            (22, "imaging", "given", None, "2020-01-01"),
            (24, "*", "given", None, "2022-01-01"),
            (24, "imaging", "refused", None, "2020-01-01"),
        ],
    )
    found = rows(
        made(bank),
        "SELECT person_id, modality FROM r.mart.modality WHERE person_id IN "
        f"({person(18)}, {person(22)}, {person(24)}) ORDER BY ALL",
    )
    assert found == [
        (person(18), "imaging"),
        (person(24), "health_record"),
        (person(24), "questionnaire"),
    ]


def test_where_consent_is_required_silence_is_no_consent(bank: Home) -> None:
    study = bank.studies / "two" / "study.yaml"
    study.write_text(study.read_text().replace("default: given", "default: required"))
    put_links(bank, consents=[(26, "questionnaire", "given", None, "2020-01-01")])
    assert persons_of(made(bank), "cdm.observation") == {person(26)}


def test_a_project_sees_its_modalities_only(bank: Home) -> None:
    create_project(bank, "survey", modalities=["questionnaire"])
    database = release(bank, "survey", "r1").folder / DATABASE
    assert rows(database, "SELECT count(*) FROM r.cdm.condition_occurrence") == [(0,)]
    assert rows(database, "SELECT count(*) FROM r.cdm.death") == [(0,)]
    assert rows(database, "SELECT DISTINCT modality FROM r.mart.modality") == [("questionnaire",)]
    assert rows(database, "SELECT DISTINCT measurement_concept_id FROM r.cdm.measurement") == [
        (3038553,)
    ]


def test_a_date_inside_a_source_value_is_cut(bank: Home, alpha: OpenProject) -> None:
    database = release(bank, "alpha", "r1").folder / DATABASE
    assert rows(
        database,
        "SELECT DISTINCT condition_source_value FROM r.cdm.condition_occurrence ORDER BY 1",
    ) == [("E119",), ("first_mi",)]
