"""QuestionnaireResponse: an event of kind survey, and each answer as a value."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.ingest.connectors.fhir_frame import NONE, Frame
from biobraid.ingest.connectors.fhir_resources import Resources, constant, occurrences
from biobraid.ingest.connectors.fhir_tokens import Ints
from biobraid.ingest.hashing import mix, value_hashes

# Items stand in groups, and below answers, to any depth.
_ITEM = re.compile(r"(item\.(answer\.)?)*item")
_VALUES = (
    "valueCoding.code", "valueInteger", "valueDecimal", "valueBoolean", "valueDate",
    "valueDateTime", "valueTime", "valueQuantity.value",
)  # fmt: skip


def land_responses(found: Resources) -> None:
    """raw.event of the response and raw.value of its answers, by linkId."""
    frame, file, n = found.frame, found.file, len(found)
    times = found.times(frame.text("authored"), "authored")
    questionnaire = frame.text("questionnaire")
    columns = {
        "kind": constant("survey", n),
        "source_table": constant(found.name, n),
        "origin": constant("survey", n),
        "code": questionnaire,
        "code_system": pc.if_else(questionnaire.is_valid(), file.local, NONE),
        "visit_record_id": file.record_ids(file.refer(frame, "encounter", "Encounter")),
        **times,
    }
    found.land("raw.event", columns, "survey")
    parts: list[tuple[Ints, Ints, pa.Table]] = []
    for name in [name for name in file.paths.names if _ITEM.fullmatch(name)]:
        items = frame.nested(name)
        if len(items):
            answers = items.nested("answer")
            if len(answers):
                parts.append(_answers(found, items, answers))
            items.text("linkId")
    if parts:
        _land(found, parts, times)


def _answers(found: Resources, items: Frame, answers: Frame) -> tuple[Ints, Ints, pa.Table]:
    """(owners, tokens, columns variable, value and unit) of the answers of one kind of item."""
    link = items.peek("linkId").take(pa.array(answers.owner))
    owner = items.owner[answers.owner]
    value = answers.either(*_VALUES)
    for element in ("valueCoding.system", "valueCoding.display"):
        answers.text(element)
    unit = answers.either("valueQuantity.code", "valueQuantity.unit")
    words = answers.text("valueString")
    if words.null_count < len(words):
        # A variable that the dictionary declares as something else than words is no free text.
        known = [v.name for v in found.file.job.variables.values() if not v.is_free_text]
        declared = pc.is_in(link, pa.array(known, pa.string()))
        other = pc.if_else(declared, NONE, words)
        allowed = found.free_text("item.answer.valueString", other, owner, link)
        value = pc.coalesce(value, pc.if_else(declared, words, NONE), allowed)
    nameless = value.is_valid().to_numpy(False) & link.is_null().to_numpy(False)
    if nameless.any():
        found.reject_cells(nameless, "item.linkId", "missing-link-id", "a linkId", owner)
        value = pc.if_else(pa.array(nameless), NONE, value)
    rows = pa.table({"variable": link, "value": value, "unit": unit})
    return owner, answers.at, rows


def _land(
    found: Resources, parts: list[tuple[Ints, Ints, pa.Table]], times: dict[str, pa.Array]
) -> None:
    owner = np.concatenate([o for o, _, _ in parts])
    token = np.concatenate([t for _, t, _ in parts])
    rows = pa.concat_tables([r for _, _, r in parts]).combine_chunks()
    given = np.flatnonzero(rows["value"].is_valid().to_numpy())
    order = given[np.argsort(token[given], kind="stable")]
    rows, owner = rows.take(pa.array(order)), owner[order]
    # Several answers to one question are told apart by their place.
    variable = rows["variable"].combine_chunks().dictionary_encode()
    code = variable.indices.to_numpy().astype(np.int64)
    place = occurrences(owner, code)
    at = pa.array(owner)
    columns = {
        "variable": variable,
        "instance": pa.array(np.zeros(len(owner), np.int32)),
        "array_index": pa.array(place.astype(np.int32)),
        "value": rows["value"].combine_chunks(),
        "unit": rows["unit"].combine_chunks(),
        "survey_record_id": found.record_ids.take(at),
        **{name: values.take(at) for name, values in times.items()},
    }
    hashes = value_hashes(found.file.job.keys, "answer", variable)
    found.land("raw.value", columns, "answer", owner, mix(hashes, place.astype(np.uint64)))
