"""doctor: a study with every kind of fault gets them all in one go, without values of people."""

from __future__ import annotations

from pathlib import Path

import pytest

from biobraid.core.home import Home
from biobraid.core.study import delivery_folder, read_study
from biobraid.ingest.catalog_tables import publish_catalog
from biobraid.ingest.doctor import Finding, examine
from biobraid.ingest.landing import ingest
from tests.dictionaries.packs import write_pack

GOOD_DICTIONARY = """
variable,label,type,unit,allowed_values,instance_rule
weight,Weight,number,kg,,
smoking,Smokes,code,,1=yes|2=no,
visit,Date of visit,date,,,
"""
GOOD_MAPPING = """
survey,weight,,3025315,Measurement,9529,,direct,,,APPROVED,
survey,smoking,,0,Observation,,,direct,,,APPROVED,
survey,visit,,,,,,ignore,,,APPROVED,
hospital,ICD10,I21,4329847,Condition,,,direct,,,APPROVED,
"""
SURVEY = "pid,weight,smoking,visit\n" + "".join(f"P{i},7{i % 10},1,2020-01-02\n" for i in range(40))
HOSPITAL = "pid,diag,date\n" + "".join(f"P{i},I21,2020-01-02\n" for i in range(20))


def deliver(home: Home, study: str, **files: str) -> Path:
    """Write delivered CSV files, by stem."""
    folder = delivery_folder(home, study)
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder


def text_of(findings: list[Finding], severity: str | None = None) -> str:
    """Everything the findings say."""
    return "\n".join(f.fault.text() for f in findings if severity is None or f.severity == severity)


def test_a_sound_study_has_no_error_and_no_warning(home: Home) -> None:
    write_pack(home, dictionary=GOOD_DICTIONARY, mapping=GOOD_MAPPING)
    deliver(home, "small", survey=SURVEY, hospital=HOSPITAL)
    found = examine(home)
    assert text_of(found, "error") == ""
    assert text_of(found, "warning") == ""
    assert "could not be verified: 32817, 32862" in text_of(found, "note")


SHARED = """
id: small
name: A small study
release: "1"
licence: none
time_zone: Europe/London
sources:
  visits:
    connector: delimited
    files: ["hospital*.csv"]
    person_id: pid
    dictionary:
      {format: codes, fields: ["codes.csv"], variable: "small:visits", code: code, meaning: label}
    options: {layout: event, kind: visit, code: diag, time: date, code_system: "small:visits"}
  deaths:
    connector: delimited
    files: ["hospital*.csv"]
    shares_files: [SHARES]
    person_id: pid
    options: {layout: event, kind: death, time: date, ignore: {diag: [I21]}}
"""


def test_sources_that_say_so_take_other_facts_from_the_same_file(home: Home) -> None:
    write_pack(home, study_yaml=SHARED.replace("SHARES", "visits"))
    deliver(home, "small", hospital=HOSPITAL, codes="code,label\nI21,Infarction\n")
    found = examine(home)
    assert text_of(found, "error") == ""
    assert "no glob matches" not in text_of(found), "the list of codes is a dictionary's file"
    assert "promised, but in none" not in text_of(found)
    write_pack(home, study_yaml=SHARED.replace("[SHARES]", "[]"))
    assert "claimed by deaths and visits" in text_of(examine(home), "error")
    write_pack(home, study_yaml=SHARED.replace("SHARES", "visit"))
    said = text_of(examine(home), "error")
    assert "deaths shares files with 'visit', no other source; did you mean visits?" in said


def test_every_fault_of_a_study_is_found_in_one_go(home: Home) -> None:
    write_pack(
        home,
        study_yaml="""
id: small
name: A small study
release: "1"
licence: none
time_zone: Europe/Londn
birth_precison: year
withdrawals: {files: ["w*.txt"], level: no_use}
sources:
  survey:
    connector: delimited
    files: ["survey*.csv"]
    person_id: pid
    time_zone: Mars/Olympus
    free_text: [{variable: remarkz, rule: allow, reason: harmless words}]
  again:
    connector: delimited
    files: ["survey*.csv"]
    person_id: pid
    mints_persons: false
  gone:
    connector: delimited
    files: ["surve.csv", "../outside.csv"]
    person_id: pid
  odd:
    connector: delimted
    files: ["odd.csv"]
  wrong:
    connector: delimited
    files: ["odd.csv"]
    modality: questionaire
    options: {layout: wyde}
""",
        dictionary="""
variable,label,type,unit,allowed_values,instance_rule
weight,Weight,nummber,kg,,
smoking,Smokes,code,,1=yes|2=no,
remarks,Remarks,text,,,
height,Height,number,centimeterz,,
lonely,Lonely,code,,1=yes|2=no,
""",
        mapping="""
survey,wieght,,3025315,Measurement,9529,,direct,,,APPROVED,
survey,height,,3036277,Measurement,8507,,direct,,,APPROVED,
survey,smoking,1,999999999,Observation,,,direct,,,APPROVED,
survey,smoking,2,903096,Observation,,,direct,,,APPROVED,
""",
    )
    header = "pid,smoking,remarks,height,lonely,smokng_old\n"
    rows = "".join(f"CANARY{i},1,CANARY words,170,2,9\n" for i in range(30))
    deliver(home, "small", survey_1=header + rows, CANARY_scan="x\n", odd="a\n1\n")
    (home.key_dir / "link.key").unlink()
    (home.key_dir / "ingest.key").chmod(0o644)

    found = examine(home, ["small", "smal"])
    errors, others = text_of(found, "error"), text_of(found)
    for said in (
        "there is no study pack 'smal'",
        "ingest key: others may read the key file",
        "'Europe/Londn' is not an IANA time zone",
        "study.yaml, birth_precison",
        "'questionaire' is not one of",
        "sources.survey.time_zone: 'Mars/Olympus' is not an IANA time zone",
        "there is no connector 'delimted'",
        "Did you mean: delimited",
        "sources.wrong.options, layout",
        "no delivered file matches 'surve.csv'",
        "'../outside.csv' leads out of the delivery folder",
        "files are claimed by again and survey",
        "dictionary.csv, line 2: there is no type 'nummber'",
        "mapping.csv, row 3: unit_concept_id 8507 is not a unit",
        "mapping.csv, row 4: target_concept_id 999999999 is not in the vocabulary",
    ):
        assert said in errors, said
    for said in (
        "link key: the key file is missing",
        "no delivered file matches 'w*.txt'",
        "unit 'centimeterz' of height is not a UCUM unit",
        "'wieght' is no variable of the dictionary",
        "Did you mean: weight",
        "survey: variable lonely (Lonely) is not mapped; values of a sample",
        "column 'smokng_old' is not in the dictionary",
        "remarks is free text without a rule",
        "there is no variable 'remarkz'",
        "delivered files that no glob matches: .csv (1)",
        "could not be verified: 32809, 903096",
    ):
        assert said in others, said
    assert "CANARY" not in others, "a value, or the name of a file"
    severities = [f.severity for f in found]
    assert severities == sorted(severities, key=["error", "warning", "note"].index)


def test_unmapped_variables_and_codes_come_with_their_frequency(home: Home) -> None:
    write_pack(home, dictionary=GOOD_DICTIONARY, mapping="survey,visit,,,,,,ignore,,,,")
    rare = HOSPITAL + "P1,X99,2020-01-02\n" * 3
    deliver(home, "small", survey=SURVEY, hospital=rare)
    counts = {f.fault.found: f.count for f in examine(home) if "not mapped" in f.fault.found}
    assert counts == {
        "survey: variable weight (Weight) is not mapped; values of a sample": 40,
        "survey: variable smoking (Smokes) is not mapped; values of a sample": 40,
        "hospital: ICD10 code I21 is not mapped; events of a sample": 20,
        "hospital: rare ICD10 codes are not mapped; events of a sample": 3,
    }


def test_a_variable_that_no_file_has_is_noted_once(home: Home) -> None:
    dictionary = GOOD_DICTIONARY + "ghost,Ghost,number,,,\n"
    write_pack(home, dictionary=dictionary, mapping=GOOD_MAPPING)
    deliver(home, "small", survey=SURVEY, hospital=HOSPITAL)
    notes = text_of(examine(home), "note")
    assert "promised, but in none of the files looked into: ghost" in notes


def test_an_unknown_code_is_counted_and_not_shown(home: Home) -> None:
    write_pack(home, dictionary=GOOD_DICTIONARY, mapping=GOOD_MAPPING)
    deliver(home, "small", survey=SURVEY + "P99,70,QUUX,2020-01-02\n", hospital=HOSPITAL)
    found = examine(home)
    assert "unknown code in the sample: smoking" in text_of(found, "warning")
    assert "QUUX" not in text_of(found)


def test_what_would_be_rejected_is_counted_by_reason_and_column(home: Home) -> None:
    write_pack(home, dictionary=GOOD_DICTIONARY, mapping=GOOD_MAPPING)
    deliver(home, "small", survey=SURVEY + "P99,70\n", hospital=HOSPITAL)
    warnings = text_of(examine(home), "warning")
    assert "rejected as ragged row in the sample: whole record" in warnings


def test_frequencies_come_from_landing_once_the_source_is_landed(home: Home) -> None:
    pack = write_pack(home, dictionary=GOOD_DICTIONARY, mapping="survey,visit,,,,,,ignore,,,,")
    deliver(home, "small", survey=SURVEY, hospital=HOSPITAL)
    publish_catalog(home, [read_study(pack)])
    ingest(home, ["small"], workers=1)
    counts = {f.fault.found: f.count for f in examine(home) if "not mapped" in f.fault.found}
    assert counts["survey: variable weight (Weight) is not mapped; landed values"] == 40
    assert counts["hospital: ICD10 code I21 is not mapped; landed events"] == 20


def test_a_file_that_cannot_be_read_is_named_by_its_source(home: Home) -> None:
    write_pack(home, dictionary=GOOD_DICTIONARY, mapping=GOOD_MAPPING)
    deliver(home, "small", survey="weight,smoking,visit\n70,1,2020-01-02\n", hospital=HOSPITAL)
    errors = text_of(examine(home), "error")
    assert "small/survey" in errors
    assert "pid" in errors


@pytest.mark.parametrize(
    ("study_yaml", "said"),
    [
        ("id: small\nname: [unclosed", "is not YAML"),
        ("- just\n- a list\n", "study.yaml"),
        ("", "study.yaml"),
    ],
)
def test_an_unreadable_study_yaml_does_not_hide_other_studies(
    home: Home, study_yaml: str, said: str
) -> None:
    write_pack(home, study_yaml=study_yaml)
    write_pack(home, "other", dictionary=GOOD_DICTIONARY)
    errors = text_of(examine(home), "error")
    assert said in errors
    assert "the delivery folder is missing" in errors


def test_a_folder_without_study_yaml_is_a_fault(home: Home) -> None:
    (home.studies / "forgotten").mkdir()
    assert "studies/forgotten/study.yaml: the file is missing" in text_of(examine(home), "error")


def test_one_study_alone_can_be_examined(home: Home) -> None:
    write_pack(home, study_yaml="id: [")
    write_pack(home, "other", dictionary=GOOD_DICTIONARY, mapping=GOOD_MAPPING)
    deliver(home, "other", survey=SURVEY, hospital=HOSPITAL)
    assert "studies/small" not in text_of(examine(home, ["other"]))


def test_a_study_where_nobody_mints_persons_is_warned_of(home: Home) -> None:
    write_pack(
        home,
        study_yaml="""
id: small
name: x
release: "1"
licence: none
time_zone: UTC
sources: {a: {connector: delimited, files: ["a.csv"], mints_persons: false}}
""",
    )
    assert "no source mints persons" in text_of(examine(home), "warning")


def test_doctor_writes_nothing(home: Home) -> None:
    write_pack(home, dictionary=GOOD_DICTIONARY, mapping=GOOD_MAPPING)
    deliver(home, "small", survey=SURVEY, hospital=HOSPITAL)
    before = {p for p in home.root.rglob("*") if p.is_file()}
    examine(home)
    after = {p for p in home.root.rglob("*") if p.is_file()}
    assert after == before
