"""Patient: identifiers to the vault; sex, birth, race, ethnicity, place and death to landing."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.ingest.connectors.fhir_frame import NONE, Frame
from biobraid.ingest.connectors.fhir_resources import TIME, Resources, constant
from biobraid.ingest.connectors.fhir_tokens import Bools, Ints

_BIRTH_LENGTH = {"year": 4, "month": 7, "day": 10}
# Identity type of an identifier, by its system or else by its type (HL7 table 0203).
_SYSTEMS: Mapping[str, str] = {
    "https://fhir.nhs.uk/Id/nhs-number": "nhs_number",
    "http://fhir.nhs.net/Id/nhs-number": "nhs_number",
    "http://hl7.org/fhir/sid/us-ssn": "national_id",
    "urn:oid:2.16.840.1.113883.4.1": "national_id",
}
_TYPES: Mapping[str, str] = {
    "MR": "mrn", "MRN": "mrn", "SS": "national_id", "NI": "national_id", "NH": "nhs_number",
}  # fmt: skip
_CURRENT_NAMES = ("official", "usual", "")
_US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-"
_CATEGORIES = ("race", "ethnicity")
_SEXES = ("birthsex", "sex", "gender-identity")


def land_patients(found: Resources) -> None:
    """Identity rows and raw.value; a death is an event of its own."""
    # The id itself is the native id that name_persons has given to the vault.
    found.counts.facts_read += len(found)
    found.counts.facts_to_vault += len(found)
    _identifiers(found)
    _names(found)
    _contacts(found)
    _values(found)
    _extensions(found)
    _deaths(found)


def _identifiers(found: Resources) -> None:
    given = found.frame.nested("identifier")
    system, value = given.text("system"), given.text("value")
    code = given.text("type.coding.code")
    for element in ("use", "type.text", "type.coding.system", "type.coding.display"):
        given.text(element)
    by_system = {**_SYSTEMS, **found.file.options.identifiers}
    kind = pc.coalesce(_look_up(system, by_system), _look_up(code, _TYPES), pa.scalar("other"))
    found.vault(kind, value, given.owner)


def _look_up(values: pa.StringArray, table: Mapping[str, str]) -> pa.StringArray:
    words = pa.array(list(table.values()), pa.string())
    found = pc.index_in(values, pa.array(list(table), pa.string()))
    return words.take(found)


def _names(found: Resources) -> None:
    """Names in use as first name and surname; former ones and nicknames as `other`."""
    names = found.frame.nested("name")
    use = names.text("use").fill_null("")
    current = pc.is_in(use, pa.array(_CURRENT_NAMES)).to_numpy(zero_copy_only=False)
    for element, kind in (("family", "surname"), ("given", "first_name"), ("text", "full_name"),
                          ("prefix", "other"), ("suffix", "other")):  # fmt: skip
        values, rows = names.all_texts(element)
        if not len(rows):
            continue
        # Of several given names the first is the one people compare.
        is_first = np.diff(rows, prepend=-1) != 0
        kinds = np.where(current[rows] & is_first, kind, "other")
        found.vault(pa.array(kinds.tolist(), pa.string()), values, names.owner[rows])


def _contacts(found: Resources) -> None:
    telecoms = found.frame.nested("telecom")
    system, value = telecoms.text("system"), telecoms.text("value")
    telecoms.text("use")
    kinds = _look_up(system, {"phone": "phone", "sms": "phone", "email": "email"})
    found.vault(pc.fill_null(kinds, "other"), value, telecoms.owner)
    addresses = found.frame.nested("address")
    for element in ("use", "type"):
        addresses.text(element)
    for element, kind in (("line", "address"), ("city", "address"), ("district", "address"),
                          ("text", "address"), ("postalCode", "postcode")):  # fmt: skip
        values, rows = addresses.all_texts(element)
        found.vault(kind, values, addresses.owner[rows])


def _values(found: Resources) -> None:
    frame, everyone = found.frame, np.arange(len(found))
    gender = frame.text("gender")
    found.vault("sex", gender, everyone, count=False)
    _land(found, "gender", gender, everyone)
    _births(found)
    _land(found, "address.state", frame.text("address.state"), everyone)
    _land(found, "address.country", frame.text("address.country"), everyone)
    _land(found, "maritalStatus", frame.text("maritalStatus.coding.code"), everyone)
    for element in ("coding.system", "coding.display"):
        frame.text(f"maritalStatus.{element}")


def _births(found: Resources) -> None:
    """Birth dates for the vault in full, for landing at the study's precision."""
    everyone = np.arange(len(found))
    born = found.frame.text("birthDate")
    times = found.file.times(born)
    found.reject_cells(times.invalid_mask, "birthDate", "invalid-date", TIME)
    found.vault("birth_date", born, everyone, count=False)
    good = pc.if_else(pa.array(times.invalid_mask), NONE, born)
    length = _BIRTH_LENGTH[found.file.job.study.birth_precision]
    _land(found, "birthDate", pc.utf8_slice_codeunits(good, 0, length), everyone)


def _extensions(found: Resources) -> None:
    """US Core's race and ethnicity (all categories), birth sex, sex and gender identity."""
    extensions = found.frame.nested("extension")
    url = extensions.peek("url").fill_null("")
    for name in _CATEGORIES:
        mine = _is(url, f"{_US_CORE}{name}")
        if mine.any():
            _categories(found, extensions.only(mine), f"us-core-{name}")
    for name in _SEXES:
        mine = _is(url, f"{_US_CORE}{name}")
        if mine.any():
            extension = extensions.only(mine)
            extension.text("url")
            code = extension.either("valueCode", "valueCodeableConcept.coding.code")
            _land(found, f"us-core-{name}", code, extension.owner)


def _categories(found: Resources, extension: Frame, variable: str) -> None:
    extension.text("url")
    parts = extension.nested("extension")
    url = parts.peek("url").fill_null("")
    parts = parts.only(pc.is_in(url, pa.array(["ombCategory", "detailed"])).to_numpy(False))
    code = parts.text("valueCoding.code")
    for element in ("url", "valueCoding.system", "valueCoding.display"):
        parts.text(element)
    owner = extension.owner[parts.owner]
    first = np.searchsorted(owner, owner)
    _land(found, variable, code, owner, np.arange(len(owner)) - first)


def _is(values: pa.StringArray, word: str) -> Bools:
    same: Bools = pc.equal(values, word).to_numpy(zero_copy_only=False)
    return same


def _land(
    found: Resources,
    variable: str,
    values: pa.StringArray,
    owner: Ints,
    place: Ints | None = None,
) -> None:
    given = values.is_valid().to_numpy(zero_copy_only=False)
    at = owner[given]
    index = np.zeros(len(at), np.int64) if place is None else place[given]
    n = len(at)
    columns = {
        "variable": constant(variable, n),
        "instance": pa.array(np.zeros(n, np.int32)),
        "array_index": pa.array(index.astype(np.int32)),
        "value": values.filter(pa.array(given)),
    }
    found.land("raw.value", columns, f"value:{variable}", at, index if place is not None else None)


def _deaths(found: Resources) -> None:
    """An event of kind death, dated where the date is known."""
    when = found.frame.text("deceasedDateTime")
    is_dead = pc.equal(found.frame.peek("deceasedBoolean"), "true").fill_null(False)
    dead = pc.or_(when.is_valid(), is_dead).to_numpy(zero_copy_only=False)
    if not dead.any():
        return
    people = found.only(dead)
    people.frame.text("deceasedBoolean")
    n = len(people)
    columns = {
        "kind": constant("death", n),
        "source_table": constant("Patient", n),
        "origin": constant(found.file.job.source.origin, n),
        **people.times(when.filter(pa.array(dead)), "deceasedDateTime"),
    }
    people.land("raw.event", columns, "death")
