"""Facts of a block of a main table: cells with their distinct texts, lists taken apart."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Ints = npt.NDArray[np.int64]
Ints32 = npt.NDArray[np.int32]
Bools = npt.NDArray[np.bool_]
_FILE_NAME = r"^-?\d+_\d+_\d+_\d+(\.|$)"  # eid_field_instance_array.suffix


@dataclass(frozen=True)
class Facts:
    """Non-empty cells: row and column are indices, code the place of the text in `texts`.

    index: array index of each fact where it does not follow from the column.
    """

    row: Ints
    column: Ints32
    code: Ints32
    texts: pa.StringArray
    index: Ints32 | None = None

    def __len__(self) -> int:
        return len(self.row)

    def only(self, mask: Bools) -> Facts:
        """The facts where the mask is true. Texts of the others stay: see `values`."""
        if mask.all():
            return self
        index = None if self.index is None else self.index[mask]
        return Facts(self.row[mask], self.column[mask], self.code[mask], self.texts, index)

    def marked(self, mark: pa.BooleanArray) -> Bools:
        """For each fact whether its text is marked."""
        marks: Bools = mark.to_numpy(zero_copy_only=False)[self.code]
        return marks

    def used(self) -> Ints:
        """Codes in use, sorted."""
        is_used = np.zeros(len(self.texts), dtype=bool)
        is_used[self.code] = True
        return np.flatnonzero(is_used)

    def values(self) -> pa.DictionaryArray:
        """The text of each fact, without the texts of facts left out.

        A Parquet writer writes a dictionary as it is: a text that does not land must not
        stay behind in one.
        """
        used = self.used()
        place = np.zeros(len(self.texts), dtype=np.int32)
        place[used] = np.arange(len(used), dtype=np.int32)
        return pa.DictionaryArray.from_arrays(
            pa.array(place[self.code]), self.texts.take(pa.array(used))
        )


def make_facts(row: Ints, column: Ints32, value: pa.StringArray) -> Facts:
    """Facts of cells; each distinct text is kept once."""
    encoded = value.dictionary_encode()
    code = encoded.indices.to_numpy(zero_copy_only=False)
    return Facts(row, column, code, encoded.dictionary)


def take_apart(facts: Facts, may_list: Bools) -> tuple[Facts, Facts, int]:
    """Facts of one value; the values of list cells with their index; lists without a value.

    A list is written [1,2,3], ["E10","I10"] or 1|2|3. may_list: by column.
    """
    if not (_holds(facts.texts, "[") or _holds(facts.texts, "|")):
        return facts, facts.only(np.zeros(len(facts), dtype=bool)), 0
    bracketed = pc.and_(pc.starts_with(facts.texts, "["), pc.ends_with(facts.texts, "]"))
    is_list = may_list[facts.column] & facts.marked(
        pc.or_(bracketed, pc.match_substring(facts.texts, "|"))
    )
    if not is_list.any():
        return facts, facts.only(is_list), 0
    lists = facts.only(is_list)
    used = lists.used()
    place = np.zeros(len(lists.texts), dtype=np.int64)
    place[used] = np.arange(len(used))
    items = [_items(text) for text in lists.texts.take(pa.array(used)).to_pylist()]
    cells = pa.array(items, pa.list_(pa.string())).take(pa.array(place[lists.code]))
    parent = pc.list_parent_indices(cells).to_numpy(zero_copy_only=False)
    lengths = pc.list_value_length(cells).to_numpy(zero_copy_only=False)
    starts = np.concatenate(([0], np.cumsum(lengths)))
    index = (np.arange(len(parent)) - starts[parent]).astype(np.int32)
    text = pc.list_flatten(cells)
    given = pc.not_equal(text, "").to_numpy(zero_copy_only=False)
    values = make_facts(
        lists.row[parent[given]], lists.column[parent[given]], text.filter(pa.array(given))
    )
    elements = Facts(values.row, values.column, values.code, values.texts, index[given])
    has_value = np.zeros(len(lists), dtype=bool)
    has_value[parent[given]] = True
    n_empty = int((~has_value).sum())
    return facts.only(~is_list), elements, n_empty


def file_names(texts: pa.StringArray) -> pa.BooleanArray | None:
    """Which texts are names of bulk files, which hold the eid; None if none can be."""
    return pc.match_substring_regex(texts, _FILE_NAME) if _holds(texts, "_") else None


def _holds(texts: pa.StringArray, sign: str) -> bool:
    """False where no text holds the sign: one pass over the bytes of all texts."""
    data = texts.buffers()[2]
    return data is not None and sign.encode() in data.to_pybytes()


def _items(text: str) -> list[str]:
    """Elements of a list cell, trimmed; '' keeps the place of one without a value."""
    if not text.startswith("["):
        return [item.strip() for item in text.split("|")]
    try:
        found = json.loads(text)
    except json.JSONDecodeError:
        found = [item.strip().strip("\"'") for item in text[1:-1].split(",")]
    return ["" if item is None else str(item).strip() for item in found]
