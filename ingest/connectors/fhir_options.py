"""Options of the `fhir` connector, as study.yaml writes them."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, field_validator

from biobraid.core.errors import Fault, SettingsError, near_misses
from biobraid.core.schemas import IDENTITY_TYPES, MODALITIES
from biobraid.core.study import Study
from biobraid.ingest.connectors.fhir_stream import Format

_FIXED = ("person_id", "record_key", "version", "deleted", "identity")


class FhirOptions(BaseModel):
    """What a FHIR source may leave open; ids, versions and deletions are fixed by FHIR itself.

    format: `ndjson` (one resource or Bundle a line), `json` (a document), `auto` to look.
    code_systems: URL -> OMOP vocabulary id, beside those biobraid knows.
    identifiers: system URL of a Patient.identifier -> identity type, beside those known.
    ignore: resource types to leave out, counted by the rule `resource-type:<type>`.
    consent_modality: what a Consent speaks about; consent_scopes: scopes that count.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Format = "auto"
    code_systems: dict[str, str] = {}
    identifiers: dict[str, str] = {}
    ignore: list[str] = []
    consent_modality: str = "*"
    consent_scopes: list[str] = ["research", "patient-privacy"]

    @field_validator("consent_modality")
    @classmethod
    def _known_modality(cls, given: str) -> str:
        if given not in ("*", *MODALITIES):
            raise ValueError(f"'{given}' is not one of *, {', '.join(MODALITIES)}")
        return given

    @field_validator("identifiers")
    @classmethod
    def _known_types(cls, given: dict[str, str]) -> dict[str, str]:
        for kind in given.values():
            if kind not in IDENTITY_TYPES:
                near = near_misses(kind, IDENTITY_TYPES)
                hint = f"; did you mean {near[0]}?" if near else ""
                raise ValueError(f"'{kind}' is not an identity type{hint}")
        return given


def refuse_fixed(study: Study, source_id: str) -> None:
    """SettingsError if study.yaml declares what the FHIR format itself says."""
    source = study.sources[source_id]
    where = f"studies/{study.id}/study.yaml, sources.{source_id}"
    faults = [
        Fault(f"{where}.{name}", "a FHIR source has no such setting", "", "Take it out.")
        for name in _FIXED
        if getattr(source, name)
    ]
    if faults:
        raise SettingsError(faults)
