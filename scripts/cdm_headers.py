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
    "observation_period": "From the earliest to the latest day of mart.source_coverage and of the facts themselves; dates that are themselves answers (year of a diagnosis long ago) do not widen it. One period a person, so none overlap.",
    "visit_occurrence": "Facts of stem.event for this table. A visit without an end ends where it starts.",
    "condition_occurrence": "Facts of stem.event whose concept is of domain Condition, and unmapped condition events.",
    "drug_exposure": "Facts of stem.event whose concept is of domain Drug, and unmapped drug events. An exposure without an end ends with its supply, else where it starts; verbatim_end_date holds only what was delivered.",
    "procedure_occurrence": "Facts of stem.event whose concept is of domain Procedure, and unmapped procedure events.",
    "device_exposure": "Facts of stem.event whose concept is of domain Device, and unmapped device events.",
    "measurement": "Facts of stem.event whose concept is of domain Measurement, and unmapped measurement events. A limit of quantification keeps its operator; absent values are not here but in mart.missingness.",
    "observation": "Facts of stem.event whose concept is of domain Observation or of one without a table, and unmapped values.",
    "visit_detail": "Facts of stem.event for this table. The CDM asks for the visit: parts of visits that were not delivered are counted in stem.arrival. A part without an end ends where it starts.",
    "specimen": "Facts of stem.event whose concept is of domain Specimen, and unmapped specimens. specimen_source_id is the keyed id of the delivered record, never the source's own.",
    "survey_conduct": "Filled-in surveys (a table of CDM 6): answers point here by observation_event_id or measurement_event_id with field concept 1147833. survey_source_identifier is the keyed id of the delivered record.",
    "note": "Metadata of notes. note_text is always empty: no text enters the cdm.",
    "episode": "Facts of stem.event for this table.",
    "death": "Every death and cause is in stem.event; here the one that counts: register before hospital before primary care before the rest, then the earliest date, then a record with a cause, the primary one, a mapped one.",
    "cdm_source": "Exactly one row; OHDSI's quality dashboard stops without it. Dates are those of the deliveries, so that the same input gives the same row.",
}
_REFERENCES = {
    "person_id": "cdm.person",
    "visit_occurrence_id": "cdm.visit_occurrence",
    "visit_detail_id": "cdm.visit_detail",
}


def header(table: str) -> str:
    """The MODEL block of one table."""
    fields = table_fields(table)
    key = [f.name for f in fields if f.is_primary_key] or [fields[0].name]
    lines = [f"  name cdm.{table},", "  kind FULL,", f"  grain {key[0]},"]
    if table not in ("person", "cdm_source"):
        lines.append("  references (person_id),")
    read = [
        _REFERENCES[f.name] for f in fields if f.name in ("visit_occurrence_id", "visit_detail_id")
    ]
    read = sorted(name for name in read if name != f"cdm.{table}")
    if read:
        lines.append(f"  depends_on ({', '.join(read)}),")  # read by audits only
    lines.append(f"  description '{_quoted(DESCRIPTIONS[table])}',")
    described = ",\n".join(f"    {f.name} = '{_quoted(f.description)}'" for f in fields)
    lines.append(f"  column_descriptions (\n{described}\n  ),")
    lines.append("  audits (\n    " + ",\n    ".join(audits(table, fields)) + "\n  )")
    return "MODEL (\n" + "\n".join(lines) + "\n);\n"


def _quoted(text: str) -> str:
    return text.replace("'", "''")


def audits(table: str, fields: tuple[Field, ...]) -> list[str]:
    """Audit calls that the field list asks for."""
    keys = [f.name for f in fields if f.is_primary_key]
    if table == "death":  # the standard states no key; ours is the person
        keys = ["person_id"]
    required = ", ".join(f.name for f in fields if f.is_required)
    calls = [f"not_null(columns := ({required}))"]
    calls += [f"unique_key(columns := ({key}))" for key in keys]
    calls += [f"positive(key := {key})" for key in keys]
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
