"""The measures that a suite limits: what each tells, its limit unless a study has another, and its
sentence for the provider."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from biobraid.quality.contract.measures import Measure

CRITICAL, WARNING = "critical", "warning"  # severities of Great Expectations
Facts = Mapping[str, Any]


@dataclass(frozen=True)
class Rule:
    """One measure with its limit: refused (or warned of) outside low..high.

    sentence gives what was found and what to do, from the measure's value and facts.
    """

    measure: str
    severity: str
    description: str
    sentence: Callable[[float, Facts], tuple[str, str]]
    low: float | None = None
    high: float | None = None


def _rows(value: float, f: Facts) -> tuple[str, str]:
    more = "fewer" if value < 1 else "more"
    return (
        f"{f['now']:,} rows, where the last accepted delivery had {f['before']:,}: "
        f"{abs(1 - value):.0%} {more}",
        "Please check that the extract is complete and send it again.",
    )


def _columns(value: float, f: Facts) -> tuple[str, str]:
    names = ", ".join(f["names"][:20]) + (" and more" if len(f["names"]) > 20 else "")
    return (
        f"{value:.0f} column(s) of the last accepted delivery are missing: {names}",
        "Please send the files with these columns, or tell us that they ended.",
    )


def _new_columns(value: float, f: Facts) -> tuple[str, str]:
    names = ", ".join(f["names"][:20]) + (" and more" if len(f["names"]) > 20 else "")
    return (
        f"{value:.0f} column(s) were not in the last accepted delivery: {names}",
        "Please send a dictionary that describes them.",
    )


def _codes(_value: float, f: Facts) -> tuple[str, str]:
    named = f": {', '.join(f['codes'][:20])}" if f["codes"] else " (too rare to be named)"
    several = f"one of {f['n_codes']} codes" if f["n_codes"] > 1 else "a code"
    have = "has" if f["now"] == 1 else "have"
    return (
        f"{f['now']:,} of {f['of']:,} values {have} {several} that the dictionary does not have"
        f"{named}",
        "Please say what the code means, or correct the values.",
    )


def _units(_value: float, f: Facts) -> tuple[str, str]:
    named = f": {', '.join(f['units'])}" if f["units"] else ""
    return (
        f"{f['now']:,} of {f['of']:,} values have a unit that was not delivered before{named} "
        f"(known: {', '.join(f['known'])})",
        "Please confirm the unit.",
    )


def _faults(_value: float, f: Facts) -> tuple[str, str]:
    return (
        f"{_now_and_before(f)} values are no number, where the dictionary says they are",
        "Please send numbers, with a point for decimals, and missing values as empty cells.",
    )


def _outside(value: float, f: Facts) -> tuple[str, str]:
    return (
        f"{f['now']:,} of {f['of']:,} values ({value:.0%}) lie outside the range that the "
        "dictionary promises",
        "Please check the unit of the values and send them again.",
    )


def _scale(value: float, f: Facts) -> tuple[str, str]:
    larger = "larger" if f["found"] > f["was"] else "smaller"
    return (
        f"the numbers are {value:.2g} times {larger} than in the last accepted delivery: "
        f"{_number(f['found'])} where there was {_number(f['was'])} ({f['of']:,} values)",
        "Please check whether their unit changed, and send them in the unit of the dictionary.",
    )


def _missing(value: float, f: Facts) -> tuple[str, str]:
    return (
        f"{_share(f['now'], f['of'])} of the cells are empty, where it was "
        f"{_share(f['before'], f['of_before'])} ({f['now']:,} of {f['of']:,} cells; "
        f"{value:.2g} times as many)",
        "Please check whether values were lost in the extract, and send it again.",
    )


def _shift(value: float, f: Facts) -> tuple[str, str]:
    middle = ""
    if f.get("was") is not None and f.get("found") is not None:
        middle = f", median {_number(f['found'])} where there was {_number(f['was'])}"
    return (
        f"the values are distributed otherwise than in the last accepted delivery: "
        f"{value:.0%} of them would have to change{middle} ({f['of']:,} values)",
        "Please check whether the selection of persons or the coding changed.",
    )


def _twice(_value: float, f: Facts) -> tuple[str, str]:
    return (
        f"{_now_and_before(f)} records have the key of another record of the same file",
        "Please send each record once, or name the columns that make records unique.",
    )


def _rejected(_value: float, f: Facts) -> tuple[str, str]:
    reasons = ", ".join(f["reasons"])
    return (
        f"{_now_and_before(f)} records were rejected ({reasons})",
        "Please correct the records that the receipt counts, and send them again.",
    )


def _now_and_before(f: Facts) -> str:
    was = f" (before: {f['before']:,} of {f['of_before']:,})" if "of_before" in f else ""
    return f"{f['now']:,} of {f['of']:,}{was}"


def _share(n: int, of: int) -> str:
    return f"{n / of:.1%}" if of else "none"


def _number(value: float) -> str:
    return f"{value:,.4g}"


RULES: tuple[Rule, ...] = (
    Rule("missing_columns", CRITICAL, "No column of the last accepted delivery is missing",
         _columns, high=0),
    Rule("rows_share", CRITICAL, "A full delivery has at least 80 % of the rows of the last one",
         _rows, low=0.8),
    Rule("new_codes_share", CRITICAL, "No code occurs that the dictionary does not have",
         _codes, high=0.0001),
    Rule("type_faults_rise", CRITICAL, "Values of numbers are numbers, as often as before",
         _faults, high=3),
    Rule("outside_share", CRITICAL, "Few values lie outside the range of the dictionary",
         _outside, high=0.2),
    Rule("scale_fold", CRITICAL, "Numbers have the size they had: their unit did not change",
         _scale, high=3),
    Rule("missing_rise", CRITICAL, "The share of empty cells did not rise", _missing, high=1.7),
    Rule("shift", CRITICAL, "Values are distributed as in the last delivery", _shift, high=0.25),
    Rule("duplicates_rise", CRITICAL, "Keys are unique, as often as before", _twice, high=3),
    Rule("rejected_rise", CRITICAL, "Records are rejected as rarely as before", _rejected, high=3),
    Rule("new_columns", WARNING, "No column is new", _new_columns, high=0),
    Rule("new_units_share", WARNING, "No unit is new", _units, high=0),
    Rule("increment_rows_share", WARNING, "An increment is about as large as the last one",
         _rows, low=0.2, high=5),
    Rule("increment_shift", WARNING, "Values of an increment are distributed as in the last one",
         _shift, high=0.25),
    Rule("first_new_codes_share", WARNING, "First delivery: codes are those of the dictionary",
         _codes, high=0.0001),
    Rule("first_type_faults_share", WARNING, "First delivery: values of numbers are numbers",
         _faults, high=0.01),
    Rule("first_duplicate_share", WARNING, "First delivery: keys are unique", _twice, high=0.01),
    Rule("first_rejected_share", WARNING, "First delivery: few records are rejected",
         _rejected, high=0.05),
)  # fmt: skip
BY_MEASURE = {rule.measure: rule for rule in RULES}


def sentence(rule: Rule, measure: Measure, expected: str, limit: str) -> str:
    """What to write to the provider: where, what was found, what was expected, what to do."""
    found, todo = rule.sentence(measure.values[rule.measure], measure.facts[rule.measure])
    where = f"{measure.study}/{measure.source}, {measure.item}"
    expected = expected[:1].lower() + expected[1:]
    return f"{where}: {found}. Expected: {expected} ({limit}). {todo}"
