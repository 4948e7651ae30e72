"""Fields that may name somebody or a place, or are prose: what no connector lands unasked.

GUARDED: name of a field (a CDM column, a field of raw.detail) -> the type under which it goes to
the vault, or the rule by which it is dropped. study.yaml may say otherwise (free_text: allow,
vault, drop; identity: a type).
"""

from __future__ import annotations

import re
from collections import Counter

import pyarrow as pa
import pyarrow.compute as pc

from biobraid.core.study import Source

TEXT, HIDDEN = "free-text-undeclared", "identifier-undeclared"
GUARDED: dict[str, str] = {
    "person_source_value": "other",
    "unique_device_id": "device_serial",
    "production_id": "device_serial",
    "specimen_source_id": "sample_id",
    **dict.fromkeys(("note_text", "note_title", "sig", "value_as_string", "snippet"), TEXT),
    **dict.fromkeys(
        (
            "visit_source_value", "visit_detail_source_value", "provider_source_value",
            "care_site_source_value", "location_source_value", "note_source_value",
            "family_source_value", "survey_source_identifier", "provider_name", "npi", "dea",
            "care_site_name", "address_1", "address_2", "city", "zip", "county", "latitude",
            "longitude",
        ),
        HIDDEN,
    ),
}  # fmt: skip
# Columns among measurements. Whole names or words only: symbols of genes hold any letters (NHSL1,
# HLA-DOB), and those that are words themselves (NHS) are withheld until they are declared.
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_IDENTIFIER = re.compile(
    r"(e?id|name|nhs|mrn|ssn|dob|yob|birth|born|medical_record(_(no|nr|number))?|"
    r"((host_subject|person|patient|participant|subject|donor|individual|member|record|case|"
    r"hospital|nhs|national|insurance|social_security)_?)(id|no|nr|num|number|identifier))"
)
_WORD = re.compile(
    r"(^|_)(e_?mail|(tele)?phone|mobile|fax|zip|zip_?code|post_?code|postal_code|address|street|"
    r"((first|last|given|family|full|patient|participant|sur|fore|maiden)_?)name|fname|lname|"
    r"birth_?(date|day|month|year)|(date|day|month|year)_?of_?birth)(?![a-z])"
)


def names_identifier(column: str) -> bool:
    """True if a column among measurements is named as what identifies somebody or a place."""
    plain = re.sub(r"[^0-9a-z]+", "_", _CAMEL.sub("_", column).lower()).strip("_")
    return plain in GUARDED or bool(_IDENTIFIER.fullmatch(plain) or _WORD.search(plain))


def rule_of(field: str) -> str | None:
    """Rule by which cells of a guarded field are dropped; None for any other field."""
    guard = GUARDED.get(field)
    return guard if guard in (None, TEXT) else HIDDEN


def allowed_columns(source: Source) -> set[str]:
    """Columns and variables of a source that `free_text: allow` lets land."""
    return {rule.variable for rule in source.free_text if rule.rule == "allow"}


def without_guarded(source: Source, details: pa.Table) -> tuple[pa.Table, Counter[str]]:
    """raw.detail rows without the fields that the source does not allow; what went, by rule.

    A field is allowed by its own name, by `table.field`, or by the column that the option
    `detail` fills it from. Connectors keep guarded fields out themselves; landing asks again.
    """
    fields = pc.unique(details["field"]).to_pylist()
    allowed = allowed_columns(source)
    columns = source.options.get("detail")
    columns = columns if isinstance(columns, dict) else {}
    names = {name.rpartition(".")[2] for name in allowed}
    shut = {
        field: rule
        for field in fields
        if (rule := rule_of(field)) and field not in names and columns.get(field) not in allowed
    }
    dropped: Counter[str] = Counter()
    if not shut:
        return details, dropped
    column = pc.cast(details["field"], pa.string())
    for entry in pc.value_counts(column).to_pylist():
        if entry["values"] in shut:
            dropped[shut[entry["values"]]] += entry["counts"]
    return details.filter(pc.invert(pc.is_in(column, pa.array(list(shut), pa.string())))), dropped
