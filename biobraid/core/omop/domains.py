"""Which cdm table a fact of an OMOP domain goes to."""

from __future__ import annotations

# The nine clinical domains; a person's own attributes (gender, race, ethnicity) become
# columns of cdm.person. Every other domain's facts are observations, as OMOP prescribes.
DOMAIN_TABLES: dict[str, str] = {
    "Condition": "condition_occurrence",
    "Drug": "drug_exposure",
    "Procedure": "procedure_occurrence",
    "Device": "device_exposure",
    "Measurement": "measurement",
    "Observation": "observation",
    "Visit": "visit_occurrence",
    "Specimen": "specimen",
    "Note": "note",
    "Episode": "episode",
    "Gender": "person",
    "Race": "person",
    "Ethnicity": "person",
    "Person": "person",
}
OTHER_DOMAINS_TABLE = "observation"
_SHORT = {"Meas": "Measurement", "Obs": "Observation"}


def cdm_table_of_domain(domain: str) -> str:
    """Name of the cdm table, without schema, for facts of a domain.

    Of a combined domain ("Condition/Meas") the first part decides; a domain without a table
    of its own ("Meas Value", "Geography") gives observation.
    """
    first = domain.split("/")[0]
    return DOMAIN_TABLES.get(_SHORT.get(first, first), OTHER_DOMAINS_TABLE)
