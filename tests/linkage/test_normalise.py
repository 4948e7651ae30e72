"""Identifiers in one spelling, what is fit for comparison, and connected components."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from biobraid.linkage.components import components
from biobraid.linkage.normalise import normalise
from biobraid.linkage.persons import draw_ids


@pytest.mark.parametrize(
    ("kind", "value", "expected", "is_valid"),
    [
        ("nhs_number", "943 476 5919", "9434765919", True),
        ("nhs_number", "943-476-5919", "9434765919", True),
        ("nhs_number", "9434765918", "9434765918", False),  # check digit
        ("nhs_number", "9999999999", "9999999999", False),  # passes the check, is a filler
        ("nhs_number", "94347659190", "94347659190", False),
        ("national_id", "qq 12 34 56 c", "QQ123456C", True),
        ("national_id", "000000000", "000000000", False),
        ("surname", "O'Neill", "oneill", True),
        ("surname", "Müller-Lüdenscheidt", "mullerludenscheidt", True),
        ("first_name", "J.", "j", False),
        ("first_name", "Not known", "notknown", False),
        ("full_name", "Dr Anna Maria Smith", "anna smith", True),
        ("full_name", "SMITH, Anna", "anna smith", True),
        ("full_name", "Mr Smith", "smith", False),
        ("birth_date", "1950-03-12T00:00:00", "1950-03-12", True),
        ("birth_date", "12/03/1950", "1950-03-12", True),
        ("birth_date", "19500312", "1950-03-12", True),
        ("birth_date", "1950-3", "1950-03", True),
        ("birth_date", "1950", "1950", True),
        ("birth_date", "1900-01-01", "1900-01-01", False),
        ("birth_date", "30/02/1950", None, False),
        ("birth_date", "unknown", None, False),
        ("sex", "Female", "f", True),
        ("sex", "1", "m", True),
        ("sex", "9", None, False),
        ("postcode", "sw1a 1aa", "SW1A1AA", True),
        ("postcode", "ZZ99 3VZ", "ZZ993VZ", False),
        ("email", " Jo@Example.ORG", "jo@example.org", True),
        ("email", "none", "none", False),
        ("phone", "+44 (0)20 7946 0000", "02079460000", True),
        ("phone", "0000000000", "0000000000", False),
        ("map_id:other", "0" * 31 + "A", "0" * 31 + "a", True),
        ("map_id", "12345", "12345", False),
    ],
)
def test_identifiers_get_one_spelling(
    kind: str, value: str, expected: str | None, is_valid: bool
) -> None:
    assert normalise(kind, [value]) == [(expected, is_valid)]


@given(st.sampled_from(["nhs_number", "first_name", "full_name", "phone", "email"]), st.text())
@example(
    "first_name", "A\N{MATHEMATICAL DOUBLE-STRUCK CAPITAL S}"
)  # a capital only once decomposed
@example("full_name", "A\N{MATHEMATICAL DOUBLE-STRUCK CAPITAL S} \N{GREEK ANO TELEIA}K\u0345 b")
def test_what_was_normalised_stays_as_it_is(kind: str, value: str) -> None:
    once = normalise(kind, [value])[0]
    if once.is_valid and once.value:
        assert normalise(kind, [once.value])[0] == once


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 29), st.integers(0, 29)), max_size=40), st.randoms())
def test_components_are_those_of_a_plain_search_in_any_order(
    edges: list[tuple[int, int]], rng: object
) -> None:
    expected = list(range(30))
    for _ in range(30):
        for left, right in edges:
            expected[left] = expected[right] = min(expected[left], expected[right])
    rng.shuffle(edges)  # type: ignore[attr-defined]
    left = np.array([e[0] for e in edges], dtype=np.int64)
    right = np.array([e[1] for e in edges], dtype=np.int64)
    assert components(30, left, right).tolist() == expected


def test_ids_are_positive_distinct_and_new() -> None:
    taken = draw_ids(1000, np.array([], dtype=np.int64))
    drawn = draw_ids(1000, taken)
    assert len({*taken.tolist(), *drawn.tolist()}) == 2000
    assert drawn.min() > 0
    assert drawn.tolist() != sorted(drawn.tolist())
    assert len(draw_ids(0, taken)) == 0
