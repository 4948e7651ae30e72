"""Values put right at a person's request, laid over what was delivered.

What was delivered stays in landing as it is. A correction names a landed fact by its row_id, which
is the same in every delivery, and the value it corrects; `raw` shows the corrected value for as
long as the fact is delivered with the wrong one. A delivery that says something else counts: the
correction lapses. Taken back, the delivered value shows again. Why it was made, and by whose word,
stands in the vault (table rectification).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from biobraid.core.home import Home
from biobraid.core.manifest import CORRECTED, Manifest
from biobraid.core.objects import put_objects, read_object
from biobraid.core.schemas.table import Table, columns_of
from biobraid.core.warehouse import parquet_list

CORRECTION = Table(
    "correction",
    "cell",
    "cell of a landed fact that was put right",
    ("table_name", "row_id", "field"),
    columns_of(
        """
table_name VARCHAR raw.value or raw.event
row_id BIGINT of the fact, as there
field VARCHAR column that is corrected
study VARCHAR study of the fact
source VARCHAR source of the fact
source_person_key VARCHAR whose fact it is
start_time VARCHAR of the fact, as delivered; null if it has none
old_value VARCHAR value that is wrong; null where none was delivered
new_value VARCHAR what is right; never null
made_on VARCHAR day of the correction
"""
    ),
)
FOLDER = "correction"  # below landing
# Columns that may be corrected, and what beside them says how the delivered value was read.
FIELDS: dict[str, dict[str, tuple[str, ...]]] = {
    "raw.value": {
        "value": ("absent_reason",), "unit": (), "start_time": ("time_source", "time_flag"),
    },
    "raw.event": {
        "value": ("absent_reason", "value_source"), "unit": (),
        "code": ("code_text", "concept_id", "source_concept_id"),
        "start_time": ("time_source", "time_flag"), "end_time": (),
    },
}  # fmt: skip


def read_corrections(home: Home, manifest: Manifest) -> pa.Table:
    """The corrections in force."""
    return read_object(home, manifest, CORRECTION)


def put_corrections(home: Home, manifest: Manifest, rows: pa.Table) -> None:
    """Put these corrections in force, and no others; the tables they are of count as changed."""
    (home.landing / FOLDER).mkdir(exist_ok=True)
    order = [(name, "ascending") for name in CORRECTION.key]
    rows = rows.cast(CORRECTION.arrow).sort_by(order)
    marks = {}
    for table in FIELDS:
        mine = rows.filter(pc.equal(rows["table_name"], table)).to_pylist()
        if mine:
            marks[table] = hashlib.sha256(repr(mine).encode()).hexdigest()
    put_objects(home, manifest, FOLDER, {CORRECTION: rows}, {CORRECTED: marks})


def correction_path(home: Home, manifest: Manifest) -> Path | None:
    """The file in force; None where nothing is corrected."""
    found = manifest.objects().get(CORRECTION.full_name)
    return home.landing / found[0] if found and found[1] else None


def landed_query(table: Table, paths: Sequence[Path], corrections: Path | None) -> str:
    """SELECT of the table's columns, cast, from its landed files, with the corrections laid over."""
    source = f"FROM read_parquet({parquet_list(paths)})"
    fields = FIELDS.get(table.full_name, {}) if corrections else {}
    if not fields or corrections is None:
        columns = ", ".join(f"CAST({c.name} AS {c.type}) AS {c.name}" for c in table.columns)
        return f"SELECT {columns} {source}"
    emptied = {other: name for name, others in fields.items() for other in others}

    def made(name: str) -> str:
        if name in fields:
            return f"CASE WHEN {_holds(name)} THEN c.new_{name} ELSE p.{name} END"
        if name in emptied:
            return f"CASE WHEN {_holds(emptied[name])} THEN NULL ELSE p.{name} END"
        return f"p.{name}"

    columns = ", ".join(f"CAST({made(c.name)} AS {c.type}) AS {c.name}" for c in table.columns)
    wide = ", ".join(
        f"max({side}_value) FILTER (field = '{name}') AS {side}_{name}"
        for name in fields for side in ("old", "new")
    )  # fmt: skip
    return (
        f"SELECT {columns} {source} AS p LEFT JOIN (SELECT row_id, {wide} "  # noqa: S608  ours
        f"FROM read_parquet({parquet_list([corrections])}) "
        f"WHERE table_name = '{table.full_name}' GROUP BY row_id) AS c ON p.row_id = c.row_id"
    )


def _holds(name: str) -> str:
    return f"(c.new_{name} IS NOT NULL AND c.old_{name} IS NOT DISTINCT FROM p.{name})"
