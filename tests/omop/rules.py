"""Columns of the CDM that a rule changes on the way through, with what comes out and why.

Everything that is not named here must come out equal; ids and references are compared as the
records they stand for (they are re-keyed, so that no native id enters the warehouse).
"""

from __future__ import annotations

_NATIVE = "a native identifier never enters the warehouse"
_PLACE = "street, town and codes of small areas say where somebody lives"
_NAME = "the name or number of a person who gives care"
_TEXT = "free text is dropped unless the study allows it"

# table -> column -> (SQL over the delivered row i, reason)
RULES: dict[str, dict[str, tuple[str, str]]] = {
    "person": {"person_source_value": ("NULL", _NATIVE)},
    "visit_occurrence": {
        "visit_source_value": ("NULL", "may be the visit's number"),
    },
    "visit_detail": {
        "visit_detail_source_value": ("NULL", "as in visit_occurrence"),
    },
    "device_exposure": {
        "unique_device_id": ("NULL", "a serial number: to the vault"),
        "production_id": ("NULL", "a serial number: to the vault"),
    },
    "drug_exposure": {"sig": ("NULL", _TEXT)},
    "measurement": {
        "measurement_time": (
            "strftime(i.measurement_datetime, '%H:%M:%S')",
            "kept by the standard for old tools only: the time of day of the datetime",
        ),
    },
    "observation": {"value_as_string": ("NULL", _TEXT)},
    "specimen": {"specimen_source_id": ("CAST(i.k AS VARCHAR)", "keyed id instead of the tube's")},
    "note": {
        "note_title": ("NULL", _TEXT),
        "note_text": ("''", _TEXT),
        "note_source_value": ("NULL", _NATIVE),
    },
    "location": dict.fromkeys(
        ("address_1", "address_2", "city", "zip", "county", "location_source_value"),
        ("NULL", _PLACE),
    ),
    "care_site": {
        "care_site_name": ("NULL", _NAME),
        "care_site_source_value": ("NULL", _NATIVE),
    },
    "provider": dict.fromkeys(
        ("provider_name", "npi", "dea", "provider_source_value"), ("NULL", _NAME)
    ),
    "payer_plan_period": {"family_source_value": ("NULL", _NATIVE)},
}
# A source concept that was not delivered is 0, "no matching concept", as the CDM asks.
SOURCE_CONCEPT = {
    "condition_occurrence": "condition_source_concept_id",
    "drug_exposure": "drug_source_concept_id",
    "measurement": "measurement_source_concept_id",
    "observation": "observation_source_concept_id",
    "procedure_occurrence": "procedure_source_concept_id",
}


def rules_of(table: str) -> dict[str, str]:
    """Column -> SQL of what comes out, of one table."""
    found = {column: sql for column, (sql, _) in RULES.get(table, {}).items()}
    if table in SOURCE_CONCEPT:
        column = SOURCE_CONCEPT[table]
        found[column] = f"coalesce(i.{column}, 0)"
    return found
