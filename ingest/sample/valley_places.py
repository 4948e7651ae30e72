"""Locations, care sites and providers of the extract: few, and the same in every sample."""

from __future__ import annotations

PLACES: dict[str, dict[str, list[str]]] = {
    "location": {
        "location_id": ["-7211234567890123", "8213344556677889900", "41"],
        "city": ["Invented Town", "Made-up Green", "Fiction Bridge"],
        "zip": ["YO1 1ZZ", "LS1 1ZZ", "HG1 1ZZ"],
        "location_source_value": ["town", "green", "bridge"],
        "country_concept_id": ["4072900"] * 3,
        "country_source_value": ["GBR"] * 3,
    },
    "care_site": {
        "care_site_id": ["-5550001112223334445", "9120003334445556667"],
        "care_site_name": ["Valley Practice", "Hill Practice"],
        "place_of_service_concept_id": ["0", "0"],
        "location_id": ["-7211234567890123", "8213344556677889900"],
        "care_site_source_value": ["valley-1", "valley-2"],
        "place_of_service_source_value": ["practice", "practice"],
    },
    "provider": {
        "provider_id": ["-6020000000000000001", "6020000000000000002", "77"],
        "provider_name": ["Fernquist", "Hensby", "Qwackenzyx"],
        "npi": ["9999900001", "9999900002", "9999900003"],
        "specialty_concept_id": ["0", "0", "0"],
        "care_site_id": ["-5550001112223334445", "9120003334445556667", "9120003334445556667"],
        "provider_source_value": ["dr-1", "dr-2", "dr-3"],
        "specialty_source_value": ["general practice", "general practice", "nursing"],
        "specialty_source_concept_id": ["0", "0", "0"],
    },
    "cdm_source": {
        "cdm_source_name": ["Valley practices"],
        "cdm_source_abbreviation": ["VALLEY"],
        "cdm_holder": ["Nobody: invented"],
        "source_release_date": ["2023-01-31"],
        "cdm_release_date": ["2023-02-15"],
        "cdm_version": ["5.4"],
        "cdm_version_concept_id": ["756265"],
        "vocabulary_version": ["v5.0 31-AUG-22"],
    },
}
