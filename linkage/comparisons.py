"""What the probabilistic matcher compares, level by level, and which pairs it looks at.

Plain splink settings, told in SQL. Levels run from the strongest agreement to none; a value
missing on either side says nothing. Pairs come only from BLOCKS, and never from one group
(a duplicate-free study: its own ids tell its persons apart).
"""

from __future__ import annotations

from typing import Any

# Of the candidate table, beside uid, study_group, is_due, birth_year and the rare_ columns.
COLUMNS = (
    "first_name", "surname", "birth_date", "sex", "postcode", "nhs_number", "national_id",
    "email", "phone", "address",
)  # fmt: skip
TERM_FREQUENCIES = ("first_name", "surname", "postcode", "email", "phone", "address")
# A value's frequency is never taken to be rarer than this: one record proves little.
_RAREST = 1e-6

# Values that few records share make a block of their own: rare_<column> holds the value where
# at most so many records have it. In a small bank that is nearly every value, and every pair
# with anything in common is looked at; in a large one it keeps the pairs in proportion.
RARE = ("birth_date", "postcode", "address", "email", "phone", "full_name")
RARE_AT_MOST = 40

BLOCKS = (
    *((f"rare_{column}",) for column in RARE),
    ("nhs_number",),
    ("national_id",),
    ("birth_date", "first_name"),
    ("birth_date", "surname"),
    ("birth_date", "postcode"),
    ("birth_date", "address"),
    ("birth_date", "email"),
    ("birth_date", "phone"),
    ("first_name", "surname", "birth_year"),
    ("first_name", "surname", "postcode"),
    ("first_name", "surname", "address"),
    ("first_name", "email"),
    ("first_name", "phone"),
    ("first_name", "address", "postcode"),
    ("surname", "postcode", "birth_year"),
)
# Names written the wrong way round, and slips in both names.
_SWAPPED = "l.first_name = r.surname AND l.surname = r.first_name AND l.birth_year = r.birth_year"
_SLIPS = (
    "l.birth_date = r.birth_date AND left(l.first_name, 2) = left(r.first_name, 2) "
    "AND left(l.surname, 1) = left(r.surname, 1)"
)


def blocking_sql(only_due: bool) -> list[str]:
    """The conditions under which a pair is looked at.

    only_due: pairs of which at least one record is due; the others keep the score they have.
    """
    ends = " AND l.study_group <> r.study_group"
    ends += " AND (l.is_due OR r.is_due)" if only_due else ""
    plain = [" AND ".join(f"l.{c} = r.{c}" for c in columns) for columns in BLOCKS]
    return [rule + ends for rule in (*plain, _SWAPPED, _SLIPS)]


def training_blocks() -> list[str]:
    """Blocks in which the levels' chances are learnt; each column is free in two at least."""
    columns: tuple[tuple[str, ...], ...] = (
        ("nhs_number",),
        ("birth_date", "first_name"),
        ("surname", "postcode"),
    )
    return [
        " AND ".join(f"l.{c} = r.{c}" for c in group) + " AND l.study_group <> r.study_group"
        for group in columns
    ]


def settings(prior: float = 1e-5) -> dict[str, Any]:
    """Settings of an untrained model.

    prior: chance that two records drawn at random are one person.
    """
    return {
        "link_type": "dedupe_only",
        "unique_id_column_name": "uid",
        "probability_two_random_records_match": prior,
        "retain_intermediate_calculation_columns": False,
        "retain_matching_columns": False,
        "additional_columns_to_retain": [],
        "max_iterations": 25,
        "em_convergence": 0.0005,
        "comparisons": [
            _first_name(), _surname(), _birth_date(), _exact("sex"), _postcode(),
            _number("nhs_number"), _number("national_id"), _email(), _exact("phone", tf=True),
            _address(),
        ],
        "blocking_rules_to_generate_predictions": blocking_sql(only_due=False),
    }  # fmt: skip


def _level(condition: str, label: str, **more: Any) -> dict[str, Any]:
    return {"sql_condition": condition, "label_for_charts": label, **more}


def _frequency(column: str) -> dict[str, Any]:
    return {
        "tf_adjustment_column": column,
        "tf_adjustment_weight": 1.0,
        "tf_minimum_u_value": _RAREST,
    }


def _comparison(column: str, *levels: dict[str, Any], null: str = "") -> dict[str, Any]:
    missing = null or f'"{column}_l" IS NULL OR "{column}_r" IS NULL'
    return {
        "output_column_name": column,
        "comparison_levels": [
            _level(missing, "missing", is_null_level=True), *levels, _level("ELSE", "all others"),
        ],
    }  # fmt: skip


def _equal(column: str, tf: bool = False) -> dict[str, Any]:
    return _level(f'"{column}_l" = "{column}_r"', "equal", **(_frequency(column) if tf else {}))


def _exact(column: str, tf: bool = False) -> dict[str, Any]:
    return _comparison(column, _equal(column, tf))


def _alike(column: str, at_least: float) -> dict[str, Any]:
    """Jaro-Winkler similarity of at least `at_least`."""
    condition = f'jaro_winkler_similarity("{column}_l", "{column}_r") >= {at_least}'
    return _level(condition, f"alike {at_least}")


_TURNED = '"first_name_l" = "surname_r" AND "surname_l" = "first_name_r"'


def _first_name() -> dict[str, Any]:
    return _comparison(
        "first_name",
        _equal("first_name", tf=True),
        _level(_TURNED, "first name and surname turned round"),
        _alike("first_name", 0.92),
        _alike("first_name", 0.80),
    )


def _surname() -> dict[str, Any]:
    """Turned names count once, with the first name."""
    return _comparison(
        "surname",
        _equal("surname", tf=True),
        _alike("surname", 0.92),
        _alike("surname", 0.80),
        null=f'"surname_l" IS NULL OR "surname_r" IS NULL OR ({_TURNED})',
    )


def _birth_date() -> dict[str, Any]:
    left, right = '"birth_date_l"', '"birth_date_r"'
    parts = [f"left({left}, 4) = left({right}, 4)"]
    parts += [f"substr({left}, {i}, 2) = substr({right}, {i}, 2)" for i in (6, 9)]
    two_of_three = " OR ".join(f"({parts[i]} AND {parts[j]})" for i, j in ((0, 1), (0, 2), (1, 2)))
    swapped = (
        f"{parts[0]} AND substr({left}, 6, 2) = substr({right}, 9, 2) "
        f"AND substr({left}, 9, 2) = substr({right}, 6, 2)"
    )
    return _comparison(
        "birth_date",
        _equal("birth_date"),
        _level(f"damerau_levenshtein({left}, {right}) <= 1 OR ({swapped})", "one slip"),
        _level(two_of_three, "two parts of three"),
        _level(parts[0], "year"),
    )


def _postcode() -> dict[str, Any]:
    """The last two characters of a British postcode are its unit, the rest its sector."""
    left, right = '"postcode_l"', '"postcode_r"'
    sector = f"left({left}, length({left}) - 2) = left({right}, length({right}) - 2)"
    return _comparison(
        "postcode",
        _equal("postcode", tf=True),
        _level(f"damerau_levenshtein({left}, {right}) <= 1", "one slip"),
        _level(sector, "sector"),
    )


def _number(column: str) -> dict[str, Any]:
    slip = f'damerau_levenshtein("{column}_l", "{column}_r") <= 1'
    return _comparison(column, _equal(column), _level(slip, "one slip"))


def _email() -> dict[str, Any]:
    mailbox = "split_part(\"email_l\", '@', 1) = split_part(\"email_r\", '@', 1)"
    return _comparison("email", _equal("email", tf=True), _level(mailbox, "mailbox"))


def _address() -> dict[str, Any]:
    return _comparison("address", _equal("address", tf=True), _alike("address", 0.88))
