"""Riverside's laboratory files: one row a result, in mg/dL and per cent, at local times."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from biobraid.ingest.sample.cells import DelimitedFile, date, joined, number, pick, where
from biobraid.ingest.sample.draws import Flags, Floats, Ints
from biobraid.ingest.sample.people import People
from biobraid.ingest.sample.planted import (
    ODD_HOURS,
    ODD_RESULTS,
    RIVERSIDE_FIRST,
    SHARE_BELOW_LIMIT,
    WRONG_UNIT_BATCH,
    Planted,
)

LAB_FILES = {2021: "labs_2021.csv.gz", 2022: "labs_2022.csv.gz"}
LAB_COLUMNS = ("participant_id", "analyte", "value", "unit", "taken_at", "lab_batch")
ANALYTES = (("CHOL", "mg/dL"), ("GLUC", "mg/dL"), ("HBA1C", "%"), ("CRP", "mg/L"))
MG_PER_MMOL_CHOLESTEROL = 38.67
MG_PER_MMOL_GLUCOSE = 18.016
# Clock changes of Europe/London: 01:30 does not exist in March and comes twice in October.
_SPRING = {2021: "2021-03-28 01:30", 2022: "2022-03-27 01:30"}
_AUTUMN = {2021: "2021-10-31 01:30", 2022: "2022-10-30 01:30"}
_SHARE_NIGHT = 0.01  # of the samples of March and of October


def ngsp_percent(mmol_per_mol: Floats) -> Floats:
    """HbA1c in per cent (NGSP) of mmol/mol (IFCC), the consensus master equation."""
    return 0.09148 * mmol_per_mol + 2.152


def write_labs(out: DelimitedFile, block: People, rows: Ints, year: int, planted: Planted) -> None:
    """Append the results of the block's riverside persons in one year."""
    first_day = np.datetime64(f"{year}-01-04", "D")
    draws = block.draws.at(rows)
    sure = (RIVERSIDE_FIRST, ODD_RESULTS, *ODD_HOURS)
    tested = draws.chance(f"tested{year}", 0.7) | np.isin(draws.numbers, sure)
    death = block.part.death[rows]
    sampled = rows[tested & (np.isnat(death) | (death > np.datetime64(f"{year}-12-31", "D")))]
    row = np.repeat(sampled, len(ANALYTES))
    what = np.tile(np.arange(len(ANALYTES)), len(sampled))
    draws = block.draws.at(row)
    day = first_day + draws.below(f"sample-day{year}", 350)
    day[draws.numbers == ODD_RESULTS] = np.datetime64(f"{year}-{WRONG_UNIT_BATCH:02d}-15", "D")
    month = day.astype("datetime64[M]").astype(np.int64) % 12
    file = LAB_FILES[year]
    cells = {
        "participant_id": block.identity.riverside_id.take(pa.array(row)),
        "analyte": pick([a for a, _ in ANALYTES], what),
        "value": _values(block, row, what, month, year, planted),
        "unit": pick([u for _, u in ANALYTES], what),
        "taken_at": _times(block, row, day, month, year, planted),
        "lab_batch": joined([f"L{year % 100}-", pick([f"{m:02d}" for m in range(1, 13)], month)]),
    }
    blank = (block.draws.numbers[row] == RIVERSIDE_FIRST) & (what == 0) & (year == 2021)
    planted.count("blank-person-id", "riverside", file, "participant_id", int(blank.sum()))
    planted.count("undeclared-column", "riverside", file, "lab_batch", len(row))
    # The line without an id stands beside the person's own, so that nothing else is lost.
    out.write(cells, lambda lines: _with_blank(lines, blank))


def _with_blank(lines: list[str], blank: Flags) -> list[str]:
    out = []
    for line, is_blank in zip(lines, blank.tolist(), strict=True):
        out.append(line)
        if is_blank:
            out.append("," + line.split(",", 1)[1])
    return out


def _values(
    block: People, row: Ints, what: Ints, month: Ints, year: int, planted: Planted
) -> pa.Array:
    """Results as printed; a batch of glucose ten times too small, and '<0.5' for little CRP."""
    true, draws = block.traits, block.draws.at(row)
    drift = 1.0 + 0.03 * draws.normal(f"lab{year}", what)
    glucose = true.glucose[row] * MG_PER_MMOL_GLUCOSE * drift
    wrong = (what == 1) & (month + 1 == WRONG_UNIT_BATCH) & (year == 2021)
    glucose = np.where(wrong, glucose / 10.0, glucose)
    planted.count("wrong-unit", "riverside", LAB_FILES[year], "value", int(wrong.sum()))
    little = draws.chance(f"little-crp{year}", SHARE_BELOW_LIMIT)
    little = (what == 3) & (little | (draws.numbers == ODD_RESULTS))
    planted.count("below-detection", "riverside", LAB_FILES[year], "value", int(little.sum()))
    cholesterol = true.cholesterol[row] * MG_PER_MMOL_CHOLESTEROL * drift
    number_of = np.choose(
        what,
        [cholesterol, glucose, ngsp_percent(true.hba1c[row]) * drift, true.crp[row] * drift],
    )
    whole = what < 2
    value = where(whole & ~wrong, number(number_of), number(number_of, 1))
    return where(little, "<0.5", value)


def _times(
    block: People,
    row: Ints,
    day: np.ndarray[tuple[int], np.dtype[np.datetime64]],
    month: Ints,
    year: int,
    planted: Planted,
) -> pa.Array:
    """Local times without offset, a few of them in the hour of a clock change."""
    draws = block.draws.at(row)
    hour = pick([f"{h:02d}" for h in range(8, 17)], draws.below(f"hour{year}", 9))
    minute = pick([f"{m:02d}" for m in range(0, 60, 5)], draws.below(f"minute{year}", 12))
    time = joined([date(day, "%Y-%m-%d"), " ", hour, ":", minute])
    night = draws.chance(f"night{year}", _SHARE_NIGHT)
    for number_of_month, text, defect, sure in (
        (2, _SPRING[year], "nonexistent-local-time", ODD_HOURS[0]),
        (9, _AUTUMN[year], "ambiguous-local-time", ODD_HOURS[1]),
    ):
        at = (night & (month == number_of_month)) | (draws.numbers == sure)
        time = where(at, text, time)
        planted.count(defect, "riverside", LAB_FILES[year], "taken_at", int(at.sum()))
    return time
