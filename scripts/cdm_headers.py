"""Rewrite the MODEL blocks of models/cdm from the CDM field list; the queries stay as they are.

    python scripts/cdm_headers.py [--check]

Grain, description, column descriptions and audits follow from the standard: a required field
is not null, a primary key is unique, ids are positive, a person is one of cdm.person, a visit
one of cdm.visit_occurrence.
"""

from __future__ import annotations

import sys
from pathlib import Path

from biobraid.core.omop import Field, table_fields

MODELS = Path(__file__).parent.parent / "models" / "cdm"
DESCRIPTIONS = {
    "person": "Linked persons with a known year of birth; the others are in stem.excluded_person. Where sources disagree, the most frequent answer counts, then the smallest. person_source_value is always null: no native id enters the cdm.",
    "observation_period": "Where one source alone covers a person and delivers observation periods that do not overlap, they are kept as delivered. Otherwise the days on which at least one source could have recorded something (mart.source_coverage), as whole periods: those that overlap or follow each other are one. A person with dated facts and no coverage has one period from the first to the last of them, also where the source delivers periods of other persons; facts outside the periods stay where they are and are counted in mart.outside_observation. Periods of a person never overlap. Ids are made of the person and the first day, so that another period does not move them.",
    "visit_occurrence": "Facts of stem.event for this table. A visit without an end ends where it starts.",
    "condition_occurrence": "Facts of stem.event whose concept is of domain Condition, and unmapped condition events.",
    "drug_exposure": "Facts of stem.event whose concept is of domain Drug, and unmapped drug events. An exposure without an end ends with its supply, else where it starts; verbatim_end_date holds only what was delivered.",
    "procedure_occurrence": "Facts of stem.event whose concept is of domain Procedure, and unmapped procedure events.",
    "device_exposure": "Facts of stem.event whose concept is of domain Device, and unmapped device events.",
    "measurement": "Facts of stem.event whose concept is of domain Measurement, and unmapped measurement events. A limit of quantification keeps its operator; absent values are not here but in mart.missingness.",
    "observation": "Facts of stem.event whose concept is of domain Observation or of one without a table, and unmapped values.",
    "death": "Every death and cause is in stem.event and mart.death_record; here the one in first place there: register before hospital before primary care before the rest, then a date that is certain before one that is not, the earliest date, a record with a cause, the primary one, a mapped one.",
    "visit_detail": "Facts of stem.event for this table. The CDM asks for the visit: parts of visits that were not delivered are counted in stem.arrival. A part without an end ends where it starts.",
    "specimen": "Facts of stem.event whose concept is of domain Specimen, and unmapped specimens. specimen_source_id is the keyed id of the delivered record, never the source's own.",
    "survey_conduct": "Filled-in surveys (a table of CDM 6): answers point here by observation_event_id or measurement_event_id with field concept 1147833. survey_source_identifier is the keyed id of the delivered record.",
    "note": "Metadata of notes. note_text is always empty: no text enters the cdm.",
    "episode": "Facts of stem.event for this table.",
    "condition_era": "Periods of a condition by OHDSI's rule: records of one concept no more than 30 days apart are one era; a record without an end ends the day after its start. Records with concept 0 make none. Eras of sources that deliver their own are kept as delivered and none are derived from the facts of these sources.",
    "drug_era": "Periods of exposure to an ingredient by OHDSI's rule: exposures no more than 30 days apart are one era; an exposure ends on its end date, else after its days of supply (up to 100 years), else the day after its start. stem.drug_ingredient says which ingredients a drug has. gap_days are the days of the era without exposure. Eras of sources that deliver their own are kept as delivered and none are derived from the facts of these sources.",
    "dose_era": "Periods of one ingredient in one daily dose: quantity times strength (vocab.drug_strength) over the days of the exposure, hourly rates times 24; exposures of the same dose no more than 30 days apart are one era. Empty where no drug_strength is loaded. Eras of sources that deliver their own are kept as delivered and none are derived from the facts of these sources.",
    "location": "Records of kind location: country, state and coordinates as delivered, street addresses never.",
    "care_site": "Records of kind care_site. Names are left out, source values are keyed tokens or null.",
    "provider": "Records of kind provider; what a role says of one (staging.provider_role) is part of its row. Names, NPI and DEA numbers are left out, source values are keyed tokens or null.",
    "metadata": "Records of kind metadata: statements about a source as a whole, about no person.",
    "payer_plan_period": "Records of kind payer_plan_period with a start date. An open one lasts until the source's declared end, else it ends where it starts.",
    "cost": "Records of kind cost whose event is in cdm; the domain is that of the table the event is in, whatever the source called it. The others are counted in stem.record_arrival.",
    "fact_relationship": "Records of kind fact_relationship of which both sides are in cdm, translated to the ids there; the others are counted in stem.record_arrival.",
    "episode_event": "Records of kind episode_event whose episode and event are in cdm; the others are counted in stem.record_arrival.",
    "image_occurrence": "IMAGE_OCCURRENCE of the medical imaging extension (MI-CDM): dated series, volumes and reports of stem.asset whose imaging procedure is in cdm. Waveforms that are no images are in omics.asset only. Those without a place here are counted in stem.record_arrival.",
    "image_feature": "IMAGE_FEATURE of the medical imaging extension (MI-CDM): dated facts of stem.image_fact whose image is in cdm.image_occurrence and of the same person. The value stands in the table that image_feature_event_id points to; features without an image are counted in stem.record_arrival.",
    "note_nlp": "Empty: texts are not kept, so no terms are found in them.",
    "cohort": "Empty: cohorts belong to projects and are kept in their own files.",
    "cohort_definition": "Empty: cohorts belong to projects and are kept in their own files.",
    "cdm_source": "Exactly one row; OHDSI's quality dashboard stops without it. Dates are those of the deliveries, so that the same input gives the same row.",
}
# Where the standard states no key: what names a row.
_KEYS = {
    "death": ["person_id"],
    "fact_relationship": [
        "domain_concept_id_1", "fact_id_1", "domain_concept_id_2", "fact_id_2",
        "relationship_concept_id",
    ],
    "episode_event": ["episode_id", "event_id", "episode_event_field_concept_id"],
    "cohort": ["cohort_definition_id", "subject_id", "cohort_start_date", "cohort_end_date"],
    "cohort_definition": ["cohort_definition_id"],
}  # fmt: skip
_REPEATABLE = ("fact_relationship", "episode_event")  # a source may state a relation twice
_REFERENCES = {
    "person_id": "cdm.person",
    "visit_occurrence_id": "cdm.visit_occurrence",
    "visit_detail_id": "cdm.visit_detail",
}


def header(table: str) -> str:
    """The MODEL block of one table."""
    fields = table_fields(table)
    key = keys_of(table, fields) or [fields[0].name]
    grain = key[0] if len(key) == 1 else f"({', '.join(key)})"
    lines = [f"  name cdm.{table},", "  kind FULL,", f"  grain {grain},"]
    if table != "person" and any(f.name == "person_id" for f in fields):
        lines.append("  references (person_id),")
    read = [
        _REFERENCES[f.name] for f in fields if f.name in ("visit_occurrence_id", "visit_detail_id")
    ]
    read = sorted(name for name in read if name != f"cdm.{table}")
    if read:
        lines.append(f"  depends_on ({', '.join(read)}),")  # read by audits only
    lines.append(f"  description '{_quoted(DESCRIPTIONS[table])}',")
    described = ",\n".join(f"    {_name(f)} = '{_quoted(f.description)}'" for f in fields)
    lines.append(f"  column_descriptions (\n{described}\n  ),")
    lines.append("  audits (\n    " + ",\n    ".join(audits(table, fields)) + "\n  )")
    return "MODEL (\n" + "\n".join(lines) + "\n);\n"


def keys_of(table: str, fields: tuple[Field, ...]) -> list[str]:
    """Columns that together name a row; empty for cdm_source, which has one row."""
    return [f.name for f in fields if f.is_primary_key] or list(_KEYS.get(table, []))


def _name(field: Field) -> str:
    return f'"{field.name}"' if field.name == "offset" else field.name  # a word of SQL


def _quoted(text: str) -> str:
    return text.replace("'", "''")


def audits(table: str, fields: tuple[Field, ...]) -> list[str]:
    """Audit calls that the field list asks for."""
    keys = keys_of(table, fields)
    required = ", ".join(_name(f) for f in fields if f.is_required)
    calls = [f"not_null(columns := ({required}))"]
    if keys and table not in _REPEATABLE:
        calls.append(f"unique_key(columns := ({', '.join(keys)}))")
    calls += [f"positive(key := {key})" for key in keys if key.endswith("_id") and len(keys) == 1]
    for field in fields:
        target = _REFERENCES.get(field.name)
        if target and target != f"cdm.{table}":
            name = target.split(".")[1]
            calls.append(f"refers_to_{name}(key := {field.name})")
    if table == "cdm_source":
        calls.append("number_of_rows(threshold := 0)")
    return calls


def rewritten(path: Path) -> str:
    """The file with the MODEL block the standard asks for, formatted as SQLMesh does."""
    from sqlmesh.core.dialect import format_model_expressions, parse

    before, rest = path.read_text(encoding="utf-8").split("MODEL (", 1)
    _, query = rest.split("\n);\n", 1)
    text = before + header(path.stem) + query
    options = {"pad": 2, "indent": 2, "normalize_functions": False, "max_text_width": 100}
    expressions = parse(text, default_dialect="duckdb")
    return format_model_expressions(expressions, "duckdb", rewrite_casts=False, **options) + "\n"


def main(check: bool) -> int:
    """Rewrite the files, or with check only say which differ."""
    stale = []
    for path in sorted(MODELS.glob("*.sql")):
        text = rewritten(path)
        if text != path.read_text(encoding="utf-8"):
            stale.append(path.name)
            if not check:
                path.write_text(text, encoding="utf-8")
    sys.stdout.write("".join(f"{name}\n" for name in stale))
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv))
