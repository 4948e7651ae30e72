"""A change to what is in force: parts added, replaced and dropped, with the books to match.

Built up without touching the manifest; `commit` puts all of it in force at once.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from biobraid.core.errors import Fault, QualityError
from biobraid.core.home import Home
from biobraid.core.manifest import FileBooks, Manifest, Part
from biobraid.ingest.inbox import put_in_inbox
from biobraid.ingest.landing.parts import (
    FACT_TABLES,
    PartFile,
    file_schema,
    in_force,
    put_in_place,
    rewrite_part,
)
from biobraid.ingest.landing.tally import breaches

FATES = ("superseded", "deleted")


class Change:
    """One change to the parts and books of one source."""

    def __init__(
        self,
        home: Home,
        manifest: Manifest,
        study: str,
        source: str,
        staging: Path | None = None,
    ) -> None:
        self.home, self.study, self.source = home, study, source
        self.books: dict[str, dict[str, Any]] = {}
        self.detail: dict[str, dict[str, Any]] = {}
        self.identities: dict[str, Path] = {}
        self._staging = staging  # for rewritten parts on a dry run
        self._entries: dict[Path, Part] = {}
        self._parts: list[PartFile] = []  # as they will be in force
        self._origins: dict[Path, str] = {}  # of staged parts only
        self._gone: set[Path] = set()
        self.touched: set[str] = set()
        self._before: dict[str, dict[str, Any]] = {}
        for books in manifest.files(study, source):
            if books.row["status"] == "active":
                self.books[books.row["batch"]] = dict(books.row)
                self._before[books.row["batch"]] = dict(books.row)
                self.detail[books.row["batch"]] = dict(books.detail)
        for entry in manifest.parts(study=study, source=source):
            part = in_force(home.landing, entry)
            self._entries[part.path] = entry
            self._parts.append(part)

    def add_file(
        self,
        row: dict[str, Any],
        detail: dict[str, Any],
        parts: Sequence[PartFile],
        identities: Path | None,
    ) -> None:
        """Bring a file that was just read."""
        batch = row["batch"]
        self.books[batch], self.detail[batch] = row, detail
        self.touched.add(batch)
        self._parts += parts
        for part in parts:
            self._origins[part.path] = f"delivery {row['delivery']}"
        if identities:
            self.identities[batch] = identities

    def parts(self, *tables: str, batch: str | None = None) -> list[PartFile]:
        """Parts as they will be, of these tables and, if given, of one file."""
        return [p for p in self._parts if p.table in tables and (batch is None or p.batch == batch)]

    def supersede_file(self, batch: str) -> None:
        """Take a whole file out of force."""
        row = self.books[batch]
        for unit in ("records", "facts"):
            row[f"{unit}_superseded"] += row[f"{unit}_landed"]
            row[f"{unit}_landed"] = 0
        row["status"] = "superseded"
        self.touched.add(batch)
        for part in [p for p in self._parts if p.batch == batch]:
            self._replace(part, None, "")

    def remove(
        self, con: duckdb.DuckDBPyConnection, batch: str, losers: str, on: str, origin: str
    ) -> int:
        """Remove the facts of one file that match `losers` (columns `on` and fate).

        The facts move to facts_superseded or facts_deleted; records are the caller's to move.
        """
        n_removed = 0
        for part in self.parts(*FACT_TABLES, batch=batch):
            if on not in file_schema(part.table).names:
                continue
            by_fate = con.execute(
                f"SELECT l.fate, count(*) FROM read_parquet(?) AS p JOIN {losers} AS l "  # noqa: S608
                f"ON p.{on} = l.{on} GROUP BY l.fate",
                [str(part.path)],
            ).fetchall()
            if not by_fate:
                continue
            schema = file_schema(part.table)
            new = rewrite_part(con, part, schema, losers, (on,), folder=self._staging)
            self._replace(part, new, origin)
            for fate, n in by_fate:
                self.move(batch, "facts", fate, n)
                n_removed += n
        return n_removed

    def rewrite(
        self,
        con: duckdb.DuckDBPyConnection,
        part: PartFile,
        losers: str,
        moves: str | None,
        origin: str,
        blank: tuple[Sequence[str], str] = ((), ""),
    ) -> None:
        """Drop the rows at the places in `losers`, give those in `moves`, if any, other ids;
        empty the cells that `blank` names (see rewrite_part)."""
        schema = file_schema(part.table)
        new = rewrite_part(
            con, part, schema, losers, ("file_row_number",), moves, self._staging, blank
        )
        self.touched.add(part.batch)
        self._replace(part, new, origin)

    def replace(self, old: PartFile, new: PartFile, origin: str) -> None:
        """Put a staged copy with as many rows in the place of a part; origin: what it lacks."""
        self.touched.add(old.batch)
        self._replace(old, new, origin)

    def move(self, batch: str, unit: str, fate: str, n: int) -> None:
        """Move records or facts of a file from landed to superseded or deleted."""
        if fate not in FATES:
            raise ValueError(f"no such fate: {fate}")
        row = self.books[batch]
        row[f"{unit}_landed"] -= n
        row[f"{unit}_{fate}"] += n
        self.touched.add(batch)

    def _replace(self, old: PartFile, new: PartFile | None, origin: str) -> None:
        self._parts.remove(old)
        if old.path in self._entries:
            before = self._entries[old.path].fingerprint
            self._gone.add(old.path)
        else:
            before = self._origins.pop(old.path)
            old.path.unlink(missing_ok=True)
        if new is not None:
            self._parts.append(new)
            self._origins[new.path] = f"{before} {origin}"

    def disk_bytes(self, batch: str) -> int:
        """Room the staged parts of a file take."""
        staged = [p.path for p in self._parts if p.batch == batch and p.path in self._origins]
        return sum(path.stat().st_size for path in staged)

    def lost(self, batch: str) -> dict[str, int]:
        """What a file that was in force before loses: its superseded and deleted rows."""
        names = [f"{unit}_{fate}" for unit in ("records", "facts") for fate in FATES]
        return {n: self.books[batch][n] - self._before[batch][n] for n in names}

    def check(self) -> None:
        """QualityError if a file's books break the law or disagree with its parts."""
        faults = []
        for batch in sorted(self.touched):
            row = self.books[batch]
            counts = {n: v for n, v in row.items() if n.startswith(("records_", "facts_"))}
            found = breaches(counts)
            n_rows = sum(p.rows for p in self.parts(*FACT_TABLES, batch=batch))
            if n_rows != row["facts_landed"]:
                found.append(f"{row['facts_landed']} facts landed but {n_rows} in Parquet")
            faults += [
                Fault(f"{self.study}/{self.source}, file {batch}", f"the books do not balance: {f}")
                for f in found
            ]
        if faults:
            raise QualityError(faults)

    def discard(self) -> None:
        """Remove everything staged."""
        for path in [*self._origins, *self.identities.values()]:
            path.unlink(missing_ok=True)

    def commit(self, manifest: Manifest) -> None:
        """Put the change in force; killed before the end, it leaves things as they were."""
        inbox = self.home.inbox
        for batch, staged in self.identities.items():
            put_in_inbox(staged, inbox, self.study, self.source, batch)
        if self.identities:
            _sync_folder(inbox)
        entries = []
        for part in self._parts:
            if part.path in self._origins:
                origin = self._origins[part.path]
                entries.append(
                    put_in_place(self.home.landing, part, self.study, self.source, origin)
                )
        for folder in {(self.home.landing / e.path).parent for e in entries}:
            _sync_folder(folder)
        with manifest.transaction():
            for path in self._gone:
                manifest.drop_part(self._entries[path].path)
            for entry in entries:
                manifest.put_part(entry)
            for batch in self.touched:
                manifest.drop_failed(self.study, self.source, batch)
                manifest.put_file(FileBooks(self.books[batch], self.detail[batch]))


@contextmanager
def discarded_on_error(change: Change) -> Iterator[None]:
    """Leave nothing staged if the block fails."""
    try:
        yield
    except BaseException:
        change.discard()
        raise


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
