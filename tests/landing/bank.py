"""A tiny biobank for these tests: declare a study, deliver files, ingest, look at the rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import yaml

from biobraid.core.home import Home
from biobraid.core.lock import writer
from biobraid.core.manifest import Manifest
from biobraid.ingest.landing import IngestResult, check_books, ingest
from tests.landing.toy_connector import toy_variables

COLUMNS = "source_person_key, variable, value"


def declare(home: Home, study: str = "toy", **sources: dict[str, Any]) -> None:
    """Write a study pack whose sources use the toy connector."""
    declared = {
        name: {"connector": "toy", "files": [f"{name}*.csv"], **given}
        for name, given in sources.items()
    }
    write_pack(home, study, sources=declared)


def write_pack(home: Home, study: str, **given: Any) -> None:
    """Write study.yaml."""
    pack = home.studies / study
    pack.mkdir(exist_ok=True)
    text = {
        "id": study,
        "name": study,
        "release": "1",
        "licence": "none",
        "time_zone": "UTC",
        **given,
    }
    (pack / "study.yaml").write_text(yaml.safe_dump(text))


def deliver(home: Home, name: str, text: str, study: str = "toy") -> Path:
    """Put a file into the delivery folder; indentation and blank lines are dropped."""
    path = home.deliveries / study / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{x.strip()}\n" for x in text.strip().splitlines()))
    return path


def withdraw_file(home: Home, name: str, study: str = "toy") -> None:
    """Take a file out of the delivery folder."""
    (home.deliveries / study / name).unlink()


def run(home: Home, **given: Any) -> IngestResult:
    """Ingest everything as the command line does; the books hold afterwards."""
    with writer(home):
        result = ingest(home, load_variables=toy_variables, **{"workers": 1, **given})
    assert check_books(home) == []
    return result


def rows(home: Home, columns: str = COLUMNS, table: str = "raw.value") -> list[tuple[Any, ...]]:
    """Sorted rows in force of a landing table."""
    with Manifest(home) as manifest:
        paths = [str(home.landing / p.path) for p in manifest.parts(table)]
    query = f"SELECT {columns} FROM read_parquet(?) ORDER BY ALL"
    return duckdb.execute(query, [paths]).fetchall()


def values(home: Home) -> list[tuple[Any, ...]]:
    """(variable, value) in force."""
    return rows(home, "variable, value")


def books(home: Home) -> dict[tuple[str, int], dict[str, Any]]:
    """Books by (source, delivery)."""
    with Manifest(home) as manifest:
        return {(f.row["source"], f.row["delivery"]): dict(f.row) for f in manifest.files()}


def total(home: Home, column: str) -> int:
    """A count of the books summed over all files."""
    with Manifest(home) as manifest:
        return sum(f.row[column] for f in manifest.files())


def statuses(result: IngestResult) -> list[str]:
    """What became of the files, in order."""
    return [o.status for o in result.outcomes]


def landing_files(home: Home) -> set[str]:
    """Every file below landing, vault and tmp but the manifest."""
    folders = (home.landing, home.vault, home.tmp)
    return {
        p.relative_to(home.root).as_posix()
        for folder in folders
        for p in folder.rglob("*")
        if p.is_file() and "manifest" not in p.name
    }
