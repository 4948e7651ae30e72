"""The study mindwell: a REDCap project with two events, a repeating instrument and branching."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from biobraid.ingest.sample.attendance import SURVEY, survey_ids
from biobraid.ingest.sample.cells import Dates, DelimitedFile, date, number, pick, same, where
from biobraid.ingest.sample.draws import Flags, Ints, expand
from biobraid.ingest.sample.identities import CANARY_KIN, CANARY_SURNAMES, nhs_text
from biobraid.ingest.sample.illness import DISEASES
from biobraid.ingest.sample.mindwell_answers import FILE, LIFESTYLE, PHQ, lifestyle, phq
from biobraid.ingest.sample.people import People
from biobraid.ingest.sample.planted import CANARIES, UNKNOWN_EVENT, Planted
from biobraid.ingest.sample.ukdemo import plant_canaries

STUDY = SURVEY
ISO = "%Y-%m-%d"
BASELINE, MEDICATION, FOLLOW_UP = 0, 1, 2
_KEYS = (
    "record_id", "redcap_event_name", "redcap_repeat_instrument", "redcap_repeat_instance",
    "redcap_data_access_group", "redcap_survey_identifier",
)  # fmt: skip
_ENROLMENT = (
    "consent_date", "first_name", "last_name", "dob", "nhs_number", "mobile", "email",
    "home_postcode", "next_of_kin", "sex", "joined_by", "website", "enrolment_complete",
)  # fmt: skip
_MEDICATION = ("med_drug", "med_start", "med_stopped", "med_stop_date", "medication_complete")
COLUMNS = (*_KEYS, *_ENROLMENT, *LIFESTYLE, *PHQ, *_MEDICATION)
_CANARY_TYPES = {
    "record_id": "native_id", "first_name": "first_name", "last_name": "surname",
    "dob": "birth_date", "nhs_number": "nhs_number", "mobile": "phone", "email": "email",
    "home_postcode": "postcode",
}  # fmt: skip
_SHARE_FOLLOWED = 0.6
_SHARE_WEBSITE = 0.4


@dataclass(frozen=True)
class ExportRows:
    """Rows of the export, sorted as REDCap sorts them; `row` is the person's row in the block."""

    row: Ints
    kind: Ints  # BASELINE, MEDICATION or FOLLOW_UP
    instance: Ints  # of the medication, from 1; 0 elsewhere
    disease: Ints  # that the medicine is for; -1 elsewhere
    day: Dates  # of the visit

    def is_kind(self, *kinds: int) -> Flags:
        """Rows of these kinds."""
        return np.isin(self.kind, kinds)


class MindwellFiles:
    """The project's export, open for writing; closed by the stack it was opened on."""

    def __init__(self, folder: Path, stack: ExitStack, planted: Planted) -> None:
        self.planted = planted
        self._data = stack.enter_context(DelimitedFile(folder / FILE, COLUMNS))

    def write(self, block: People) -> None:
        """Append a block of persons."""
        rows = export_rows(block)
        cells = {
            **_keys(block, rows),
            **self._enrolment(block, rows),
            **lifestyle(block, rows.row, rows.is_kind(BASELINE, FOLLOW_UP),
                        rows.kind, rows.day, self.planted),
            **phq(block, rows.row, rows.is_kind(BASELINE, FOLLOW_UP), rows.kind, self.planted),
            **self._medication(block, rows),
        }  # fmt: skip
        numbers = block.draws.numbers[rows.row]
        self._data.write(cells, lambda lines: self._with_unknown_event(lines, numbers))
        for kind, name in ((BASELINE, "baseline"), (MEDICATION, "medication"),
                           (FOLLOW_UP, "follow-up")):  # fmt: skip
            self.planted.expect(STUDY, name, "delivered", int((rows.kind == kind).sum()))

    def _enrolment(self, block: People, rows: ExportRows) -> dict[str, pa.Array]:
        first = rows.is_kind(BASELINE)
        who, at, draws = block.identity, pa.array(rows.row), block.draws.at(rows.row)
        gives = block.attends.gives_nhs[STUDY][rows.row]
        by_website = draws.chance("website", _SHARE_WEBSITE)
        numbers = block.draws.numbers[rows.row]
        is_canary = np.isin(numbers, CANARIES)
        cells = {
            "consent_date": date(rows.day - 7, ISO),
            "first_name": who.first_name.take(at),
            "last_name": who.surname.take(at),
            "dob": date(who.birth[rows.row], ISO),
            "nhs_number": nhs_text(who.nhs[rows.row], spaced=True, absent=~gives),
            "mobile": who.phone.take(at),
            "email": who.email.take(at),
            "home_postcode": who.postcode.take(at),
            "next_of_kin": where(is_canary, CANARY_KIN, None),
            "sex": pick(["1", "2"], block.traits.male[rows.row].astype(np.int64)),
            "joined_by": where(by_website, "2", "1"),
            "website": where(by_website, "example.org", None),
            "enrolment_complete": same("2", len(rows.row)),
        }
        self.planted.expect(STUDY, "website", "not-asked", int((first & ~by_website).sum()))
        n_text = int((first & by_website).sum())
        self.planted.count("undeclared-free-text", STUDY, FILE, "website", n_text)
        cells = {name: where(first, cell, None) for name, cell in cells.items()}
        at_first = np.where(first, numbers, -1)
        ids = {"record_id": survey_ids(block.draws).take(at), **cells}
        plant_canaries(self.planted, STUDY, FILE, at_first, ids, _CANARY_TYPES)
        if (is_canary & first).any():
            self.planted.canary("surname", CANARY_KIN, STUDY, FILE, "next_of_kin")
            self.planted.canary("surname", CANARY_SURNAMES[0], STUDY, FILE, "mood_note")
        return cells

    def _medication(self, block: People, rows: ExportRows) -> dict[str, pa.Array]:
        here = rows.is_kind(MEDICATION)
        disease = np.maximum(rows.disease, 0)
        draws = block.draws.at(rows.row)
        stopped = draws.chance("stopped", 0.25, disease)
        start = block.illness.onset[rows.row, disease]
        self.planted.expect(STUDY, "med_stop_date", "not-asked", int((here & ~stopped).sum()))
        drug = np.array([d.drug for d in DISEASES])[disease]
        stop = date(start + 20 + draws.below("stop", 300, disease), ISO)
        cells = {
            "med_drug": number(drug + 1),
            "med_start": date(start, ISO),
            "med_stopped": where(stopped, "1", "0"),
            "med_stop_date": where(stopped, stop, None),
            "medication_complete": same("2", len(rows.row)),
        }
        return {name: where(here, cell, None) for name, cell in cells.items()}

    def _with_unknown_event(self, lines: list[str], numbers: Ints) -> list[str]:
        """The lines with one of an event that the project does not have."""
        at = np.flatnonzero(numbers == UNKNOWN_EVENT)
        if not len(at):
            return lines
        last = int(at[-1])
        self.planted.count("unknown-event", STUDY, FILE, "redcap_event_name")
        record, _, _, _, group, *_ = lines[last].split(",")
        extra = [record, "month_6_arm_2", "", "", group, *[""] * (len(COLUMNS) - 5)]
        extra[COLUMNS.index("sleep_hours")] = "7.5"
        return [*lines[: last + 1], ",".join(extra), *lines[last + 1 :]]


def export_rows(block: People) -> ExportRows:
    """Baseline, medicines taken then, and follow-up of each participant."""
    at = np.flatnonzero(block.attends.at[STUDY])
    draws = block.draws.at(at)
    first = block.attends.survey_visit[at]
    second = first + 365 + draws.below("mindwell-again", 300)
    gone = block.part.death[at]
    comes = draws.chance("mindwell-comes", _SHARE_FOLLOWED) & ~(gone <= second)
    drug_of = np.array([d.drug for d in DISEASES])
    takes, disease = np.nonzero(
        (block.illness.onset[at] < first[:, None] - 400) & (drug_of >= 0)[None, :]
    )
    _, ordinal = expand(np.bincount(takes, minlength=len(at)))
    again = np.flatnonzero(comes)
    row = np.concatenate([at, at[takes], at[again]])
    kind = np.repeat([BASELINE, MEDICATION, FOLLOW_UP], [len(at), len(takes), len(again)])
    instance = np.concatenate([np.zeros(len(at)), ordinal + 1, np.zeros(len(again))])
    none = np.full(len(at), -1)
    day = np.concatenate([first, first[takes], second[again]])
    order = np.lexsort((instance, kind, row))
    every = np.concatenate([none, disease, none[: len(again)]])
    return ExportRows(
        row[order], kind[order], instance.astype(np.int64)[order], every[order], day[order]
    )


def _keys(block: People, rows: ExportRows) -> dict[str, pa.Array]:
    draws = block.draws.at(rows.row)
    is_canary = np.isin(draws.numbers, CANARIES)
    repeats = rows.is_kind(MEDICATION)
    return {
        "record_id": survey_ids(block.draws).take(pa.array(rows.row)),
        "redcap_event_name": where(rows.is_kind(FOLLOW_UP), "followup_arm_1", "baseline_arm_1"),
        "redcap_repeat_instrument": where(repeats, "medication", None),
        "redcap_repeat_instance": where(repeats, number(rows.instance), None),
        "redcap_survey_identifier": where(
            is_canary & rows.is_kind(BASELINE), block.identity.email.take(pa.array(rows.row)), None
        ),
        "redcap_data_access_group": pick(
            ["hill_clinic", "lake_clinic"], draws.below("clinic", 2)
        ),
    }  # fmt: skip
