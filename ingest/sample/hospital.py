"""Hospital episodes of a block of ukdemo persons: hesin, hesin_diag, hesin_oper."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from biobraid.ingest.sample.cells import Dates, blank, date, number, pick, same, where
from biobraid.ingest.sample.draws import Draws, Flags, Ints
from biobraid.ingest.sample.illness import DISEASES, INDEX
from biobraid.ingest.sample.people import LAST_DAY, NEVER, People

HESIN = (
    "eid ins_index dsource source epistart epiend epidur bedyear epistat epitype epiorder "
    "spell_index spell_seq spelbgin spelend speldur pctcode gpprpct category elecdate elecdur "
    "admidate admimeth_uni admimeth admisorc_uni admisorc firstreg classpat_uni classpat "
    "intmanag_uni intmanag mainspef_uni mainspef tretspef_uni tretspef operstat disdate "
    "dismeth_uni dismeth disdest_uni disdest carersi"
)
HESIN_DIAG = "eid ins_index arr_index level diag_icd9 diag_icd9_nb diag_icd10 diag_icd10_nb"
HESIN_OPER = "eid ins_index arr_index level opdate oper3 oper3_nb oper4 oper4_nb posopdur preopdur"
DMY = "%d/%m/%Y"
RECORDS_BEGIN = np.datetime64("1997-04-01", "D")
_CHRONIC = ("hypertension", "t2dm", "coronary_disease", "copd")  # coded as secondary diagnoses
_SECONDARY = [*(DISEASES[INDEX[name]].icd10 for name in _CHRONIC), "Z720"]  # Z72.0 tobacco use


@dataclass(frozen=True)
class Admissions:
    """Hospital episodes; `row` is the person's row in the block, episodes sorted by person, day."""

    row: Ints
    index: Ints  # ins_index within the person
    day: Dates
    days: Ints  # length of stay
    disease: Ints
    secondary: npt.NDArray[np.bool_]  # episode x _SECONDARY
    operated: Flags
    draws: Draws


def admissions(block: People) -> Admissions:
    """Episodes of the block's living persons between 1997 and the end of records."""
    onset = block.illness.onset
    admitted = np.stack(
        [block.draws.chance(f"admitted/{d.name}", d.in_hospital) for d in DISEASES], axis=1
    )
    delay = np.stack(
        [block.draws.below("delay", 40 if d.in_hospital > 0.6 else 1500, i)
         for i, d in enumerate(DISEASES)], axis=1,
    )  # fmt: skip
    day = onset + delay
    end = np.where(np.isnat(block.part.death), LAST_DAY, block.part.death)[:, None]
    happens = admitted & ~np.isnat(day) & (day >= RECORDS_BEGIN) & (day < end)
    happens &= block.part.in_ukdemo[:, None]
    row, disease = np.nonzero(happens)
    order = np.lexsort((disease, day[row, disease].astype(np.int64), row))
    row, disease = row[order], disease[order]
    day = day[row, disease]
    starts = np.searchsorted(row, row, side="left")
    draws = block.draws.at(row)
    later = [(onset[row, INDEX[name]] < day) & (disease != INDEX[name]) for name in _CHRONIC]
    smokes = block.traits.smoking[row] == 2
    return Admissions(
        row=row,
        index=np.arange(len(row), dtype=np.int64) - starts,
        day=day,
        days=np.minimum(draws.below("stay", 12, disease), (end[row, 0] - day).astype(np.int64)),
        disease=disease,
        secondary=np.stack([*later, smokes & draws.chance("z720", 0.4, disease)], axis=1),
        operated=draws.chance("operated", 0.6, disease)
        & np.array([bool(d.operation) for d in DISEASES])[disease],
        draws=draws,
    )


def hesin_rows(adm: Admissions, eid: pa.Array) -> dict[str, pa.Array]:
    """Rows of hesin.txt."""
    n = len(adm.row)
    start, end = date(adm.day, DMY), date(adm.day + adm.days, DMY)
    emergency = adm.draws.chance("emergency", 0.55, adm.disease)
    stay = number(adm.days)
    return {
        "eid": eid.take(pa.array(adm.row)),
        "ins_index": number(adm.index),
        "dsource": pick(["HES", "PEDW", "SMR"], adm.draws.choose("dsource", (0.9, 0.03, 0.07))),
        "source": same("6", n),
        "epistart": start,
        "epiend": end,
        "epidur": stay,
        "epistat": same("3", n),
        "epitype": same("1", n),
        "epiorder": same("1", n),
        "spell_index": number(adm.index),
        "spell_seq": same("0", n),
        "spelbgin": same("2", n),
        "spelend": same("Y", n),
        "speldur": stay,
        "admidate": start,
        "admimeth_uni": where(emergency, "2001", "1001"),
        "admimeth": where(emergency, "21", "11"),
        "admisorc_uni": same("10000", n),
        "admisorc": same("19", n),
        "classpat_uni": same("1000", n),
        "classpat": same("1", n),
        "mainspef_uni": pick(["1130", "1080", "1010"], adm.draws.below("spef", 3, adm.disease)),
        "tretspef": pick(["300", "110", "100"], adm.draws.below("spef", 3, adm.disease)),
        "disdate": end,
        "dismeth_uni": same("1000", n),
        "dismeth": same("1", n),
        "disdest_uni": same("10000", n),
        "disdest": same("19", n),
    }


def diagnosis_rows(adm: Admissions, eid: pa.Array) -> dict[str, pa.Array]:
    """Rows of hesin_diag.txt: the primary diagnosis, then the secondary ones in order."""
    episode, slot = np.nonzero(_with_primary(adm))
    arr = np.arange(len(episode)) - np.searchsorted(episode, episode, side="left")
    icd10 = [d.icd10 for d in DISEASES] + _SECONDARY
    code = np.where(slot == 0, adm.disease[episode], len(DISEASES) + slot - 1)
    return {
        "eid": eid.take(pa.array(adm.row[episode])),
        "ins_index": number(adm.index[episode]),
        "arr_index": number(arr),
        "level": where(slot == 0, "1", "2"),
        "diag_icd10": pick(icd10, code),
    }


def operation_rows(adm: Admissions, eid: pa.Array) -> dict[str, pa.Array]:
    """Rows of hesin_oper.txt."""
    at = np.flatnonzero(adm.operated)
    day = adm.day[at] + np.minimum(1, adm.days[at])
    # About one operation in five comes without a date of its own.
    undated = adm.draws.at(at).chance("undated", 0.2)
    return {
        "eid": eid.take(pa.array(adm.row[at])),
        "ins_index": number(adm.index[at]),
        "arr_index": same("0", len(at)),
        "level": same("1", len(at)),
        "opdate": date(day, DMY, undated),
        "oper4": pick([d.operation for d in DISEASES], adm.disease[at]),
        "posopdur": number(adm.days[at]),
        "preopdur": blank(len(at)),
    }


def first_diagnoses(adm: Admissions, n_persons: int) -> tuple[Dates, list[str]]:
    """Day each ICD-10 code was first recorded, person x code (fields 41270 and 41280)."""
    codes = sorted({d.icd10 for d in DISEASES} | set(_SECONDARY))
    column = {code: i for i, code in enumerate(codes)}
    first = np.full((n_persons, len(codes)), np.iinfo(np.int64).max)
    episode, slot = np.nonzero(_with_primary(adm))
    of_disease = np.array([column[d.icd10] for d in DISEASES])
    of_secondary = np.array([0, *(column[code] for code in _SECONDARY)])
    place = np.where(slot == 0, of_disease[adm.disease[episode]], of_secondary[slot])
    np.minimum.at(first, (adm.row[episode], place), adm.day[episode].astype(np.int64))
    none = first == np.iinfo(np.int64).max
    days: Dates = np.where(none, NEVER, np.where(none, 0, first).astype("datetime64[D]"))
    return days, codes


def _with_primary(adm: Admissions) -> npt.NDArray[np.bool_]:
    return np.concatenate([np.ones((len(adm.row), 1), dtype=bool), adm.secondary], axis=1)
