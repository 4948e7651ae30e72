"""Killed at any point, or with a full disk, ingest leaves a state the next run completes."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from biobraid.core.home import Home, create_home
from biobraid.core.keys import create_keys
from tests.landing.bank import declare, deliver, landing_files, rows, run, statuses

PAUSE = 0.3  # seconds before each chunk of a home that is to be killed: room to aim


def sources(pause_seconds: float = 0.0, marks: str = "") -> dict[str, dict[str, Any]]:
    """Three sources; `marks`: file that gets one byte before each chunk is read."""
    slow = {"key": ["person"], "pause_seconds": pause_seconds, "marks": marks}
    return {
        "full": {"options": {**slow, "rows_per_chunk": 50}},
        "add": {"delivery": "append", "options": {**slow, "rows_per_chunk": 50}},
        "diff": {"delivery": "delta", "options": {**slow, "version": "v"}},
    }


ALL = "study, source, batch, row_id, record_id, source_person_key, variable, value"


def table(n: int, shift: int, version: str = "") -> str:
    head = "person,v,bmi,height" if version else "person,bmi,height"
    middle = f"{version}," if version else ""
    lines = [f"P{i},{middle}{20 + (i + shift) % 9},{150 + i % 40}" for i in range(shift, n + shift)]
    return "\n".join([head, *lines])


def deliver_all(home: Home, which: str) -> None:
    shift = 0 if which == "first" else 7
    deliver(home, "full1.csv", table(200, shift))
    deliver(home, "full2.csv", table(100, 500 + shift))
    deliver(home, f"add-{which}.csv", table(150, shift))
    deliver(home, f"diff-{which}.csv", table(100, shift, "1" if which == "first" else "2"))


def ingest_child(home: Home, workers: int, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.landing.child", str(home.root), str(workers), *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def new_home(folder: Path, **slow: Any) -> Home:
    made = create_home(folder, memory_limit_gb=1.0, threads=2)
    create_keys(made)
    declare(made, "toy", **sources(**slow))
    return made


def same_state(killed: Home, calm: Home) -> None:
    """Equal rows in every table, equal file names but for the pid, and no leftover."""
    assert rows(killed, ALL) == rows(calm, ALL)
    rejects = "study, source, batch, row_number"
    assert rows(killed, rejects, "raw.reject") == rows(calm, rejects, "raw.reject")
    left = landing_files(killed)
    assert not [name for name in left if ".partial" in name]
    assert len(left) == len(landing_files(calm))


@pytest.fixture
def calm(tmp_path: Path, key_dir: Path) -> Home:
    """A home that took both deliveries undisturbed."""
    made = new_home(tmp_path / "calm")
    for which in ("first", "second"):
        deliver_all(made, which)
        run(made)
    return made


@pytest.mark.slow
def test_killed_at_random_points_and_run_again_gives_the_same_rows(
    tmp_path: Path, calm: Home
) -> None:
    marks = tmp_path / "marks"
    marks.touch()
    killed = new_home(tmp_path / "killed", pause_seconds=PAUSE, marks=str(marks))
    chance = random.Random(20)
    n_kills = 0
    for which in ("first", "second"):
        deliver_all(killed, which)
        for _ in range(4):
            # The longest file has four chunks: three at most leave something to read.
            until = marks.stat().st_size + chance.randint(1, 3)
            child = ingest_child(killed, 2)
            while child.poll() is None and marks.stat().st_size < until:
                time.sleep(0.005)
            time.sleep(chance.uniform(0, 0.9) * PAUSE)
            if child.poll() is None:
                child.kill()  # SIGKILL
                n_kills += 1
            child.wait()
        run(killed)
    assert n_kills >= 6
    same_state(killed, calm)


@pytest.mark.slow
def test_killed_in_the_middle_of_commits_and_run_again_gives_the_same_rows(
    tmp_path: Path, calm: Home
) -> None:
    killed = new_home(tmp_path / "killed")
    n_kills = 0
    for which, places in (("first", (4, 7, 3, 2)), ("second", (2, 3, 4))):
        deliver_all(killed, which)
        for place in places:
            child = ingest_child(killed, 1, "--kill-at", str(place))
            child.communicate()
            n_kills += child.returncode == -signal.SIGKILL
        run(killed)
    assert n_kills >= 6
    same_state(killed, calm)


def test_a_full_disk_is_said_and_leaves_nothing_half_written(home: Home) -> None:
    declare(home, q={"options": {"key": ["person"]}})
    deliver(home, "q.csv", table(30_000, 0))
    child = ingest_child(home, 1, "--limit", "150000")
    said, _ = child.communicate()
    assert child.returncode == 16, said
    assert "disk is full" in said and "Traceback" not in said
    assert not [f for f in landing_files(home) if "toy" in f]
    assert rows(home, "count(*)") == [(0,)]
    assert statuses(run(home)) == ["landed"]
    assert rows(home, "count(*)") == [(60_000,)]
