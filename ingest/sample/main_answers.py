"""What ukdemo's persons answered and what was measured, as cells of the main table."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from biobraid.ingest.sample.cells import Dates, date, listed, number, pick, where
from biobraid.ingest.sample.draws import Draws, Flags, Ints
from biobraid.ingest.sample.illness import DISEASES, INDEX
from biobraid.ingest.sample.people import People
from biobraid.ingest.sample.traits import ETHNICITIES

ISO = "%Y-%m-%d"
SELF_REPORT_SLOTS = 3
_SPREAD = {"50": 0.4, "21002": 0.6, "4080": 6.0, "4079": 4.0}  # s.d. of measuring twice
CENTRES = ("11001", "11002", "11004", "11007", "11009", "11011")
IMAGING_CENTRE = "11025"
MEDICATIONS = ("1140861958", "1141146234", "1140879802", "1140860806", "1140884600",
               "1141191044", "1140881856", "1140860696", "1140868226", "1140865634",
               "2038460150")  # coding 4, in the order of DRUGS  # fmt: skip


def background(block: People, rows: Ints) -> dict[str, pa.Array]:
    true, draws = block.traits, block.draws.at(rows)
    lost = draws.chance("lost", 0.003)
    ethnicity = draws.chance("no-ethnicity", 0.004)
    qualification = np.array(["-7", "5", "3", "2|3", "1|2|3"])[true.education[rows]]
    income_gone = draws.choose("income-gone", (0.85, 0.05, 0.10))
    return {
        "p31": pick(["0", "1"], true.male[rows].astype(np.int64)),
        "p34": date(block.identity.birth[rows], "%Y"),
        "p52": number(_month(block.identity.birth[rows])),
        "p190": where(lost, pick(["1", "4", "5"], draws.below("why-lost", 3)), None),
        "p191": where(lost, date(_day_lost(draws), ISO), None),
        "p21000_i0": pick([e[1] for e in ETHNICITIES], true.ethnicity[rows], ethnicity),
        "p6138_i0": where(draws.chance("no-school", 0.01), "-3", pa.array(qualification)),
        "p738_i0": where(
            income_gone == 0,
            number(true.income[rows]),
            pick(["", "-1", "-3"], income_gone),
        ),
        "p22189": number(true.townsend[rows], 2, draws.chance("no-townsend", 0.002)),
        "p20118_i0": pick(["1", "5", "6", "7"], draws.choose("urban", (0.6, 0.25, 0.1, 0.05))),
    }


def _month(days: Dates) -> Ints:
    return days.astype("datetime64[M]").astype(np.int64) % 12 + 1


def _day_lost(draws: Draws) -> Dates:
    day: Dates = np.datetime64("2010-01-01", "D") + draws.below("lost-day", 2000)
    return day


def visit_cells(block: People, rows: Ints) -> dict[str, pa.Array]:
    """What is asked and measured at each visit; empty where the person did not come."""
    true, draws = block.traits, block.draws.at(rows)
    cells: dict[str, pa.Array] = {}
    for i, day_of_all in enumerate(block.part.visits):
        day = day_of_all[rows]
        absent = np.isnat(day)
        years = np.where(absent, 0, (day - block.part.visits[0][rows]).astype(np.int64)) / 365.25
        height = true.height_cm[rows] + _SPREAD["50"] * draws.normal("50", i)
        bmi = true.bmi[rows] + 0.05 * years
        weight = bmi * (height / 100) ** 2 + _SPREAD["21002"] * draws.normal("21002", i)
        unmeasured = absent | draws.chance("unmeasured", 0.006, i)
        cells[f"p53_i{i}"] = date(day, ISO)
        cells[f"p54_i{i}"] = (
            where(~absent, IMAGING_CENTRE, None)
            if i == 2
            else pick(CENTRES, block.part.centre[rows], absent)
        )
        cells[f"p50_i{i}"] = number(height, 1, unmeasured)
        cells[f"p21002_i{i}"] = number(weight, 1, unmeasured)
        cells[f"p21001_i{i}"] = number(weight / (height / 100) ** 2, 4, unmeasured)
        for field, mean in (("4080", true.systolic), ("4079", true.diastolic)):
            level = mean[rows] + (0.5 if field == "4080" else 0.0) * years
            for a in (0, 1):
                reading = level + _SPREAD[field] * draws.normal(field, 10 * i + a)
                cells[f"p{field}_i{i}_a{a}"] = number(
                    reading, 0, absent | draws.chance(f"no-{field}", 0.05, 10 * i + a)
                )
        cells |= _touchscreen(block, rows, i, day, absent)
    return cells


def _touchscreen(
    block: People, rows: Ints, i: int, day: Dates, absent: Flags
) -> dict[str, pa.Array]:
    """Answers of one visit, with each question's own codes for a missing answer."""
    true, draws = block.traits, block.draws.at(rows)
    smoking, alcohol = true.smoking[rows], true.alcohol[rows]
    silent = draws.chance("smoking-silent", 0.004, i)
    unsure = draws.choose("veg-unsure", (0.97, 0.02, 0.01), i)
    vegetables = true.vegetables[rows]
    diabetes = block.illness.onset[rows, INDEX["t2dm"]] < day
    return {
        f"p20116_i{i}": where(absent, None, where(silent, "-3", number(smoking))),
        f"p1239_i{i}": where(absent, None, where(silent, "-3", where(smoking == 2, "1", "0"))),
        f"p1558_i{i}": where(
            absent, None, where(true.refuses_alcohol[rows], "-3", number(alcohol))
        ),
        f"p1289_i{i}": where(
            absent,
            None,
            where(
                unsure > 0,
                pick(["", "-1", "-3"], unsure),
                where(vegetables == 0, "-10", number(vegetables)),
            ),
        ),
        f"p2443_i{i}": where(
            absent, None, where(draws.chance("dm?", 0.003, i), "-1", where(diabetes, "1", "0"))
        ),
    }


def interview(block: People, rows: Ints) -> dict[str, pa.Array]:
    """Nurse's interview and blood of the first visit (and blood of the second)."""
    draws, ill, day = block.draws.at(rows), block.illness, block.part.visits[0][rows]
    vascular = [("1", "mi"), ("3", "stroke"), ("4", "hypertension")]
    parts = [where(ill.onset[rows, INDEX[name]] < day, code, None) for code, name in vascular]
    told = listed(parts)
    cells = {"p6150_i0": where(told.to_numpy(zero_copy_only=False) == "", "-7", told)}
    known = ill.onset[rows] < day[:, None]
    self_report = np.array([bool(d.self_report) for d in DISEASES])
    drug = np.array([d.drug for d in DISEASES])
    cells |= _slots("p20002_i0", known & self_report, [d.self_report for d in DISEASES])
    cells |= _slots("p20003_i0", known & (drug >= 0), [MEDICATIONS[d] for d in drug])
    for field, level, share in (
        ("30690", block.traits.cholesterol, 0.08),
        ("30750", block.traits.hba1c, 0.09),
        ("30740", block.traits.glucose, 0.13),
    ):
        for i in (0, 1):
            absent = np.isnat(block.part.visits[i][rows]) | draws.chance(f"no-{field}", share, i)
            measured = level[rows] * (1.0 + 0.01 * draws.normal(f"{field}/error", i))
            cells[f"p{field}_i{i}"] = number(measured, 3 if field != "30750" else 1, absent)
    return cells


def _slots(prefix: str, has: np.ndarray, codes: list[str]) -> dict[str, pa.Array]:
    """The first few codes a person has, in array columns."""
    rank = np.cumsum(has, axis=1)
    out = {}
    for a in range(SELF_REPORT_SLOTS):
        here = has & (rank == a + 1)
        out[f"{prefix}_a{a}"] = pick(codes, here.argmax(axis=1), ~here.any(axis=1))
    return out
