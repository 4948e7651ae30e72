"""Files of the study riverside: another cohort, in its own units, codes and date forms."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pyarrow as pa

from biobraid.ingest.sample.cells import DelimitedFile, date, joined, number, pick, same, where
from biobraid.ingest.sample.draws import Ints, expand
from biobraid.ingest.sample.identities import CANARY_KIN, CANARY_SURNAMES
from biobraid.ingest.sample.illness import DISEASES, DRUGS
from biobraid.ingest.sample.labs import LAB_COLUMNS, LAB_FILES, write_labs
from biobraid.ingest.sample.people import LAST_DAY, People
from biobraid.ingest.sample.planted import (
    BAD_DATE_RIVERSIDE,
    CANARIES,
    RAGGED_RIVERSIDE,
    UNKNOWN_SMOKER_RIVERSIDE,
    Planted,
)
from biobraid.ingest.sample.riverside_identities import given_identities
from biobraid.ingest.sample.traits import ETHNICITIES
from biobraid.ingest.sample.ukdemo import plant_canaries

STUDY = "riverside"
BASELINE = "baseline.csv"
VISITS = f"visits_{CANARY_SURNAMES[0]}.csv"  # somebody put a name into the file's name
MDY = "%m/%d/%Y"
ISO = "%Y-%m-%d"
_IDENTITY = {
    "participant_id": "native_id", "nhs_no": "nhs_number", "first_name": "first_name",
    "surname": "surname", "dob": "birth_date", "postcode": "postcode",
}  # fmt: skip
_BASELINE_COLUMNS = (
    *_IDENTITY, "sex", "visit_date", "height_in", "weight_lb", "bp_sys", "bp_dia", "smoker",
    "alcohol_days", "educ_years", "ethnic", "income_band", "diabetes_dx", "asthma_dx",
    "occupation", "notes", "xtra_flag",
)  # fmt: skip
_OTHER_FILES = {
    VISITS: "participant_id visit_id visit_type start end",
    "diagnoses.csv": "participant_id visit_id icd10 position diagnosed_on",
    "medications.csv": "participant_id rxnorm drug_name start_date end_date quantity",
    "consent.csv": "participant_id modality status status_date",
    "link_to_ukdemo.csv": "participant_id ukdemo_eid",
}
# RxNorm's code of the ingredient, in the order of DRUGS; omeprazole stays without.
_RXNORM = ("36567", "83367", "17767", "35296", "6809", "10582", "435", "29046", "1191", "", "161")
_JOBS = ("Teacher", "Nurse", "Bus driver", "Farmer", "Clerk", "Engineer", "Shop assistant")


class RiversideFiles:
    """All files of the study, open for writing; closed by the stack they were opened on."""

    def __init__(self, folder: Path, stack: ExitStack, planted: Planted) -> None:
        self.planted = planted
        self._baseline = stack.enter_context(
            DelimitedFile(folder / BASELINE, _BASELINE_COLUMNS, ";", "latin-1")
        )
        self._labs = {
            year: stack.enter_context(DelimitedFile(folder / name, LAB_COLUMNS))
            for year, name in LAB_FILES.items()
        }
        self._others = {
            name: stack.enter_context(DelimitedFile(folder / name, columns.split()))
            for name, columns in _OTHER_FILES.items()
        }
        planted.count("canary-in-file-name", STUDY, VISITS, "")
        planted.canary("surname", CANARY_SURNAMES[0], STUDY, VISITS, "")

    def write(self, block: People) -> None:
        """Append a block of persons to every file."""
        rows = np.flatnonzero(block.part.in_riverside)
        ids = block.identity.riverside_id
        self._write_baseline(block, rows)
        for year, out in self._labs.items():
            write_labs(out, block, rows, year, self.planted)
        self._write_visits(block, ids)
        self._write_medications(block, rows, ids)
        self._write_consent(block, rows, ids)
        mapped = np.flatnonzero(block.part.on_map)
        self._others["link_to_ukdemo.csv"].write(
            {
                "participant_id": ids.take(pa.array(mapped)),
                "ukdemo_eid": number(block.identity.eid[mapped]),
            }
        )

    def _write_baseline(self, block: People, rows: Ints) -> None:
        numbers = block.draws.numbers[rows]
        given = given_identities(block, rows, self.planted)
        cells = {
            **given.cells,
            "visit_date": date(block.part.riverside_visit[rows], MDY),
            **_measures(block, rows),
            **_answers(block, rows),
            **self._texts(block, rows),
        }
        ragged = numbers == RAGGED_RIVERSIDE
        self._baseline.write(cells, lambda lines: _shortened(lines, np.flatnonzero(ragged)))
        self.planted.count("ragged-row", STUDY, BASELINE, "", int(ragged.sum()))
        unknown = int((numbers == UNKNOWN_SMOKER_RIVERSIDE).sum())
        self.planted.count("unknown-code", STUDY, BASELINE, "smoker", unknown)
        plant_canaries(self.planted, STUDY, BASELINE, numbers, cells, _IDENTITY)

    def _texts(self, block: People, rows: Ints) -> dict[str, pa.Array]:
        """Free text, with names in it, and a column that the dictionary does not know."""
        draws, numbers = block.draws.at(rows), block.draws.numbers[rows]
        is_canary = np.isin(numbers, CANARIES)
        whole = numbers != RAGGED_RIVERSIDE
        said = where(draws.chance("note", 0.15), "Came with spouse", None)
        notes = where(is_canary, f"Next of kin {CANARY_KIN} on {CANARY_SURNAMES[0]}", said)
        stray = where(draws.chance("xtra", 0.3), "1", None)
        n_notes = int((np.asarray(notes.is_valid()) & whole).sum())
        n_stray = int((np.asarray(stray.is_valid()) & whole).sum())
        self.planted.count("undeclared-free-text", STUDY, BASELINE, "notes", n_notes)
        self.planted.count("undeclared-column", STUDY, BASELINE, "xtra_flag", n_stray)
        self.planted.count("canary-in-text", STUDY, BASELINE, "notes", int(is_canary.sum()))
        if is_canary.any():
            for name in (CANARY_KIN, CANARY_SURNAMES[0]):
                self.planted.canary("surname", name, STUDY, BASELINE, "notes")
        return {
            "occupation": pick(_JOBS, draws.below("job", len(_JOBS))),
            "notes": notes,
            "xtra_flag": stray,
        }

    def _write_visits(self, block: People, ids: pa.Array) -> None:
        onset = block.illness.onset
        seen = block.part.in_riverside[:, None] & (onset >= np.datetime64("2005-01-01", "D"))
        row, disease = np.nonzero(seen & (onset < _end(block)[:, None]))
        draws, person = block.draws.at(row), ids.take(pa.array(row))
        kind = draws.choose("visit-type", (0.25, 0.6, 0.15), disease)
        begins = onset[row, disease]
        ends = begins + np.where(kind == 0, 1 + draws.below("nights", 9, disease), 0)
        visit = joined(["V", number(block.draws.numbers[row]), "-", number(disease)])
        self._others[VISITS].write(
            {
                "participant_id": person,
                "visit_id": visit,
                "visit_type": pick(["IP", "OP", "ER"], kind),
                "start": date(begins, ISO),
                "end": date(ends, ISO),
            }
        )
        self._others["diagnoses.csv"].write(
            {
                "participant_id": person,
                "visit_id": visit,
                "icd10": pick([_dotted(d.icd10) for d in DISEASES], disease),
                "position": same("primary", len(row)),
                "diagnosed_on": date(begins, ISO),
            },
            lambda lines: self._with_impossible_day(lines, block.draws.numbers[row], block),
        )

    def _with_impossible_day(self, lines: list[str], who: Ints, block: People) -> list[str]:
        """The lines of persons `who` (ascending) with a diagnosis on 31 February among them."""
        rows = np.flatnonzero(block.draws.numbers == BAD_DATE_RIVERSIDE)
        if not len(rows):
            return lines
        at = int(np.searchsorted(who, BAD_DATE_RIVERSIDE, side="right"))
        person = block.identity.riverside_id[int(rows[0])].as_py()
        self.planted.count("impossible-date", STUDY, "diagnoses.csv", "diagnosed_on")
        return [*lines[:at], f"{person},,J45.9,primary,2015-02-31", *lines[at:]]

    def _write_medications(self, block: People, rows: Ints, ids: pa.Array) -> None:
        drug_of = np.array([d.drug for d in DISEASES])
        ill, disease = np.nonzero(~np.isnat(block.illness.onset[rows]) & (drug_of >= 0))
        start = block.illness.onset[rows[ill], disease]
        event, ordinal = expand(block.draws.at(rows[ill]).below("n-courses", 4, disease))
        row, disease = rows[ill][event], disease[event]
        begins = start[event] + 90 * ordinal
        keep = begins + 28 < _end(block)[row]
        row, disease, begins = row[keep], disease[keep], begins[keep]
        drug = drug_of[disease]
        self._others["medications.csv"].write(
            {
                "participant_id": ids.take(pa.array(row)),
                "rxnorm": pick(_RXNORM, drug),
                "drug_name": pick([d[0] for d in DRUGS], drug),
                "start_date": date(begins, ISO),
                "end_date": date(begins + 28, ISO),
                "quantity": pick([d[4] for d in DRUGS], drug),
            }
        )

    def _write_consent(self, block: People, rows: Ints, ids: pa.Array) -> None:
        modalities = ("questionnaire", "health_record", "wearable", "imaging", "omics")
        row = np.repeat(rows, len(modalities))
        which = np.tile(np.arange(len(modalities)), len(rows))
        refuses = block.draws.at(row).chance("refuses-modality", 0.06, which) & (which > 0)
        self._others["consent.csv"].write(
            {
                "participant_id": ids.take(pa.array(row)),
                "modality": pick(modalities, which),
                "status": where(refuses, "refused", "given"),
                "status_date": date(block.part.riverside_visit[row], ISO),
            }
        )


def _measures(block: People, rows: Ints) -> dict[str, pa.Array]:
    """Measured at the visit, in inches and pounds; -9 is "not measured"."""
    true, draws = block.traits, block.draws.at(rows)
    inches = true.height_cm[rows] / 2.54 + 0.2 * draws.normal("inches")
    pounds = true.bmi[rows] * (true.height_cm[rows] / 100) ** 2 / 0.45359237
    gone = draws.chance("not-weighed", 0.03)
    return {
        "height_in": where(gone, "-9", number(inches, 1)),
        "weight_lb": where(gone, "-9", number(pounds + 1.5 * draws.normal("pounds"), 1)),
        "bp_sys": number(true.systolic[rows] + 6.0 * draws.normal("river-sbp")),
        "bp_dia": number(true.diastolic[rows] + 4.0 * draws.normal("river-dbp")),
    }


def _answers(block: People, rows: Ints) -> dict[str, pa.Array]:
    """Answers with the study's own codes; 9, 99 and -9 mean that there is none."""
    true, draws, ill = block.traits, block.draws.at(rows), block.illness
    day = block.part.riverside_visit
    days_a_week = np.array([7, 4, 2, 1, 0, 0])[true.alcohol[rows] - 1]
    smoker = where(draws.chance("no-smoker", 0.02), "9", number(true.smoking[rows] + 1))
    unknown = block.draws.numbers[rows] == UNKNOWN_SMOKER_RIVERSIDE
    years = np.array([9, 11, 12, 14, 17])[true.education[rows]] + draws.below("school", 2)
    return {
        "sex": pick(["2", "1"], true.male[rows].astype(np.int64)),
        "smoker": where(unknown, "7", smoker),
        "alcohol_days": where(true.refuses_alcohol[rows], "99", number(days_a_week)),
        "educ_years": where(draws.chance("no-years", 0.03), "99", number(years)),
        "ethnic": pick([e[2] for e in ETHNICITIES], true.ethnicity[rows]),
        "income_band": where(draws.chance("no-income", 0.12), "9", number(true.income[rows])),
        "diabetes_dx": pick(["0", "1"], ill.before("t2dm", day)[rows].astype(np.int64)),
        "asthma_dx": pick(["0", "1"], ill.before("asthma", day)[rows].astype(np.int64)),
    }


def _shortened(lines: list[str], at: Ints) -> list[str]:
    out = list(lines)
    for i in at:
        out[i] = ";".join(out[i].split(";")[:-4])
    return out


def _dotted(icd10: str) -> str:
    return f"{icd10[:3]}.{icd10[3:]}" if len(icd10) > 3 else icd10


def _end(block: People) -> np.ndarray[tuple[int], np.dtype[np.datetime64]]:
    end: np.ndarray[tuple[int], np.dtype[np.datetime64]] = np.where(
        np.isnat(block.part.death), LAST_DAY, block.part.death
    )
    return end
