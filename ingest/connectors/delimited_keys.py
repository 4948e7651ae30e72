"""Keys of records that have none, and versions as text that sorts."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from hashlib import blake2b
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.core.keys import IngestKeys
from biobraid.core.study import DateOrder
from biobraid.ingest.hashing import U64
from biobraid.ingest.tabular import TextBlock
from biobraid.ingest.tabular.block import order_of
from biobraid.ingest.times import normalise_times


def whole_rows(
    keys: IngestKeys, scope: str, block: TextBlock, file_names: Mapping[str, str]
) -> U64:
    """64-bit keyed hash of each row's non-empty cells and their columns, in the order of the names.

    file_names: name -> as in the header. The order of the file's columns makes no difference.
    """
    cells = block.cells(list(file_names.values()))
    names = list(file_names)
    rank = np.empty(len(names), dtype=np.int64)
    rank[np.argsort(np.array(names))] = np.arange(len(names))
    place = cells.row * len(names) + rank[cells.column]
    row, column, value = cells.row, cells.column, cells.value
    if (np.diff(place) < 0).any():
        order = order_of(place, block.n_rows * len(names))
        row, column, value = row[order], column[order], value.take(pa.array(order))
    labels = pa.array([f"\x1e{name}\x1f" for name in names], pa.string()).take(pa.array(column))
    text = pc.binary_join_element_wise(labels, value, "").cast(pa.large_binary())
    _, offsets, data = text.buffers()
    ends = np.frombuffer(offsets, dtype=np.int64, count=len(text) + 1)
    bounds = ends[np.searchsorted(row, np.arange(block.n_rows + 1))].tolist()
    key = hmac.digest(keys.row, f"whole-row/{scope}".encode(), "sha256")
    content = bytes(data) if data is not None else b""
    # Every row is distinct here, so speed counts: keyed BLAKE2b (RFC 7693) is a keyed hash of
    # the same strength as HMAC at a third of its cost.
    hashes = [blake2b(content[a:b], key=key, digest_size=8).digest() for a, b in pairwise(bounds)]
    return np.frombuffer(b"".join(hashes), dtype=">u8").astype(np.uint64)


def sortable(versions: pa.StringArray, order: DateOrder, time_zone: str) -> pa.StringArray:
    """Versions as text whose order by code point is their order: numbers padded, times ISO.

    Times with an offset are brought to UTC. Anything else stays as delivered.
    """
    times = normalise_times(versions, order, time_zone)
    start = times.start_time
    has_offset = times.offset_minutes.is_valid()
    if pc.any(has_offset).as_py():
        local = start.filter(has_offset).to_numpy(zero_copy_only=False).astype("datetime64[us]")
        offsets = times.offset_minutes.filter(has_offset).to_numpy()
        utc = np.datetime_as_string(local - offsets.astype("timedelta64[m]"), unit="us")
        short = pc.replace_substring_regex(pa.array(utc.tolist()), r"\.?0*$", "")
        start = pc.replace_with_mask(start, has_offset, short)
    is_number = pc.fill_null(pc.match_substring_regex(versions, r"^\d{1,20}$"), False)
    padded = pc.utf8_lpad(versions, 20, "0")
    return pc.if_else(is_number, padded, pc.coalesce(start, versions))
