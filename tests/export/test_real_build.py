"""One way through on a real build: deliver, ingest, link, build, release, cohort, export."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from biobraid.cli.build import build
from biobraid.core.home import Home
from biobraid.core.lock import writer
from biobraid.core.study import read_study
from biobraid.export.cohort import run_cohort
from biobraid.export.project import create_project
from biobraid.export.release import DATABASE, release
from biobraid.export.wide import export_wide
from biobraid.ingest.catalog_tables import publish_catalog
from biobraid.ingest.landing import ingest
from biobraid.linkage.link import link
from tests.export.conftest import rows

STUDY = """
id: lake
name: Lake
release: "1"
licence: internal
time_zone: Europe/Zurich
sources:
  visit:
    connector: delimited
    files: ["visit*.csv"]
    person_id: participant
    modality: questionnaire
    record_key: [participant, day]
    identity: {surname: surname}
    options:
      layout: wide
      delimiter: ","
      time: {column: day, kind: date}
"""
DICTIONARY = """variable,label,type,unit,allowed_values,instance_rule
sex,Sex,code,,1=male|2=female,
born,Year of birth,integer,,,
weight,Body weight,number,kg,,
"""
MAPPING = """source,variable,source_code,target_concept_id,target_domain_id,unit_concept_id,\
value_as_concept_id,rule,rule_arg,absent_reason,status,comment
visit,sex,1,8507,Gender,,,direct,,,APPROVED,
visit,sex,2,8532,Gender,,,direct,,,APPROVED,
visit,born,,0,Person,,,direct,year_of_birth,,APPROVED,
visit,weight,,3025315,Measurement,9529,,direct,,,APPROVED,
visit,weight,-3,,,,,direct,,asked-declined,APPROVED,
"""
PLAN = """
variables:
  - {name: weight, table: measurement, concept_id: 3025315, unit_concept_id: 9529}
  - {name: sex, table: person, column: gender_concept_id}
"""


def deliver(home: Home) -> None:
    """A study of 40 people; the first of them declined to be weighed."""
    pack, delivery = home.studies / "lake", home.deliveries / "lake"
    pack.mkdir()
    delivery.mkdir(parents=True)
    for name, text in (
        ("study.yaml", STUDY), ("dictionary.csv", DICTIONARY), ("mapping.csv", MAPPING)
    ):  # fmt: skip
        (pack / name).write_text(text)
    lines = ["participant,day,sex,born,weight,surname"]
    lines += [
        f"P{n},2020-03-{1 + n % 28:02d},{1 + n % 2},{1950 + n % 30},{60 + n if n else -3},Name{n}"
        for n in range(40)
    ]
    (delivery / "visit.csv").write_text("\n".join(lines) + "\n")


@pytest.mark.slow
def test_from_delivery_to_dataset(home: Home, tmp_path: Path) -> None:
    deliver(home)
    with writer(home):
        publish_catalog(home, [read_study(home.studies / "lake")])
        assert ingest(home, ["lake"], workers=1).exit_code == 0
        link(home)
        build(home)
    create_project(home, "alpha")
    create_project(home, "beta")
    made = release(home, "alpha", "r1")
    other = release(home, "beta", "r1")
    assert made.n_persons == 40
    assert rows(
        made.folder / DATABASE,
        "SELECT count(*), count(DISTINCT measurement_id), min(value_as_number) "
        "FROM r.cdm.measurement WHERE measurement_concept_id = 3025315",
    ) == [(39, 39, 61.0)]

    with duckdb.connect() as con:
        con.execute(f"ATTACH '{made.folder / DATABASE}' AS a (READ_ONLY)")
        con.execute(f"ATTACH '{other.folder / DATABASE}' AS b (READ_ONLY)")
        for name in made.tables:
            con.execute(f"SELECT * FROM a.{name}").fetchall()
        for name, key in (("person", "person_id"), ("measurement", "measurement_id")):
            shared = f"SELECT {key} FROM a.cdm.{name} INTERSECT SELECT {key} FROM b.cdm.{name}"
            assert con.execute(shared).fetchall() == []
        commented = con.execute(
            "SELECT count(comment), count(*) FROM duckdb_columns() "
            "WHERE database_name = 'a' AND schema_name IN ('cdm', 'mart')"
        ).fetchone()
        assert commented is not None
        assert commented[0] == commented[1]

    sql = tmp_path / "all.sql"
    sql.write_text("-- step: All\nSELECT person_id FROM person")
    (tmp_path / "plan.yaml").write_text(PLAN)
    run_cohort(home, "alpha", "everyone", sql)
    folder = export_wide(home, "alpha", "everyone", "d1", tmp_path / "plan.yaml").folder
    table = pq.read_table(folder / "data.parquet").to_pylist()
    absent = [r["weight__absent_reason"] for r in table if r["weight"] is None]
    assert (len(table), absent) == (40, ["asked-declined"])
    assert {r["sex"] for r in table} == {8507, 8532}
