"""The values of a block's resources, each with its element path: a leaf per value.

Lists do not show in a path: all codings of all categories stand at `category.coding.code`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.ingest.connectors.fhir_tokens import (
    COLON,
    LINE,
    OPEN,
    SCALAR,
    STRING,
    Bools,
    Ints,
    Ints32,
    Tokens,
    by_level,
)

ROOT, ENTRY = 0, 1  # paths of a resource, and of an entry of a Bundle
_OTHER = "(more)"  # stands for elements beyond what a FHIR file can have
_BLANKS = "".join(map(chr, range(33)))
_MAX_KEYS, _MAX_PATHS = 2_000, 8_000


class Paths:
    """Element paths met in a file, numbered; grows as new ones appear."""

    def __init__(self) -> None:
        self.names = ["", "@entry"]  # no element is called so
        self._numbers = {"": ROOT, "@entry": ENTRY}
        self._keys: dict[str, int] = {_OTHER: 0}
        self._next = np.full((64, 64), -1, dtype=np.int32)  # path, key -> path
        self._next[ENTRY, self._key("resource")] = ROOT

    def number(self, name: str) -> int:
        """Number of a path, -1 if no resource had it yet."""
        return self._numbers.get(name, -1)

    def key_numbers(self, keys: pa.StringArray) -> Ints:
        """Number of each member name."""
        encoded = keys.dictionary_encode()
        table = [self._key(unescaped(k)) for k in encoded.dictionary.to_pylist()]
        numbers: Ints = np.array(table, dtype=np.int64)[encoded.indices.to_numpy()]
        return numbers

    def step(self, paths: Ints, keys: Ints) -> Ints:
        """Path of the member `keys` of objects at `paths`."""
        found = self._next[paths, keys]
        missing = np.flatnonzero(found < 0)
        if len(missing):
            # Hashing finds the few new pairs of a first block sooner than sorting would.
            pairs = pc.unique(pa.array(paths[missing] << 32 | keys[missing])).to_numpy()
            names = list(self._keys)
            for pair in np.sort(pairs).tolist():
                self._add(pair >> 32, pair & 0xFFFFFFFF, names[pair & 0xFFFFFFFF])
            found = self._next[paths, keys]
        return found.astype(np.int64)

    def _key(self, name: str) -> int:
        if name not in self._keys:
            if len(self._keys) >= _MAX_KEYS:
                return self._keys[_OTHER]
            self._keys[name] = len(self._keys)
            if len(self._keys) > self._next.shape[1]:
                self._next = np.pad(
                    self._next, ((0, 0), (0, self._next.shape[1])), constant_values=-1
                )
        return self._keys[name]

    def _add(self, path: int, key: int, name: str) -> None:
        whole = f"{self.names[path]}.{name}" if path != ROOT else name
        if len(self.names) >= _MAX_PATHS:
            whole = _OTHER
        if whole not in self._numbers:
            self._numbers[whole] = len(self.names)
            self.names.append(whole)
            if len(self.names) > len(self._next):
                self._next = np.pad(self._next, ((0, len(self._next)), (0, 0)), constant_values=-1)
        self._next[path, key] = self._numbers[whole]


@dataclass
class Leaves:
    """Values of a block in order, nulls and empty strings left out.

    at: token; line: of the block; path, text: see Paths and Tokens. used: true once a value
    has found its place. The objects of the block stand beside: object_at, _path, _line.
    """

    tokens: Tokens
    paths: Paths
    at: Ints
    line: Ints32
    path: Ints
    text: Ints
    used: Bools
    object_at: Ints
    object_path: Ints
    object_line: Ints32
    n_lines: int

    def values(self, leaves: Ints) -> pa.StringArray:
        """Trimmed text of leaves by number, null where it is negative; escapes resolved."""
        index = np.where(leaves < 0, -1, self.text[leaves])
        values = self.tokens.values(index)
        raw = pa.array(self.tokens.is_raw[index] & (index >= 0))
        if not raw.true_count:
            return values
        encoded = values.filter(raw).dictionary_encode()
        words = (unescaped(v).strip(_BLANKS) or None for v in encoded.dictionary.to_pylist())
        plain = pa.array(words, pa.string())
        return pc.replace_with_mask(values, raw, plain.take(encoded.indices))


def unescaped(text: str) -> str:
    """A JSON string's text; lone surrogates become the replacement character."""
    if "\\" not in text:
        return text
    loaded: str = json.loads(f'"{text}"')
    return loaded.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def leaves_of(tokens: Tokens, paths: Paths, root: int) -> Leaves:
    """The block's leaves and objects; root: path of the object each line holds."""
    kind = tokens.kind
    is_member = np.zeros(len(kind), dtype=bool)
    is_member[1:] = kind[:-1] == COLON
    keys = np.flatnonzero(tokens.is_key)
    key_of = np.zeros(len(kind), dtype=np.int64)
    key_of[keys] = paths.key_numbers(tokens.values(tokens.text[keys].astype(np.int64)))
    is_value = ((kind == STRING) & ~tokens.is_key) | (kind == SCALAR)
    is_opening = (kind == OPEN) | (kind == OPEN + 1)
    placed = is_value | is_opening
    path = np.full(len(kind), -1, dtype=np.int64)
    values = np.flatnonzero(placed)
    order, bounds = by_level(tokens.level[values])
    path[values[order[: bounds[1]]]] = root
    for low, high in pairwise(bounds[1:]):
        here = values[order[low:high]]
        outer = path[tokens.parent[here]]
        member = is_member[here]
        own = here[member]
        outer[member] = paths.step(outer[member], key_of[own - 2])
        path[here] = outer
    at = np.flatnonzero(is_value)
    given = ~_is_nothing(tokens, at)
    at = at[given]
    objects = np.flatnonzero(kind == OPEN)
    return Leaves(
        tokens=tokens,
        paths=paths,
        at=at,
        line=tokens.line[at],
        path=path[at],
        text=tokens.text[at].astype(np.int64),
        used=np.zeros(len(at), dtype=bool),
        object_at=objects,
        object_path=path[objects],
        object_line=tokens.line[objects],
        n_lines=int((kind == LINE).sum()),
    )


def _is_nothing(tokens: Tokens, at: Ints) -> npt.NDArray[np.bool_]:
    """Which values are null or an empty string."""
    offsets = np.frombuffer(tokens.texts.buffers()[1], dtype=np.int32)
    index = 2 * tokens.text[at].astype(np.int64)
    length = offsets[index + 1] - offsets[index]
    nothing: Bools = length == 0
    short = np.flatnonzero((length == 4) & (tokens.kind[at] == SCALAR))
    if len(short):
        words = tokens.values(tokens.text[at[short]].astype(np.int64))
        nothing[short] = pc.equal(words, "null").to_numpy(zero_copy_only=False)
    return nothing
