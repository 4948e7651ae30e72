"""Killed at any point, the same command ends with the same tables and reads none twice."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from biobraid.core.home import Home, create_home
from biobraid.core.keys import create_keys
from biobraid.ingest.vocabulary.generate_athena import generate_athena
from biobraid.ingest.vocabulary.load import load
from tests.vocabulary.download import in_force, zip_download


@pytest.fixture(scope="module")
def download(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generated download of some 20,000 concepts, zipped."""
    folder = tmp_path_factory.mktemp("athena") / "download"
    generate_athena(folder, 20_000, seed=3)
    return zip_download(folder)


@pytest.fixture(scope="module")
def expected(download: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What a load that nobody killed puts in force."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("calm")
        patch.setenv("BIOBRAID_KEY_DIR", str(folder / "keys"))
        made = create_home(folder / "bank", memory_limit_gb=1.0, threads=2)
        create_keys(made)
    load(made, download)
    return {**in_force(made)}


def load_killed(home: Home, download: Path, at: int) -> int:
    """Load in a process that kills itself before its n-th renaming of a file."""
    command = [sys.executable, "-m", "tests.vocabulary.load_child", str(home.root), str(download)]
    return subprocess.run([*command, str(at)], check=False).returncode


def test_killed_once_it_goes_on_with_the_table_it_had_not_finished(
    home: Home, download: Path, expected: dict[str, object]
) -> None:
    assert load_killed(home, download, 16) == -signal.SIGKILL
    assert in_force(home) == {}
    done = load(home, download)
    assert len(done.resumed) >= 5
    assert in_force(home) == expected


@pytest.mark.slow
def test_killed_again_and_again_it_ends_with_the_same_tables(
    home: Home, download: Path, expected: dict[str, object]
) -> None:
    n_kills = 0
    while (code := load_killed(home, download, 30)) == -signal.SIGKILL:
        n_kills += 1  # every run gets some renamings further, into landing at last
        assert in_force(home) == {}
        assert n_kills < 10
    assert code == 0
    assert n_kills >= 3
    assert in_force(home) == expected
    assert not home.vocabulary_stage.exists()
    assert len(list((home.landing / "vocab").iterdir())) == len(expected) + 2, "two of the starter"


def test_another_download_does_not_go_on_with_what_is_left(
    home: Home, download: Path, tmp_path: Path
) -> None:
    assert load_killed(home, download, 16) == -signal.SIGKILL
    generate_athena(tmp_path / "other", 1_000, seed=4, version="v5.0 OTHER")
    done = load(home, tmp_path / "other")
    assert (done.version, done.resumed) == ("v5.0 OTHER", ())
