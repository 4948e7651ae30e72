"""SQL for a project's date policy: what becomes of each dated column of a person.

Expressions read the source row as `t` and the person as `p` (project_person_id, shift_days,
birth_floor). Nothing in them depends on a value of the data, so they carry no key.

Limits, by design of the policies: intervals survive a shift; a year given as a number
(value_as_number) is not a date and stays. What the ends of observation would say of the shift
is cut away before (truncate.py).
"""

from __future__ import annotations

from typing import Literal

DateKind = Literal["shift", "year", "exact"]

DATE_TYPES = ("DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE")
BIRTH_COLUMNS = ("year_of_birth", "month_of_birth", "day_of_birth", "birth_datetime")
VALUE_TEXTS = ("value_as_string", "value_source_value")
TOP_CODED_AGE = 90  # ages above 89 become 90

_ISO_DAY = r"\d{4}-\d{2}-\d{2}([T ].*)?"
_ISO_MONTH = r"\d{4}-\d{2}"
_OTHER_DAY = (
    r"\d{1,2}[/-]\d{1,2}[/-](\d{4}|\d{2})([T ].*)?"
    r"|\d{1,2}\.\d{1,2}\.\d{4}([T ].*)?"
    r"|\d{4}[/.]\d{1,2}[/.]\d{1,2}([T ].*)?"
    r"|\d{1,2}[ -][A-Za-z]{3,9}[ ,-]+(\d{4}|\d{2})([T ].*)?"
)
_DIGITS_DAY = r"(18|19|20)\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(\d{6})?"


def dated(kind: DateKind, column: str, sql_type: str) -> str:
    """Expression for a DATE or TIMESTAMP column under the policy."""
    if kind == "exact":
        return f"t.{column}"
    if kind == "year":
        return f"CAST(date_trunc('year', t.{column}) AS {sql_type})"
    if sql_type == "DATE":
        return f"t.{column} + p.shift_days"
    return f"t.{column} + to_days(p.shift_days)"


def minute_number(kind: DateKind) -> str:
    """Expression for wearable.minute's count of minutes since 1970; none where only years stay."""
    if kind == "exact":
        return "t.minute_number"
    return "NULL" if kind == "year" else "t.minute_number + 1440 * p.shift_days"


def dated_text(kind: DateKind, column: str) -> str:
    """Expression for a text column that may hold a date as it was delivered.

    ISO dates follow the policy; dates in another writing, which cannot be read with
    certainty, become null; a source value written variable=date keeps the variable.
    """
    if kind == "exact":
        return f"t.{column}"
    if column.strip('"').endswith("_source_value") and column.strip('"') not in VALUE_TEXTS:
        # variable=value, as cdm writes it where the value was part of what was asked
        dates = f"{_ISO_DAY}|{_ISO_MONTH}|{_OTHER_DAY}|{_DIGITS_DAY}"
        return f"regexp_replace(t.{column}, '=({dates})$', '')"
    unread = f"{_OTHER_DAY}|{_DIGITS_DAY}" if column.strip('"') in VALUE_TEXTS else _OTHER_DAY
    if kind == "year":
        day = month = f"left(t.{column}, 4)"
    else:
        day = (
            f"strftime(TRY_CAST(left(t.{column}, 10) AS DATE) + p.shift_days, '%Y-%m-%d')"
            f" || substr(t.{column}, 11)"
        )
        month = f"strftime(TRY_CAST(t.{column} || '-15' AS DATE) + p.shift_days, '%Y-%m')"
    return (
        f"CASE WHEN length(t.{column}) NOT BETWEEN 6 AND 40 THEN t.{column} "
        f"WHEN regexp_full_match(t.{column}, '{_ISO_DAY}') THEN {day} "
        f"WHEN regexp_full_match(t.{column}, '{_ISO_MONTH}') THEN {month} "
        f"WHEN regexp_full_match(t.{column}, '{unread}') THEN NULL ELSE t.{column} END"
    )


def birth(kind: DateKind, column: str, present: frozenset[str]) -> str:
    """Expression for one of BIRTH_COLUMNS; `present` names those the table has.

    The birth date moves by the person's shift and keeps its precision: where only the year
    is known it is taken as 1 July, where only the month is as the 15th. A person aged over
    89 at the end of observation is given the birth year of a 90-year-old and no more.
    """
    if kind == "exact":
        return f"t.{column}"
    month = "t.month_of_birth" if "month_of_birth" in present else "NULL"
    day = "t.day_of_birth" if "day_of_birth" in present else "NULL"
    year = "t.year_of_birth"
    whole = (
        f"coalesce(TRY(make_date({year}, coalesce({month}, 7), "
        f"coalesce({day}, CASE WHEN {month} IS NULL THEN 1 ELSE 15 END))), "
        f"make_date({year}, coalesce({month}, 7), 1))"
    )
    moved = f"({whole} + p.shift_days)"
    is_old = f"coalesce({moved} <= p.birth_floor, FALSE)"
    if column == "year_of_birth":
        return f"CASE WHEN {is_old} THEN year(p.birth_floor) ELSE year({moved}) END"
    if kind == "year":
        return "NULL"
    if column == "birth_datetime":
        made = "t.birth_datetime + to_days(p.shift_days)"
    else:
        made = f"{column.split('_')[0]}({moved})"
    return f"CASE WHEN {is_old} OR t.{column} IS NULL THEN NULL ELSE {made} END"
