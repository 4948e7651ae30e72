"""The resources of one type in a block, or the objects at one element of them, as columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.ingest.connectors.fhir_leaves import ENTRY, ROOT, Leaves
from biobraid.ingest.connectors.fhir_tokens import Bools, Ints, Ints32

NONE = pa.scalar(None, pa.string())


class Sorted:
    """Leaves and objects of a block, to be found by resource type and path."""

    def __init__(self, leaves: Leaves) -> None:
        self.leaves = leaves
        self._n_paths = len(leaves.paths.names)
        self.types, self.type_of_line = self._types()
        self._leaf_order, self._leaf_bounds = self._index(leaves.line, leaves.path)
        self._object_order, self._object_bounds = self._index(
            leaves.object_line, leaves.object_path
        )

    def _types(self) -> tuple[list[str], Ints]:
        """Resource types, and the place in them of each line's, -1 where it has none."""
        leaves = self.leaves
        of_line = np.full(leaves.n_lines, -1, dtype=np.int64)
        at = np.flatnonzero(leaves.path == leaves.paths.number("resourceType"))
        encoded = leaves.values(at).dictionary_encode()
        of_line[leaves.line[at]] = encoded.indices.to_numpy(zero_copy_only=False)
        leaves.used[at] = True
        return encoded.dictionary.to_pylist(), of_line

    def _index(self, line: Ints32, path: Ints) -> tuple[Ints, dict[int, tuple[int, int]]]:
        code = (self.type_of_line[line] + 1) * self._n_paths + path
        present = np.flatnonzero(np.bincount(code, minlength=1))
        rank = np.zeros(int(present[-1]) + 1 if len(present) else 1, dtype=np.int64)
        rank[present] = np.arange(len(present))
        small = rank[code].astype(np.uint16 if len(present) < 1 << 16 else np.int64)
        order = np.argsort(small, kind="stable")
        bounds = np.searchsorted(small[order], np.arange(len(present) + 1))
        pairs = zip(present.tolist(), bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)
        return order, {code: (low, high) for code, low, high in pairs}

    def find(self, kind: int, path: int) -> Ints:
        """Leaves of one type at one path, in order."""
        low, high = self._leaf_bounds.get((kind + 1) * self._n_paths + path, (0, 0))
        return self._leaf_order[low:high]

    def objects(self, kind: int, path: int) -> Ints:
        """Objects (their number among the block's) of one type at one path, in order."""
        low, high = self._object_bounds.get((kind + 1) * self._n_paths + path, (0, 0))
        return self._object_order[low:high]

    def unused(self, kept: Bools) -> Iterator[tuple[str, int]]:
        """Element path and number of the leaves of kept lines that found no place."""
        leaves = self.leaves
        left = ~leaves.used & kept[leaves.line]
        code = (self.type_of_line[leaves.line[left]] + 1) * self._n_paths + leaves.path[left]
        counts = np.bincount(code)
        for found in np.flatnonzero(counts).tolist():
            kind, path = divmod(found, self._n_paths)
            name = leaves.paths.names[path]
            named = name.startswith("@entry") or kind == 0
            yield (
                name.lstrip("@") if named else f"{self.types[kind - 1]}.{name}",
                int(counts[found]),
            )


@dataclass
class Frame:
    """Objects at one element of the resources of one type, in the order of the file.

    at: the token that opens each; until: before which all that is in it stands; line: its line
    in the block; owner: the row of the frame it was nested in (of a resource: its own row).
    Every column is as long as `at`.
    """

    sorted: Sorted
    kind: int
    prefix: str
    at: Ints
    until: Ints
    line: Ints32
    owner: Ints
    _limits: dict[str, Ints | None] = field(default_factory=dict)

    @classmethod
    def of(cls, by_path: Sorted, kind: int, prefix: str, objects: Ints) -> Frame:
        """All objects at one element of one type; each is its own owner."""
        leaves = by_path.leaves
        at, line = leaves.object_at[objects], leaves.object_line[objects]
        # Objects at one path never nest, so the next one begins where this one has ended.
        until = np.append(at[1:], len(leaves.tokens.kind)) if len(at) else at
        return cls(by_path, kind, prefix, at, until, line, np.arange(len(at)))

    def __len__(self) -> int:
        return len(self.at)

    def only(self, mask: Bools) -> Frame:
        """The rows where the mask is true."""
        if mask.all():
            return self
        return Frame(
            self.sorted,
            self.kind,
            self.prefix,
            self.at[mask],
            self.until[mask],
            self.line[mask],
            self.owner[mask],
        )

    def find(self, path: str) -> tuple[Ints, Ints]:
        """(leaves, rows they stand in) at an element below, in the file's order."""
        leaves = self.sorted.leaves
        name = path if path.startswith("@entry.") else self.prefix + path
        number = leaves.paths.number(name)
        found = self.sorted.find(self.kind, number) if number >= 0 else np.empty(0, np.int64)
        if not len(found) or not len(self.at):
            return np.empty(0, np.int64), np.empty(0, np.int64)
        if path.startswith("@entry."):  # stands before or after the resource it goes with
            rows = np.minimum(np.searchsorted(self.line, leaves.line[found]), len(self.at) - 1)
            inside = self.line[rows] == leaves.line[found]
        else:
            rows, inside = self._rows(leaves.at[found])
        return (found, rows) if inside.all() else (found[inside], rows[inside])

    def _rows(self, tokens: Ints) -> tuple[Ints, Bools]:
        """The row each token could stand in, and whether it does."""
        rows = np.maximum(np.searchsorted(self.at, tokens, side="right") - 1, 0)
        inside: Bools = (self.at[rows] <= tokens) & (tokens < self.until[rows])
        return rows, inside

    def first(self, path: str) -> Ints:
        """The first leaf of each row at an element, -1 where there is none.

        Where an element on the way repeats, only its first counts: the limits of one range
        never mix with those of another.
        """
        found, rows = self.find(path)
        limit = self._limit(path.rpartition(".")[0]) if len(found) else None
        if limit is not None:
            before = self.sorted.leaves.at[found] < limit[rows]
            found, rows = found[before], rows[before]
        first = np.full(len(self.at), -1, dtype=np.int64)
        first[rows[::-1]] = found[::-1]
        return first

    def _limit(self, element: str) -> Ints | None:
        """Token of each row where a second object begins at an element or one around it.

        None where there is no such object in any row.
        """
        if not element or element.startswith("@entry."):
            return None
        if element not in self._limits:
            limit = self._limit(element.rpartition(".")[0])
            objects = self.nested(element)
            is_second = np.diff(objects.owner, prepend=-1) == 0
            if is_second.any():
                limit = self.until.copy() if limit is None else limit.copy()
                at, owner = objects.at[is_second][::-1], objects.owner[is_second][::-1]
                second = np.full(len(limit), np.iinfo(np.int64).max)
                second[owner] = at
                limit = np.minimum(limit, second)
            self._limits[element] = limit
        return self._limits[element]

    def peek(self, path: str) -> pa.StringArray:
        """The first text at an element, trimmed; the leaves are not used up."""
        return self._values(self.first(path))

    def text(self, path: str, only: Bools | None = None) -> pa.StringArray:
        """The first text at an element, trimmed, used up; null where there is none.

        only: rows to look at, null elsewhere.
        """
        first = self.first(path)
        if only is not None:
            first = np.where(only, first, -1)
        self.sorted.leaves.used[first[first >= 0]] = True
        return self._values(first)

    def _values(self, first: Ints) -> pa.StringArray:
        if not len(first) or first.max() < 0:
            return pa.nulls(len(first), pa.string())
        return self.sorted.leaves.values(first)

    def either(self, *paths: str) -> pa.StringArray:
        """The first of several elements that a row has; the others are left."""
        values = self.text(paths[0])
        for path in paths[1:]:
            missing = values.is_null().to_numpy(zero_copy_only=False)
            if not missing.any():
                break
            values = pc.coalesce(values, self.text(path, missing))
        return values

    def has(self, path: str) -> Bools:
        """Which rows have a value at an element."""
        found: Bools = self.first(path) >= 0
        return found

    def all_texts(self, path: str) -> tuple[pa.StringArray, Ints]:
        """(texts, rows) at an element, all of them, used up."""
        found, rows = self.find(path)
        self.sorted.leaves.used[found] = True
        return self.sorted.leaves.values(found), rows

    def nested(self, path: str) -> Frame:
        """The objects at an element below, each with the row it belongs to."""
        leaves = self.sorted.leaves
        number = leaves.paths.number(self.prefix + path)
        objects = self.sorted.objects(self.kind, number) if number >= 0 else np.empty(0, np.int64)
        frame = Frame.of(self.sorted, self.kind, f"{self.prefix}{path}.", objects)
        if not len(frame) or not len(self.at):
            return frame.only(np.zeros(len(frame), dtype=bool))
        frame.owner, inside = self._rows(frame.at)
        return frame.only(inside)


def resource_frames(leaves: Leaves) -> tuple[Sorted, list[tuple[str, Frame]], Ints]:
    """Frames of the resources by type, and the lines that hold no resource."""
    by_path = Sorted(leaves)
    frames = []
    for kind, name in enumerate(by_path.types):
        frames.append((name, Frame.of(by_path, kind, "", by_path.objects(kind, ROOT))))
    return by_path, frames, np.flatnonzero(by_path.type_of_line < 0)


def entries(by_path: Sorted) -> Frame:
    """Frame of the entries that hold no resource (requests to delete one)."""
    return Frame.of(by_path, -1, "@entry.", by_path.objects(-1, ENTRY))


def count_ignored(pairs: Iterator[tuple[str, int]], ignored: Counter[str]) -> int:
    """Count elements without a place by path; returns how many there are."""
    total = 0
    for path, n in pairs:
        ignored[f"element:{path}"] += n
        total += n
    return total
