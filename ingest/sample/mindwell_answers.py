"""Answers of mindwell's participants: lifestyle with its branches, and the PHQ-9."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.ingest.sample.cells import Dates, blank, date, joined, number, same, where
from biobraid.ingest.sample.draws import Flags, Ints
from biobraid.ingest.sample.identities import CANARY_SURNAMES
from biobraid.ingest.sample.people import People
from biobraid.ingest.sample.planted import CANARIES, EFFECTS, Planted

_DRINKS = ("1", "2", "3", "_1")  # the code -1 is written _1 in a column's name
LIFESTYLE = (
    "visit_date", "height_cm", "weight_kg", "smoke_now", "cigs_per_day", "smoke_ever", "alcohol",
    *(f"drinks___{code}" for code in _DRINKS), "pregnant", "sleep_hours", "mood_note",
    "lifestyle_complete",
)  # fmt: skip
PHQ = (*(f"phq{i}" for i in range(1, 10)), "phq_total", "phq10", "phq9_complete")
_SHARE_SKIPPED = 0.04  # of the PHQ-9: the form was never opened
FILE = "MindWell_DATA_2023-02-01.csv"


def lifestyle(
    block: People, row: Ints, here: Flags, visit: Ints, day: Dates, planted: Planted
) -> dict[str, pa.Array]:
    """Cells of the lifestyle form where `here`; counts what branching hid."""
    true, draws = block.traits, block.draws.at(row)
    smokes, ever = true.smoking[row] == 2, true.smoking[row] == 1
    says = np.where(true.refuses_alcohol[row], 9, true.alcohol[row])
    drinks = says < 6
    woman = ~true.male[row]
    kilograms = true.bmi[row] * (true.height_cm[row] / 100) ** 2
    kilograms = number(kilograms + 0.8 * draws.normal("mw-weight", visit), 1)
    comma = pc.replace_substring(kilograms, ".", ",")
    # A whole number has no comma, and then needs no quotes.
    has_comma = np.asarray(pc.fill_null(pc.match_substring(comma, ","), False))
    is_canary = np.isin(block.draws.numbers[row], CANARIES)
    noted = where(draws.chance("mw-note", 0.1, visit), "Sleeps badly in summer", None)
    note = where(is_canary, f"Worries about {CANARY_SURNAMES[0]}", noted)
    cells = {
        "visit_date": date(day, "%Y-%m-%d"),
        "height_cm": number(true.height_cm[row] + 0.3 * draws.normal("mw-height", visit), 1),
        "weight_kg": where(has_comma, joined(['"', comma, '"']), comma),
        "smoke_now": where(smokes, "1", "0"),
        "cigs_per_day": where(smokes, number(3 + draws.below("cigarettes", 28, visit)), None),
        "smoke_ever": where(~smokes, where(ever, "1", "0"), None),
        "alcohol": number(says),
        **{
            f"drinks___{code}": where(drinks & draws.chance(f"drinks/{code}", 0.4), "1", "0")
            for code in _DRINKS
        },
        "pregnant": where(woman, same("0", len(row)), blank(len(row))),
        "sleep_hours": number(np.clip(7.0 + 1.1 * draws.normal("sleep", visit), 3, 12), 1),
        "mood_note": note,
        "lifestyle_complete": same("2", len(row)),
    }
    hidden = {
        "cigs_per_day": ~smokes,
        "smoke_ever": smokes,
        "pregnant": ~woman,
        **{f"drinks___{code}": ~drinks for code in _DRINKS},
    }
    for name, flags in hidden.items():
        planted.expect("mindwell", name, "not-asked", int((flags & here).sum()))
    n_notes = int((np.asarray(note.is_valid()) & here).sum())
    planted.count("undeclared-free-text", "mindwell", FILE, "mood_note", n_notes)
    planted.count("canary-in-text", "mindwell", FILE, "mood_note", int((is_canary & here).sum()))
    return {name: where(here, cell, None) for name, cell in cells.items()}


def phq(
    block: People, row: Ints, here: Flags, visit: Ints, planted: Planted
) -> dict[str, pa.Array]:
    """Cells of the PHQ-9 where `here`: nine items that add up to a total driven by depression."""
    draws = block.draws.at(row)
    has = block.illness.has("depression")[row]
    total = 4.0 + EFFECTS["phq9_depression"] * has + 2.5 * draws.normal("phq", visit)
    score = np.clip(np.rint(total), 0, 27).astype(np.int64)
    items = [score // 9 + (score % 9 > i) for i in range(9)]
    shown = (items[0] > 0) | (items[1] > 0)
    answered = here & ~draws.chance("phq-skipped", _SHARE_SKIPPED, visit)
    planted.expect("mindwell", "phq10", "not-asked", int((answered & ~shown).sum()))
    planted.expect("mindwell", "phq9", "not-opened", int((here & ~answered).sum()))
    cells = {f"phq{i + 1}": number(item) for i, item in enumerate(items)}
    cells["phq_total"] = number(score)
    hard = number(np.minimum(3, score // 7))
    cells["phq10"] = where(shown, hard, None)
    out = {name: where(answered, cell, None) for name, cell in cells.items()}
    return {**out, "phq9_complete": where(here, where(answered, "2", "0"), None)}
