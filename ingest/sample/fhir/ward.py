"""A hospital's side of a block of persons: its patients, and when they were in contact with it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from biobraid.ingest.sample.attendance import patient_ids, record_numbers
from biobraid.ingest.sample.cells import Dates, date, joined, number, pick
from biobraid.ingest.sample.draws import Draws, Flags, Ints, expand
from biobraid.ingest.sample.illness import DISEASES
from biobraid.ingest.sample.people import LAST_DAY, People
from biobraid.ingest.sample.planted import CHANGED, WRONG_MONTH

EXPORTED = np.datetime64("2022-10-03", "D")  # what became known later is in the delta
OPENED = np.datetime64("2012-01-01", "D")  # older diagnoses are on the problem list only
ROUTINE = -1  # in place of a disease: a contact for a check-up
_FIRST_ROUTINE = np.datetime64("2016-01-04", "D")
_ROUTINE_DAYS = 2500


@dataclass(frozen=True)
class Hospital:
    """What differs between the two hospitals."""

    name: str
    system: str  # of its own identifiers
    is_american: bool = False  # US Core and conditional references, else UK Core and plain
    lives: int = 2_000_003  # added to the seed, so that each place has contacts of its own


NORTHGATE = Hospital("northgate", "https://northgate.example.org/id")
SOUTHGATE = Hospital("southgate", "https://southgate.example.org/id", True, 1_000_003)


@dataclass(frozen=True)
class Ward:
    """The hospital's patients among a block's persons; `rows` are their rows in the block."""

    hospital: Hospital
    block: People
    rows: Ints
    patient: pa.Array  # Patient.id, one per person of the block
    mrn: pa.Array
    seen: Contacts

    def draws(self, rows: Ints) -> Draws:
        """Draws for rows of the block, apart from those of other places."""
        block = self.block.draws
        return Draws(block.seed + self.hospital.lives, block.numbers[rows])


@dataclass(frozen=True)
class Contacts:
    """Contacts sorted by person and k; `row` is the person's row in the block."""

    row: Ints
    k: Ints  # the disease's position, or 100 and up for check-ups
    disease: Ints  # ROUTINE for check-ups
    kind: Ints  # 0 ambulatory, 1 inpatient, 2 emergency
    day: Dates
    days: Ints  # length of stay

    def where(self, keep: Flags | Ints) -> Contacts:
        """Those of the contacts, by flags or by positions."""
        return Contacts(
            row=self.row[keep],
            k=self.k[keep],
            disease=self.disease[keep],
            kind=self.kind[keep],
            day=self.day[keep],
            days=self.days[keep],
        )


def ward(hospital: Hospital, block: People) -> Ward:
    """The hospital's patients and contacts."""
    rows = np.flatnonzero(block.attends.at[hospital.name])
    empty = np.empty(0, dtype=np.int64)
    nothing = Contacts(empty, empty, empty, empty, empty.astype("datetime64[D]"), empty)
    bare = Ward(
        hospital,
        block,
        rows,
        patient_ids(block.draws, hospital.name),
        record_numbers(block.draws, hospital.name),
        nothing,
    )
    return Ward(hospital, block, rows, bare.patient, bare.mrn, _contacts(bare))


def _contacts(ward: Ward) -> Contacts:
    block, rows = ward.block, ward.rows
    ends = end_of_records(block)
    onset = block.illness.onset[rows]
    ill, disease = np.nonzero((onset >= OPENED) & (onset < np.datetime64("2022-10-31", "D")))
    # Everybody has at least one check-up, so that everybody is weighed.
    visit, ordinal = expand(1 + ward.draws(rows).below("check-ups", 3))
    row = rows[np.concatenate([ill, visit])]
    k = np.concatenate([disease, 100 + ordinal])
    disease = np.concatenate([disease, np.full(len(visit), ROUTINE, dtype=np.int64)])
    draws = ward.draws(row)
    is_routine = disease == ROUTINE
    day = np.where(
        is_routine,
        _FIRST_ROUTINE + draws.below("check-up-day", _ROUTINE_DAYS, k),
        block.illness.onset[row, np.maximum(disease, 0)] + draws.below("comes-after", 25, k),
    )
    for person, sure in ((WRONG_MONTH, "2019-03-14"), (CHANGED, "2018-05-16")):
        day = np.where((draws.numbers == person) & (k == 100), np.datetime64(sure, "D"), day)
    admitted = np.array([d.in_hospital for d in DISEASES])[np.maximum(disease, 0)]
    kind = np.where(
        ~is_routine & draws.chance("admitted", admitted, k),
        np.where(draws.chance("emergency", 0.4, k), 2, 1),
        0,
    )
    days = np.where(kind == 1, 1 + draws.below("nights", 9, k), 0)
    days = np.minimum(days, (ends[row] - day).astype(np.int64))
    order = np.lexsort((k, row))
    order = order[(day < ends[row])[order]]
    return Contacts(row, k, disease, kind, day, days).where(order)


def end_of_records(block: People) -> Dates:
    """First day without records: death, or the last delivery."""
    end: Dates = np.where(np.isnat(block.part.death), LAST_DAY, block.part.death)
    return end


def moment(draws: Draws, day: Dates, name: str, k: Ints) -> pa.Array:
    """Instants of working hours with London's offset, as FHIR writes them."""
    hour = pick([f"{h:02d}" for h in range(8, 18)], draws.below(f"{name}/hour", 10, k))
    minute = pick([f"{m:02d}" for m in range(60)], draws.below(f"{name}/minute", 60, k))
    offset = pick(["+00:00", "+01:00"], is_summer(day).astype(np.int64))
    return joined([date(day, "%Y-%m-%d"), "T", hour, ":", minute, ":00", offset])


def is_summer(day: Dates) -> Flags:
    """Whether London's clocks are forward at noon: from the last Sunday of March to October's."""
    month = day.astype("datetime64[M]")
    number_of_month = month.astype(np.int64) % 12 + 1
    last = ((month + 1).astype("datetime64[D]") - 1).astype(np.int64)
    last_sunday = last - (last + 4) % 7  # day 0, 1970-01-01, was a Thursday
    at = day.astype(np.int64)
    out: Flags = (
        ((number_of_month > 3) & (number_of_month < 10))
        | ((number_of_month == 3) & (at >= last_sunday))
        | ((number_of_month == 10) & (at < last_sunday))
    )
    return out


def updated(day: Dates) -> pa.Array:
    """meta.lastUpdated of what was entered on a day."""
    return joined([date(day, "%Y-%m-%d"), "T23:10:00.000+00:00"])


def resource_ids(ward: Ward, row: Ints, letter: str, k: Ints) -> pa.Array:
    """Ids unique within a resource type: the patient's, a letter and a number."""
    return joined([ward.patient.take(pa.array(row)), f"-{letter}", number(k)])
