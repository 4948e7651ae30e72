"""Single-file tables in landing that a Python step makes anew: written whole, put in force at once."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from biobraid.core.files import atomic_path
from biobraid.core.home import Home
from biobraid.core.manifest import Manifest
from biobraid.core.schemas.table import Table


def read_object(home: Home, manifest: Manifest, table: Table) -> pa.Table:
    """The table in force, empty if it was never written."""
    found = manifest.objects().get(table.full_name)
    if found is None:
        return table.arrow.empty_table()
    return pq.ParquetFile(home.landing / found[0]).read().cast(table.arrow)


def put_objects(
    home: Home,
    manifest: Manifest,
    folder: str,
    tables: Mapping[Table, pa.Table],
    notes: Mapping[str, Any],
) -> None:
    """Write tables below landing/`folder`, sorted by their keys, in files named by content.

    All come in force together with the notes; a kill leaves the tables of before. What is in
    the folder and not in force is removed.
    """
    written = {table: _write(home, folder, table, rows) for table, rows in tables.items()}
    with manifest.transaction():
        for table, (path, n_rows, mark) in written.items():
            manifest.put_object(table.full_name, path, n_rows, mark)
        for key, value in notes.items():
            manifest.set_note(key, value)
    keep = {path for path, _, _ in manifest.objects().values()}
    for file in (home.landing / folder).iterdir():
        if file.relative_to(home.landing).as_posix() not in keep:
            file.unlink(missing_ok=True)


def _write(home: Home, folder: str, table: Table, rows: pa.Table) -> tuple[str, int, str]:
    rows = rows.cast(table.arrow).sort_by([(name, "ascending") for name in table.key])
    draft = home.landing / folder / f"{table.name}.{os.getpid()}.draft"
    with atomic_path(draft) as partial:
        pq.write_table(rows, partial, compression="zstd", write_statistics=False)
    with draft.open("rb") as handle:
        mark = hashlib.file_digest(handle, "sha256").hexdigest()
    final = draft.with_name(f"{table.name}-{mark[:16]}.parquet")
    draft.replace(final)
    return final.relative_to(home.landing).as_posix(), rows.num_rows, mark
