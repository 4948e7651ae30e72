"""Small study packs, written by the tests that need them."""

from __future__ import annotations

from pathlib import Path

from biobraid.core.home import Home
from biobraid.core.study import Study, read_study

MAPPING_HEADER = (
    "source,variable,source_code,target_concept_id,target_domain_id,unit_concept_id,"
    "value_as_concept_id,rule,rule_arg,absent_reason,status,comment\n"
)
STUDY_YAML = """
id: {study}
name: A small study
release: "1"
licence: none
time_zone: Europe/London
sources:
  survey:
    connector: delimited
    files: ["survey*.csv"]
    person_id: pid
    origin: survey
  hospital:
    connector: delimited
    files: ["hospital*.csv"]
    person_id: pid
    origin: hospital
    options: {{layout: event, kind: condition, code: {{diag: ICD10}}, time: date}}
"""


def write_pack(
    home: Home,
    study: str = "small",
    *,
    study_yaml: str = STUDY_YAML,
    dictionary: str | None = None,
    mapping: str | None = None,
) -> Path:
    """Write a study pack; `mapping` is the rows under the header."""
    pack = home.studies / study
    pack.mkdir(exist_ok=True)
    text = study_yaml.format(study=study) if study_yaml is STUDY_YAML else study_yaml
    (pack / "study.yaml").write_text(text, encoding="utf-8")
    if dictionary is not None:
        (pack / "dictionary.csv").write_text(dictionary.lstrip(), encoding="utf-8")
    if mapping is not None:
        body = "\n".join(line.strip() for line in mapping.strip().splitlines())
        (pack / "mapping.csv").write_text(MAPPING_HEADER + body + "\n", encoding="utf-8")
    return pack


def small_study(home: Home, *, dictionary: str | None = None, mapping: str | None = None) -> Study:
    """The study of a freshly written pack."""
    return read_study(write_pack(home, dictionary=dictionary, mapping=mapping))
