"""A tiny bank of two studies that share a person, landed and linked, without a warehouse."""

from __future__ import annotations

import duckdb
import pytest

from biobraid.cli.main import run
from biobraid.core.home import Home
from biobraid.core.keys import ingest_keys
from biobraid.core.lock import writer
from biobraid.core.manifest import Manifest
from biobraid.ingest.landing import ingest
from biobraid.linkage.link import link

STUDY = """
id: {study}
name: {study}
release: "1"
licence: none
time_zone: Europe/London
sources:
  visit:
    connector: delimited
    files: ["visit*.csv"]
    person_id: id
    delivery: append
    record_key: [id, day]
    identity: {{surname: surname, nhs: nhs_number, born: birth_date}}
    options: {{layout: wide, time: {{column: day, kind: date}}}}
  scan:
    connector: delimited
    files: ["scan*.csv"]
    person_id: id
    modality: imaging
    delivery: append
    record_key: [id, day]
    options: {{layout: wide, time: {{column: day, kind: date}}}}
"""
DICTIONARY = "variable,label,type,unit,allowed_values,instance_rule\n" + "".join(
    f"{v},{v},number,,,\n" for v in ("weight", "volume")
)
# Person 2 of lake is person B of hill, by NHS number and birth date.
NHS = {1: "9434765919", 2: "9434765870", 3: "9434765935", 4: "9434765943"}
VISITS = "id,day,surname,nhs,born,weight\n"
LAKE = VISITS + "".join(
    f"{n},20{y}-03-0{n},Surname{n}x,{NHS[n]},1950-01-0{n},{60 + n}\n"
    for n in NHS for y in (10, 20)
)  # fmt: skip
HILL = VISITS + f"B,2015-06-01,Surname2x,{NHS[2]},1950-01-02,63\nC,2015-06-02,Cx,,1949-01-01,80\n"
SCANS = "id,day,volume\n2,2016-01-01,1.5\n3,2016-01-02,1.7\n"


@pytest.fixture
def bank(home: Home) -> Home:
    for study, visits in (("lake", LAKE), ("hill", HILL)):
        pack = home.studies / study
        pack.mkdir()
        (pack / "study.yaml").write_text(STUDY.format(study=study))
        (pack / "dictionary.csv").write_text(DICTIONARY)
        deliver(home, study, "visit1.csv", visits)
    deliver(home, "lake", "scan1.csv", SCANS)
    land(home)
    return home


def deliver(home: Home, study: str, name: str, text: str) -> None:
    folder = home.deliveries / study
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)


def land(home: Home) -> None:
    with writer(home):
        result = ingest(home, workers=1)
        assert result.exit_code == 0, [o.faults for o in result.outcomes]
        link(home)


def withdraw(home: Home, *arguments: str) -> int:
    return run(["--quiet", "--home", str(home.root), "withdraw", *arguments])


def key(home: Home, study: str, native: str) -> str:
    return ingest_keys(home).person_key(study, native)


def landed(home: Home, study: str, native: str) -> list[tuple[str, str]]:
    """(source, day) of the landed values of a source person."""
    with Manifest(home) as manifest, duckdb.connect() as con:
        paths = [str(home.landing / p.path) for p in manifest.parts("raw.value") if p.rows]
        return con.execute(
            "SELECT DISTINCT source, left(start_time, 10) FROM read_parquet(?) "
            "WHERE source_person_key = ? ORDER BY ALL",
            [paths, key(home, study, native)],
        ).fetchall()


def linked(home: Home) -> dict[str, tuple[str, int | None]]:
    """source_person_key -> link status and person."""
    with Manifest(home) as manifest, duckdb.connect() as con:
        path = home.landing / manifest.objects()["link.person_bridge"][0]
        rows = con.execute(
            "SELECT source_person_key, link_status, person_id FROM read_parquet(?)", [str(path)]
        ).fetchall()
    return {k: (status, person) for k, status, person in rows}
