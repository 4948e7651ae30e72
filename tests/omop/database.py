"""A small OMOP CDM 5.3 database with negative and 64-bit ids, and its delivery in every form."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from pathlib import Path

import duckdb

N_PERSONS = 24
N_VISITS = 3 * N_PERSONS


def _id(number: str, base: int) -> str:
    """Ids that overflow 32 bits, every second one negative."""
    return (
        f"CASE WHEN ({number}) % 2 = 0 THEN -({base}::BIGINT + ({number})) "
        f"ELSE 4000000000000000000 + {base} + ({number}) END"
    )


_PERSON, _VISIT = _id("n % 24", 100), _id("n % 72", 9000)
_DAY = "DATE '2015-01-01' + CAST(n AS INTEGER)"

# CDM 5.3's names: admitting_source_..., discharge_to_..., visit_detail_parent_id.
TABLES: dict[str, str] = {
    "location": f"""
      SELECT {_id("n", 1)} AS location_id, '1 Some Street' AS address_1, 'Z' || n AS zip,
        'North' AS state, 'L' || n AS location_source_value FROM range(3) t(n)""",
    "care_site": f"""
      SELECT {_id("n", 1)} AS care_site_id, 'Practice ' || n AS care_site_name,
        8756 AS place_of_service_concept_id, {_id("n", 1)} AS location_id,
        'CS' || n AS care_site_source_value, 'outpatient' AS place_of_service_source_value
      FROM range(3) t(n)""",
    "provider": f"""
      SELECT {_id("n", 1)} AS provider_id, 'Dr Name' || n AS provider_name, '10' || n AS npi,
        38004446 AS specialty_concept_id, {_id("n", 1)} AS care_site_id,
        1970 + n AS year_of_birth, 8507 AS gender_concept_id, 'P' || n AS provider_source_value,
        'GP' AS specialty_source_value, 0 AS specialty_source_concept_id,
        'M' AS gender_source_value, 0 AS gender_source_concept_id FROM range(3) t(n)""",
    "person": f"""
      SELECT {_id("n", 100)} AS person_id, CASE WHEN n % 3 = 0 THEN 8507 ELSE 8532 END
        AS gender_concept_id, 1950 + n AS year_of_birth, 1 + n % 12 AS month_of_birth,
        1 + n % 28 AS day_of_birth, make_timestamp(1950 + n, 1 + n % 12, 1 + n % 28, 0, 0, 0)
        AS birth_datetime, 8527 AS race_concept_id, 38003564 AS ethnicity_concept_id,
        {_id("n % 3", 1)} AS location_id, {_id("n % 3", 1)} AS provider_id,
        CASE WHEN n % 4 > 0 THEN {_id("n % 3", 1)} END AS care_site_id,
        'MRN' || n AS person_source_value, CASE WHEN n % 3 = 0 THEN 'M' ELSE 'F' END
        AS gender_source_value, 0 AS gender_source_concept_id, 'white' AS race_source_value,
        0 AS race_source_concept_id, 'not hispanic' AS ethnicity_source_value,
        0 AS ethnicity_source_concept_id FROM range({N_PERSONS}) t(n)""",
    "observation_period": f"""
      SELECT {_id("n", 1)} AS observation_period_id, {_PERSON} AS person_id,
        DATE '2014-01-01' AS observation_period_start_date,
        DATE '2019-12-31' AS observation_period_end_date,
        44814724 AS period_type_concept_id FROM range({N_PERSONS}) t(n)""",
    "visit_occurrence": f"""
      SELECT {_VISIT} AS visit_occurrence_id, {_PERSON} AS person_id, 9202 AS visit_concept_id,
        {_DAY} AS visit_start_date, CAST({_DAY} AS TIMESTAMP) AS visit_start_datetime,
        {_DAY} + 1 AS visit_end_date, CAST({_DAY} + 1 AS TIMESTAMP) AS visit_end_datetime,
        44818517 AS visit_type_concept_id, {_id("n % 3", 1)} AS provider_id,
        {_id("n % 3", 1)} AS care_site_id, 'V' || n AS visit_source_value,
        0 AS visit_source_concept_id, 8844 AS admitting_source_concept_id,
        'home' AS admitting_source_value, 8870 AS discharge_to_concept_id,
        'ward' AS discharge_to_source_value,
        CASE WHEN n >= 24 THEN {_id("n - 24", 9000)} END AS preceding_visit_occurrence_id
      FROM range({N_VISITS}) t(n)""",
    "visit_detail": f"""
      SELECT {_id("n", 500)} AS visit_detail_id, {_PERSON} AS person_id,
        9202 AS visit_detail_concept_id, {_DAY} AS visit_detail_start_date,
        CAST({_DAY} AS TIMESTAMP) AS visit_detail_start_datetime,
        {_DAY} AS visit_detail_end_date, CAST({_DAY} AS TIMESTAMP) AS visit_detail_end_datetime,
        44818517 AS visit_detail_type_concept_id, {_id("n % 3", 1)} AS provider_id,
        NULL::BIGINT AS care_site_id, 'D' || n AS visit_detail_source_value,
        0 AS visit_detail_source_concept_id, 8844 AS admitting_source_concept_id,
        'home' AS admitting_source_value, 8870 AS discharge_to_concept_id,
        'ward' AS discharge_to_source_value, NULL::BIGINT AS preceding_visit_detail_id,
        CASE WHEN n >= 24 THEN {_id("n - 24", 500)} END AS visit_detail_parent_id,
        {_VISIT} AS visit_occurrence_id FROM range({N_VISITS}) t(n)""",
    "condition_occurrence": f"""
      SELECT {_id("n", 7000)} AS condition_occurrence_id, {_PERSON} AS person_id,
        201826 AS condition_concept_id, {_DAY} AS condition_start_date,
        CAST({_DAY} AS TIMESTAMP) AS condition_start_datetime,
        CASE WHEN n % 2 = 0 THEN {_DAY} + 3 END AS condition_end_date,
        CASE WHEN n % 2 = 0 THEN CAST({_DAY} + 3 AS TIMESTAMP) END AS condition_end_datetime,
        32020 AS condition_type_concept_id, 4230359 AS condition_status_concept_id,
        'cured' AS stop_reason, {_id("n % 3", 1)} AS provider_id,
        CASE WHEN n = 5 THEN 123456 ELSE {_VISIT} END AS visit_occurrence_id,
        CASE WHEN n <> 5 THEN {_id("n % 72", 500)} END AS visit_detail_id, 'E11.9' AS condition_source_value,
        45591027 AS condition_source_concept_id, 'final' AS condition_status_source_value
      FROM range({N_VISITS}) t(n)""",
    "drug_exposure": f"""
      SELECT {_id("n", 1)} AS drug_exposure_id, {_PERSON} AS person_id,
        1503297 AS drug_concept_id, {_DAY} AS drug_exposure_start_date,
        CAST({_DAY} AS TIMESTAMP) AS drug_exposure_start_datetime,
        {_DAY} + 28 AS drug_exposure_end_date,
        CAST({_DAY} + 28 AS TIMESTAMP) AS drug_exposure_end_datetime,
        {_DAY} + 28 AS verbatim_end_date, 38000177 AS drug_type_concept_id,
        'none' AS stop_reason, 2 AS refills, 56.5 AS quantity, 28 AS days_supply,
        'one with breakfast' AS sig, 4132161 AS route_concept_id, 'LOT7' AS lot_number,
        {_id("n % 3", 1)} AS provider_id, {_VISIT} AS visit_occurrence_id,
        NULL::BIGINT AS visit_detail_id, '860975' AS drug_source_value,
        40163924 AS drug_source_concept_id, 'oral' AS route_source_value,
        'mg' AS dose_unit_source_value FROM range({N_VISITS}) t(n)""",
    "procedure_occurrence": f"""
      SELECT {_id("n", 1)} AS procedure_occurrence_id, {_PERSON} AS person_id,
        4010253 AS procedure_concept_id, {_DAY} AS procedure_date,
        CAST({_DAY} AS TIMESTAMP) AS procedure_datetime, 38000275 AS procedure_type_concept_id,
        42739579 AS modifier_concept_id, 2 AS quantity, {_id("n % 3", 1)} AS provider_id,
        {_VISIT} AS visit_occurrence_id, NULL::BIGINT AS visit_detail_id,
        '10383002' AS procedure_source_value, 4010253 AS procedure_source_concept_id,
        'left' AS modifier_source_value FROM range({N_VISITS}) t(n)""",
    "device_exposure": f"""
      SELECT {_id("n", 1)} AS device_exposure_id, {_PERSON} AS person_id,
        4217646 AS device_concept_id, {_DAY} AS device_exposure_start_date,
        CAST({_DAY} AS TIMESTAMP) AS device_exposure_start_datetime,
        {_DAY} + 5 AS device_exposure_end_date,
        CAST({_DAY} + 5 AS TIMESTAMP) AS device_exposure_end_datetime,
        38000267 AS device_type_concept_id, '(01)0057(21)SN' || n AS unique_device_id,
        1 AS quantity, {_id("n % 3", 1)} AS provider_id, {_VISIT} AS visit_occurrence_id,
        NULL::BIGINT AS visit_detail_id, '72506001' AS device_source_value,
        4217646 AS device_source_concept_id FROM range(12) t(n)""",
    "measurement": f"""
      SELECT {_id("n", 1)} AS measurement_id, {_PERSON} AS person_id,
        3004410 AS measurement_concept_id, {_DAY} AS measurement_date,
        CAST({_DAY} AS TIMESTAMP) + INTERVAL 9 HOUR AS measurement_datetime,
        '09:00' AS measurement_time, 5001 AS measurement_type_concept_id,
        4172703 AS operator_concept_id, 5.5 + n / 100 AS value_as_number,
        NULL::INTEGER AS value_as_concept_id, 8554 AS unit_concept_id, 4.0 AS range_low,
        6.5 AS range_high, {_id("n % 3", 1)} AS provider_id, {_VISIT} AS visit_occurrence_id,
        NULL::BIGINT AS visit_detail_id, '4548-4' AS measurement_source_value,
        3004410 AS measurement_source_concept_id, '%' AS unit_source_value,
        'about ' || n AS value_source_value FROM range({N_VISITS}) t(n)""",
    "observation": f"""
      SELECT {_id("n", 1)} AS observation_id, {_PERSON} AS person_id,
        4214956 AS observation_concept_id, {_DAY} AS observation_date,
        CAST({_DAY} AS TIMESTAMP) AS observation_datetime,
        38000280 AS observation_type_concept_id, NULL::DOUBLE AS value_as_number,
        'he said so' AS value_as_string, 4188539 AS value_as_concept_id,
        4180186 AS qualifier_concept_id, NULL::INTEGER AS unit_concept_id,
        {_id("n % 3", 1)} AS provider_id, {_VISIT} AS visit_occurrence_id,
        NULL::BIGINT AS visit_detail_id, 'HX' AS observation_source_value,
        0 AS observation_source_concept_id, NULL::VARCHAR AS unit_source_value,
        'yes' AS qualifier_source_value FROM range({N_VISITS}) t(n)""",
    "death": f"""
      SELECT {_PERSON} AS person_id, DATE '2019-05-01' + CAST(n AS INTEGER) AS death_date,
        CAST(DATE '2019-05-01' + CAST(n AS INTEGER) AS TIMESTAMP) AS death_datetime,
        38003566 AS death_type_concept_id, 378419 AS cause_concept_id, 'G30' AS
        cause_source_value, 45533052 AS cause_source_concept_id FROM range(4) t(n)""",
    "specimen": f"""
      SELECT {_id("n", 1)} AS specimen_id, {_PERSON} AS person_id, 4001225 AS
        specimen_concept_id, 581378 AS specimen_type_concept_id, {_DAY} AS specimen_date,
        CAST({_DAY} AS TIMESTAMP) AS specimen_datetime, 5.0 AS quantity, 8587 AS unit_concept_id,
        4199172 AS anatomic_site_concept_id, 4069590 AS disease_status_concept_id,
        'TUBE' || n AS specimen_source_id, 'blood' AS specimen_source_value,
        'mL' AS unit_source_value, 'arm' AS anatomic_site_source_value,
        'normal' AS disease_status_source_value FROM range(12) t(n)""",
    "note": f"""
      SELECT {_id("n", 1)} AS note_id, {_PERSON} AS person_id, {_DAY} AS note_date,
        CAST({_DAY} AS TIMESTAMP) AS note_datetime, 44814637 AS note_type_concept_id,
        706391 AS note_class_concept_id, 'About Mrs Canary' AS note_title,
        'Mrs Canary came today.' AS note_text, 32678 AS encoding_concept_id,
        4180186 AS language_concept_id, {_id("n % 3", 1)} AS provider_id,
        {_VISIT} AS visit_occurrence_id, NULL::BIGINT AS visit_detail_id,
        'letter' AS note_source_value FROM range(6) t(n)""",
    "cost": f"""
      SELECT {_id("n", 1)} AS cost_id, {_id("n", 9000)} AS cost_event_id,
        'Visit' AS cost_domain_id, 31968 AS cost_type_concept_id, 44818668 AS
        currency_concept_id, 120.5 AS total_charge, 100.25 AS total_cost, 80 AS total_paid,
        {_id("n % 24", 1)} AS payer_plan_period_id FROM range(12) t(n)""",
    "payer_plan_period": f"""
      SELECT {_id("n", 1)} AS payer_plan_period_id, {_PERSON} AS person_id,
        DATE '2014-01-01' AS payer_plan_period_start_date,
        DATE '2016-12-31' AS payer_plan_period_end_date, 280 AS payer_concept_id,
        'public' AS payer_source_value, 0 AS payer_source_concept_id,
        'FAM' || n AS family_source_value FROM range({N_PERSONS}) t(n)""",
    "fact_relationship": f"""
      SELECT 21 AS domain_concept_id_1, {_id("n", 1)} AS fact_id_1, 19 AS domain_concept_id_2,
        {_id("n", 7000)} AS fact_id_2, 44818762 AS relationship_concept_id FROM range(6) t(n)""",
    "condition_era": f"""
      SELECT {_id("n", 1)} AS condition_era_id, {_PERSON} AS person_id, 201826 AS
        condition_concept_id, {_DAY} AS condition_era_start_date, {_DAY} + 3 AS
        condition_era_end_date, 1 AS condition_occurrence_count FROM range({N_PERSONS}) t(n)""",
    "drug_era": f"""
      SELECT {_id("n", 1)} AS drug_era_id, {_PERSON} AS person_id, 1503297 AS drug_concept_id,
        {_DAY} AS drug_era_start_date, {_DAY} + 28 AS drug_era_end_date,
        2 AS drug_exposure_count, 3 AS gap_days FROM range({N_PERSONS}) t(n)""",
    "concept": """
      SELECT 9202 AS concept_id, 'Outpatient Visit' AS concept_name, 'Visit' AS domain_id,
        'Visit' AS vocabulary_id, 'Visit' AS concept_class_id, 'S' AS standard_concept,
        'OP' AS concept_code, DATE '1970-01-01' AS valid_start_date,
        DATE '2099-12-31' AS valid_end_date, NULL::VARCHAR AS invalid_reason""",
    "cdm_source": "SELECT 'Toy' AS cdm_source_name, '5.3' AS cdm_version",
}  # fmt: skip


def make_database(tables: Iterable[str] = TABLES) -> duckdb.DuckDBPyConnection:
    """The database in memory."""
    con = duckdb.connect()
    for name in tables:
        con.execute(f"CREATE TABLE {name} AS {TABLES[name]}")
    return con


def tables_of(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Names of the database's tables, sorted."""
    found = con.execute(
        "SELECT table_name FROM duckdb_tables() WHERE database_name = 'memory' ORDER BY 1"
    ).fetchall()
    return [name for (name,) in found]


def as_text(con: duckdb.DuckDBPyConnection, folder: Path, ending: str = ".csv") -> None:
    """One text file a table; `.gz` compresses, `.tsv` separates by tabs."""
    delimiter = "\t" if ".tsv" in ending else ","
    packed = "gzip" if ending.endswith(".gz") else "none"
    for name in tables_of(con):
        con.execute(
            f"COPY {name} TO '{folder / (name + ending)}' "
            f"(FORMAT csv, HEADER, DELIMITER '{delimiter}', COMPRESSION {packed})"
        )


def as_parquet(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """One Parquet file a table."""
    for name in tables_of(con):
        con.execute(f"COPY {name} TO '{folder / (name + '.parquet')}' (FORMAT parquet)")


def as_duckdb(con: duckdb.DuckDBPyConnection, path: Path, schema: str = "main") -> None:
    """One DuckDB file with all tables."""
    con.execute(f"ATTACH '{path}' AS bank")
    con.execute(f"CREATE SCHEMA IF NOT EXISTS bank.{schema}")
    for name in tables_of(con):
        con.execute(f"CREATE TABLE bank.{schema}.{name.upper()} AS SELECT * FROM memory.{name}")
    con.execute("DETACH bank")


def as_zip(con: duckdb.DuckDBPyConnection, path: Path) -> None:
    """One archive of Parquet files, with what macOS and people put beside them."""
    folder = path.with_suffix("")
    folder.mkdir()
    as_parquet(con, folder)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("__MACOSX/toy/._person.parquet", b"\x00\x05\x16\x07")
        archive.writestr("toy/README.txt", "a toy database\n")
        for file in sorted(folder.iterdir()):
            archive.write(file, f"toy/{file.name}")
            file.unlink()
    folder.rmdir()
