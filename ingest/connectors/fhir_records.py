"""Resources that are about nobody, or a period: places, organisations, practitioners, cover.

Names, numbers, telecoms and addresses of places and of those who work there are dropped and
counted by element path; state and country stay.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.ingest.connectors.fhir_codes import Concept, concept
from biobraid.ingest.connectors.fhir_file import natural_key
from biobraid.ingest.connectors.fhir_resources import Resources, constant
from biobraid.ingest.connectors.fhir_tokens import Ints
from biobraid.ingest.hashing import positive, value_hashes

# OMOP genders of FHIR's administrative ones; the others have none.
_GENDERS = {"male": 8507, "female": 8532}


def land_location(found: Resources) -> None:
    """raw.record of kind location."""
    _land(found, "location", concept(found.file, found.frame, "type"))
    _place(found, "location", "address")
    found.details("location", {"care_site_record_id": _refer(found, "managingOrganization")})
    _aliases(found, "location")


def land_organization(found: Resources) -> None:
    """raw.record of kind care_site, and one of kind location where it says where it is."""
    _land(found, "care_site", concept(found.file, found.frame, "type"))
    at = _place(found, "location", "address")
    if len(at):
        columns = {"kind": constant("location", len(at))}
        found.land("raw.record", columns, "record:location", at)
    has_place = np.zeros(len(found), dtype=bool)
    has_place[at] = True
    place = pc.if_else(pa.array(has_place), found.record_ids, pa.scalar(None, pa.int64()))
    fields = {"location_id": place, "parent_record_id": _refer(found, "partOf")}
    found.details("care_site", fields)
    _aliases(found, "care_site")


def land_practitioner(found: Resources) -> None:
    """raw.record of kind provider; the code is a qualification, the specialty comes by role."""
    _land(found, "provider", concept(found.file, found.frame, "qualification.code"))
    gender = found.frame.text("gender")
    concepts = pa.array(list(_GENDERS.values())).take(pc.index_in(gender, pa.array(list(_GENDERS))))
    found.details("provider", {"gender_source_value": gender, "gender_concept_id": concepts})
    _aliases(found, "provider")


def land_role(found: Resources) -> None:
    """raw.record of kind provider whose parent is the practitioner: specialty and care site."""
    file, frame = found.file, found.frame
    specialty = concept(file, frame, "specialty").or_else(concept(file, frame, "code"))
    parent = file.record_ids(file.refer(frame, "practitioner", "Practitioner"))
    _land(found, "provider", specialty, parent=parent)
    found.details(
        "provider",
        {
            "care_site_id": _refer(found, "organization"),
            "location_record_id": file.record_ids(file.refer(frame, "location", "Location")),
        },
    )


def land_medication(found: Resources) -> None:
    """raw.record of kind medication: what the drugs that refer to it are."""
    code = concept(found.file, found.frame, "code")
    _land(found, "medication", code, label=code.text)
    form = concept(found.file, found.frame, "form")
    found.details("medication", {"form": pc.binary_join_element_wise(form.system, form.code, "|")})


def land_coverage(found: Resources) -> None:
    """raw.record of kind payer_plan_period, whose code is the plan.

    The subscriber's number goes to the vault; who shares one, shares a keyed token of it.
    """
    file, frame = found.file, found.frame
    times = found.times(frame.text("period.start"), "period.start")
    times |= found.times(frame.text("period.end"), "period.end", start=False)
    _land(found, "payer_plan_period", concept(file, frame, "type"), times=times)
    payer = file.refer(frame, "payor", "Organization")
    is_house = pc.equal(payer.type, "Organization").fill_null(False)
    record = pc.if_else(is_house, file.record_ids(payer), pa.scalar(None, pa.int64()))
    relationship = concept(file, frame, "relationship")
    found.details(
        "payer_plan_period",
        {
            "payer_record_id": record,
            "family_token": _tokens(found, frame.peek("subscriberId")),
            "relationship": relationship.code,
        },
    )
    for path in ("subscriberId", "identifier.value"):
        values, rows = frame.all_texts(path)
        found.vault("other", values, rows)


def _land(
    found: Resources,
    kind: str,
    code: Concept,
    label: pa.StringArray | None = None,
    times: dict[str, pa.Array] | None = None,
    parent: pa.Int64Array | None = None,
) -> None:
    columns: dict[str, pa.Array] = {
        "kind": constant(kind, len(found)),
        "code": code.code,
        "code_system": code.system,
        **(times or {}),
    }
    if label is not None:
        columns["label"] = label
    if parent is not None:
        columns["parent_record_id"] = parent
    found.land("raw.record", columns, "record")


def _refer(found: Resources, path: str) -> pa.Int64Array:
    return found.file.record_ids(found.file.refer(found.frame, path, "Organization"))


def _place(found: Resources, kind: str, path: str) -> Ints:
    """Land state and country; returns which resources have one."""
    state, country = found.frame.text(f"{path}.state"), found.frame.text(f"{path}.country")
    found.details(kind, {"state": state, "country_source_value": country})
    given = pc.or_(state.is_valid(), country.is_valid())
    return np.flatnonzero(given.to_numpy(zero_copy_only=False))


def _tokens(found: Resources, values: pa.StringArray) -> pa.StringArray:
    """A keyed token for each value, 16 hexadecimal digits; null where there is none."""
    encoded = values.dictionary_encode()
    hashes = value_hashes(found.file.job.keys, "subscriber", encoded.dictionary)
    return pa.array([f"{h:016x}" for h in hashes.tolist()], pa.string()).take(encoded.indices)


def _aliases(found: Resources, kind: str) -> None:
    """Record ids by which conditional references (`Type?identifier=...`) name the resource.

    Where the identifier is the id itself no alias is needed.
    """
    frame, file = found.frame, found.file
    identifiers = frame.nested("identifier")
    value = identifiers.text("value")
    system = identifiers.text("system").fill_null("")
    for element in ("use", "type.text", "type.coding.system", "type.coding.code",
                    "type.coding.display"):  # fmt: skip
        identifiers.text(element)
    given = value.is_valid().to_numpy(zero_copy_only=False)
    keys = natural_key(pc.binary_join_element_wise(system, value, "|"))
    own = found.keys.take(pa.array(identifiers.owner))
    differs = given & ~pc.equal(keys, own).fill_null(True).to_numpy(zero_copy_only=False)
    dropped = int(given.sum())
    if not dropped:
        return
    found.counts.ignored[f"element:{found.name}.identifier.value"] += dropped
    found.counts.facts_read += dropped
    found.counts.facts_ignored += dropped
    at = np.flatnonzero(differs)
    if not len(at):
        return
    keys = keys.take(pa.array(at))
    alias = positive(file.records(pa.array([found.name] * len(at), pa.string()), keys))
    owner = identifiers.owner[at]
    first = np.searchsorted(owner, owner)
    columns = {
        "kind": constant(kind, len(at)),
        "field": constant("alias_record_id", len(at)),
        "value": alias.cast(pa.string()),
    }
    found.land("raw.detail", columns, "detail:alias", owner, np.arange(len(at)) - first)
