"""What the second delivery changes: corrected, withdrawn and deleted resources."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from biobraid.ingest.sample.cells import same, where
from biobraid.ingest.sample.draws import Flags
from biobraid.ingest.sample.fhir.codes import BLOOD_PRESSURE, PLACE
from biobraid.ingest.sample.fhir.events import Lines
from biobraid.ingest.sample.fhir.observations import (
    Results,
    first_statements,
    observation_lines,
    results,
)
from biobraid.ingest.sample.fhir.paths import DELTA, path
from biobraid.ingest.sample.fhir.ward import Ward, resource_ids, updated
from biobraid.ingest.sample.illness import INDEX
from biobraid.ingest.sample.json_lines import filled
from biobraid.ingest.sample.planted import CHANGED, Planted

DELETION = (
    '{"resourceType":"Bundle","meta":{"lastUpdated":"2022-12-20T04:00:00.000+00:00"},'
    '"type":"transaction","entry":[{"request":{"method":"DELETE","url":"Observation/{{id}}"}}]}'
)
_CORRECTED = np.datetime64("2022-12-12", "D")
_SHARE_CORRECTED, _SHARE_TAKEN_BACK, _SHARE_DELETED = 0.010, 0.005, 0.005
_SHARE_CONDITION_ERROR = 0.01


def observations(ward: Ward, planted: Planted) -> tuple[Lines, Lines, pa.Array]:
    """Observations, the delta's new statements about some of them, and its deletions."""
    found = results(ward)
    when, status, known = first_statements(ward, found, planted)
    lines = observation_lines(ward, found, when, status, known)
    corrected, taken_back, deleted = _changes(ward, found, lines)
    later = observation_lines(
        ward,
        _mixed(found, results(ward, again=True), corrected),
        when,
        where(corrected, "corrected", "entered-in-error"),
        same(updated(np.array([_CORRECTED]))[0].as_py(), len(when)),
    )
    ids = resource_ids(ward, ward.seen.row[found.contact], "o", found.k)
    study, n_error = ward.hospital.name, int(found.is_error.sum())
    planted.count("entered-in-error", study, path("Observation"), "", n_error)
    delta = path("Observation", DELTA)
    planted.count("entered-in-error", study, delta, "", int(taken_back.sum()))
    for state, n in (
        ("delivered", len(when) + int((corrected | taken_back).sum())),
        ("entered-in-error", n_error),
        ("corrected", int(corrected.sum())),
        ("taken-back", int(taken_back.sum())),
        ("deleted", int(deleted.sum())),
        ("current", len(when) - n_error - int((taken_back | deleted).sum())),
    ):
        planted.expect(study, "Observation", state, n)
    deletions = filled(DELETION, {"id": ids.filter(pa.array(deleted))})
    return lines, later.where(corrected | taken_back), deletions


def _changes(ward: Ward, found: Results, lines: Lines) -> tuple[Flags, Flags, Flags]:
    """Which results the delta corrects, takes back and deletes; none of them twice."""
    draws = ward.draws(lines.row)
    u = draws.uniform("change", found.k)
    may = ~lines.is_late & ~found.is_error & ~found.is_wrong
    is_measured = found.what < BLOOD_PRESSURE
    first = (ward.block.draws.numbers[lines.row] == CHANGED) & (found.k // 20 == 100)
    edges = np.cumsum([_SHARE_CORRECTED, _SHARE_TAKEN_BACK, _SHARE_DELETED])
    corrected = may & is_measured & (u < edges[0])
    corrected = np.where(first, found.what == PLACE["cholesterol"], corrected)
    taken_back = may & (u >= edges[0]) & (u < edges[1])
    taken_back = np.where(first, found.what == PLACE["pulse"], taken_back)
    deleted = may & (u >= edges[1]) & (u < edges[2])
    deleted = np.where(first, found.what == PLACE["haemoglobin"], deleted)
    return corrected, taken_back, deleted


def _mixed(first: Results, second: Results, is_second: Flags) -> Results:
    """The first results, with other numbers where `is_second`."""
    return Results(
        first.contact,
        first.what,
        first.k,
        first.is_error,
        first.is_wrong,
        np.where(is_second, second.drift, first.drift),
        np.where(is_second, second.number, first.number),
        first.in_pounds,
    )


def conditions_in_error(ward: Ward, lines: Lines, planted: Planted) -> Lines:
    """New statements that some conditions had been entered in error; never diabetes."""
    draws = ward.draws(lines.row)
    wrong = draws.chance("condition-error", _SHARE_CONDITION_ERROR, lines.k) & ~lines.is_late
    wrong &= (lines.k != INDEX["t2dm"]) & (ward.block.draws.numbers[lines.row] >= 30)
    old = lines.where(wrong)
    texts = [_taken_back(line) for line in old.lines.to_pylist()]  # one in a hundred
    study = ward.hospital.name
    planted.count("entered-in-error", study, path("Condition", DELTA), "", len(texts))
    planted.expect(study, "Condition", "delivered", len(texts) + len(lines.lines))
    planted.expect(study, "Condition", "taken-back", len(texts))
    planted.expect(study, "Condition", "current", len(lines.lines) - len(texts))
    return Lines(pa.array(texts, pa.string()), old.row, old.k, old.is_late)


def _taken_back(line: str) -> str:
    before, _, rest = line.partition('"lastUpdated":"')
    _, _, after = rest.partition('"')
    known = updated(np.array([_CORRECTED]))[0].as_py()
    return f'{before}"lastUpdated":"{known}"{after}'.replace(
        '"code":"confirmed"', '"code":"entered-in-error"'
    )
