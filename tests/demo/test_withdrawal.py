"""T13: who withdrew is gone as far as they said: the guide's commands, run on the sample."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from biobraid.core.home import Home, open_home
from biobraid.core.keys import ingest_keys
from biobraid.core.manifest import Manifest
from biobraid.ingest.landing import check_books
from tests.demo.conftest import Demo
from tests.privacy.scanner import scan
from tests.privacy.traces import Traces, traces_of

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("demo")]
GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "withdrawal.md"
_BLOCK = re.compile(r"<!-- runs: withdrawal -->\n```sh\n(.*?)```", re.S)
_LISTED = ("releases", "exports")  # what a withdrawal lists and leaves


@dataclass(frozen=True)
class Withdrawn:
    """A copy of the demo after the guide's commands, and what was there before."""

    home: Home
    printed: str
    no_use: Traces
    no_access: Traces
    no_contact: Traces
    n_rows_before: dict[str, int]


@pytest.fixture(scope="module")
def done(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Withdrawn]:
    folder = tmp_path_factory.mktemp("withdrawn")
    for name in ("demo-biobank", "demo-biobank.deliveries"):
        shutil.copytree(demo.home.root.with_name(name), folder / name, symlinks=True)
    home = open_home(folder / "demo-biobank")
    # In an internal release people have their ids of the warehouse, which the register then
    # lists as those to drop: right, but no place for them to be found in by the scan below.
    shutil.rmtree(home.releases / "internal", ignore_errors=True)
    patch = pytest.MonkeyPatch()
    patch.setenv("BIOBRAID_KEY_DIR", str(demo.keys))
    (home.kernels).mkdir()
    (home.kernels / "bmi.pickle").write_bytes(b"rows that a model was trained on")
    natives = _register_with_all_modalities_first(home)[:3]
    traces = [traces_of(home, "ukdemo", eid) for eid in natives]
    before = {table: _rows_of(home, t.keys[:9], table) for t, table in
              ((traces[1], "raw.value"), (traces[2], "raw.value"))}  # fmt: skip
    code = "\n".join(_BLOCK.findall(GUIDE.read_text(encoding="utf-8")))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    ran = subprocess.run(
        ["bash", "-euc", code], cwd=folder, capture_output=True, text=True, check=False,
        env={**os.environ, "PATH": path},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    yield Withdrawn(home, ran.stdout + ran.stderr, *traces, before)
    patch.undo()


_MODALITIES = ("raw.value", "raw.event", "raw.asset", "raw.feature", "raw.wearable_sample",
               "raw.genotype_sample")  # fmt: skip


def _register_with_all_modalities_first(home: Home) -> list[str]:
    """The register's eids; first, in the file too, somebody of whom every modality is held."""
    path = home.deliveries / "ukdemo" / "enrolment" / "register.csv"
    header, *lines = path.read_text().splitlines()
    at = header.split(",").index("eid")
    first = next(
        line for line in lines
        if all(_rows_of(home, traces_of(home, "ukdemo", line.split(",")[at]).keys, table)
               for table in _MODALITIES)
    )  # fmt: skip
    lines.remove(first)
    path.write_text("\n".join([header, first, *lines]) + "\n")
    return [line.split(",")[at] for line in (first, *lines)]


def _rows_of(home: Home, keys: list[str], table: str) -> int:
    with Manifest(home) as manifest, duckdb.connect() as con:
        paths = [str(home.landing / p.path) for p in manifest.parts(table) if p.rows]
        row = con.execute(
            "SELECT count(*) FROM read_parquet(?) WHERE source_person_key IN (SELECT unnest(?))",
            [paths, keys],
        ).fetchone()
    return int(row[0]) if row else 0


def test_t13_no_byte_of_the_person_is_left_but_where_it_is_listed(done: Withdrawn) -> None:
    traces = done.no_use
    assert len(traces.identifiers) >= 4
    for table in _MODALITIES:  # each was held, see _register_with_all_modalities_first
        assert _rows_of(done.home, traces.keys, table) == 0, table
    assert len(traces.row_ids) > 40
    canaries = [c for c in traces.canaries(projects=False) if c.type != "birth_date"]
    found = scan(done.home.root, canaries, outside=_LISTED)
    assert found.found == []
    assert found.files["duckdb uncompressed"] >= 3
    ids = [c for c in traces.canaries() if c.type == "project_id"]
    held = scan(done.home.root, ids, outside=_LISTED)
    assert {where.partition(" ")[0] for where, _ in held.found} == {"register.json"}


def test_t13_the_scan_would_have_found_the_person_before(demo: Demo, done: Withdrawn) -> None:
    canaries = [c for c in done.no_use.canaries() if c.type != "birth_date"]
    kinds = {kind for _, kind in scan(demo.home.landing, canaries).found}
    assert {"source_person_key", "person_id", "row_id", "record_id"} <= kinds


def test_t13_the_vault_forgot_them_and_keeps_a_token(done: Withdrawn) -> None:
    from biobraid.linkage.vault import open_vault

    with open_vault(done.home) as vault:
        for table in ("source_record", "identifier", "person_member"):
            n = vault.con.execute(
                f"SELECT count(*) FROM {table} WHERE source_person_key IN (SELECT unnest(?))",
                [done.no_use.keys],
            ).fetchone()
            assert n == (0,), table
        tokens = vault.con.execute("SELECT count(*) FROM suppress_token").fetchone()
        levels = vault.con.execute("SELECT DISTINCT level FROM withdrawal ORDER BY 1").fetchall()
    assert tokens == (1,)
    assert levels == [("no_access",), ("no_contact",), ("no_use",)]


def test_no_access_drops_what_came_after_and_keeps_the_rest(done: Withdrawn) -> None:
    key = ingest_keys(done.home)  # the keys are those of the demo
    assert key
    with Manifest(done.home) as manifest, duckdb.connect() as con:
        for table in ("raw.value", "raw.event", "raw.record"):
            paths = [str(done.home.landing / p.path) for p in manifest.parts(table) if p.rows]
            late, early = con.execute(
                "SELECT count(*) FILTER (left(start_time, 10) > '2012-06-30'), "
                "count(*) FILTER (left(start_time, 10) <= '2012-06-30') "
                "FROM read_parquet(?) WHERE study = 'ukdemo' "
                "AND source_person_key IN (SELECT unnest(?))",
                [paths, done.no_access.keys],
            ).fetchone()  # type: ignore[misc]
            assert late == 0, table
            if table == "raw.value":
                assert early > 0


def test_no_contact_changes_nothing_but_the_statement(done: Withdrawn) -> None:
    assert _rows_of(done.home, done.no_contact.keys, "raw.value") == done.n_rows_before["raw.value"]
    with Manifest(done.home) as manifest, duckdb.connect() as con:
        path = done.home.landing / manifest.objects()["link.consent"][0]
        said = con.execute(
            "SELECT level FROM read_parquet(?) WHERE person_id = ? AND modality = '*'",
            [str(path), done.no_contact.persons[0]],
        ).fetchall()
    assert said == [("no_contact",)]


def test_the_books_still_balance_and_saved_models_are_gone(done: Withdrawn) -> None:
    assert check_books(done.home) == []
    assert not done.home.kernels.exists()
    assert not list(done.home.withdrawals.glob("*"))


def test_releases_that_hold_the_person_are_listed_with_the_ids_to_drop(done: Withdrawn) -> None:
    entries = json.loads(done.home.register.read_text())
    listed = {e["project"]: e["withdrawals"] for e in entries if e["kind"] == "release"}
    for project, ids in done.no_use.project_ids.items():
        scopes = {i: w["scope"] for w in listed[project] for i in w["ids"]}
        assert scopes[ids[0]] == "*"
    with (done.home.root.parent / "drop.csv").open() as handle:
        dropped = {int(row["person_id"]): row["drop"] for row in csv.DictReader(handle)}
    assert dropped[done.no_use.project_ids["heart_study"][0]] == "*"
    assert "ukdemo, after 2012-06-30" in dropped.values()


def test_the_withdrawn_never_come_back(done: Withdrawn) -> None:
    """The same deliveries land in an emptied landing without them."""
    from biobraid.core.lock import writer
    from biobraid.ingest.landing import ingest

    register = done.home.deliveries / "ukdemo" / "enrolment" / "register.csv"
    register.write_text(register.read_text() + "\n")  # a new delivery of the same people
    with writer(done.home):
        result = ingest(done.home, ["ukdemo"])
    assert result.exit_code == 0
    assert _rows_of(done.home, done.no_use.keys, "raw.value") == 0
    with Manifest(done.home) as manifest:
        books = [b for b in manifest.files("ukdemo", "register") if b.row["status"] == "active"]
    assert books[-1].detail["ignored"].get("withdrawn", 0) > 0
    assert check_books(done.home) == []


def test_the_guide_shows_what_it_says(done: Withdrawn) -> None:
    for shown in ("would reach", "Withdrawals under way", "Releases and exports that hold them",
                  "University of Somewhere"):  # fmt: skip
        assert shown in done.printed
    assert not re.search(r"\b\d{7}\b.*surname", done.printed)
