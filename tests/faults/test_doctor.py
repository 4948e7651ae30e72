"""`doctor` on a study with everything wrong: all of it in one go, exit code 10, near misses."""

from __future__ import annotations

import pytest

from tests.faults.bank import CANARY, STUDY, Bank, Table, lab_table, main_table, visit_table

# What is written in the study pack -> what a hasty hand writes instead.
SLIPS = {
    "study.yaml": {
        "connector: ukb": "connector: ukbb",
        'files: ["lab*.csv"]': 'files: ["lab*.csv"]\n    covers: {from: 1.1.2020}',
        "time_zone: Europe/Zurich": "time_zone: Europe/Zürich",
        "identity: {family_name: surname}": "identity: {family_name: sirname}",
    },
    "dictionary.csv": {"weight,Body weight,number,kg": "weight,Body weight,number,kgg"},
    "mapping.csv": {
        "visit,weight,,3025315,Measurement,9529": "visit,weight,,3025316,Measurement,9529",
        "visit,sex,2,8532,Gender": "visit,sexx,2,8532,Gender",
        "main,31,0,8532,Gender": "main,31,0,8532,Gendr",
    },
}
MUST_SAY = [
    # (severity, where, what is wrong, near miss)
    ("error", "studies/lake/study.yaml, time_zone", "is not an IANA time zone", "Europe/Zurich"),
    ("error", "sources.main.connector", "there is no connector 'ukbb'", "ukb"),
    ("error", "sources.visit.identity", "'sirname' is not an identity type", "surname"),
    ("error", "sources.lab.covers.from", "String should match pattern", ""),
    ("error", "studies/lake/mapping.csv, row ", "concept_id 3025316 is not in the voc", ""),
    ("error", "studies/lake/mapping.csv, row ", "there is no domain 'Gendr'", "Gender"),
    ("error", "sources.lab.files", "no delivered file matches 'lab*.csv'", "lab*.tsv"),
    ("warning", "studies/lake, dictionary", "unit 'kgg' of weight is not a UCUM", "kg"),
    ("warning", "studies/lake/mapping.csv", "'sexx' is no variable of the dictionary", "sex"),
    ("warning", "sources.visit.free_text", "remarks is free text without a rule", ""),
    ("warning", "studies/lake/mapping.csv", "variable smoker (Smokes now) is not mapped", ""),
]


@pytest.fixture
def slipped(bank: Bank) -> Bank:
    """The study after a hasty evening: also a free-text column and a file in the wrong form."""
    bank.clear("lab")
    bank.deliver(lab_table(), "lab.tsv")
    bank.deliver(main_table())
    table = visit_table()
    rows = [[*row, f"{CANARY} said no"] for row in table.rows]
    bank.deliver(Table(table.source, table.name, ";", [*table.header, "remarks"], rows))
    pack = bank.home.studies / STUDY
    for name, slips in SLIPS.items():
        text = (pack / name).read_text()
        for right, wrong in slips.items():
            assert right in text
            text = text.replace(right, wrong)
        (pack / name).write_text(text)
    with (pack / "dictionary.csv").open("a") as file:
        file.write("remarks,Remarks,text,,,,visit\n")
    return bank


def test_every_fault_is_said_at_once_with_near_misses(slipped: Bank) -> None:
    ran = slipped.run("doctor", "--json")
    assert ran.code == 10
    found = ran.json["findings"]
    for severity, where, wrong, near in MUST_SAY:
        hits = [f for f in found if where in f["where"] and wrong in f["found"]]
        assert [h["severity"] for h in hits] == [severity], (wrong, hits)
        assert near in f"{hits[0]['found']} {' '.join(hits[0]['suggestions'])}", wrong
    (free_text,) = [f for f in found if "free text" in f["found"]]
    assert "allow, vault or drop" in free_text["expected"]
    (unmapped,) = [f for f in found if "smoker (Smokes now)" in f["found"]]
    assert unmapped["count"] == len(visit_table().rows)

    said = slipped.run("doctor")
    assert said.code == 10
    for _, where, wrong, _ in MUST_SAY:
        assert where in said.out and wrong in said.out
    assert "Did you mean: " in said.out
    slipped.check_whole()


def test_doctor_and_ingest_agree_that_the_study_cannot_be_used(slipped: Bank) -> None:
    failed = slipped.run("ingest")
    assert failed.code == 10
    assert "Europe/Zurich" in failed.err
    assert slipped.values() == []
    slipped.check_whole()


def test_the_mended_study_has_no_error(bank: Bank) -> None:
    bank.deliver(visit_table())
    bank.deliver(main_table())
    ran = bank.run("doctor", "--json")
    assert ran.code == 0
    assert ran.json["error"] == 0
    assert {f["severity"] for f in ran.json["findings"]} <= {"warning", "note"}
