"""One bank whose first deliveries were judged and accepted, for all tests that only read it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from biobraid.core.home import create_home
from biobraid.core.keys import create_keys
from tests.contract.bank import Bank, clinic, labs, new_bank, write


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bank]:
    """First deliveries of both sources, passed."""
    folder = tmp_path_factory.mktemp("contract")
    patch = pytest.MonkeyPatch()
    patch.setenv("BIOBRAID_KEY_DIR", str(folder / "keys"))
    home = create_home(folder / "bank", memory_limit_gb=1.0, threads=1)
    create_keys(home)
    made = new_bank(home)
    write(made.deliveries / "labs_1.csv", labs(1))
    made.deliver(clinic())
    assert made("check", "--delivery") == 0
    yield made
    patch.undo()
