"""A small CDM without a fault: 40 persons, a row per person in every table, every column filled."""

from __future__ import annotations

import duckdb

from biobraid.core.omop import VOCABULARY_TABLES, cdm_fields
from biobraid.core.omop import Field as CdmField

PERSONS = 40
MALE, FEMALE = 8507, 8532
# domain of a concept column -> concept that fills it
BY_DOMAIN = {
    "Gender": FEMALE, "Race": 8527, "Ethnicity": 38003564, "Type Concept": 32817, "Visit": 9202,
    "Condition": 201826, "Drug": 1503297, "Procedure": 4336464, "Device": 2616666,
    "Measurement": 3004249, "Observation": 8715, "Unit": 8876, "Route": 4132161,
    "Condition Status": 32902, "Meas Value Operator": 4172703, "Episode": 32533,
    "Metadata": 756265, "Geography": 4330442, "Specimen": 4001225,
}  # fmt: skip
BY_FIELD = {"observation_concept_id": 8715, "measurement_concept_id": 3004249,
            "specimen_concept_id": 4001225, "unit_source_concept_id": 8876,
            "operator_concept_id": 4172703, "country_concept_id": 4330442,
            "cdm_version_concept_id": 756265}  # fmt: skip
ANY = 4001225
MALE_CONDITION, FEMALE_FAMILY = 26662, 4095793
# concepts that only defects use
OTHERS = {31967: "Condition", MALE_CONDITION: "Condition", FEMALE_FAMILY: "Condition",
          3025315: "Measurement", 3020891: "Measurement", 9529: "Unit", 9330: "Unit", 3036277: "Measurement",
          8582: "Unit"}  # fmt: skip
DAY = {"start": "DATE '2015-03-02'", "end": "DATE '2015-03-03'"}
OWN = {  # columns that have a value of their own
    "person.gender_concept_id": f"CASE WHEN i % 2 = 0 THEN {MALE} ELSE {FEMALE} END",
    "person.year_of_birth": "1960", "person.month_of_birth": "1", "person.day_of_birth": "1",
    "person.birth_datetime": "TIMESTAMP '1960-01-01'",
    "observation_period.observation_period_start_date": "DATE '2010-01-01'",
    "observation_period.observation_period_end_date":
        "CASE WHEN i <= 4 THEN DATE '2020-01-01' ELSE DATE '2022-12-31' END",
    "payer_plan_period.payer_plan_period_end_date": "DATE '2016-12-31'",
    "measurement.value_as_number": "120", "measurement.unit_concept_id": "8876",
    "drug_exposure.verbatim_end_date": "DATE '2015-03-03'",
    "cdm_source.source_release_date": "DATE '2023-01-01'",
    "cdm_source.cdm_release_date": "DATE '2023-01-02'", "cdm_source.vocabulary_version": "'v5'",
    "cost.cost_domain_id": "'Condition'", "provider.year_of_birth": "1960", "drug_era.gap_days": "0",
    "episode_event.event_id": "i", "fact_relationship.fact_id_1": "i",
}  # fmt: skip


def clean_cdm() -> duckdb.DuckDBPyConnection:
    """The database in memory, schemas cdm and vocab."""
    con = duckdb.connect(config={"threads": "2"})
    con.execute("CREATE SCHEMA cdm; CREATE SCHEMA vocab")
    tables: dict[str, list[CdmField]] = {}
    for field in cdm_fields():
        if field.table != "survey_conduct":
            tables.setdefault(field.table, []).append(field)
    for name, fields in tables.items():
        schema = "vocab" if name in VOCABULARY_TABLES else "cdm"
        columns = ", ".join(f'"{f.name}" {f.type}' for f in fields)
        con.execute(f"CREATE TABLE {schema}.{name} ({columns})")
        if schema == "cdm":
            values = ", ".join(_value(f) for f in fields)
            n = 1 if name == "cdm_source" else PERSONS
            con.execute(f"INSERT INTO cdm.{name} SELECT {values} FROM range(1, {n} + 1) r(i)")
    con.execute(
        "DELETE FROM cdm.death WHERE person_id > 4; DELETE FROM cdm.cohort; "
        "DELETE FROM cdm.cohort_definition"
    )
    con.execute("UPDATE cdm.death SET death_date = '2020-01-01', death_datetime = '2020-01-01'")
    _vocabulary(con)
    return con


def _value(field: CdmField) -> str:
    own = OWN.get(f"{field.table}.{field.name}")
    if own is not None:
        return own
    if field.is_primary_key or field.name in ("person_id", "subject_id"):
        return "i"
    if field.fk_table == "concept":
        return str(BY_FIELD.get(field.name) or BY_DOMAIN.get(field.fk_domain) or _by_name(field))
    if field.fk_table or field.name.endswith("_id"):
        return "i"
    if field.type in ("DATE", "TIMESTAMP"):
        return f"CAST({DAY['end' if '_end_' in field.name else 'start']} AS {field.type})"
    return "'x'" if field.type == "VARCHAR" else "1"


def _by_name(field: CdmField) -> int:
    name = field.name
    if name.endswith("type_concept_id"):
        return BY_DOMAIN["Type Concept"]
    return BY_DOMAIN["Unit"] if name.startswith("unit") else ANY


def _vocabulary(con: duckdb.DuckDBPyConnection) -> None:
    known = {
        **{i: d for d, i in BY_DOMAIN.items()},
        MALE: "Gender",
        0: "Metadata",
        **OTHERS,
    }
    for concept_id, domain in known.items():
        kind = "Ingredient" if domain == "Drug" else "Clinical Finding"
        con.execute(
            "INSERT INTO vocab.concept VALUES (?, 'name', ?, 'SNOMED', ?, 'S', ?, "
            "'1970-01-01', '2099-12-31', NULL)",
            [concept_id, domain, kind, str(concept_id)],
        )
    con.execute(
        "INSERT INTO vocab.domain SELECT DISTINCT domain_id, domain_id, 0 FROM vocab.concept"
    )
    con.execute(
        "INSERT INTO vocab.concept_class SELECT DISTINCT concept_class_id, 'x', 0 FROM vocab.concept"
    )
    con.execute("INSERT INTO vocab.vocabulary VALUES ('SNOMED', 'x', 'x', 'v', 0), "
                "('None', 'x', 'x', 'v5 test', 0)")  # fmt: skip
    con.execute(
        "INSERT INTO vocab.concept_ancestor SELECT concept_id, concept_id, 0, 0 FROM vocab.concept"
    )
