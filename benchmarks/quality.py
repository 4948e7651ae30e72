"""`biobraid check` on a large CDM: checks, seconds, memory, and growth from 100,000 to 500,000.

The command is run as an engineer would run it on another database, as a whole process. Its peer is
the way OHDSI's dashboard works, one query per check, also for checks that do not apply, at 50,000 persons;
`times_faster` is the ratio of CPU seconds. The dashboard itself needs R and Java.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb

from benchmarks.machine import measure_command
from benchmarks.quality_data import make_cdm
from biobraid.quality.checks.count import count_all
from biobraid.quality.checks.people import extraction_date, prepare_people
from biobraid.quality.checks.place import find_tables
from biobraid.quality.checks.predicates import Setting, predicate
from biobraid.quality.checks.rules import VOCABULARY, shipped_rules
from biobraid.quality.checks.scan import relation

SIZES = (100_000, 500_000)
PEER_PERSONS = 50_000
MEMORY_GB = 3.0  # of DuckDB; the process needs some more
LINES = [("checks", ">=", 2000), ("seconds", "<=", 60.0), ("peak_gb", "<=", 4.0),
         ("slope", "<=", 1.1), ("errors", "<=", 0)]  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """--persons: one smaller size instead of both, to try."""
    parser.add_argument("--persons", type=int, help="only this size, without slope and peer")


def run(
    data: Path | None, seed: int, progress: Callable[[str], None], options: argparse.Namespace
) -> dict[str, float]:
    """Figures at 100,000 persons, and slope of seconds to 500,000; `data` is a scratch folder."""
    sizes = (options.persons,) if options.persons else SIZES
    figures: dict[str, float] = {}
    seconds: list[float] = []
    cpu: list[float] = []
    with tempfile.TemporaryDirectory(dir=data) as scratch:
        for persons in sizes:
            found = _one_size(Path(scratch), persons, seed, progress)
            figures = figures or found
            seconds.append(found["seconds"])
            cpu.append(found["cpu_seconds"])
            figures[f"seconds.{persons}"] = found["seconds"]
            figures[f"cpu_seconds.{persons}"] = found["cpu_seconds"]
            figures[f"peak_gb.{persons}"] = found["peak_gb"]
        if not options.persons:
            growth = math.log(SIZES[1] / SIZES[0])
            figures["slope"] = round(math.log(seconds[1] / seconds[0]) / growth, 3)
            figures["slope.cpu"] = round(math.log(cpu[1] / cpu[0]) / growth, 3)
            figures["times_faster"] = _peer(Path(scratch), seed, progress)
    return figures


def _one_size(
    folder: Path, persons: int, seed: int, progress: Callable[[str], None]
) -> dict[str, float]:
    database, home = folder / f"cdm{persons}.duckdb", folder / f"bank{persons}"
    n_rows = make_cdm(database, persons, seed)
    env = {**os.environ, "BIOBRAID_KEY_DIR": str(folder / f"keys{persons}")}
    tool = [sys.executable, "-m", "biobraid", "--quiet"]
    if measure_command([*tool, "init", str(home)], env=env).returncode:
        raise RuntimeError("init failed")
    settings = home / "biobraid.toml"
    text = settings.read_text(encoding="utf-8").splitlines()
    kept = [line for line in text if not line.startswith(("memory_limit_gb", "threads"))]
    settings.write_text("\n".join([*kept, f"memory_limit_gb = {MEMORY_GB}", "threads = 2", ""]))
    measured = measure_command(
        [*tool, "--home", str(home), "check", "--database", str(database)], env=env
    )
    if measured.returncode not in (0, 13):
        raise RuntimeError(f"check at {persons:,} persons ended with {measured.returncode}")
    report = home / "reports" / "checks" / f"database-cdm{persons}" / "checks.json"
    totals = json.loads(report.read_text(encoding="utf-8"))["totals"]
    database.unlink()
    progress(
        f"{persons:,} persons, {n_rows:,} rows: {totals['n_checks']:,} checks in "
        f"{measured.seconds:.1f} s, {measured.peak_gb:.2f} GB"
    )
    return {
        "checks": totals["n_checks"], "applicable": totals["n_passed"] + totals["n_failed"],
        "errors": totals["n_error"], "rows": n_rows, "seconds": round(measured.seconds, 2), "cpu_seconds": round(measured.cpu_seconds, 2),
        "peak_gb": round(measured.peak_gb, 3),
    }  # fmt: skip


def _peer(folder: Path, seed: int, progress: Callable[[str], None]) -> float:
    """How many times longer one query per check takes than the grouped scans."""
    database = folder / "peer.duckdb"
    make_cdm(database, PEER_PERSONS, seed)
    with duckdb.connect(str(database), read_only=True, config={"threads": "2"}) as con:
        place = find_tables(con)
        prepare_people(con, place)
        setting = Setting(place, date(2026, 1, 1), extraction_date(con, place))
        rules = [r for r in shipped_rules() if r.table not in VOCABULARY]
        start = time.process_time()
        _, counts = count_all(con, setting, rules, lambda _table: None, lambda *_: None)
        grouped = time.process_time() - start
        asked = [(r, predicate(r, setting)) for r in rules
                 if r.type.level != "table" and place.has(r.table, r.field)
                 and not (r.check == "isForeignKey" and not place.has(*r.argument.split(".")))]  # fmt: skip
        start = time.process_time()
        n_same = 0
        for rule, one in asked:
            if one is None:
                continue
            row = con.execute(
                f"SELECT count(*) FILTER (WHERE {one.violated}), "
                f"count(*) FILTER (WHERE {one.denominator}) "
                f"FROM {relation(place, rule.table, one, rule.field)}"
            ).fetchone()
            expected = counts.found[rule.check_id].n_violated
            n_same += row is not None and expected in (None, row[0])  # None: does not apply
        alone = time.process_time() - start
    n_asked = sum(one is not None for _, one in asked)
    progress(f"{n_asked} checks at {PEER_PERSONS:,} persons: {grouped:.1f} CPU s grouped, "
             f"{alone:.1f} s one by one, {n_same} equal")  # fmt: skip
    if n_same != n_asked:
        raise RuntimeError("grouped scans and single queries count differently")
    return round(alone / grouped, 2)
