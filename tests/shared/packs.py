"""A pack of tests/shared_studies run on its shared sample, once for several tests."""

from __future__ import annotations

import csv
import gzip
import io
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from biobraid.cli.main import run
from biobraid.core.home import Home, create_home
from biobraid.core.keys import create_keys
from biobraid.core.warehouse import connect
from biobraid.ingest.landing import check_books
from tests.shared.mimic_mapping import add_item_maps

PACKS = Path(__file__).parent.parent / "shared_studies"
_NO_DELIVERY = ("SOURCE.txt", "README.md", "manifest.json")


@dataclass(frozen=True)
class Bank:
    """A study, delivered to a home and run, maybe with others beside it."""

    home: Home
    delivery: Path
    report: dict[str, Any]  # of `status --json`

    def rows(self, table: str, delimiter: str = ",") -> list[dict[str, str]]:
        """Rows of a delivered file, read by nothing but the csv module."""
        path = self.delivery / table
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        return list(csv.DictReader(io.StringIO(data.decode(), newline=""), delimiter=delimiter))

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of a query of the warehouse."""
        with connect(self.home, read_only=True) as con:
            return con.execute(sql).fetchall()

    @property
    def books(self) -> dict[str, dict[str, Any]]:
        """Books of the delivered file of each source."""
        return {b["source"]: b for b in self.report["files"] if b["study"] == self.study}

    @property
    def mapped(self) -> dict[str, float]:
        """Mapped share of the facts of each source."""
        found = self.report["warehouse"]["coverage"]
        return {c["source"]: c["mapped_share"] for c in found if c["study"] == self.study}

    @property
    def unmapped(self) -> set[tuple[str, str, str | None]]:
        """(source, variable, code) of the most frequent leftovers that are reported."""
        found = self.report["warehouse"]["unmapped"]
        return {
            (u["source"], u["variable"], u["source_code"])
            for u in found
            if u["study"] == self.study
        }

    @property
    def study(self) -> str:
        """Name of the study, which is that of its pack."""
        return self.delivery.name

    def beside(self, pack: str) -> Bank:
        """Another study of the same home."""
        return replace(self, delivery=self.home.deliveries / pack)


@contextmanager
def bank(pack: str, shared: Path, folder: Path, *more: str) -> Iterator[Bank]:
    """Deliver a pack's sample to a new home and run it; the books are checked.

    more: packs to deliver beside it, so that several share one build.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BIOBRAID_KEY_DIR", str(folder / "keys"))
        home = create_home(folder / "bank", memory_limit_gb=1.0, threads=2)
        create_keys(home)
        for name in (pack, *more):
            shutil.copytree(PACKS / name, home.studies / name)
            for path in sorted((shared / name).rglob("*")):
                if path.is_file() and path.name not in _NO_DELIVERY:
                    place = home.deliveries / name / path.relative_to(shared / name)
                    place.parent.mkdir(parents=True, exist_ok=True)
                    place.symlink_to(path)
        delivery = home.deliveries / pack
        if pack == "mimic4_synthetic":
            add_item_maps(home.studies / pack / "mapping.csv", shared / "mimic_maps", delivery)
        at = ["--home", str(home.root)]
        with redirect_stdout(io.StringIO()):
            assert run([*at, "doctor"]) == 0
        assert run([*at, "--quiet", "run"]) == 0
        assert check_books(home) == []
        said = io.StringIO()
        with redirect_stdout(said):
            assert run([*at, "--json", "status"]) == 0
        report = json.loads(said.getvalue())
        for books in report["files"]:
            read, *others = (
                books[f"records_{n}"]
                for n in ("read", "landed", "rejected", "ignored", "superseded", "deleted")
            )
            assert read == sum(others) > 0
            assert books["records_landed"] > 0
        yield Bank(home, delivery, report)
