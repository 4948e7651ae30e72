"""A release: immutable, whole or not there, readable by plain DuckDB."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from datetime import date
from pathlib import Path

import duckdb
import pytest

from biobraid.core.errors import (
    BusyError,
    DisclosureError,
    DiskError,
    KeyFileError,
    SettingsError,
    UserError,
)
from biobraid.core.home import Home
from biobraid.export import release as release_module
from biobraid.export.project import OpenProject, create_project
from biobraid.export.release import DATABASE, file_sha256, find_release, release
from tests.export.conftest import N_PERSONS, rows


def test_every_table_answers_under_another_alias_with_and_without_use(
    bank: Home, alpha: OpenProject
) -> None:
    made = release(bank, "alpha", "r1")
    moved = made.folder / "renamed.duckdb"
    (made.folder / DATABASE).rename(moved)
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{moved}' AS elsewhere (READ_ONLY)")
        tables = con.execute(
            "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = 'elsewhere'"
        ).fetchall()
        assert ("cdm", "person") in tables
        assert ("meta", "manifest") in tables
        assert not con.execute(
            "SELECT * FROM duckdb_views() WHERE database_name = 'elsewhere' AND NOT internal"
        ).fetchall()
        for schema, table in tables:
            con.execute(f"SELECT * FROM elsewhere.{schema}.{table}").fetchall()
        con.execute("USE elsewhere")
        for schema, table in tables:
            con.execute(f"SELECT * FROM {schema}.{table}").fetchall()
        schemas = {s for (s,) in con.execute("SELECT schema_name FROM duckdb_schemas()").fetchall()}
        assert {"cdm", "vocab", "omics", "wearable", "mart", "imputed", "meta", "audit"} <= schemas
        assert not {"link", "stem", "staging", "raw"} & schemas


def test_manifest_says_what_the_release_was_made_of(bank: Home, alpha: OpenProject) -> None:
    made = release(bank, "alpha", "r1")
    manifest = json.loads((made.folder / "manifest.json").read_text())
    assert manifest["n_persons"] == N_PERSONS
    assert manifest["tables"]["cdm.person"] == N_PERSONS
    assert manifest["vocabulary_version"] == "v5 test"
    assert manifest["date_policy"]["kind"] == "shift"
    assert manifest["sha256"] == {DATABASE: file_sha256(made.folder / DATABASE)}
    assert manifest["left_out"] == {
        "cdm.note_nlp": "rows belong to persons but name none, so consent cannot be applied",
        "mart.coverage": "counts persons outside the project",
        "mart.death_agreement": "counts persons outside the project",
    }
    stored = dict(rows(made.folder / DATABASE, "SELECT key, value FROM r.meta.manifest"))
    assert json.loads(str(stored["n_persons"])) == N_PERSONS


def test_comments_of_the_warehouse_are_kept(bank: Home, alpha: OpenProject) -> None:
    made = release(bank, "alpha", "r1")
    assert rows(
        made.folder / DATABASE,
        "SELECT comment FROM duckdb_columns() WHERE table_name = 'person' AND column_name = 'year_of_birth'",
    ) == [("Year the person's life began",)]
    assert rows(
        made.folder / DATABASE,
        "SELECT comment FROM duckdb_tables() WHERE table_name = 'person'",
    ) == [("One row per person",)]


def test_a_release_never_changes(bank: Home, alpha: OpenProject) -> None:
    made = release(bank, "alpha", "r1")
    before = file_sha256(made.folder / DATABASE)
    with pytest.raises(SettingsError, match="the release exists"):
        release(bank, "alpha", "r1")
    release(bank, "alpha", "r2")
    assert file_sha256(made.folder / DATABASE) == before
    assert find_release(bank, "alpha").name == "r2"
    assert find_release(bank, "alpha/r1") == made.folder


def test_internal_release_keeps_own_ids_and_says_so(bank: Home) -> None:
    made = release(bank, None, "r1", internal=True)
    assert made.folder == bank.releases / "internal" / "r1"
    assert rows(made.folder / DATABASE, "SELECT min(person_id) FROM r.cdm.person") == [(1007,)]
    assert rows(
        made.folder / DATABASE, "SELECT value FROM r.meta.manifest WHERE key = 'is_internal'"
    ) == [("true",)]


def test_a_release_needs_a_project_or_an_explicit_internal(bank: Home) -> None:
    with pytest.raises(SettingsError, match="no project is named"):
        release(bank, None, "r1")
    with pytest.raises(SettingsError, match="no such project"):
        release(bank, "alhpa", "r1")
    with pytest.raises(SettingsError, match="reserved"):
        create_project(bank, "internal")


def test_missing_release_key_is_exit_12(bank: Home, alpha: OpenProject) -> None:
    (bank.key_dir / "release.key").unlink()
    with pytest.raises(KeyFileError) as caught:
        release(bank, "alpha", "r1")
    assert caught.value.exit_code == 12
    assert not (bank.releases / "alpha" / "r1").exists()


def test_an_expired_project_gets_nothing(bank: Home) -> None:
    create_project(bank, "old", expiry=date(2020, 1, 31))
    with pytest.raises(DisclosureError, match="expired"):
        release(bank, "old", "r1", today=date(2020, 2, 1))
    release(bank, "old", "r1", today=date(2020, 1, 31))


def test_dry_run_counts_and_writes_nothing(bank: Home, alpha: OpenProject) -> None:
    planned = release(bank, "alpha", "r1", dry_run=True)
    assert planned.is_dry_run
    assert not (bank.releases / "alpha").exists()
    made = release(bank, "alpha", "r1")
    assert planned.tables == made.tables
    assert planned.n_persons == made.n_persons


def test_full_disk_leaves_nothing_and_the_next_run_succeeds(
    bank: Home, alpha: OpenProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path) -> str:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(release_module, "file_sha256", full)
        with pytest.raises(DiskError):
            release(bank, "alpha", "r1")
    assert list((bank.releases / "alpha").iterdir()) == []
    release(bank, "alpha", "r1")


def test_killed_before_the_pointer_the_same_command_finishes(
    bank: Home, alpha: OpenProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(release_module, "_finish", killed)
        with pytest.raises(KeyboardInterrupt):
            release(bank, "alpha", "r1")
    assert not (bank.releases / "alpha" / "current").exists()
    made = release(bank, "alpha", "r1")
    assert find_release(bank) == made.folder
    with pytest.raises(SettingsError, match="the release exists"):
        release(bank, "alpha", "r1")


def test_unknown_release_offers_near_names(bank: Home, alpha: OpenProject) -> None:
    with pytest.raises(UserError, match="no release yet"):
        find_release(bank)
    release(bank, "alpha", "first")
    with pytest.raises(UserError, match="Did you mean: alpha/first"):
        find_release(bank, "alpha/frist")


def test_killed_while_writing_leaves_no_release_and_the_next_run_makes_it(
    bank: Home, alpha: OpenProject
) -> None:
    program = f"""
import os, signal
from pathlib import Path
from biobraid.core.home import open_home
from biobraid.export.release import release
def die(table, share):
    if table == "mart.modality":
        os.kill(os.getpid(), signal.SIGKILL)
release(open_home(Path({str(bank.root)!r})), "alpha", "r1", on_progress=die)
"""
    died = subprocess.run([sys.executable, "-c", program], check=False)
    assert died.returncode == -signal.SIGKILL
    assert not (bank.releases / "alpha" / "r1").exists()
    made = release(bank, "alpha", "r1")
    assert made.n_persons == N_PERSONS
    names = sorted(p.name for p in (bank.releases / "alpha").iterdir())
    assert names == ["current", "r1", "register.json"]
    assert sorted(p.name for p in made.folder.iterdir()) == ["manifest.json", DATABASE]


def test_a_file_size_limit_is_a_disk_error(bank: Home, alpha: OpenProject) -> None:
    program = f"""
import resource, sys
from pathlib import Path
from biobraid.core.errors import UserError
from biobraid.core.home import open_home
from biobraid.export.release import release
resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))
try:
    release(open_home(Path({str(bank.root)!r})), "alpha", "r1")
except UserError as error:
    sys.exit(error.exit_code)
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 16
    assert list((bank.releases / "alpha").iterdir()) == []
    assert release(bank, "alpha", "r1").n_persons == N_PERSONS


def test_a_warehouse_in_use_is_busy(bank: Home, alpha: OpenProject) -> None:
    with duckdb.connect(str(bank.warehouse)), pytest.raises(BusyError) as caught:
        release(bank, "alpha", "r1")
    assert caught.value.exit_code == 15
    assert release(bank, "alpha", "r1").n_persons == N_PERSONS
