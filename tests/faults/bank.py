"""A tiny study with two delimited sources and a UK-Biobank-shaped one, run by the command line.

Planted in what is delivered: CANARY as a value, PATH_CANARY in the names of bad files. Neither
may ever be said or kept.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pytest

from biobraid.cli.main import run as run_command
from biobraid.core.files import PARTIAL
from biobraid.core.home import Home, create_home
from biobraid.core.keys import create_keys
from biobraid.core.manifest import Manifest
from biobraid.ingest.landing import check_books
from tests.privacy.scanner import Canary, scan

CANARY = "Quetzalcoatl77"
PATH_CANARY = "Xochipilli88"
STUDY = "lake"
N_ROWS = 40

STUDY_YAML = """
id: lake
name: Lake
release: "1"
licence: none
time_zone: Europe/Zurich
sources:
  visit:
    connector: delimited
    files: ["visit*"]
    person_id: participant
    date_order: dmy
    record_key: [participant, visit_date]
    identity: {family_name: surname}
    options: {layout: wide, delimiter: ";", time: {column: visit_date, kind: date}}
  lab:
    connector: delimited
    files: ["lab*.csv"]
    person_id: participant
    record_key: [participant]
    options: {layout: wide}
  main:
    connector: ukb
    files: ["main*"]
    person_id: eid
"""
DICTIONARY = """variable,label,type,unit,allowed_values,instance_rule,source
sex,Sex,code,,1=male|2=female,,visit
weight,Body weight,number,kg,,,visit
smoker,Smokes now,code,,0=no|1=yes|9=refused,,visit
born,Year of birth,integer,,,,visit
hb,Haemoglobin,number,g/L,,,lab
31,Sex,code,,0=Female|1=Male,,main
34,Year of birth,integer,,,,main
53,Date of attending,date,,,,main
21001,Body mass index,number,kg/m2,,,main
20116,Smoking status,code,,0=Never|1=Previous|2=Current|-3=Prefer not to answer,,main
"""
MAPPING = """source,variable,source_code,target_concept_id,target_domain_id,unit_concept_id,\
value_as_concept_id,rule,rule_arg,absent_reason,status,comment
visit,sex,1,8507,Gender,,,direct,,,APPROVED,
visit,sex,2,8532,Gender,,,direct,,,APPROVED,
visit,born,,0,Person,,,direct,year_of_birth,,APPROVED,
visit,weight,,3025315,Measurement,9529,,direct,,,APPROVED,
visit,smoker,9,,,,,direct,,asked-declined,APPROVED,
main,31,0,8532,Gender,,,direct,,,APPROVED,
main,31,1,8507,Gender,,,direct,,,APPROVED,
main,34,,0,Person,,,direct,year_of_birth,,APPROVED,
main,21001,,3038553,Measurement,9531,,direct,,,APPROVED,
"""


@dataclass(frozen=True)
class Table:
    """A delivered table before it is written: good unless a test spoils it."""

    source: str
    name: str
    delimiter: str
    header: list[str]
    rows: list[list[str]]

    def text(self) -> str:
        """The file as delimited text."""
        return "".join(self.delimiter.join(row) + "\n" for row in [self.header, *self.rows])

    def spoiled(self, at: int, column: str, cell: str) -> Table:
        """The table with another value in one cell."""
        rows = [list(row) for row in self.rows]
        rows[at][self.header.index(column)] = cell
        return Table(self.source, self.name, self.delimiter, self.header, rows)


def visit_table(n_rows: int = N_ROWS) -> Table:
    """A questionnaire: no cell of it is refused."""
    header = ["participant", "visit_date", "sex", "weight", "smoker", "born", "family_name"]
    rows = [
        [f"P{i:06d}", f"{i % 28 + 1:02d}/03/2024", str(i % 2 + 1), f"{60 + i % 40}.5",
         ("0", "1", "9")[i % 3], str(1940 + i % 30), CANARY]
        for i in range(n_rows)
    ]  # fmt: skip
    return Table("visit", "visit.csv", ";", header, rows)


def main_table(n_rows: int = N_ROWS) -> Table:
    """A UK-Biobank-shaped main table; the canary is an eid, which only the vault may hold."""
    header = ["eid", "31-0.0", "53-0.0", "21001-0.0", "20116-0.0", "34-0.0"]
    rows = [
        [str(1_000_000 + i), str(i % 2), f"2008-03-{i % 28 + 1:02d}", f"{20 + i % 15}.25",
         ("0", "1", "2", "-3")[i % 4], str(1940 + i % 30)]
        for i in range(n_rows)
    ]  # fmt: skip
    return Table("main", "main.csv", ",", header, rows)


def lab_table() -> Table:
    """Another source of the same study, which is always good."""
    rows = [[f"P{i:06d}", str(120 + i)] for i in range(10)]
    return Table("lab", "lab.csv", ",", ["participant", "hb"], rows)


TABLES = {"visit": visit_table, "main": main_table}


@dataclass(frozen=True)
class Ran:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """Everything on the terminal."""
        return self.out + self.err

    @property
    def json(self) -> dict[str, Any]:
        """The object that --json printed."""
        loaded: dict[str, Any] = json.loads(self.out)
        return loaded


@dataclass
class Bank:
    """A home with the study `lake`, and the commands as a user types them."""

    home: Home
    capsys: pytest.CaptureFixture[str] | None = None

    def deliver(self, table: Table | bytes, name: str | None = None) -> Path:
        """Write a file into the study's delivery folder."""
        content = table if isinstance(table, bytes) else table.text().encode()
        given = name or (table.name if isinstance(table, Table) else "")
        path = self.home.deliveries / STUDY / given
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def clear(self, source: str) -> None:
        """Take the files of a source out of the delivery folder."""
        for path in (self.home.deliveries / STUDY).glob(f"{source}*"):
            path.unlink()

    def run(self, *arguments: str) -> Ran:
        """A command in this process: quick, and everything but process limits is the same."""
        assert self.capsys is not None
        self.capsys.readouterr()
        code = run_command(["--home", str(self.home.root), *arguments])
        said = self.capsys.readouterr()
        return _decent(Ran(code, said.out, said.err))

    def spawn(self, *arguments: str, most_bytes: int | None = None) -> Ran:
        """A command in a process of its own, which may write files of `most_bytes` at most."""
        child = self.start(*arguments, most_bytes=most_bytes)
        out, err = child.communicate(timeout=120)
        return _decent(Ran(child.returncode, out, err))

    def start(self, *arguments: str, most_bytes: int | None = None) -> subprocess.Popen[str]:
        """The same, left running."""
        limit = None if most_bytes is None else partial(_limit, most_bytes)
        return subprocess.Popen(
            [sys.executable, "-m", "biobraid", "--home", str(self.home.root), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={k: v for k, v in os.environ.items() if k != "BIOBRAID_DEBUG"},
            preexec_fn=limit,
        )

    def values(self, source: str | None = None) -> list[tuple[Any, ...]]:
        """(source, variable, value, time) of raw.value in force, sorted."""
        found = self._rows("raw.value", "source, variable, value, CAST(start_time AS VARCHAR)")
        return [row for row in found if source in (None, row[0])]

    def rejects(self, source: str) -> list[tuple[Any, ...]]:
        """(line, column, reason) of raw.reject in force, sorted."""
        found = self._rows("raw.reject", "source, row_number, column_name, reason")
        return [row[1:] for row in found if row[0] == source]

    def _rows(self, table: str, columns: str) -> list[tuple[Any, ...]]:
        with Manifest(self.home) as manifest:
            paths = [str(self.home.landing / p.path) for p in manifest.parts(table)]
        if not paths:
            return []
        query = f"SELECT {columns} FROM read_parquet(?) ORDER BY ALL"
        return duckdb.execute(query, [paths]).fetchall()

    def books(self) -> dict[str, dict[str, int]]:
        """Counts of the files in force, added up per source."""
        total: dict[str, dict[str, int]] = {}
        with Manifest(self.home) as manifest:
            for file in manifest.files():
                if file.row["status"] == "active":
                    sums = total.setdefault(file.row["source"], {})
                    for name, n in file.row.items():
                        if name.startswith(("records_", "facts_")):
                            sums[name] = sums.get(name, 0) + n
        return total

    def check_whole(self) -> None:
        """Nothing is half-written, the books hold, and nobody's data were kept outside."""
        root = self.home.root
        assert list(root.rglob(f"*{PARTIAL}*")) == []
        assert [p for p in self.home.tmp.rglob("*") if p.is_file()] == []
        assert check_books(self.home) == []
        with Manifest(self.home) as manifest:
            assert manifest.sweep() == 0
        for folder in self.home.releases.glob("*/*"):
            assert (folder / "manifest.json").is_file() or not folder.is_dir()
        canaries = [Canary("value", CANARY), Canary("path", PATH_CANARY)]
        canaries.append(Canary("folder", str(self.home.deliveries)))
        assert scan(root, canaries, outside=("studies",)).found == []


def make_bank(folder: Path, capsys: pytest.CaptureFixture[str] | None = None) -> Bank:
    """A new home with the study; nothing is delivered yet."""
    home = create_home(folder, memory_limit_gb=1.0, threads=2)
    create_keys(home)
    pack = home.studies / STUDY
    pack.mkdir()
    for name, text in (
        ("study.yaml", STUDY_YAML),
        ("dictionary.csv", DICTIONARY),
        ("mapping.csv", MAPPING),
    ):
        (pack / name).write_text(text, encoding="utf-8")
    return Bank(home, capsys)


def _limit(most_bytes: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, resource.RLIM_INFINITY))


def _decent(ran: Ran) -> Ran:
    """Whatever happened: no traceback, and no value of anybody."""
    for word in ("Traceback", "fault of biobraid itself", "our bug", CANARY):
        assert word not in ran.said, ran.said
    assert ran.code != 1, ran.said
    return ran
