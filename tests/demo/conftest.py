"""One sample biobank, run end to end once and read by every test of this folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from biobraid.cli.main import run
from biobraid.core.home import Home, open_home

PERSONS = 300


@dataclass(frozen=True)
class Demo:
    """The demo's home, its deliveries and the truth behind them."""

    home: Home
    truth: Path
    keys: Path


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """`biobraid demo` on 300 persons, with a second project released beside its own."""
    folder = tmp_path_factory.mktemp("demo")
    patch = pytest.MonkeyPatch()
    patch.setenv("BIOBRAID_KEY_DIR", str(folder / "keys"))
    root = folder / "demo-biobank"
    assert run(["--quiet", "demo", str(root), "--persons", str(PERSONS)]) == 0
    assert run(["--quiet", "--home", str(root), "project", "create", "second"]) == 0
    assert run(["--quiet", "--home", str(root), "release", "second", "r1"]) == 0
    yield Demo(open_home(root), folder / "demo-biobank.truth", folder / "keys")
    patch.undo()


@pytest.fixture(autouse=True)
def _keys_of_the_demo(demo: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIOBRAID_KEY_DIR", str(demo.keys))
    monkeypatch.setenv("PATH", os.environ["PATH"])
