"""SIGKILL at any write of a withdrawal: the vault opens, nobody else is lost, it is repeated."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from biobraid.cli.main import run
from biobraid.core.home import Home, open_home
from biobraid.core.orders import open_orders
from biobraid.ingest.landing import check_books
from biobraid.linkage.vault import open_vault
from tests.privacy.conftest import key, linked
from tests.privacy.kill_withdraw import COMMAND
from tests.privacy.scanner import scan
from tests.privacy.traces import traces_of

# Every write is tried with BIOBRAID_KILL_STEP=1 (some 100); 23 keeps it short.
STEP = int(os.environ.get("BIOBRAID_KILL_STEP", "23"))


@pytest.mark.slow
def test_withdraw_can_be_killed_before_any_write(
    bank: Home, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    canaries = traces_of(bank, "lake", "2").canaries(projects=False)
    others = {k: v for k, v in linked(bank).items()
              if k not in (key(bank, "lake", "2"), key(bank, "hill", "B"))}  # fmt: skip
    out = tmp_path_factory.mktemp("killed")
    command = [sys.executable, "-m", "tests.privacy.kill_withdraw"]
    subprocess.run([*command, str(bank.root.parent), str(out), str(STEP)], check=True, timeout=600)
    copies = sorted(out.iterdir(), key=lambda p: int(p.name))
    assert len(copies) > 30 / STEP
    n_begun = 0
    for copy in copies:
        monkeypatch.setenv("BIOBRAID_KEY_DIR", str(copy / "keys"))
        home = open_home(copy / "bank")
        n_begun += bool(open_orders(home))
        with open_vault(home) as vault:  # it opens, with everybody else in it
            n = vault.con.execute("SELECT count(DISTINCT source_person_key) FROM person_member")
            assert n.fetchone()[0] >= len(others)
        code = run(["--quiet", "--home", str(home.root), *(
            ["withdraw"] if open_orders(home) else COMMAND)])  # fmt: skip
        assert code == 0
        assert linked(home) == others
        assert scan(home.root, canaries).found == []
        assert check_books(home) == []
        assert open_orders(home) == []
    assert n_begun > len(copies) / 2
