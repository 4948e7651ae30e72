"""The sample biobank: the same bytes from the same seed, whole or not at all."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

import pytest

from biobraid.core.errors import SettingsError
from biobraid.ingest.sample import MAX_PERSONS, MIN_PERSONS, generate
from biobraid.ingest.sample.generate import MARKER
from tests.sample.conftest import make_sample


def fingerprints(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.suffix != ".parquet"
    }


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    one = make_sample(tmp_path / "one", persons=60)
    two = make_sample(tmp_path / "two", persons=60)
    assert fingerprints(one.deliveries) == fingerprints(two.deliveries)
    assert one.persons() == two.persons()
    assert fingerprints(one.truth) == fingerprints(two.truth)


def test_another_seed_gives_other_people(tmp_path: Path) -> None:
    one = make_sample(tmp_path / "one", persons=60, seed=1)
    two = make_sample(tmp_path / "two", persons=60, seed=2)
    assert not set(one.persons()["eid"]) - {None} & set(two.persons()["eid"]) - {None}
    assert one.persons()["bmi"] != two.persons()["bmi"]


def test_block_size_does_not_show_in_the_files(tmp_path: Path) -> None:
    whole = make_sample(tmp_path / "whole", persons=300)
    cut = make_sample(tmp_path / "cut", persons=300, block_persons=7)
    assert fingerprints(whole.deliveries) == fingerprints(cut.deliveries)
    assert fingerprints(whole.truth) == fingerprints(cut.truth)
    assert whole.persons() == cut.persons()
    assert whole.summary == cut.summary


def test_a_person_stays_the_same_in_a_larger_sample(tmp_path: Path) -> None:
    small = make_sample(tmp_path / "small", persons=60).persons()
    large = make_sample(tmp_path / "large", persons=120).persons()
    for column, values in small.items():
        assert large[column][:60] == values, column


def test_a_whole_sample_is_left_as_it_is(tmp_path: Path) -> None:
    first = make_sample(tmp_path, persons=40)
    stamps = {p: p.stat().st_mtime_ns for p in first.deliveries.rglob("*")}
    second = make_sample(tmp_path, persons=40)
    assert second.summary == first.summary
    assert {p: p.stat().st_mtime_ns for p in second.deliveries.rglob("*")} == stamps


def test_a_sample_that_was_broken_off_is_written_anew(tmp_path: Path) -> None:
    done: list[int] = []

    def stop(persons: int, _total: int) -> None:
        done.append(persons)
        if persons >= 40:
            raise KeyboardInterrupt

    folders = tmp_path / "d", tmp_path / "s", tmp_path / "t"
    with pytest.raises(KeyboardInterrupt):
        generate(*folders, persons=80, block_persons=20, on_progress=stop)
    assert done == [20, 40]
    assert not (tmp_path / "d" / "ukdemo").exists()  # nothing half-written looks finished
    generate(*folders, persons=80)
    clean = make_sample(tmp_path / "clean", persons=80)
    assert fingerprints(tmp_path / "d") == fingerprints(clean.deliveries)
    assert not list(tmp_path.rglob("*.partial"))


def test_a_sample_killed_between_its_folders_is_written_anew(tmp_path: Path) -> None:
    sample = make_sample(tmp_path, persons=40)
    for path in sample.truth.iterdir():
        path.unlink()
    sample.truth.rmdir()
    again = make_sample(tmp_path, persons=40)
    assert (again.truth / "persons.parquet").is_file()


def test_a_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    theirs = tmp_path / "deliveries" / "ukdemo"
    theirs.mkdir(parents=True)
    (theirs / "precious.csv").write_text("eid\n1\n")
    with pytest.raises(SettingsError) as caught:
        make_sample(tmp_path, persons=40)
    assert caught.value.exit_code == 10
    assert (theirs / "precious.csv").read_text() == "eid\n1\n"


@pytest.mark.parametrize("persons", [0, MIN_PERSONS - 1, MAX_PERSONS + 1])
def test_a_size_out_of_range_is_a_settings_error(tmp_path: Path, persons: int) -> None:
    with pytest.raises(SettingsError):
        make_sample(tmp_path, persons=persons)
    assert not (tmp_path / "deliveries").exists()


def test_a_study_pack_that_was_edited_is_kept(tmp_path: Path) -> None:
    make_sample(tmp_path, persons=40)
    pack = tmp_path / "studies" / "riverside" / "README.md"
    pack.write_text("mine")
    make_sample(tmp_path, persons=50)
    assert pack.read_text() == "mine"


def test_a_home_gets_no_sample_files_with_identifiers(tmp_path: Path) -> None:
    sample = make_sample(tmp_path, persons=40)
    assert (sample.studies / "ukdemo" / "study.yaml").is_file()
    assert not list(sample.studies.rglob("sample"))


def test_progress_ends_at_all_persons(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    generate(
        tmp_path / "d", tmp_path / "s", tmp_path / "t",
        persons=50, block_persons=20, on_progress=lambda done, total: seen.append((done, total)),
    )  # fmt: skip
    assert seen == [(20, 50), (40, 50), (50, 50)]


def test_five_thousand_persons_take_seconds(tmp_path: Path) -> None:
    start = time.perf_counter()
    sample = make_sample(tmp_path, persons=5000)
    assert time.perf_counter() - start < 20
    assert sample.summary.persons == 5000
    assert (sample.truth / MARKER).is_file()
