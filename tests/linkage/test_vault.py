"""The vault: unreadable without its key, held by one process, kept, restored and re-keyed."""

from __future__ import annotations

import secrets
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from biobraid.core.errors import BusyError, KeyFileError, LinkageError
from biobraid.core.files import PARTIAL
from biobraid.core.keys import KEY_BYTES, load_key
from biobraid.linkage.keeping import backup, rekey, restore
from biobraid.linkage.link import link
from biobraid.linkage.vault import open_vault
from tests.linkage.conftest import Bank, nhs
from tests.privacy.scanner import Canary, scan

CANARIES = [
    Canary("native_id", "CANARY0000001"),
    Canary("nhs_number", nhs(77)),
    Canary("surname", "Canarysurname"),
    Canary("birth_date", "1931-02-27"),
    Canary("email", "canary@example.org"),
    Canary("free_text", "Canary lives at 12 Canary Lane"),
]


def deliver_canaries(bank: Bank) -> None:
    native = CANARIES[0].value
    rows = [(native, c.type, c.value) for c in CANARIES]
    bank.deliver_rows("ehr", rows)
    bank.deliver_rows("survey", [(native, "native_id", native), *rows[1:]])
    bank.deliver_rows("gene", [(native, "native_id", native), (native, "sex", "f")])


def test_no_identifier_is_in_any_file_of_the_home(bank: Bank, tmp_path: Path) -> None:
    deliver_canaries(bank)
    link(bank.home)
    assert len(set(bank.who("ehr:CANARY0000001", "survey:CANARY0000001"))) == 1
    deliver_canaries(bank)
    link(bank.home)
    backup(bank.home, tmp_path / "copy")
    deliver_canaries(bank)  # one more delivery waits in the inbox
    assert scan(bank.home.root, CANARIES).found == []
    assert scan(tmp_path / "copy", CANARIES).found == []
    stored = bank.vault("SELECT value FROM identifier")
    assert {(c.value,) for c in CANARIES} <= set(stored)


def test_the_vault_is_closed_to_others_on_the_machine(bank: Bank) -> None:
    bank.deliver("ehr", "1")
    link(bank.home)
    bank.home.vault.chmod(0o755)
    link(bank.home)
    for folder in (bank.home.vault, bank.home.vault / "tables", bank.home.inbox):
        assert folder.stat().st_mode & 0o077 == 0


def missing(key: Path) -> None:
    key.unlink()


def foreign(key: Path) -> None:
    key.write_bytes(secrets.token_bytes(KEY_BYTES))


def readable(key: Path) -> None:
    key.chmod(0o640)


def short(key: Path) -> None:
    key.write_bytes(b"short")


@pytest.mark.parametrize("fault", [missing, foreign, readable, short])
@pytest.mark.parametrize("role", ["link", "ingest"])
def test_a_key_that_is_not_right_is_exit_12_and_changes_nothing(
    bank: Bank, key_dir: Path, fault: Callable[[Path], None], role: str
) -> None:
    bank.deliver("ehr", "1")
    link(bank.home)
    bank.deliver("ehr", "2")
    before = contents(bank.home.vault)
    key = key_dir / f"{role}.key"
    right = key.read_bytes()
    fault(key)
    with pytest.raises(KeyFileError) as error:
        link(bank.home)
    assert error.value.exit_code == 12 and f"{role} key" in str(error.value)
    assert contents(bank.home.vault) == before
    key.unlink(missing_ok=True)
    key.write_bytes(right)
    key.chmod(0o600)
    assert link(bank.home).totals()["n_minted"] == 2


def test_a_vault_sealed_with_another_key_is_refused(bank: Bank, key_dir: Path) -> None:
    bank.deliver("ehr", "1")
    link(bank.home)
    # Even if key and key_ids agree with each other.
    other = secrets.token_bytes(KEY_BYTES)
    (key_dir / "link.key").write_bytes(other)
    ids = bank.home.root / "key_ids"
    from biobraid.core.keys import key_id

    lines = [x for x in ids.read_text().splitlines() if not x.startswith("link")]
    ids.write_text("\n".join([*lines, f"link {key_id(other)}"]) + "\n")
    with pytest.raises(KeyFileError, match="sealed with another key"):
        link(bank.home)


def test_a_lost_vault_does_not_hand_out_new_ids(bank: Bank) -> None:
    bank.deliver("ehr", "1")
    link(bank.home)
    for path in bank.home.vault.glob("current-*"):
        path.unlink()
    with pytest.raises(LinkageError, match="pointer"):
        link(bank.home)
    for path in (bank.home.vault / "tables").iterdir():
        path.unlink()
    with pytest.raises(LinkageError, match="although persons were linked"):
        link(bank.home)


def test_a_damaged_table_is_named(bank: Bank) -> None:
    bank.deliver("ehr", "1")
    link(bank.home)
    path = next((bank.home.vault / "tables").glob("person_member-*"))
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(LinkageError, match="person_member"):
        link(bank.home)


def test_overflow_of_a_killed_process_is_removed(bank: Bank) -> None:
    spill = bank.home.vault / "spill"
    spill.mkdir()
    (spill / "duckdb_temp_storage-0.tmp").write_text("CANARY")
    (bank.home.vault / "tables").mkdir(exist_ok=True)
    with open_vault(bank.home) as vault:
        assert list(spill.iterdir()) == []
        limit = vault.con.execute("SELECT current_setting('temp_directory')").fetchone()
        assert limit == (str(spill),)
    assert list(spill.iterdir()) == []


def test_a_second_process_is_told_that_the_vault_is_busy(bank: Bank) -> None:
    code = (
        "import sys, time\nfrom pathlib import Path\n"
        "from biobraid.core.home import open_home\nfrom biobraid.linkage.vault import open_vault\n"
        "with open_vault(open_home(Path(sys.argv[1]))):\n"
        "    print('open', flush=True)\n    time.sleep(60)\n"
    )
    command = [sys.executable, "-c", code, str(bank.home.root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout and other.stdout.readline() == "open\n"
        with pytest.raises(BusyError) as error:
            link(bank.home)
        assert error.value.exit_code == 15
        other.kill()
    time.sleep(0.01)
    link(bank.home)


@pytest.mark.parametrize("limit_kb", [2, 14])
def test_a_full_disk_is_said_and_leaves_everything_as_it_was(bank: Bank, limit_kb: int) -> None:
    bank.deliver("ehr", "1")
    link(bank.home)
    bank.deliver("ehr", "\n".join(f"{n} nhs_number={nhs(n)}" for n in range(2000)))
    before = bank.table("person_bridge")
    code = (
        "import resource, sys\nfrom pathlib import Path\n"
        "from biobraid.core.home import open_home\nfrom biobraid.linkage.link import link\n"
        "home = open_home(Path(sys.argv[1]))\n"
        "limit = int(sys.argv[2]) * 1024\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))\n"
        "try:\n    link(home)\nexcept Exception as error:\n    print(type(error).__name__)\n"
    )
    command = [sys.executable, "-c", code, str(bank.home.root), str(limit_kb)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stdout == "DiskError\n", done.stderr
    assert bank.table("person_bridge") == before
    assert not list(bank.home.root.rglob(f"*{PARTIAL}"))
    assert link(bank.home).totals()["n_minted"] == 2000


def test_a_backup_brings_everything_back(bank: Bank, tmp_path: Path) -> None:
    deliver_canaries(bank)
    link(bank.home)
    bank.deliver("late", "Z")  # not linked yet: travels in the inbox
    ids = bank.persons()
    backup(bank.home, tmp_path / "copy")
    for path in [*bank.home.vault.glob("current-*"), *(bank.home.vault / "tables").iterdir()]:
        path.unlink()
    for path in bank.home.inbox.iterdir():
        path.unlink()
    restore(bank.home, tmp_path / "copy")
    link(bank.home)
    assert ids.items() <= bank.persons().items()
    assert bank.status("late:Z") == ["linked"]
    assert not list(tmp_path.rglob(f"*{PARTIAL}"))


def test_restore_goes_back_to_the_time_of_the_backup(bank: Bank, tmp_path: Path) -> None:
    bank.deliver("ehr", "1")
    link(bank.home)
    backup(bank.home, tmp_path / "copy")
    bank.deliver("ehr", "2")
    link(bank.home)
    restore(bank.home, tmp_path / "copy")
    result = link(bank.home)
    assert result.totals()["n_source_persons"] == 1


def test_a_damaged_backup_is_refused_and_the_vault_stays(bank: Bank, tmp_path: Path) -> None:
    bank.deliver("ehr", "1")
    link(bank.home)
    copy = backup(bank.home, tmp_path / "copy")
    paths = sorted((copy / "tables").iterdir())
    paths[0].unlink()
    paths[1].write_bytes(b"x" + paths[1].read_bytes()[1:])
    before = contents(bank.home.vault)
    with pytest.raises(LinkageError) as error:
        restore(bank.home, copy)
    assert len(error.value.faults) == 2
    assert contents(bank.home.vault) == before
    with pytest.raises(LinkageError, match=r"backup\.json"):
        restore(bank.home, tmp_path / "nowhere")
    with pytest.raises(LinkageError, match="there already"):
        backup(bank.home, copy)


def test_a_new_key_opens_the_vault_and_the_old_one_does_not(
    bank: Bank, key_dir: Path, tmp_path: Path
) -> None:
    bank.deliver("ehr", "1\n2")
    link(bank.home)
    ids, old = bank.persons(), load_key(bank.home, "link")
    copy = backup(bank.home, tmp_path / "copy")
    rekey(bank.home)
    assert load_key(bank.home, "link") != old
    assert link(bank.home).changed == () and bank.persons() == ids
    assert sorted(p.name for p in key_dir.iterdir()) == ["ingest.key", "link.key", "release.key"]
    with pytest.raises(KeyFileError, match="another key"):
        restore(bank.home, copy)
    (key_dir / "link.key").write_bytes(old)
    with pytest.raises(KeyFileError):
        link(bank.home)


def test_a_copy_of_the_key_kept_beside_it_is_never_touched(bank: Bank, key_dir: Path) -> None:
    bank.deliver("ehr", "1")
    (key_dir / "link.key.old").write_bytes((key_dir / "link.key").read_bytes())
    link(bank.home)
    with pytest.raises(LinkageError, match=r"link\.key\.old"):
        rekey(bank.home)
    assert (key_dir / "link.key.old").exists()
    link(bank.home)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file with its bytes."""
    return {str(p): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
