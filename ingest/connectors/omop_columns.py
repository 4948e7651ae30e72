"""Columns and tables of the OMOP CDM with a rule of their own: renamed, ignored."""

from __future__ import annotations

# Tables whose records are ignored, by the rule they are counted under.
IGNORED_TABLES: dict[str, str] = {
    **dict.fromkeys(
        (
            "concept", "concept_ancestor", "concept_class", "concept_relationship",
            "concept_synonym", "domain", "drug_strength", "relationship",
            "source_to_concept_map", "vocabulary",
        ),
        "vocabulary-table",
    ),
    **dict.fromkeys(("cohort", "cohort_definition", "cohort_attribute", "attribute_definition"),
                    "cohort-table"),
    "cdm_source": "delivered-cdm-source",
    "note_nlp": "text-of-notes",
}  # fmt: skip
ERAS = ("condition_era", "drug_era", "dose_era")

# Names of CDM 5.3 and before -> 5.4.
RENAMED: dict[str, str] = {
    "admitting_source_concept_id": "admitted_from_concept_id",
    "admitting_concept_id": "admitted_from_concept_id",
    "admitting_source_value": "admitted_from_source_value",
    "discharge_to_concept_id": "discharged_to_concept_id",
    "discharge_to_source_value": "discharged_to_source_value",
    "visit_detail_parent_id": "parent_visit_detail_id",
}

# Domain concept -> table, of fact_relationship; domain -> table, of cost.
TABLE_OF_DOMAIN_CONCEPT: dict[str, str] = {
    "8": "visit_occurrence", "10": "procedure_occurrence", "13": "drug_exposure",
    "17": "device_exposure", "19": "condition_occurrence", "21": "measurement",
    "27": "observation", "36": "specimen", "56": "person", "5085": "note",
}  # fmt: skip
TABLE_OF_DOMAIN: dict[str, str] = {
    "condition": "condition_occurrence", "drug": "drug_exposure",
    "procedure": "procedure_occurrence", "device": "device_exposure",
    "measurement": "measurement", "observation": "observation", "visit": "visit_occurrence",
    "visit detail": "visit_detail", "specimen": "specimen", "note": "note", "episode": "episode",
}  # fmt: skip
TABLE_OF_EVENT_FIELD: dict[str, str] = {"1147833": "survey_conduct"}
