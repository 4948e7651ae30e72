"""Defects planted into the clean CDM, each with the checks that must find it and how often."""

from __future__ import annotations

from dataclasses import dataclass

from tests.checks.clean import FEMALE_FAMILY, MALE_CONDITION

TEMPERATURE, WEIGHT, HEIGHT, PRESSURE = 3020891, 3025315, 3036277, 3004249
KG, CM, MMHG, INCH_LIKE = 9529, 8582, 8876, 9330


@dataclass(frozen=True)
class Defect:
    """name: what is wrong, for a reader. sql: how it is planted. finds: check_id -> violations."""

    name: str
    sql: str
    finds: dict[str, int]


def _set(table: str, change: str, rows: str, key: str = "") -> str:
    schema = "vocab" if table.startswith("concept") else "cdm"
    return f"UPDATE {schema}.{table} SET {change} WHERE {key or table + '_id'} {rows}"


def _measurements(values: str) -> str:
    """INSERT of (id, person, concept, day, number, unit)."""
    return (
        "INSERT INTO cdm.measurement (measurement_id, person_id, measurement_concept_id, "
        "measurement_date, measurement_type_concept_id, value_as_number, unit_concept_id) " + values
    )


_FAMILY = "4095793+443343+4024004+4172857+444094+197810+4158481"
DEFECTS = (
    Defect("a table is missing", "DROP TABLE cdm.note_nlp", {"cdmTable.note_nlp": 1}),
    Defect("a column is missing", "ALTER TABLE cdm.care_site DROP COLUMN care_site_name",
           {"cdmField.care_site.care_site_name": 1}),
    Defect("a condition without a date", _set("condition_occurrence", "condition_start_date = NULL", "= 11"),
           {"isRequired.condition_occurrence.condition_start_date": 1,
            "measureValueCompleteness.condition_occurrence.condition_start_date": 1}),
    Defect("a visit without an end", _set("visit_occurrence", "visit_end_date = NULL", "= 13"),
           {"isRequired.visit_occurrence.visit_end_date": 1}),
    Defect("a death without a date", _set("death", "death_date = NULL", "= 4", "person_id"),
           {"isRequired.death.death_date": 1}),
    Defect("a word where a number belongs",
           "ALTER TABLE cdm.drug_exposure ALTER refills TYPE VARCHAR; "
           + _set("drug_exposure", "refills = 'two'", "= 5"),
           {"cdmDatatype.drug_exposure.refills": 1}),
    Defect("a negative id", _set("specimen", "specimen_id = -7", "= 7"),
           {"cdmDatatype.specimen.specimen_id": 1}),
    Defect("two procedures of one id", _set("procedure_occurrence", "procedure_occurrence_id = 6", "= 5"),
           {"isPrimaryKey.procedure_occurrence.procedure_occurrence_id": 2}),
    Defect("a person twice", "INSERT INTO cdm.person SELECT * FROM cdm.person WHERE person_id = 34",
           {"isPrimaryKey.person.person_id": 2}),
    Defect("a concept twice", f"INSERT INTO vocab.concept SELECT * FROM vocab.concept WHERE concept_id = {INCH_LIKE}",
           {"isPrimaryKey.concept.concept_id": 2}),
    Defect("an observation of nobody", _set("observation", "person_id = 999", "= 8"),
           {"isForeignKey.observation.person_id": 1}),
    Defect("a plan of nobody", _set("payer_plan_period", "person_id = 998", "= 14"),
           {"isForeignKey.payer_plan_period.person_id": 1}),
    Defect("a device of no visit", _set("device_exposure", "visit_occurrence_id = 999", "= 9"),
           {"isForeignKey.device_exposure.visit_occurrence_id": 1}),
    Defect("a provider that is not there", _set("visit_detail", "provider_id = 999", "= 3"),
           {"isForeignKey.visit_detail.provider_id": 1}),
    Defect("a place that is not there", _set("person", "location_id = 999", "= 40"),
           {"isForeignKey.person.location_id": 1}),
    Defect("a concept that is not there", _set("measurement", "measurement_concept_id = 77777777", "= 10"),
           {"isForeignKey.measurement.measurement_concept_id": 1}),
    Defect("a domain that is not there", _set("cost", "cost_domain_id = 'Nowhere'", "= 4"),
           {"isForeignKey.cost.cost_domain_id": 1}),
    Defect("an ancestor that is not there", "INSERT INTO vocab.concept_ancestor VALUES (123456, 0, 1, 1)",
           {"isForeignKey.concept_ancestor.ancestor_concept_id": 1}),
    Defect("an observation's concept as a condition", _set("condition_occurrence", "condition_concept_id = 8715", "= 12"),
           {"fkDomain.condition_occurrence.condition_concept_id": 1}),
    Defect("an era of something that is no ingredient", _set("drug_era", "drug_concept_id = 31967", "= 3"),
           {"fkClass.drug_era.drug_concept_id": 1, "fkDomain.drug_era.drug_concept_id": 1}),
    Defect("a concept that is not standard",
           "INSERT INTO vocab.concept VALUES (900, 'x', 'Procedure', 'SNOMED', 'Clinical Finding', NULL, 'x', '1970-01-01', '2099-12-31', NULL); "
           + _set("procedure_occurrence", "procedure_concept_id = 900", "= 14"),
           {"isStandardValidConcept.procedure_occurrence.procedure_concept_id": 1}),
    Defect("a concept that was withdrawn",
           "INSERT INTO vocab.concept VALUES (901, 'x', 'Drug', 'SNOMED', 'Ingredient', 'S', 'x', '1970-01-01', '2020-12-31', 'D'); "
           + _set("drug_exposure", "drug_concept_id = 901", "= 15"),
           {"isStandardValidConcept.drug_exposure.drug_concept_id": 1}),
    Defect("unmapped observations", _set("observation", "observation_concept_id = 0", "BETWEEN 21 AND 25"),
           {"standardConceptRecordCompleteness.observation.observation_concept_id": 5}),
    Defect("units delivered but not mapped", _set("device_exposure", "unit_concept_id = NULL", "BETWEEN 31 AND 35"),
           {"standardConceptRecordCompleteness.device_exposure.unit_concept_id": 5}),
    Defect("source codes without a concept", _set("condition_occurrence", "condition_source_concept_id = 0", "BETWEEN 21 AND 26"),
           {"sourceConceptRecordCompleteness.condition_occurrence.condition_source_concept_id": 6}),
    Defect("a local code that nobody mapped", _set("procedure_occurrence", "procedure_concept_id = 0, procedure_source_value = 'local 1'", "= 20"),
           {"sourceValueCompleteness.procedure_occurrence.procedure_source_value": 1}),
    Defect("no quantity at all", _set("drug_exposure", "quantity = 0", "= 21"),
           {"plausibleValueLow.drug_exposure.quantity": 1}),
    Defect("drugs for 400 days", _set("drug_exposure", "days_supply = 400", "= 22"),
           {"plausibleValueHigh.drug_exposure.days_supply": 1}),
    Defect("a birth in the future", _set("person", "year_of_birth = 2090", "= 35"),
           {"plausibleValueHigh.person.year_of_birth": 1}),
    Defect("a thirteenth month", _set("person", "month_of_birth = 13", "= 33"),
           {"plausibleValueHigh.person.month_of_birth": 1}),
    Defect("a specimen taken before birth", _set("specimen", "specimen_date = '1950-06-01'", "= 23"),
           {"plausibleTemporalAfter.specimen.specimen_date": 1, "plausibleAfterBirth.specimen.specimen_date": 1}),
    Defect("a procedure the day before birth", _set("procedure_occurrence", "procedure_date = '1959-12-31'", "= 26"),
           {"plausibleAfterBirth.procedure_occurrence.procedure_date": 1}),
    Defect("a measurement of the dead", _set("measurement", "measurement_date = '2021-01-01'", "= 2"),
           {"plausibleBeforeDeath.measurement.measurement_date": 1}),
    Defect("a condition of the dead", _set("condition_occurrence", "condition_start_date = '2021-01-01'", "= 3"),
           {"plausibleDuringLife.condition_occurrence.condition_start_date": 1, "plausibleBeforeDeath.condition_occurrence.condition_start_date": 1}),
    Defect("a drug for the dead", _set("drug_exposure", "drug_exposure_start_date = '2020-04-01', drug_exposure_end_date = '2020-04-02'", "= 1"),
           {"plausibleBeforeDeath.drug_exposure.drug_exposure_start_date": 1,
            "plausibleBeforeDeath.drug_exposure.drug_exposure_end_date": 1}),
    Defect("answers weeks after their visit", _set("observation", "observation_date = '2015-04-20'", "IN (31, 32, 33)"),
           {"withinVisitDates.observation.observation_date": 3}),
    Defect("an end before the start", _set("visit_detail", "visit_detail_end_date = '2015-03-01'", "= 27"),
           {"plausibleStartBeforeEnd.visit_detail.visit_detail_start_date": 1}),
    Defect("a woman with a condition of men", _set("condition_occurrence", f"condition_concept_id = {MALE_CONDITION}", "= 31"),
           {f"plausibleGender.condition_occurrence.condition_concept_id.{MALE_CONDITION}": 1}),
    Defect("a man with a condition of women", _set("condition_occurrence", f"condition_concept_id = {FEMALE_FAMILY}", "= 32"),
           {f"plausibleGenderUseDescendants.condition_occurrence.condition_concept_id.{_FAMILY}": 1}),
    Defect("a temperature in mmHg", _set("measurement", f"measurement_concept_id = {TEMPERATURE}, unit_concept_id = {MMHG}", "= 31"),
           {f"plausibleUnitConceptIds.measurement.measurement_concept_id.{TEMPERATURE}": 1}),
    Defect("a person without follow-up", "DELETE FROM cdm.observation_period WHERE person_id = 39",
           {"measurePersonCompleteness.observation_period": 1}),
    Defect("conditions without an era", "DELETE FROM cdm.condition_era WHERE person_id = 38",
           {"measureConditionEraCompleteness.condition_era": 1}),
    Defect("periods that overlap or touch",
           "INSERT INTO cdm.observation_period VALUES (1001, 37, '2022-12-31', '2023-01-02', 32817), "
           "(1002, 36, '2023-01-01', '2023-01-02', 32817)",
           {"measureObservationPeriodOverlap.observation_period": 2}),
    Defect("a blood pressure ten times too high", _set("measurement", "value_as_number = 1200", "= 33"),
           {f"plausibleRange.measurement.measurement_concept_id.{PRESSURE}.{MMHG}": 1}),
    Defect("blood pressures in two units", _set("measurement", f"unit_concept_id = {INCH_LIKE}", "IN (34, 35, 36)"),
           {f"unitCoherence.measurement.measurement_concept_id.{PRESSURE}": 3,
            f"plausibleUnitConceptIds.measurement.measurement_concept_id.{PRESSURE}": 3}),
    Defect("a month of weights ten times too small", _measurements(
           f"SELECT 2000 + i, 5 + i % 20, {WEIGHT}, DATE '2016-01-10' + INTERVAL (i // 20) MONTH, 32817, "
           f"if(i < 20, 7.5, 75), {KG} FROM range(80) r(i)"),
           {f"coherentScale.measurement.measurement_concept_id.{WEIGHT}.{KG}": 20}),
    Defect("an adult grows 15 cm", _measurements(
           f"VALUES (2101, 30, {HEIGHT}, '2015-05-01', 32817, 170, {CM}), "
           f"(2102, 30, {HEIGHT}, '2016-05-01', 32817, 185, {CM})"),
           {f"plausibleChange.measurement.measurement_concept_id.{HEIGHT}.{CM}": 1}),
    Defect("notes from before the follow-up", _set("note", "note_date = '2005-05-05'", "BETWEEN 21 AND 30"),
           {"withinFollowUp.note.note_date": 11}),  # and the note of the person without follow-up
    Defect("a specimen from after the extraction", _set("specimen", "specimen_date = '2024-06-01'", "= 24"),
           {"beforeExtraction.specimen.specimen_date": 1}),
)  # fmt: skip
