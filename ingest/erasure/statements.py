"""What stays of a withdrawal in landing: keyed tokens, and a statement of consent if any.

A withdrawal from all use leaves no statement: it would name whom it forgets.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from biobraid.core.files import PARTIAL
from biobraid.core.home import Home
from biobraid.core.keys import IngestKeys
from biobraid.core.manifest import Manifest
from biobraid.core.orders import Order
from biobraid.core.suppress import Rule, suppress_token
from biobraid.ingest.hashing import mix, positive, record_ids, value_hash
from biobraid.ingest.landing.change import Change, discarded_on_error
from biobraid.ingest.landing.parts import (
    PartFile,
    file_schema,
    finish_part,
    fitted,
    open_part,
    part_folder,
)

SOURCE_ID = "@orders"
_TABLE = "raw.consent"


def suppress(manifest: Manifest, keys: IngestKeys, order: Order) -> None:
    """Put the tokens in force that keep a later delivery from bringing it all back."""
    if order.level == "no_contact":
        return
    after = order.effective_from if order.level == "no_access" else None
    with manifest.transaction():
        for key in order.keys:
            manifest.put_suppressed(Rule(suppress_token(keys, key), order.modality, after))


def put_statement(
    home: Home, manifest: Manifest, keys: IngestKeys, order: Order, is_given: bool = False
) -> int:
    """Land one raw.consent row per source person; once, however often it is called.

    is_given: a consent, which lifts what was said before.
    """
    if order.erases_all:
        return 0
    batch = hashlib.sha256(f"order {order.order_id}".encode()).hexdigest()[:16]
    known = {b.row["batch"] for b in manifest.files(order.study, SOURCE_ID)}
    if batch in known:
        return 0
    numbers = [b.row["delivery"] for b in manifest.files(order.study, SOURCE_ID)]
    rows = _rows(keys, order, batch, is_given)
    folder = part_folder(home.landing, _TABLE, order.study, SOURCE_ID, batch)
    path = folder / f"part-0.parquet.order{PARTIAL}"
    writer = open_part(path, file_schema(_TABLE))
    writer.write_table(fitted(rows, file_schema(_TABLE)))
    finish_part(writer, path)
    n: int = rows.num_rows
    books = {
        "study": order.study, "source": SOURCE_ID, "batch": batch, "status": "active",
        "delivery": max(numbers, default=0) + 1, "connector": SOURCE_ID, "bytes": 0,
        "landed_at": order.ordered_on, "records_read": n, "records_landed": n,
        "facts_read": n, "facts_landed": n,
    }  # fmt: skip
    zero = {f"{u}_{w}": 0 for u in ("records", "facts")
            for w in ("rejected", "ignored", "superseded", "deleted")}  # fmt: skip
    change = Change(home, manifest, order.study, SOURCE_ID)
    with discarded_on_error(change):
        part = PartFile(_TABLE, path, batch, 0, n)
        change.add_file(books | zero | {"facts_to_vault": 0}, {}, [part], None)
        change.check()
        change.commit(manifest)
    return n


def _rows(keys: IngestKeys, order: Order, batch: str, is_given: bool) -> pa.Table:
    people: Sequence[str] = sorted(order.keys)
    n = len(people)
    scope = f"{order.study}/{SOURCE_ID}/{order.order_id}"
    records = record_ids(keys, scope, [("source person", pa.array(people, pa.string()))])
    fact = np.uint64(value_hash(keys, "fact", "consent"))
    return pa.table({
        "row_id": positive(mix(records, fact)),
        "record_id": positive(records),
        "source_person_key": people,
        "study": [order.study] * n,
        "source": [SOURCE_ID] * n,
        "batch": [batch] * n,
        "modality": [order.modality] * n,
        "status": ["given" if is_given else "withdrawn"] * n,
        "level": pa.array([None if is_given else order.level] * n, pa.string()),
        "start_time": [order.effective_from] * n,
    })  # fmt: skip
