"""The same vault gives the same ids, however the files arrive the second time."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from biobraid.core.home import Home
from biobraid.core.study import delivery_folder, read_study, study_packs
from tests.whole_way.bank import new_bank, tables

pytestmark = pytest.mark.slow
PERSONS = 200


def _delivered(home: Home) -> list[Path]:
    """Delivered files in the order of their sources, several to a source in the order of names."""
    files = []
    for pack in study_packs(home):
        study = read_study(pack)
        folder = delivery_folder(home, study.id)
        globs = [g for source in study.sources.values() for g in source.files]
        globs += study.withdrawals.files if study.withdrawals else []
        for glob in globs:
            files += [p for p in sorted(folder.glob(glob)) if p not in files]
    return files


def test_ids_do_not_change_when_files_come_again_in_another_order(tmp_path: Path) -> None:
    bank = new_bank(tmp_path / "bank")
    bank.generate(PERSONS)
    bank.run("run")
    once = tables(bank.home)

    files = _delivered(bank.home)
    assert len(files) >= 15
    aside = tmp_path / "aside"
    for path in files:
        kept = aside / path.relative_to(bank.home.deliveries)
        kept.parent.mkdir(parents=True, exist_ok=True)
        path.rename(kept)
    # All but the vault goes: landing with its manifest, the warehouse, SQLMesh's state.
    shutil.rmtree(bank.home.landing)
    for path in (bank.home.warehouse, bank.home.state):
        path.unlink()
    bank.home.landing.mkdir()
    half = len(files) // 2
    for part in (files[half:], files[:half]):  # two deliveries, the last sources first
        for path in reversed(part):
            (aside / path.relative_to(bank.home.deliveries)).rename(path)
        bank.run("ingest")
        bank.run("link")
    bank.run("run")  # not `build` alone: what genotypes say against links was in landing, too

    again = tables(bank.home)
    different = {name for name in once if once[name] != again[name]}
    assert different == set()
    assert set(again) == set(once)
