"""The manifest: which landing files are in force, with each delivered file's books.

A SQLite file in `landing/`. Parquet parts are written first under names nobody reads; one
transaction here puts them in force. Whatever is not in force is removed by `sweep`, so a
process killed at any point leaves the state before or after a file, never between.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import astuple, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from biobraid.core.home import Home
from biobraid.core.schemas import RAW_FILE
from biobraid.core.suppress import Rule

CORRECTED = "corrected"  # note: table -> mark of the corrections laid over it (core/corrections.py)
_COUNTS = tuple(c.name for c in RAW_FILE.columns if c.type == "BIGINT")
_FILE_COLUMNS = tuple(c.name for c in RAW_FILE.columns)

_DDL = f"""
CREATE TABLE IF NOT EXISTS file (
  {", ".join(f"{c.name} {'INTEGER' if c.type != 'VARCHAR' else 'TEXT'}" for c in RAW_FILE.columns)},
  detail TEXT NOT NULL DEFAULT '{{}}',
  PRIMARY KEY (study, source, batch, delivery)
);
CREATE TABLE IF NOT EXISTS part (
  path TEXT PRIMARY KEY, table_name TEXT NOT NULL, study TEXT NOT NULL, source TEXT NOT NULL,
  batch TEXT NOT NULL, rows INTEGER NOT NULL, fingerprint TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS object (
  name TEXT PRIMARY KEY, path TEXT NOT NULL, rows INTEGER NOT NULL, fingerprint TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS suppress (
  token TEXT NOT NULL, modality TEXT NOT NULL, after TEXT, PRIMARY KEY (token, modality)
);
CREATE TABLE IF NOT EXISTS note (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS run (
  run_id TEXT PRIMARY KEY, verb TEXT NOT NULL, code_version TEXT NOT NULL,
  started_at TEXT NOT NULL, ended_at TEXT, status TEXT NOT NULL, detail TEXT NOT NULL
);
"""


@dataclass(frozen=True)
class Part:
    """One landing Parquet file in force. `path` is relative to the landing folder.

    The fingerprint changes whenever the content does (it is a hash of the rows' origin, not
    of bytes that depend on thread timing).
    """

    path: str
    table: str  # "raw.value", ...
    study: str
    source: str
    batch: str
    rows: int
    fingerprint: str


@dataclass(frozen=True)
class FileBooks:
    """One delivered file as raw.file holds it; `detail` is JSON of our own (column names, ...)."""

    row: Mapping[str, Any]
    detail: Mapping[str, Any] = field(default_factory=dict)


class Manifest:
    """Open manifest of one home. Use as a context manager; `transaction` commits or nothing."""

    def __init__(self, home: Home) -> None:
        self.home = home
        home.landing.mkdir(parents=True, exist_ok=True)
        self._con = sqlite3.connect(home.manifest, isolation_level=None, timeout=30)
        self._con.executescript(_DDL)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._con.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside is committed together, or not at all."""
        self._con.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._con.execute("COMMIT")
        except BaseException:
            if self._con.in_transaction:  # SQLite rolls back itself when the disk is full
                self._con.execute("ROLLBACK")
            raise

    def put_file(self, books: FileBooks) -> None:
        """Insert or replace one delivered file's row (missing counts become 0)."""
        row = {name: books.row.get(name, 0 if name in _COUNTS else None) for name in _FILE_COLUMNS}
        marks = ", ".join("?" * (len(row) + 1))
        self._con.execute(
            f"INSERT OR REPLACE INTO file ({', '.join(row)}, detail) VALUES ({marks})",  # noqa: S608
            (*row.values(), json.dumps(books.detail, sort_keys=True)),
        )

    def drop_failed(self, study: str, source: str, batch: str) -> None:
        """Forget that a file once failed, because now it landed."""
        self._con.execute(
            "DELETE FROM file WHERE study = ? AND source = ? AND batch = ? AND status = 'failed'",
            (study, source, batch),
        )

    def keep_failed(self, study: str, source: str, batches: Iterable[str]) -> None:
        """Forget the failed files of a source that are not among `batches`."""
        self._con.execute(
            "DELETE FROM file WHERE study = ? AND source = ? AND status = 'failed' "
            "AND batch NOT IN (SELECT value FROM json_each(?))",
            (study, source, json.dumps(sorted(batches))),
        )

    def files(self, study: str | None = None, source: str | None = None) -> list[FileBooks]:
        """Delivered files, ordered by study, source, delivery and batch."""
        rows = self._con.execute(
            f"SELECT {', '.join(_FILE_COLUMNS)}, detail FROM file "  # noqa: S608
            "WHERE (?1 IS NULL OR study = ?1) AND (?2 IS NULL OR source = ?2) "
            "ORDER BY study, source, delivery, batch",
            (study, source),
        )
        return [
            FileBooks(dict(zip(_FILE_COLUMNS, r[:-1], strict=True)), json.loads(r[-1]))
            for r in rows
        ]

    def put_part(self, part: Part) -> None:
        """Put one Parquet file in force."""
        self._con.execute(
            "INSERT OR REPLACE INTO part VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                part.path, part.table, part.study, part.source, part.batch, part.rows,
                part.fingerprint,
            ),
        )  # fmt: skip

    def drop_part(self, path: str) -> None:
        """Put one Parquet file out of force; `sweep` removes it from the disk."""
        self._con.execute("DELETE FROM part WHERE path = ?", (path,))

    def parts(
        self, table: str | None = None, study: str | None = None, source: str | None = None
    ) -> list[Part]:
        """Parquet files in force, ordered by path."""
        rows = self._con.execute(
            "SELECT path, table_name, study, source, batch, rows, fingerprint FROM part "
            "WHERE (?1 IS NULL OR table_name = ?1) AND (?2 IS NULL OR study = ?2) "
            "AND (?3 IS NULL OR source = ?3) ORDER BY path",
            (table, study, source),
        )
        return [Part(*r) for r in rows]

    def put_object(self, name: str, path: str, rows: int, fingerprint: str) -> None:
        """Put a single-file table in force (vocab.*, link.*); path relative to landing."""
        self._con.execute(
            "INSERT OR REPLACE INTO object VALUES (?, ?, ?, ?)", (name, path, rows, fingerprint)
        )

    def objects(self) -> dict[str, tuple[str, int, str]]:
        """Single-file tables in force: name -> (path, rows, fingerprint)."""
        rows = self._con.execute("SELECT name, path, rows, fingerprint FROM object ORDER BY name")
        return {name: (path, n, mark) for name, path, n, mark in rows}

    def fingerprints(self) -> dict[str, str]:
        """One hash per raw, vocab and link table; it changes when the table's content does."""
        by_table: dict[str, list[str]] = {}
        for part in self.parts():
            by_table.setdefault(part.table, []).append(f"{part.path} {part.fingerprint}")
        out = {t: hashlib.sha256("\n".join(p).encode()).hexdigest() for t, p in by_table.items()}
        out.update({name: mark for name, (_, _, mark) in self.objects().items()})
        for table, mark in self.note(CORRECTED, {}).items():
            out[table] = hashlib.sha256(f"{out.get(table, '')} {mark}".encode()).hexdigest()
        books = json.dumps([sorted(f.row.items(), key=str) for f in self.files()], default=str)
        out["raw.file"] = hashlib.sha256(books.encode()).hexdigest()
        return out

    def set_note(self, key: str, value: Any) -> None:
        """Remember a small JSON value (what the last build saw, ...)."""
        self._con.execute("INSERT OR REPLACE INTO note VALUES (?, ?)", (key, json.dumps(value)))

    def note(self, key: str, default: Any = None) -> Any:
        """A remembered JSON value."""
        row = self._con.execute("SELECT value FROM note WHERE key = ?", (key,)).fetchone()
        return default if row is None else json.loads(row[0])

    def put_suppressed(self, rule: Rule) -> None:
        """Let nothing (or nothing dated after a day) of a source person land again."""
        self._con.execute("INSERT OR REPLACE INTO suppress VALUES (?, ?, ?)", astuple(rule))

    def drop_suppressed(self, token: str) -> int:
        """Let a source person land again; returns how many rules went."""
        return self._con.execute("DELETE FROM suppress WHERE token = ?", (token,)).rowcount

    def suppressed(self) -> list[Rule]:
        """What may not land, of whom (keyed tokens), sorted."""
        rows = self._con.execute("SELECT token, modality, after FROM suppress ORDER BY 1, 2")
        return [Rule(*row) for row in rows]

    def put_run(self, run: Mapping[str, Any]) -> None:
        """Insert or replace a run: run_id, verb, code_version, started_at, ended_at, status."""
        self._con.execute(
            "INSERT OR REPLACE INTO run VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                run["run_id"], run["verb"], run["code_version"], run["started_at"],
                run.get("ended_at"), run["status"], json.dumps(run.get("detail", {})),
            ),
        )  # fmt: skip

    def runs(self) -> list[dict[str, Any]]:
        """All runs, oldest first."""
        names = ["run_id", "verb", "code_version", "started_at", "ended_at", "status", "detail"]
        rows = self._con.execute(f"SELECT {', '.join(names)} FROM run ORDER BY started_at, run_id")  # noqa: S608
        return [dict(zip(names, r, strict=True)) | {"detail": json.loads(r[-1])} for r in rows]

    def sweep(self) -> int:
        """Remove Parquet files in landing that are not in force; returns how many."""
        keep = {p.path for p in self.parts()} | {path for path, _, _ in self.objects().values()}
        n = 0
        for path in _parquet_files(self.home.landing):
            if path.relative_to(self.home.landing).as_posix() not in keep:
                path.unlink(missing_ok=True)
                n += 1
        return n


def _parquet_files(folder: Path) -> Iterable[Path]:
    return [*folder.rglob("*.parquet"), *folder.rglob("*.parquet.*.partial")]
