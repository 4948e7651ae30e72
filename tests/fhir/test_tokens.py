"""Lines as tokens: what is JSON and what is not, and every value at its path."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biobraid.ingest.connectors.fhir_leaves import ROOT, Paths, leaves_of
from biobraid.ingest.connectors.fhir_tokens import Tokens, tokenise

BLANKS = "".join(map(chr, range(33)))
GOOD = b'{"resourceType":"Patient","id":"1"}\n'


@pytest.mark.parametrize(
    "line",
    [
        b'{"a":1',
        b'{"a" 1}',
        b'{"a":[1,2}',
        b'["a"]',
        b"1",
        b'{"a":01}',
        b'{"a":tru}',
        b'{"a":NaN}',
        b'{"a":1}{"b":2}',
        b'{"a","b"}',
        b'{"a":["b":1]}',
        b'x{"a":1}',
        b'{"a":1}x',
        b'{"a":1,}',
        b'{"a":[1,]}',
        b'{"a":[]]',
        b"}{",
        b'{"a":"\\x"}',
        b'{"a":"\\u12g4"}',
        b'{"a":1 2}',
        b'{"a":"b"',
        b'{"a":"}',
        b"{" * 100 + b"}" * 100,
        b'{"a":' * 100 + b"1" + b"}" * 100,
    ],
)
def test_a_faulty_line_is_named_and_the_others_are_not(line: bytes) -> None:
    found = tokenise(GOOD + line + b"\n" + GOOD)
    assert isinstance(found, np.ndarray)
    assert found.tolist() == [False, True, False]


@pytest.mark.parametrize(
    "line",
    [b"{}", b'{ "a" : [ 1 , "b" ] } \r', b'{"a":"x\\"y\\\\"}', b'{"a":-1.5e+3,"b":[[],{}]}'],
)
def test_unusual_lines_are_json_all_the_same(line: bytes) -> None:
    assert isinstance(tokenise(line + b"\n"), Tokens)


_TEXT = st.text(max_size=12)
_SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**9), 10**9), _TEXT,
    st.floats(allow_nan=False, allow_infinity=False),
)  # fmt: skip
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(_TEXT.filter(bool), inner, max_size=4)
    ),
    max_leaves=20,
)
_OBJECTS = st.dictionaries(_TEXT.filter(lambda t: "." not in t and t), _VALUES, max_size=5)


def _flat(value: Any, path: str) -> list[tuple[str, str]]:
    if isinstance(value, dict):
        return [
            pair
            for key, inner in value.items()
            for pair in _flat(inner, f"{path}.{key}" if path else key)
        ]
    if isinstance(value, list):
        return [pair for inner in value for pair in _flat(inner, path)]
    text = value if isinstance(value, str) else json.dumps(value)
    return [(path, text.strip(BLANKS) or "(empty)")] if value not in (None, "") else []


@settings(max_examples=50, deadline=None)
@given(st.lists(_OBJECTS, min_size=1, max_size=4), st.booleans(), st.booleans())
def test_every_value_stands_at_its_path(
    objects: list[dict[str, Any]], is_ascii: bool, is_spaced: bool
) -> None:
    separators = (", ", ": ") if is_spaced else (",", ":")
    lines = [json.dumps(o, ensure_ascii=is_ascii, separators=separators) for o in objects]
    text = "".join(f"{line}\n" for line in lines)
    try:
        data = text.encode()
    except UnicodeEncodeError:  # a lone surrogate: no UTF-8 file has one unescaped
        return
    tokens = tokenise(data)
    assert isinstance(tokens, Tokens)
    paths = Paths()
    leaves = leaves_of(tokens, paths, ROOT)
    texts = leaves.values(np.arange(len(leaves.at))).to_pylist()
    found = [
        (line, paths.names[path], text or "(empty)")
        for line, path, text in zip(leaves.line.tolist(), leaves.path.tolist(), texts, strict=True)
    ]
    expected = [
        (i, path, text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
        for i, o in enumerate(objects)
        for path, text in _flat(json.loads(lines[i]) if lines else o, "")
    ]
    assert found == expected


@settings(max_examples=100, deadline=None)
@given(_OBJECTS, st.integers(0, 200), st.sampled_from(list('{}[]:,"\\0a -.te')), st.booleans())
def test_a_damaged_line_is_told_from_a_whole_one(
    given: dict[str, Any], place: int, sign: str, is_inserted: bool
) -> None:
    text = json.dumps(given, separators=(",", ":"))
    place %= len(text)
    damaged = text[:place] + sign + text[place + (not is_inserted) :]
    try:
        is_whole = isinstance(json.loads(damaged, strict=False, parse_constant=int), dict)
    except ValueError:
        is_whole = False
    assert isinstance(tokenise(damaged.encode() + b"\n"), Tokens) == is_whole
