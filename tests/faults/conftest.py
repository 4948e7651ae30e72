"""The tiny study in a home of its own, and the same study in a home where nothing went wrong."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from biobraid.core.home import open_home
from tests.faults.bank import STUDY, TABLES, Bank, lab_table, make_bank
from tests.faults.spoil import spoiled_records


@dataclass(frozen=True)
class Calm:
    """What a home holds that only ever got good files."""

    values: list[tuple[Any, ...]]
    books: dict[str, dict[str, int]]


@pytest.fixture
def bank(tmp_path: Path, key_dir: Path, capsys: pytest.CaptureFixture[str]) -> Bank:
    """An empty home with the study; the good `lab` file is delivered."""
    made = make_bank(tmp_path / "bank", capsys)
    made.deliver(lab_table())
    return made


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Calm]:
    """Rows and books of a home into which every good file was ingested once."""
    folder = tmp_path_factory.mktemp("calm")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BIOBRAID_KEY_DIR", str(folder / "keys"))
        made = make_bank(folder / "bank")
        for table in (lab_table(), *(make() for make in TABLES.values())):
            made.deliver(table)
        assert made.spawn("ingest").code == 0
        yield Calm(made.values(), made.books())


@pytest.fixture(scope="session")
def built_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with a home that was built once, from files with a few bad records, and its keys."""
    folder = tmp_path_factory.mktemp("built")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BIOBRAID_KEY_DIR", str(folder / "keys"))
        made = make_bank(folder / "bank")
        made.deliver(lab_table())
        for make in TABLES.values():
            table = make()
            made.deliver(spoiled_records(table), table.name)
        ran = made.spawn("run")
        assert ran.code == 0, ran.said
        assert made.spawn("project", "create", "heart").code == 0
    return folder


@pytest.fixture
def built(
    tmp_path: Path,
    built_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Bank:
    """A copy of the built home, with project `heart` and no release yet."""
    folder = tmp_path / "copy"
    shutil.copytree(built_folder, folder)
    monkeypatch.setenv("BIOBRAID_KEY_DIR", str(folder / "keys"))
    assert (folder / "bank.deliveries" / STUDY).is_dir()
    return Bank(open_home(folder / "bank"), capsys)
