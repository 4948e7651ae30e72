"""Killed anywhere, the same command again gives the same result, and nothing is left over."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from biobraid.core.home import Home, open_home
from biobraid.core.keys import key_id, load_key
from biobraid.core.lock import writer
from biobraid.core.manifest import Manifest
from biobraid.linkage.generations import read_pointer
from biobraid.linkage.keeping import rekey
from biobraid.linkage.link import link
from biobraid.linkage.vault import open_vault
from tests.linkage.conftest import Bank, nhs

# Every write is tried with BIOBRAID_KILL_STEP=1 (some 40 for each command); 6 keeps it short.
STEP = int(os.environ.get("BIOBRAID_KILL_STEP", "6"))
ONE = f"nhs_number={nhs(1)}; birth_date=1950-03-12"


def kill_everywhere(bank: Bank, out: Path, verb: str) -> list[Path]:
    """Copies of the bank, each killed one write later; the last one got through."""
    command = [sys.executable, "-m", "tests.linkage.kill_points"]
    command += [str(bank.home.root.parent), str(out), verb, str(STEP)]
    subprocess.run(command, check=True, timeout=600)
    return sorted(out.iterdir(), key=lambda p: int(p.name))


def groups(bank: Bank) -> set[frozenset[str]]:
    """The source persons of each person: the map up to the random ids."""
    members = defaultdict(set)
    for key, person in bank.persons().items():
        members[person or key].add(key)
    return {frozenset(m) for m in members.values()}


def saved_persons(home: Home) -> set[tuple[str, int]]:
    with open_vault(home) as vault:
        query = "SELECT source_person_key, person_id FROM person_member WHERE valid_to_run IS NULL"
        return set(vault.con.execute(query).fetchall())


def leftovers(home: Home, keys: Path) -> list[str]:
    """Whatever is in the home beside the files in force."""
    key = load_key(home, "link")
    named = {f"tables/{file}" for file in read_pointer(home, key)[1].values()}
    in_vault = {p.relative_to(home.vault).as_posix() for p in home.vault.rglob("*") if p.is_file()}
    with Manifest(home) as manifest:
        in_force = {path for path, _, _ in manifest.objects().values()}
    in_link = {f"link/{p.name}" for p in (home.landing / "link").iterdir()}
    in_keys = {p.name for p in keys.iterdir()} - {"ingest.key", "link.key", "release.key"}
    in_vault -= named | {".lock", f"current-{key_id(key)}"}
    return sorted(in_vault | (in_link - in_force) | in_keys)


@pytest.mark.slow
def test_link_can_be_killed_before_any_write(
    bank: Bank, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    bank.deliver("ehr", f"1 {ONE}\n2")
    link(bank.home)
    bank.deliver("survey", f"A {ONE}\nB")
    bank.deliver("gene", "G map=ehr:2")
    copies = kill_everywhere(bank, tmp_path_factory.mktemp("killed"), "link")
    assert len(copies) > 20 / STEP
    reference = None
    for copy in reversed(copies):
        monkeypatch.setenv("BIOBRAID_KEY_DIR", str(copy / "keys"))
        home = open_home(copy / "bank")
        after_kill = saved_persons(home)
        with writer(home):
            link(home)
        again = Bank(home, bank._numbers)
        assert after_kill <= set(again.persons().items())
        reference = reference or groups(again)
        assert groups(again) == reference
        assert leftovers(home, copy / "keys") == []
        assert not list(home.inbox.iterdir())


@pytest.mark.slow
def test_rekey_can_be_killed_before_any_write(
    bank: Bank, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    bank.deliver("ehr", f"1 {ONE}\n2")
    link(bank.home)
    persons, old = saved_persons(bank.home), load_key(bank.home, "link")
    copies = kill_everywhere(bank, tmp_path_factory.mktemp("killed"), "rekey")
    assert len(copies) > 20 / STEP
    keys_in_force = set()
    for n, copy in enumerate(copies):
        monkeypatch.setenv("BIOBRAID_KEY_DIR", str(copy / "keys"))
        home = open_home(copy / "bank")
        if n % 2:  # any command on the vault settles it, and so does rekey itself
            before = saved_persons(home)
            keys_in_force.add(load_key(home, "link") == old)
        else:
            rekey(home)
            before = saved_persons(home)
            assert load_key(home, "link") != old
        assert before == persons
        assert leftovers(home, copy / "keys") == []
    assert keys_in_force == {True, False}
