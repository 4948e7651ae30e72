"""JSON lines as arrays of tokens, found for a whole block of text at once.

No line becomes a Python object: the bytes are classified by a table, strings are told from
structure by the parity of quotes, and nesting by a running sum of brackets. Lines that are not
JSON objects are named and taken out before the rest is looked at again.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Ints = npt.NDArray[np.int64]
Ints32 = npt.NDArray[np.int32]
Bools = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]

STRING, OPEN, OPEN_LIST, CLOSE, CLOSE_LIST, COLON, COMMA, LINE, SCALAR, BACKSLASH = range(1, 11)
_BYTES = {
    '"': STRING, "{": OPEN, "[": OPEN_LIST, "}": CLOSE, "]": CLOSE_LIST, ":": COLON,
    ",": COMMA, "\n": LINE, "\\": BACKSLASH,
}  # fmt: skip
_CLASS = bytes(_BYTES.get(chr(i), 0) for i in range(256))
_BLANK = np.zeros(256, dtype=bool)
_BLANK[[9, 10, 13, 32]] = True
_MAX_DEPTH = 60
_DELTA = np.zeros(11, dtype=np.int8)
_DELTA[[OPEN, OPEN_LIST]], _DELTA[[CLOSE, CLOSE_LIST]] = 1, -1
# What may follow what, line ends included.
_FOLLOWS: dict[int, tuple[int, ...]] = {
    LINE: (OPEN,),
    OPEN: (STRING, CLOSE),
    OPEN_LIST: (STRING, SCALAR, OPEN, OPEN_LIST, CLOSE_LIST),
    STRING: (COLON, COMMA, CLOSE, CLOSE_LIST),
    SCALAR: (COMMA, CLOSE, CLOSE_LIST),
    COLON: (STRING, SCALAR, OPEN, OPEN_LIST),
    COMMA: (STRING, SCALAR, OPEN, OPEN_LIST),
    CLOSE: (COMMA, CLOSE, CLOSE_LIST, LINE),
    CLOSE_LIST: (COMMA, CLOSE, CLOSE_LIST),
}
_ALLOWED = np.zeros((11, 11), dtype=bool)
for _before, _after in _FOLLOWS.items():
    _ALLOWED[_before, list(_after)] = True
_SCALAR = r"^(-?(0|[1-9][0-9]*)([.][0-9]+)?([eE][+-]?[0-9]+)?|true|false|null)$"


@dataclass(frozen=True)
class Tokens:
    """Tokens of a block, in order; every array is as long as there are tokens.

    kind: one of the constants above. line: number of the line within the block. level: how
    many containers enclose the token; a bracket counts as outside of what it opens. parent:
    token that opens the enclosing container, -1 for the object of a line. is_key: strings
    that name a member. text: of each token the index into `texts`, -1 for brackets and marks.
    texts: strings (without quotes, escapes as written) and scalars, not copied, at the even
    places. is_raw: texts with an escape or with blanks around, by the same index.
    """

    kind: Bytes
    line: Ints32
    level: npt.NDArray[np.int16]
    parent: Ints32
    is_key: Bools
    text: Ints32
    texts: pa.StringArray
    is_raw: Bools

    def values(self, index: Ints) -> pa.StringArray:
        """Texts by their index, null where it is negative; escapes as written."""
        missing = index < 0
        return self.texts.take(pa.array(index * 2, mask=missing if missing.any() else None))


def tokenise(text: bytes) -> Tokens | Bools:
    """Tokens of complete, non-empty lines, or which of them are not JSON objects.

    text: UTF-8, each line ended by a newline.
    """
    position, kind, slashes = marks(text)
    line_ends = np.flatnonzero(kind == LINE)
    quotes = np.cumsum(kind == STRING, dtype=np.int32)
    odd = (np.diff(quotes[line_ends], prepend=0) & 1).astype(bool)
    if odd.any():
        return odd
    is_inside = (quotes & 1).astype(bool)
    is_opening = (kind == STRING) & is_inside
    kept = np.flatnonzero(is_opening | ((kind != STRING) & ~is_inside))
    end = position[kept] + 1
    strings = np.flatnonzero(kind[kept] == STRING)
    closing = np.flatnonzero((kind == STRING) & ~is_inside)
    end[strings] = position[closing] + 1
    start, kind = position[kept], kind[kept]
    start, end, kind, bad = _with_scalars(text, start, end, kind)
    line = np.cumsum(kind == LINE, dtype=np.int32)
    line -= kind == LINE
    wrong = np.zeros(int(line[-1]) + 1, dtype=bool)
    wrong[line[bad]] = True
    before = np.concatenate([[np.uint8(LINE)], kind[:-1]])
    wrong[line[~_ALLOWED[before, kind]]] = True
    if wrong.any():
        return wrong
    return _nested(text, start, end, kind, line, wrong, slashes)


def marks(text: bytes) -> tuple[Ints32, Bytes, Ints32]:
    """Positions and classes of all marks, escaped quotes left out; positions of backslashes."""
    classes = np.frombuffer(text.translate(_CLASS), dtype=np.uint8)
    position = np.flatnonzero(classes != 0).astype(np.int32)
    kind = classes[position]
    slashes = position[kind == BACKSLASH]
    if not len(slashes):
        return position, kind, slashes
    is_first = np.diff(slashes, prepend=-2) != 1
    first = np.flatnonzero(is_first)
    length = np.diff(first, append=len(slashes))
    escaped = (slashes[first] + length)[length % 2 == 1]
    is_left_out = kind == BACKSLASH
    at = np.searchsorted(position, escaped)
    at = at[at < len(position)]
    hit = at[np.isin(position[at], escaped)]
    is_left_out[hit[kind[hit] == STRING]] = True
    return position[~is_left_out], kind[~is_left_out], slashes


def _with_scalars(
    text: bytes, start: Ints32, end: Ints32, kind: Bytes
) -> tuple[Ints32, Ints32, Bytes, Ints]:
    """Tokens with numbers and literals put in; tokens before which something is wrong."""
    data = np.frombuffer(text, dtype=np.uint8)
    gap = np.flatnonzero(start[1:] != end[:-1])
    low, high = end[gap], start[gap + 1]
    if len(gap):
        _strip(data, low, high)
    is_filled = low < high
    gap, low, high = gap[is_filled], low[is_filled], high[is_filled]
    bad = gap[~_ALLOWED[kind[gap], SCALAR] | ~_ALLOWED[SCALAR, kind[gap + 1]]] + 1
    if start[0] > 0 and not _BLANK[data[: start[0]]].all():
        bad = np.append(bad, 0)
    at = gap + 1
    is_old = np.ones(len(kind) + len(at), dtype=bool)
    is_old[at + np.arange(len(at))] = False
    return (
        _spread(start, low, is_old),
        _spread(end, high, is_old),
        _spread(kind, np.full(len(at), SCALAR, dtype=np.uint8), is_old),
        bad + np.searchsorted(at, bad),
    )


def _spread(old: npt.NDArray[Any], new: npt.NDArray[Any], is_old: Bools) -> npt.NDArray[Any]:
    """Old and new values in one array, each in its order."""
    both = np.empty(len(is_old), dtype=old.dtype)
    both[is_old], both[~is_old] = old, new
    return both


def _strip(data: Bytes, low: Ints32, high: Ints32) -> None:
    """Move the ends of segments inwards over blanks, in place."""
    moving = np.flatnonzero(low < high)
    while len(moving):
        moving = moving[_BLANK[data[low[moving]]]]
        low[moving] += 1
        moving = moving[low[moving] < high[moving]]
    moving = np.flatnonzero(low < high)
    while len(moving):
        moving = moving[_BLANK[data[high[moving] - 1]]]
        high[moving] -= 1


def _nested(
    text: bytes,
    start: Ints32,
    end: Ints32,
    kind: Bytes,
    line: Ints32,
    wrong: Bools,
    slashes: Ints32,
) -> Tokens | Bools:
    delta = _DELTA[kind]
    is_open, is_close = delta > 0, delta < 0
    depth = np.cumsum(delta, dtype=np.int16)  # of a block whose lines all come back to 0
    ends = np.flatnonzero(kind == LINE)
    wrong |= np.diff(depth[ends], prepend=0) != 0
    if wrong.any():
        return wrong
    level = depth - is_open
    wrong[line[(level < 0) | (level > _MAX_DEPTH)]] = True
    # Two values on one line, or a value at its end: all but the brackets stand deeper.
    at_top = (level == 0) & ~is_open & ~is_close & (kind != LINE)
    wrong[line[at_top]] = True
    if wrong.any():
        return wrong
    parent = _parents(level, is_open)
    is_key = np.zeros(len(kind), dtype=bool)
    is_key[:-1] = (kind[:-1] == STRING) & (kind[1:] == COLON)
    wrong[line[_misplaced(kind, level, parent, is_key, delta != 0, is_close)]] = True
    has_text = (kind == STRING) | (kind == SCALAR)
    texts, is_raw = _texts(text, start[has_text], end[has_text], kind[has_text] == STRING, slashes)
    index = np.full(len(kind), -1, dtype=np.int32)
    index[has_text] = np.arange(int(has_text.sum()), dtype=np.int32)
    tokens = Tokens(kind, line, level, parent, is_key, index, texts, is_raw)
    wrong[line[_faulty_scalars(tokens)]] = True
    if len(slashes):
        wrong[line[_faulty_escapes(tokens)]] = True
    return wrong if wrong.any() else tokens


def _parents(level: npt.NDArray[np.int16], is_open: Bools) -> Ints32:
    """The last bracket one level further out, before each token; -1 at level 0."""
    parent = np.full(len(level), -1, dtype=np.int32)
    order, bounds = by_level(level)
    outer = np.empty(0, dtype=np.int64)
    for low, high in pairwise(bounds):
        here = order[low:high]
        if len(outer):
            first = np.searchsorted(here, outer)
            parent[here] = np.repeat(outer, np.diff(first, append=len(here)))
        outer = here[is_open[here]]
    return parent


def by_level(level: npt.NDArray[np.int16]) -> tuple[Ints, list[int]]:
    """Places ordered by level, in order within each, and where each level begins and ends."""
    small = level.astype(np.uint8)
    order = np.argsort(small, kind="stable")
    counts = np.bincount(small, minlength=1)
    return order, [0, *np.cumsum(counts).tolist()]


def _misplaced(
    kind: Bytes,
    level: npt.NDArray[np.int16],
    parent: Ints32,
    is_key: Bools,
    is_bracket: Bools,
    is_close: Bools,
) -> Ints:
    """Tokens that do not fit the container they stand in."""
    inside = parent >= 0
    in_object = np.zeros(len(kind), dtype=bool)
    in_object[inside] = kind[parent[inside]] == OPEN
    after = np.empty(len(kind), dtype=np.uint8)
    after[0], after[1:] = LINE, kind[:-1]
    is_start = (after == OPEN) | (after == COMMA) | (after == OPEN_LIST)
    # In an object what follows { or , is a key; in a list nothing is.
    is_item = inside & is_start & ~is_close & (kind != COLON) & (kind != COMMA)
    bad = np.flatnonzero(is_item & (in_object != is_key))
    others = np.flatnonzero(is_key & ~(is_item & in_object))
    # A closing bracket has the parent of the opening one; the two stand side by side by level.
    brackets = np.flatnonzero(is_bracket)
    paired = brackets[by_level(level[brackets])[0]]
    unlike = kind[paired[0::2]] + 2 != kind[paired[1::2]]
    return np.concatenate([bad, others, paired[0::2][unlike]])


def _texts(
    text: bytes, start: Ints32, end: Ints32, is_string: Bools, slashes: Ints32
) -> tuple[pa.StringArray, Bools]:
    """The texts at the even places of an array that shares the block's memory; which are raw."""
    low, high = start + is_string, end - is_string
    offsets = np.empty(2 * len(start) + 1, dtype=np.int32)
    offsets[0:-1:2], offsets[1::2] = low, high
    offsets[-1] = offsets[-2] if len(start) else 0
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(text)]
    data = np.frombuffer(text, dtype=np.uint8)
    is_raw: Bools = (high > low) & ((data[low] <= 32) | (data[high - 1] <= 32))
    is_raw[np.searchsorted(low, slashes, side="right") - 1] = True
    return pa.Array.from_buffers(pa.string(), 2 * len(start), buffers), is_raw


def _faulty_scalars(tokens: Tokens) -> Ints:
    at = np.flatnonzero(tokens.kind == SCALAR)
    encoded = tokens.values(tokens.text[at].astype(np.int64)).dictionary_encode()
    good = pc.match_substring_regex(encoded.dictionary, _SCALAR).take(encoded.indices)
    bad: Ints = at[~good.to_numpy(zero_copy_only=False)]
    return bad


_ESCAPES = r'^([^\\]|\\(["\\/bfnrt]|u[0-9a-fA-F]{4}))*$'


def _faulty_escapes(tokens: Tokens) -> Ints:
    at = np.flatnonzero(tokens.kind == STRING)
    at = at[tokens.is_raw[tokens.text[at]]]
    good = pc.match_substring_regex(tokens.values(tokens.text[at].astype(np.int64)), _ESCAPES)
    bad: Ints = at[~good.to_numpy(zero_copy_only=False)]
    return bad
