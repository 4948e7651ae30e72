"""The sample biobank run by the command line, and its tables in a form that can be compared."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import duckdb

from biobraid.core.files import PARTIAL
from biobraid.core.home import Home, open_home
from biobraid.core.manifest import Manifest
from biobraid.core.warehouse import connect

SCHEMAS = ("staging", "stem", "cdm", "omics", "wearable", "mart")


@dataclass(frozen=True)
class Bank:
    """A home and its keys; commands run in processes of their own."""

    root: Path
    keys: Path

    @property
    def home(self) -> Home:
        """The opened home."""
        return open_home(self.root)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """A command, left running."""
        return subprocess.Popen(
            [sys.executable, "-m", "biobraid", "--quiet", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "BIOBRAID_KEY_DIR": str(self.keys)},
        )

    def run(self, *arguments: str) -> None:
        """A command on this home that must end well."""
        child = self.start("--home", str(self.root), *arguments)
        said, _ = child.communicate()
        assert child.returncode == 0, said

    def generate(self, persons: int) -> None:
        """Make the home, its study packs and its deliveries."""
        child = self.start("demo", str(self.root), "--persons", str(persons), "--only-generate")
        said, _ = child.communicate()
        assert child.returncode == 0, said

    def copy(self, folder: Path) -> Bank:
        """The same home with its keys and deliveries in another folder."""
        shutil.copytree(self.root.parent, folder)
        return Bank(folder / self.root.name, folder / self.keys.name)

    def leftovers(self) -> list[str]:
        """Temporary files, and files of landing that nothing knows of."""
        found = [str(p) for p in self.root.rglob("*") if PARTIAL in p.name]
        found += [str(p) for p in self.home.tmp.rglob("*") if p.is_file()]
        with Manifest(self.home) as manifest:
            swept = manifest.sweep()
        return found + [f"{swept} files that no manifest names"] * (swept > 0)


def new_bank(folder: Path) -> Bank:
    """A bank below a folder of its own, so that it can be copied whole."""
    folder.mkdir(parents=True)
    return Bank(folder / "bank", folder / "keys")


def tables(home: Home) -> dict[str, str]:
    """A checksum of the sorted rows of every table that the models made, ids and all."""
    con = connect(home, read_only=True)
    try:
        return {name: _checksum(con, f"SELECT * FROM {name}") for name in _names(con)}
    finally:
        con.close()


def tables_up_to_person_ids(home: Home) -> dict[str, str]:
    """The same, with each random person id replaced by the person's smallest source key."""
    con = connect(home, read_only=True)
    try:
        con.execute(
            "CREATE TEMP TABLE same_person AS SELECT person_id AS drawn, "
            "min(source_person_key) AS person FROM link.person_bridge "
            "WHERE person_id IS NOT NULL GROUP BY person_id"
        )
        return {name: _checksum(con, _renamed(con, name)) for name in _names(con)}
    finally:
        con.close()


def _renamed(con: duckdb.DuckDBPyConnection, name: str) -> str:
    columns = {row[0] for row in con.execute(f"DESCRIBE {name}").fetchall()}
    if "person_id" not in columns:
        return f"SELECT * FROM {name}"
    # An observation period takes the id of its person.
    drawn = columns & {"person_id", "observation_period_id", "other_person_id"}
    other = "t.other_person_id" if "other_person_id" in columns else "NULL"
    return (  # a pair has no order of its own: that of the drawn ids
        "SELECT least(s.person, o.person) AS person, greatest(s.person, o.person) AS other_person, "
        f"t.* EXCLUDE ({', '.join(sorted(drawn))}) "
        f"FROM {name} AS t LEFT JOIN same_person AS s ON s.drawn = t.person_id "
        f"LEFT JOIN same_person AS o ON o.drawn = {other}"
    )


def _names(con: duckdb.DuckDBPyConnection) -> list[str]:
    found = con.execute(
        "SELECT schema_name || '.' || view_name FROM duckdb_views() "
        f"WHERE schema_name IN {SCHEMAS} ORDER BY ALL"
    ).fetchall()
    assert len(found) > 30
    return [name for (name,) in found]


def _checksum(con: duckdb.DuckDBPyConnection, query: str) -> str:
    rows = con.execute(f"SELECT * FROM ({query}) ORDER BY ALL").fetchall()
    return f"{len(rows)} rows, {hashlib.sha256(repr(rows).encode()).hexdigest()[:16]}"
