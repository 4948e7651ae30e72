"""Where the columns of a CDM table go: renames, references, times, attributes of a person."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from biobraid.ingest.hashing import positive, record_ids
from tests.delimited.delivery import KEYS
from tests.omop.reader import details, key_of, read


def record(table: str, native: str, database: str = "q") -> int:
    """record_id of a table's record by its native id."""
    where = f"toy/{database}/{table}"
    ids = positive(record_ids(KEYS, where, [("id", pa.array([native]))]))
    return int(ids[0].as_py())


def test_names_of_cdm_5_3_become_those_of_5_4(tmp_path: Path) -> None:
    found = read(
        tmp_path / "visit_occurrence.csv",
        """
        VISIT_OCCURRENCE_ID,PERSON_ID,VISIT_CONCEPT_ID,VISIT_START_DATE,ADMITTING_SOURCE_CONCEPT_ID,ADMITTING_SOURCE_VALUE,DISCHARGE_TO_CONCEPT_ID,DISCHARGE_TO_SOURCE_VALUE,PRECEDING_VISIT_OCCURRENCE_ID
        -7,3589912774911670296,9201,2020-01-02,8844,home,8870,ward,6
        """,
    )
    row = found.tables["raw.event"][0]
    assert (row["admitted_from"], row["discharged_to"]) == ("home", "ward")
    assert details(found, "visit") == {
        "admitted_from_concept_id": {"8844"},
        "discharged_to_concept_id": {"8870"},
    }
    assert row["record_id"] == record("visit_occurrence", "-7")
    assert row["parent_record_id"] == record("visit_occurrence", "6")
    assert row["source_person_key"] == key_of(3589912774911670296)
    assert (row["concept_id"], row["start_time"]) == (9201, "2020-01-02")


def test_uk_biobanks_eid_and_numbers_of_pandas_are_read(tmp_path: Path) -> None:
    found = read(
        tmp_path / "omop_condition_occurrence.tsv",
        "condition_occurrence_id\teid\tcondition_concept_id\tcondition_start_date\t"
        "visit_occurrence_id\tcondition_source_value\n"
        "12.0\t1000012\t201826.0\t02/03/2015\t9.0\tE11.9\n",
        person_id="eid",
        date_order="dmy",
    )
    row = found.tables["raw.event"][0]
    assert row["source_person_key"] == key_of(1000012)
    assert row["visit_record_id"] == record("visit_occurrence", "9")
    assert (row["concept_id"], row["start_time"], row["code"], row["code_system"]) == (
        201826, "2015-03-02", "E11.9", "toy:q",
    )  # fmt: skip


def test_sources_of_one_database_share_their_record_ids(tmp_path: Path) -> None:
    found = read(
        tmp_path / "death.csv",
        """
        person_id,death_date,death_datetime,cause_concept_id,cause_source_value
        1,2020-01-01,2020-01-01 04:05:06,378419,G30
        1,2020-01-02,,,
        """,
        options={"database": "main"},
    )
    times = [row["start_time"] for row in found.tables["raw.event"]]
    assert times == ["2020-01-01T04:05:06", "2020-01-02"], "two reports of one death both land"
    visit = read(
        tmp_path / "visit_detail.csv",
        """
        visit_detail_id,person_id,visit_detail_concept_id,visit_detail_start_date,visit_detail_parent_id,visit_occurrence_id
        5,1,9202,2020-01-01,4,3
        """,
        options={"database": "main"},
    ).tables["raw.event"][0]
    assert visit["visit_record_id"] == record("visit_occurrence", "3", "omop:main")
    assert visit["parent_record_id"] == record("visit_detail", "4", "omop:main")


def test_a_time_on_another_day_stands_beside_the_date(tmp_path: Path) -> None:
    found = read(
        tmp_path / "measurement.csv",
        """
        measurement_id,person_id,measurement_concept_id,measurement_date,measurement_datetime
        1,1,3004410,2020-01-02,2020-01-03T00:10:00
        2,1,3004410,2020-01-02,2020-01-02T23:10:00
        3,1,3004410,,2020-01-04T10:00:00
        """,
    )
    assert found.rows("raw.event", "start_time") == [
        ("2020-01-02",),
        ("2020-01-02T23:10:00",),
        ("2020-01-04T10:00:00",),
    ]
    assert details(found, "measurement") == {"measurement_datetime": {"2020-01-03T00:10:00"}}
    assert found.tally.warnings == {"time-on-another-day:measurement_datetime": 1}


PERSON = """
    person_id,gender_concept_id,year_of_birth,month_of_birth,day_of_birth,birth_datetime,race_concept_id,ethnicity_concept_id,person_source_value,gender_source_value,location_id
    7,8532,1961,4,30,1961-04-30 03:15:00,8527,0,MRN7,F,2
    """


@pytest.mark.parametrize(
    ("precision", "landed"),
    [
        ("year", {"year_of_birth"}),
        ("month", {"year_of_birth", "month_of_birth"}),
        ("day", {"year_of_birth", "month_of_birth", "day_of_birth"}),
    ],
)
def test_a_birth_date_lands_as_far_as_the_study_allows(
    tmp_path: Path, precision: str, landed: set[str]
) -> None:
    found = read(tmp_path / "person.csv", PERSON, study={"birth_precision": precision})
    births = {v for v, _ in found.values if v.endswith("_of_birth") or "birth" in v}
    assert births == landed
    assert set(found.identities) == {
        ("birth_date", "1961-04-30"),
        ("native_id", "7"),
        ("other", "MRN7"),
        ("sex", "F"),
    }
    # the time of birth and what is finer than the precision: to the vault, with the MRN
    assert found.tally.facts_to_vault == 2 + (3 - len(landed))
    assert ("gender_concept_id", "8532") in found.values
    assert details(found, "person") == {"location_id": {str(record("location", "2"))}}


def test_answers_lead_to_their_questionnaire_and_other_pointers_are_told(tmp_path: Path) -> None:
    text = """
        observation_id,person_id,observation_concept_id,observation_date,value_as_number,observation_event_id,obs_event_field_concept_id
        1,1,0,2020-01-02,3,77,1147833
        2,1,0,2020-01-02,3,77,1147127
        """
    found = read(tmp_path / "observation.csv", text)
    assert found.rows("raw.event", "parent_record_id") == [
        (record("survey_conduct", "77"),),
        (None,),
    ]
    assert found.ignored == {"pointer-without-table": 1}
    told = {"event_fields": {1147127: "condition_occurrence"}}
    found = read(tmp_path / "observation.csv", text, options=told)
    assert found.rows("raw.event", "parent_record_id")[1] == (record("condition_occurrence", "77"),)


def test_delivered_eras_are_ignored_unless_kept(tmp_path: Path) -> None:
    text = """
        drug_era_id,person_id,drug_concept_id,drug_era_start_date,drug_era_end_date,drug_exposure_count,gap_days
        1,1,1503297,2020-01-02,2020-03-02,4,-15781
        """
    found = read(tmp_path / "drug_era.csv", text)
    assert (found.books, found.ignored) == ((1, 0, 0, 1), {"era-derived": 1})
    found = read(tmp_path / "drug_era.csv", text, options={"eras": "keep"})
    assert found.rows("raw.event", "kind", "concept_id", "quantity", "value") == [
        ("drug_era", 1503297, "4", "-15781")
    ]


@pytest.mark.parametrize("neighbour", ["0412", "I21", ""])
def test_the_id_of_a_row_without_a_key_does_not_depend_on_its_neighbours(
    tmp_path: Path, neighbour: str
) -> None:
    """Codes stay as they are and ids take one spelling, whatever stands in the next row."""

    def ids(code: str, concept: str = "321042") -> int:
        found = read(
            tmp_path / "death.csv",
            f"""
            person_id,death_date,cause_concept_id,cause_source_value
            1,2020-01-01,{concept},{code}
            2,2020-01-02,,{neighbour}
            """,
        )
        return int(found.tables["raw.event"][0]["record_id"])

    alone = read(
        tmp_path / "death.csv",
        "person_id,death_date,cause_concept_id,cause_source_value\n1,2020-01-01,321042,0410\n",
    )
    assert ids("0410") == alone.tables["raw.event"][0]["record_id"]
    assert ids("0410") == ids("0410", "321042.0")
    assert ids("0410") != ids("410")
