"""Whose record a record is that names no person: costs, relationships, parts of episodes.

The standard gives these tables no person_id. They belong to whom the record they lead to
belongs, and that stands in another table of the delivery, which is read for it. Only keyed ids
are kept meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

import duckdb
import numpy as np
import pyarrow as pa

from biobraid.ingest.connectors.contract import FileJob
from biobraid.ingest.connectors.omop_files import delivered_tables, form_of
from biobraid.ingest.connectors.omop_frame import Frame, make_frame
from biobraid.ingest.connectors.omop_names import table_of
from biobraid.ingest.connectors.omop_options import OmopOptions
from biobraid.ingest.connectors.omop_plan import make_plan
from biobraid.ingest.connectors.omop_tables import OWNED_BY_POINTER, TABLES
from biobraid.ingest.hashing import positive


class Owners:
    """Person keys of records of other tables, which are read when first asked for."""

    def __init__(self, job: FileJob, options: OmopOptions) -> None:
        self._job, self._options = job, options
        self._loaded: set[str] = set()
        config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": f"{max(job.memory_gb / 4, 0.1):.2f}GB",
            "threads": "1",
        }
        if job.tmp is not None:
            config["temp_directory"] = str(job.tmp)
        self._con = duckdb.connect(config=config)
        self._con.execute("CREATE TABLE owner (record_id BIGINT, person VARCHAR)")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._con.close()

    def find(self, frame: Frame) -> pa.DictionaryArray:
        """source_person_key of each record; null where what it leads to is not delivered."""
        column = OWNED_BY_POINTER[frame.plan.table.name]
        pointer = frame.plan.table.pointers.get(column)
        if pointer is None:
            needed = [frame.plan.table.references[column]]
        else:
            needed = frame.tables_of(pointer).unique().drop_null().to_pylist()
        for table in sorted(set(needed) - self._loaded):
            self._load(table)
        wanted = pa.table({"id": frame.references(column), "n": np.arange(len(frame))})
        self._con.register("wanted", wanted)
        found = self._con.execute(
            "SELECT any_value(o.person) AS person FROM wanted w "
            "LEFT JOIN owner o ON w.id = o.record_id GROUP BY w.n ORDER BY w.n"
        ).to_arrow_table()
        self._con.unregister("wanted")
        return found["person"].combine_chunks().cast(pa.string()).dictionary_encode()

    def _load(self, table: str) -> None:
        self._loaded.add(table)
        for path in _where_it_may_stand(self._job.path, table):
            job = replace(self._job, path=path)
            for delivered in delivered_tables(job, self._options, only=table):
                if delivered.open is None:
                    continue
                with delivered.open as rows:
                    plan = make_plan(job, self._options, TABLES[table], rows.header, job.where)
                    for block in rows:
                        frame = make_frame(job, self._options, plan, block, delivered.inside)
                        keys = frame.persons.dictionary_decode()
                        made = pa.table({"r": positive(frame.records), "p": keys})
                        self._con.register("made", made)
                        self._con.execute("INSERT INTO owner SELECT r, p FROM made")
                        self._con.unregister("made")


def _where_it_may_stand(path: Path, table: str) -> Iterator[Path]:
    """The delivered file itself if it holds several tables, else the table's files beside it."""
    if form_of(path, path.name, "") in ("duckdb", "zip"):
        yield path
        return
    folders = [path.parent]
    if table_of(path.name) is None:  # the folder names the table, and others do theirs
        folders = sorted(p for p in path.parent.parent.iterdir() if p.is_dir())
    for folder in folders:
        for found in sorted(folder.iterdir()):
            if found.is_file() and table_of(found) == table:
                yield found
