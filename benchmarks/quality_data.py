"""A CDM of any size made by SQL: about 110 rows of events per person, one in a thousand spoilt."""

from __future__ import annotations

from pathlib import Path

import duckdb

from biobraid.core.omop import cdm_fields
from biobraid.core.warehouse import literal
from biobraid.ingest.vocabulary.tables import STARTER_FOLDER

# table -> rows per person, concepts (that the starter vocabulary knows), day column, concept column
EVENTS = {
    "condition_occurrence": (12, (201826, 320128, 31967), "condition_start_date", "condition"),
    "drug_exposure": (20, (1503297, 1545958, 1308216), "drug_exposure_start_date", "drug"),
    "procedure_occurrence": (8, (4336464, 762506), "procedure_date", "procedure"),
    "measurement": (50, (3004249, 3012888, 3025315, 3004410, 3027114), "measurement_date",
                    "measurement"),
    "observation": (10, (8715,), "observation_date", "observation"),
    "visit_occurrence": (8, (9201, 9202, 9203), "visit_start_date", "visit"),
}  # fmt: skip
UNITS = {3004249: (8876, 130), 3012888: (8876, 80), 3025315: (9529, 75), 3004410: (8554, 5.5),
         3027114: (8840, 200)}  # fmt: skip


def make_cdm(path: Path, persons: int, seed: int) -> int:
    """Write the database; number of rows in its event tables. Tables are sorted by person."""
    con = duckdb.connect(str(path), config={"memory_limit": "3GB", "threads": "2"})
    con.execute("SET preserve_insertion_order = false")
    con.execute("CREATE SCHEMA cdm; CREATE SCHEMA vocab")
    for table in dict.fromkeys(f.table for f in cdm_fields()):
        columns = ", ".join(f'"{f.name}" {f.type}' for f in cdm_fields() if f.table == table)
        con.execute(f"CREATE TABLE cdm.{table} ({columns})")
    for name in ("concept", "concept_ancestor", "vocabulary"):
        file = literal(STARTER_FOLDER / f"{name}.csv.gz")
        con.execute(f"DROP TABLE cdm.{name}")
        con.execute(f"CREATE TABLE vocab.{name} AS FROM read_csv({file}, header = true)")
    con.execute(
        "INSERT INTO cdm.person (person_id, gender_concept_id, year_of_birth, month_of_birth, "
        "day_of_birth, race_concept_id, ethnicity_concept_id) "
        "SELECT i, if(i % 2 = 0, 8507, 8532), 1935 + hash(i, ?) % 60, 1 + i % 12, 1 + i % 28, 0, 0 "
        "FROM range(1, ? + 1) r(i)",
        [seed, persons],
    )
    con.execute(
        "INSERT INTO cdm.observation_period SELECT person_id, person_id, DATE '2005-01-01', "
        "DATE '2023-12-31', 32817 FROM cdm.person"
    )
    con.execute(
        "INSERT INTO cdm.death (person_id, death_date, death_type_concept_id) "
        "SELECT person_id, DATE '2023-06-01', 32817 FROM cdm.person WHERE person_id % 10 = 0"
    )
    con.execute(
        "INSERT INTO cdm.cdm_source (cdm_source_name, cdm_source_abbreviation, cdm_holder, "
        "source_release_date, cdm_release_date, cdm_version_concept_id, vocabulary_version) "
        "VALUES ('bench', 'bench', 'bench', DATE '2024-01-01', DATE '2024-01-01', 756265, 'x')"
    )
    total = 0
    for table, (per_person, concepts, day, name) in EVENTS.items():
        _events(con, table, per_person, concepts, day, name, seed)
        total += persons * per_person
    con.execute(
        "INSERT INTO cdm.condition_era SELECT row_number() OVER (), person_id, "
        "condition_concept_id, min(condition_start_date), max(condition_start_date), count(*) "
        "FROM cdm.condition_occurrence GROUP BY person_id, condition_concept_id"
    )
    con.execute("CHECKPOINT")
    con.close()
    return total


def _events(
    con: duckdb.DuckDBPyConnection, table: str, per_person: int, concepts: tuple[int, ...],
    day: str, name: str, seed: int,
) -> None:  # fmt: skip
    start = f"DATE '2006-01-01' + CAST(hash(i, {seed}) % 6000 AS INTEGER)"
    columns = {
        f"{table}_id": "i",
        "person_id": f"1 + i // {per_person}",
        f"{name}_concept_id": f"if(i % 1000 = 7, 0, {list(concepts)}[1 + i % {len(concepts)}])",
        day: start,
        f"{name}_type_concept_id": "32817",
        f"{name}_source_value": f"'code ' || (i % {len(concepts)})",
        f"{name}_source_concept_id": "0",
    }
    if table != "visit_occurrence":
        columns["visit_occurrence_id"] = f"8 * (i // {per_person}) + i % 8"
    else:
        columns["visit_end_date"] = f"{start} + 1"
    if table == "drug_exposure":
        columns |= {"drug_exposure_end_date": f"{start} + 30", "days_supply": "30",
                    "quantity": "30"}  # fmt: skip
    if table == "measurement":
        kind = f"1 + i % {len(concepts)}"
        columns |= {
            "unit_concept_id": f"{[UNITS[c][0] for c in concepts]}[{kind}]",
            "value_as_number": f"{[UNITS[c][1] for c in concepts]}[{kind}] "
            f"* (0.8 + (hash(i) % 400) / 1000.0) * if(i % 1000 = 3, 10, 1)",
            "unit_source_value": "'unit'",
        }
    con.execute(
        f"INSERT INTO cdm.{table} ({', '.join(columns)}) SELECT {', '.join(columns.values())} "
        f"FROM range(0, (SELECT count(*) FROM cdm.person) * {per_person}) r(i)"
    )
