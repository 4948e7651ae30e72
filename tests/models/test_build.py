"""The build: new rows are seen, only what changed is made anew, and nothing is half-done."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from biobraid.cli import build_sqlmesh
from biobraid.cli.build import COMPLETE, build
from biobraid.cli.build_sqlmesh import model_names
from biobraid.core.errors import BusyError, QualityError
from biobraid.core.home import Home, create_home, open_home
from biobraid.core.manifest import Manifest
from tests.models.bank import checksums, land, rows_of
from tests.models.killed_build import CHILD, LIMIT, kill_after
from tests.models.small_project import closure, copy_project, model_path
from tests.models.test_cdm import PEOPLE

# One worker: the homes that are built once are then built once.
pytestmark = pytest.mark.xdist_group("build")

FIRST = """
  person | variable | value | start_time | row_id
  -------+----------+-------+------------+-------
  1      | year     | 1950  |            | 101
  1      | weight   | 70    | 2010-01-01 | 102
  2      | year     | 1960  |            | 103
"""
MORE = """
  person | variable | value | start_time | row_id
  -------+----------+-------+------------+-------
  2      | weight   | 61    | 2011-01-01 | 104
"""
REGISTRATION = """
  raw.record
  person | kind         | start_time | end_time
  -------+--------------+------------+-----------
  1      | registration | 2000-01-01 | 2020-01-01
"""


# What the small project below makes, with everything these read.
WANTED = ("cdm.measurement", "mart.absent_fact")


@pytest.fixture(scope="module")
def base_of_all(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with every model, built once; tests work on copies of it."""
    return make_base(tmp_path_factory.mktemp("all"))


@pytest.fixture(scope="module", name="small_project")
def _small_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some thirty of our models. How the build works does not depend on how many there are.

    tests/whole_way kills builds of all of them.
    """
    project = tmp_path_factory.mktemp("project")
    copy_project(project, closure(WANTED))
    return project


@pytest.fixture(scope="module")
def base(small_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with the small project's models, built once; tests work on copies of it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build_sqlmesh, "PROJECT", small_project)
        return make_base(tmp_path_factory.mktemp("base"))


@pytest.fixture
def built_of_all(base_of_all: Home, tmp_path: Path) -> Home:
    """A copy of the home with every model, in another place."""
    return copy_of(base_of_all, tmp_path / "copy")


@pytest.fixture
def small(small_project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The builds of this test make the small project's models."""
    monkeypatch.setattr(build_sqlmesh, "PROJECT", small_project)


@pytest.fixture
def built(base: Home, small: None, tmp_path: Path) -> Home:
    """A copy of the home with the small project's models, in another place."""
    return copy_of(base, tmp_path / "copy")


def make_base(folder: Path) -> Home:
    made = create_home(folder / "bank", memory_limit_gb=1.0, threads=2)
    land(made, FIRST + PEOPLE)
    first = build(made)
    assert set(first.built) == set(first.rows) == set(model_names())
    return made


def copy_of(home: Home, root: Path) -> Home:
    shutil.copytree(home.root, root)
    return open_home(root)


def deliver(home: Home, given: str) -> None:
    """A further delivery; persons and dictionary stay as they are."""
    land(home, given, batch="b2")
    land(home, FIRST + PEOPLE)


def test_rows_that_came_later_are_in_and_only_their_models_are_made_anew(
    built_of_all: Home,
) -> None:
    built = built_of_all
    assert rows_of(built, "SELECT COUNT(*) FROM cdm.measurement") == [(1,)]
    again = build(built)
    assert again.built == ()
    assert set(again.skipped) == set(model_names())

    deliver(built, MORE)
    would = build(built, dry_run=True)
    said: list[str] = []
    second = build(built, on_progress=lambda model, share: said.append(model))
    assert would.built == second.built == second.restated
    assert sorted(said) == list(second.built)
    assert rows_of(built, "SELECT COUNT(*) FROM cdm.measurement") == [(2,)]
    assert "staging.source_value" in second.built
    assert "staging.source_event" in second.skipped  # reads raw.event, which is the same
    assert "staging.source_record" in second.skipped
    assert second.changed_tables == ("raw.value",)

    deliver(built, REGISTRATION)
    third = build(built)
    assert third.changed_tables == ("raw.record",)
    # Events are made anew, for a record may be the medication that codes one or its provider.
    untouched = {"staging.source_value", "staging.value_frequency", "stem.value_target"}
    assert not untouched & set(third.built)
    assert {"mart.source_coverage", "cdm.observation_period"} <= set(third.built)


@pytest.mark.slow
def test_a_failed_audit_stops_the_build_and_says_which(built: Home) -> None:
    deliver(built, MORE.replace("104", "102"))  # the id of a value that is there already
    with pytest.raises(QualityError) as caught:
        build(built)
    (fault,) = caught.value.faults
    assert (fault.where, fault.found) == ("staging.source_value", "audit unique_key: 1 rows fail")
    with Manifest(built) as manifest:
        assert manifest.note(COMPLETE) is False
        for part in manifest.parts("raw.value"):
            if part.path.split("/")[-1].startswith("b2"):
                manifest.drop_part(part.path)
    # What is in force is again what the last good build saw; yet its tables were touched.
    assert build(built).changed_tables == ("raw.value",)
    assert rows_of(built, "SELECT COUNT(*) FROM cdm.measurement") == [(1,)]


@pytest.mark.slow
def test_values_do_not_reach_sqlmesh_s_files(built: Home) -> None:
    canary = "zanzibar-41"
    deliver(built, MORE.replace("61 ", canary))
    build(built)
    assert rows_of(built, "SELECT COUNT(*) FROM mart.absent_fact") == [(1,)]
    for path in (built.state, *built.cache.rglob("*"), *built.logs.rglob("*")):
        if path.is_file():
            assert canary.encode() not in path.read_bytes(), path.name


@pytest.mark.slow
def test_a_moved_home_goes_on_and_does_not_meet_another(base: Home, built: Home) -> None:
    before = checksums(base)
    assert checksums(built) == before
    deliver(built, MORE)
    build(built)
    assert rows_of(built, "SELECT COUNT(*) FROM cdm.measurement") == [(2,)]
    assert checksums(base) == before


def test_a_warehouse_that_another_process_holds_is_busy(built: Home) -> None:
    deliver(built, MORE)
    code = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); input()"
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(built.warehouse)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert holder.stdin and holder.stdout
    try:
        assert holder.stdout.readline() == "open\n"
        for is_dry in (True, False):
            with pytest.raises(BusyError):
                build(built, dry_run=is_dry)
    finally:
        holder.stdin.close()
        holder.wait()


@pytest.mark.slow
def test_changed_models_are_made_anew_and_their_old_tables_leave_the_file(
    built: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    project = tmp_path / "project"
    copy_project(project, model_names())
    monkeypatch.setattr(build_sqlmesh, "PROJECT", project)
    model = project / "models" / "cdm" / "measurement.sql"
    changed = model.read_text().replace("e.value_number AS DOUBLE", "e.value_number + 1 AS DOUBLE")
    model.write_text(changed)
    result = build(built)
    assert "cdm.measurement" in result.built
    assert "stem.event" in result.skipped
    assert rows_of(built, "SELECT value_as_number FROM cdm.measurement") == [(71.0,)]
    (n_tables,) = rows_of(
        built, "SELECT COUNT(*) FROM duckdb_tables() WHERE schema_name LIKE 'sqlmesh__%'"
    )
    views = {n for n in model_names() if "kind VIEW" in model_path(n).read_text(encoding="utf-8")}
    assert "stem.event" in views  # of its parts
    assert n_tables == (len(model_names()) - len(views),)

    # New code and new rows at once: everything is made anew, on the new rows.
    model.write_text(changed.replace("e.value_number + 1", "e.value_number + 2"))
    deliver(built, MORE)
    assert set(build(built).built) == set(model_names())
    assert rows_of(built, "SELECT SUM(value_as_number) FROM cdm.measurement") == [(135.0,)]


@pytest.fixture(scope="module")
def calm(
    base: Home, small_project: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """Checksums after the second delivery, built without being disturbed."""
    made = copy_of(base, tmp_path_factory.mktemp("calm") / "bank")
    deliver(made, MORE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build_sqlmesh, "PROJECT", small_project)
        build(made)
    return checksums(made)


@pytest.mark.slow
@pytest.mark.parametrize("n_models", [0, 1, 5, 9])
def test_a_build_killed_after_any_model_goes_on_to_the_same_tables(
    built: Home, calm: dict[str, str], n_models: int
) -> None:
    deliver(built, MORE)
    kill_after(built, n_models)
    build(built)
    assert checksums(built) == calm


@pytest.mark.slow
@pytest.mark.parametrize("n_models", [5, 25])
def test_a_first_build_killed_after_any_model_goes_on_too(
    home: Home, small: None, calm: dict[str, str], n_models: int
) -> None:
    land(home, FIRST + PEOPLE)
    kill_after(home, n_models)
    deliver(home, MORE)
    build(home)
    assert checksums(home) == calm


@pytest.mark.slow
def test_a_full_disk_is_said_so_and_the_next_build_is_good(
    built: Home, calm: dict[str, str]
) -> None:
    deliver(built, MORE)
    limit = built.warehouse.stat().st_size + 300_000
    child = subprocess.run(
        [sys.executable, "-c", LIMIT + CHILD, str(built.root), str(build_sqlmesh.PROJECT), str(limit)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "DiskError" in child.stderr
    build(built)
    assert checksums(built) == calm


def test_ids_are_bigint(base_of_all: Home) -> None:
    types = rows_of(
        base_of_all,
        "SELECT DISTINCT data_type FROM duckdb_columns() WHERE schema_name = 'cdm' AND "
        "(column_name IN ('person_id', 'measurement_id') OR column_name LIKE '%concept_id')",
    )
    assert types == [("BIGINT",)]
