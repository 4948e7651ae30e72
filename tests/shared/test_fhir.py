"""The Synthea bulk export through `biobraid run`: books, tables, mapped share."""

from __future__ import annotations

import gzip
import json
import shutil
from collections import Counter
from pathlib import Path

import pytest

from biobraid.cli.main import run
from biobraid.core.home import Home
from biobraid.core.warehouse import connect
from biobraid.ingest.landing import check_books
from tests.landing.bank import rows

PACK = Path(__file__).parent.parent / "shared_studies" / "fhir_synthea"

pytestmark = [pytest.mark.slow, pytest.mark.shared]

# Resources of the sample, by type; each lands once (SOURCE.txt).
EVENTS = {
    "AllergyIntolerance": 11, "Condition": 555, "Device": 16, "DocumentReference": 1_215,
    "Encounter": 1_215, "Immunization": 161, "MedicationRequest": 1_745, "Patient": 3,
    "Procedure": 2_056,
}  # fmt: skip
RECORDS = {"care_site": 43, "location": 87, "provider": 86}


def test_the_bulk_export_balances_and_arrives(
    home: Home, shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(PACK, home.studies / "fhir_synthea")
    delivery = home.deliveries / "fhir_synthea"
    delivery.mkdir(parents=True)
    sample = shared_data / "fhir_synthea"
    for path in sample.glob("*.ndjson.gz"):
        if path.name != "log.ndjson.gz":  # the export's own log, no resources
            (delivery / path.name).symlink_to(path)
    assert run(["--home", str(home.root), "--quiet", "run"]) == 0
    assert check_books(home) == []

    tables = Counter(table for (table,) in rows(home, "source_table", "raw.event"))
    assert tables == EVENTS, "three of the patients have died"
    assert Counter(kind for (kind,) in rows(home, "kind", "raw.record")) == RECORDS
    people = {key for (key,) in rows(home, "source_person_key", "raw.event")}
    assert len(people) == 13
    visits = {record for (record,) in rows(home, "record_id", "raw.event") if record}
    linked = rows(home, "visit_record_id", "raw.event")
    named = [visit for (visit,) in linked if visit is not None]
    assert named, "conditions, drugs and procedures name their visit"
    assert set(named) <= visits, "and every visit is there"
    sites = {record for (record,) in rows(home, "record_id", "raw.record")}
    asked = {site for (site,) in rows(home, "care_site_record_id", "raw.event") if site}
    assert asked <= sites, "conditional references meet the resources they name"

    names = _names(sample / "Patient.000.ndjson.gz")
    landed = str([rows(home, "*", table) for table in ("raw.event", "raw.value", "raw.detail")])
    assert not [name for name in names if name in landed]

    capsys.readouterr()
    assert run(["--home", str(home.root), "--json", "status"]) == 0
    report = json.loads(capsys.readouterr().out)
    for books in report["files"]:
        kinds = ("landed", "rejected", "ignored", "superseded", "deleted")
        assert books["records_read"] == sum(books[f"records_{n}"] for n in kinds) > 0
        assert books["records_rejected"] == 0
    shares = [c["mapped_share"] for c in report["warehouse"]["coverage"]]
    assert shares and all(0 < share <= 1 for share in shares)
    with connect(home, read_only=True) as con:
        people_query = "SELECT COUNT(*) FROM cdm.person WHERE gender_concept_id IN (8507, 8532)"
        assert con.execute(people_query).fetchone() == (13,)
        visit_query = "SELECT COUNT(*) FROM cdm.visit_occurrence WHERE visit_concept_id <> 0"
        assert con.execute(visit_query).fetchone() == (1_215,)


def _names(path: Path) -> list[str]:
    """Surnames and first names of the sample's patients; all end in digits, so are unmistakable."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        patients = [json.loads(line) for line in lines]
    return [
        word
        for patient in patients
        for name in patient["name"]
        for word in (name["family"], *name["given"])
    ]
