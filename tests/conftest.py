"""Fixtures every test may use: an empty home with keys of its own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from biobraid.core.home import Home, create_home
from biobraid.core.keys import create_keys


@pytest.hookimpl(tryfirst=True)  # before xdist reads the marks, or it sees none of these
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each file to one worker, so that what its tests share is made once.

    Folders whose tests share one bank go to one worker whole. What takes longest comes first,
    or one worker would do it alone at the end.
    """
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            folder = item.path.parent.name
            group = folder if folder in ("demo", "faults") else item.path.as_posix()
            item.add_marker(pytest.mark.xdist_group(group))
    items.sort(
        key=lambda item: item.path.parent.name not in ("whole_way", "demo", "faults", "shared")
    )


@pytest.fixture
def key_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder of this test's role keys; workers and sub-commands inherit it."""
    folder = tmp_path / "keys"
    monkeypatch.setenv("BIOBRAID_KEY_DIR", str(folder))
    return folder


@pytest.fixture
def home(tmp_path: Path, key_dir: Path) -> Home:
    """An empty home with keys; deliveries go to tmp_path/bank.deliveries/<study>/."""
    made = create_home(tmp_path / "bank", memory_limit_gb=1.0, threads=2)
    create_keys(made)
    return made


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the shared samples; the test is skipped where they are absent."""
    root = Path(os.environ.get("BIOBRAID_SHARED", "../shared")) / "data"
    if not root.is_dir():
        if os.environ.get("BIOBRAID_REQUIRE_SHARED"):
            pytest.fail(f"shared sample data expected at {root}")
        pytest.skip("shared sample data is not present (BIOBRAID_SHARED)")
    return root.resolve()
