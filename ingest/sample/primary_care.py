"""General practice records of a block of ukdemo persons: clinical, prescriptions, registrations."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from biobraid.ingest.sample.cells import Dates, blank, date, number, pick, where
from biobraid.ingest.sample.draws import Draws, Ints, expand
from biobraid.ingest.sample.hospital import DMY
from biobraid.ingest.sample.illness import DISEASES, DRUGS
from biobraid.ingest.sample.people import LAST_DAY, People
from biobraid.ingest.sample.planted import BAD_DATE_GP, SHARE_SENTINEL, Planted

GP_CLINICAL = "eid data_provider event_dt read_2 read_3 value1 value2 value3"
GP_SCRIPTS = "eid data_provider issue_date read_2 bnf_code dmd_code drug_name quantity"
GP_REGISTRATIONS = "eid data_provider reg_date deduct_date"

# 1901 before birth, 1902 the birth date, 1903 the year of birth, 2037 in the future.
_SENTINELS = ("01/01/1901", "02/02/1902", "03/03/1903", "07/07/2037")
# What practices note at a visit; both Read versions, then the kind of value that follows.
_NOTES = (
    ("2469.", "2469.", "sbp"), ("246A.", "246A.", "dbp"), ("22K..", "22K..", "bmi"),
    ("44P..", "XE2eD", "chol"), ("42W5.", "XaPbt", "hba1c"), ("137P.", "Ub1na", ""),
    ("9N36.", "9N36.", ""), ("8B3H.", "XaBjq", ""), ("65ED.", "XaZ0d", ""),
)  # fmt: skip
_NOTE_WEIGHTS = (5.0, 5.0, 2.0, 1.5, 1.0, 0.8, 3.0, 1.5, 2.0)
_UNITS = {"bmi": "kg/m2", "chol": "mmol/L", "hba1c": "mmol/mol"}


def clinical_rows(
    block: People, eid: pa.Array, planted: Planted
) -> tuple[dict[str, pa.Array], Ints]:
    """Rows of gp_clinical.txt, with the number of each row's person.

    They are a code for each disease, and what was noted at visits.
    """
    linked = np.flatnonzero(block.part.gp_linked)
    ill, disease = np.nonzero(~np.isnat(block.illness.onset[linked]))
    visit, ordinal = expand(4 + block.draws.at(linked).below("gp-visits", 14))
    row = linked[np.concatenate([ill, visit])]
    n_visits = len(visit)
    kind = np.concatenate([disease, np.zeros(n_visits, dtype=np.int64)])
    k = np.concatenate([disease, 1000 + ordinal])
    draws = block.draws.at(row)
    note = np.where(k >= 1000, draws.choose("note", _NOTE_WEIGHTS, k), 0)
    is_note = k >= 1000
    day = np.where(
        is_note,
        np.datetime64("1995-01-01", "D") + draws.below("note-day", 8000, k),
        block.illness.onset[row, kind] + draws.below("coded-after", 20, k),
    )
    keep = day < _end(block)[row]
    order = np.lexsort((k, day.astype(np.int64), row))
    order = order[keep[order]]
    row, day, kind, note, is_note, k = (a[order] for a in (row, day, kind, note, is_note, k))
    draws = draws.at(order)
    ctv3 = block.part.gp_provider[row] == 3
    read = [
        where(
            is_note,
            pick([spelling[version] for spelling in _NOTES], note),
            pick([(d.read2, d.read3)[version] for d in DISEASES], kind),
        )
        for version in (0, 1)
    ]
    value, unit = _measured(block, draws, row, np.where(is_note, note, -1), k)
    cells = {
        "eid": eid.take(pa.array(row)),
        "data_provider": number(block.part.gp_provider[row]),
        "event_dt": _spoilt(draws, day, k, 1000, planted, ("gp/gp_clinical.txt", "event_dt")),
        "read_2": where(~ctv3, read[0], None),
        "read_3": where(ctv3, read[1], None),
        "value1": value,
        "value3": unit,
    }
    return cells, draws.numbers


def spoil_clinical(lines: list[str], who: Ints, planted: Planted) -> list[str]:
    """Lines of gp_clinical.txt (of persons `who`) with two that no reader can take.

    They are a day that never was and a row with a field too few, after the person's own rows.
    """
    rows = np.flatnonzero(who == BAD_DATE_GP)
    if not len(rows):
        return lines
    eid, last = lines[rows[0]].split("\t", 1)[0], int(rows[-1]) + 1
    planted.count("impossible-date", "ukdemo", "gp/gp_clinical.txt", "event_dt")
    planted.count("ragged-row", "ukdemo", "gp/gp_clinical.txt", "")
    bad = [f"{eid}\t1\t31/02/2004\tG20..\t\t\t\t", f"{eid}\t1\t14/03/2004\tG20..\t"]
    return [*lines[:last], *bad, *lines[last:]]


def script_rows(block: People, eid: pa.Array, planted: Planted) -> dict[str, pa.Array]:
    """Rows of gp_scripts.txt: repeat prescriptions for diseases that are treated."""
    linked = np.flatnonzero(block.part.gp_linked)
    drug_of = np.array([d.drug for d in DISEASES])
    ill, disease = np.nonzero(~np.isnat(block.illness.onset[linked]) & (drug_of >= 0))
    start = block.illness.onset[linked[ill], disease]
    # A few acute prescriptions of paracetamol for everybody.
    row = np.concatenate([linked[ill], linked])
    disease = np.concatenate([disease, np.full(len(linked), len(DISEASES))])
    start = np.concatenate([start, np.full(len(linked), np.datetime64("1998-02-01", "D"))])
    draws = block.draws.at(row)
    event, ordinal = expand(3 + draws.below("n-scripts", 10, disease))
    row, disease = row[event], disease[event]
    step = np.where(disease == len(DISEASES), 900, 56)
    day = start[event] + step * ordinal + draws.at(event).below("script-gap", 20, ordinal)
    keep = np.flatnonzero((day < _end(block)[row]) & (day > np.datetime64("1990-01-01", "D")))
    keep = keep[np.lexsort((disease[keep], day[keep].astype(np.int64), row[keep]))]
    row, day, disease, ordinal = row[keep], day[keep], disease[keep], ordinal[keep]
    drug = np.append(drug_of, len(DRUGS) - 1)[disease]
    draws, k = block.draws.at(row), disease * 1000 + ordinal
    vision = block.part.gp_provider[row] == 1
    return {
        "eid": eid.take(pa.array(row)),
        "data_provider": number(block.part.gp_provider[row]),
        "issue_date": _spoilt(
            draws, day, k, len(DISEASES) * 1000, planted, ("gp/gp_scripts.txt", "issue_date")
        ),
        "read_2": where(vision, pick([d[1] for d in DRUGS], drug), None),
        "bnf_code": where(~vision, pick([d[2] for d in DRUGS], drug), None),
        "drug_name": pick([d[0] for d in DRUGS], drug),
        "quantity": pick([d[4] for d in DRUGS], drug),
    }


def registration_rows(block: People, eid: pa.Array) -> dict[str, pa.Array]:
    """Rows of gp_registrations.txt: when the person was with the practice."""
    row = np.flatnonzero(block.part.gp_linked)
    draws = block.draws.at(row)
    start = np.datetime64("1985-01-01", "D") + draws.below("registered", 6000)
    moved = draws.chance("moved", 0.12)
    left = np.datetime64("2009-01-01", "D") + draws.below("left", 3000)
    end = np.where(moved, left, np.datetime64("NaT", "D"))
    end = np.where(end < _end(block)[row], end, np.datetime64("NaT", "D"))
    return {
        "eid": eid.take(pa.array(row)),
        "data_provider": number(block.part.gp_provider[row]),
        "reg_date": date(start, DMY),
        "deduct_date": date(end, DMY),
    }


def _measured(
    block: People, draws: Draws, row: Ints, note: Ints, k: Ints
) -> tuple[pa.Array, pa.Array]:
    """value1 and value3 (the unit, TPP only) of measurements; other rows have neither."""
    true = block.traits
    value, unit = blank(len(row)), blank(len(row))
    spread: dict[str, tuple[npt.NDArray[np.float64], float, int]] = {
        "sbp": (true.systolic, 8.0, 0),
        "dbp": (true.diastolic, 5.0, 0),
        "bmi": (true.bmi, 0.6, 1),
        "chol": (true.cholesterol, 0.4, 1),
        "hba1c": (true.hba1c, 1.5, 0),
    }
    noise = draws.normal("gp-noise", k)
    tpp = block.part.gp_provider[row] == 3
    for place, (_, _, kind) in enumerate(_NOTES):
        if kind:
            mean, sd, decimals = spread[kind]
            is_kind = note == place
            value = where(is_kind, number(mean[row] + sd * noise, decimals), value)
            unit = where(is_kind & tpp, _UNITS.get(kind, "mmHg"), unit)
    return value, unit


def _spoilt(
    draws: Draws, day: Dates, k: Ints, sure: int, planted: Planted, place: tuple[str, str]
) -> pa.Array:
    """Dates as delivered, a few of them replaced by the provider's sentinels.

    The row numbered `sure` of one planted person is among them in every sample.
    """
    file, column = place
    is_sentinel = draws.chance(f"sentinel/{file}", SHARE_SENTINEL, k)
    is_sentinel |= (draws.numbers == BAD_DATE_GP) & (k == sure)
    planted.count("sentinel-date", "ukdemo", file, column, int(is_sentinel.sum()))
    which = draws.below(f"which-sentinel/{file}", len(_SENTINELS), k)
    return where(is_sentinel, pick(_SENTINELS, which), date(day, DMY))


def _end(block: People) -> Dates:
    """First day without records: after death, or after the last delivery."""
    end: Dates = np.where(np.isnat(block.part.death), LAST_DAY, block.part.death)
    return end
