"""A download that is not whole: every fault at once, and the vocabulary in force stays."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from biobraid.cli.main import run
from biobraid.core.errors import SourceFileError
from biobraid.core.home import Home
from biobraid.ingest.vocabulary.generate_athena import generate_athena
from biobraid.ingest.vocabulary.load import load
from tests.vocabulary.download import CONCEPTS, in_force, spoil, write_download, zip_download


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A good download, to be spoiled."""
    return write_download(tmp_path / "athena")


def faults(home: Home, path: Path) -> str:
    """What loading says; nothing may be in force afterwards that was not before."""
    before = in_force(home)
    with pytest.raises(SourceFileError) as caught:
        load(home, path)
    assert in_force(home) == before
    assert str(path.parent) not in str(caught.value)
    return str(caught.value)


def test_every_missing_and_foreign_file_is_named_at_once(home: Home, folder: Path) -> None:
    (folder / "CONCEPT_ANCESTOR.csv").unlink()
    (folder / "DRUG_STRENGTH.csv").unlink()
    (folder / "DOMAIN.csv").write_text("domain_id,domain_name,domain_concept_id\nDrug,Drug,13\n")
    (folder / "RELATIONSHIP.csv").write_text("")
    spoil(folder, "CONCEPT", "concept_code", "code")
    said = faults(home, folder)
    for words in (
        "CONCEPT_ANCESTOR.csv is missing",
        "DRUG_STRENGTH.csv is missing",
        "DOMAIN.csv: columns are separated by ','",
        "RELATIONSHIP.csv: the file is empty",
        "CONCEPT.csv: no column concept_code",
    ):
        assert words in said, words


def test_cells_that_cannot_be_read_are_counted_with_their_first_line(
    home: Home, folder: Path
) -> None:
    spoil(folder, "CONCEPT", "20991231", "20991331")
    spoil(folder, "CONCEPT", "201826\t", "two\t")
    spoil(folder, "CONCEPT_RELATIONSHIP", "Is a\t", "Is a\textra\t")
    spoil(folder, "CONCEPT_ANCESTOR", "201826\t4193704", "\t4193704")
    said = faults(home, folder)
    for words in (
        "CONCEPT.csv, line 2: valid_end_date is not a date",
        "CONCEPT.csv, line 3: concept_id is not a whole number",
        "CONCEPT_RELATIONSHIP.csv, line 9: 7 cells",
        "CONCEPT_ANCESTOR.csv, line 3: ancestor_concept_id is empty",
    ):
        assert words in said, words


def test_text_that_is_not_utf8_is_named(home: Home, folder: Path) -> None:
    path = folder / "CONCEPT_SYNONYM.csv"
    path.write_bytes(path.read_bytes().replace("é".encode(), b"\xe9"))
    assert "concept_synonym_name is not UTF-8" in faults(home, folder)


@pytest.mark.parametrize("in_zip", [False, True])
def test_a_file_that_is_cut_is_named(home: Home, folder: Path, in_zip: bool) -> None:
    path = folder / "CONCEPT_ANCESTOR.csv"
    path.write_bytes(path.read_bytes()[:-2])
    said = faults(home, zip_download(folder) if in_zip else folder)
    assert "CONCEPT_ANCESTOR.csv: the last line has no end: the file is cut" in said


def test_a_zip_that_is_cut_or_damaged_is_said_to_be(home: Home, folder: Path) -> None:
    archive = zip_download(folder)
    whole = archive.read_bytes()
    archive.write_bytes(whole[: len(whole) // 2])
    assert "is no whole zip file" in faults(home, archive)
    at = whole.index(b"CONCEPT_ANCESTOR.csv") + 60
    archive.write_bytes(whole[:at] + bytes(255 - b for b in whole[at : at + 4]) + whole[at + 4 :])
    assert "CONCEPT_ANCESTOR.csv: " in faults(home, archive)


def test_a_concept_on_two_rows_is_refused(home: Home, tmp_path: Path) -> None:
    folder = write_download(tmp_path / "athena", concepts=[*CONCEPTS, CONCEPTS[3]])
    assert "1 rows repeat a concept_id" in faults(home, folder)


def test_a_download_without_a_version_is_refused(home: Home, tmp_path: Path) -> None:
    folder = write_download(tmp_path / "athena", version="")
    assert "does not say the version" in faults(home, folder)


def test_faults_leave_the_loaded_vocabulary_and_a_repair_loads(home: Home, folder: Path) -> None:
    load(home, folder)
    before = in_force(home)
    other = write_download(folder.with_name("next"), concepts=CONCEPTS[:-1], version="v5.0 X")
    (other / "CONCEPT.csv").rename(other / "CONCEPT.txt")
    assert "CONCEPT.csv is missing" in faults(home, other)
    assert in_force(home) == before
    (other / "CONCEPT.txt").rename(other / "CONCEPT.csv")
    assert load(home, other).version == "v5.0 X"


def test_the_command_exits_with_the_code_of_source_files(
    home: Home, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "CONCEPT.csv").unlink()
    assert run(["--home", str(home.root), "vocabulary", "load", str(folder)]) == 11
    assert "CONCEPT.csv is missing" in capsys.readouterr().err
    assert run(["--home", str(home.root), "vocabulary", "load", str(folder / "none")]) == 11


def test_a_full_disk_is_said_and_the_same_command_ends_it(home: Home, tmp_path: Path) -> None:
    generate_athena(tmp_path / "big", 5_000)
    command = [sys.executable, "-m", "biobraid", "--home", str(home.root), "vocabulary", "load"]
    full = subprocess.run(
        [*command, str(tmp_path / "big")],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (full.returncode, "the disk is full" in full.stderr) == (16, True), full.stderr
    assert in_force(home) == {}
    assert load(home, tmp_path / "big").rows["concept"] > 5_000


def test_a_file_cut_at_the_end_of_a_line_is_found_by_what_refers_to_it(
    home: Home, tmp_path: Path
) -> None:
    generate_athena(tmp_path / "athena", 2_000, seed=3)
    path = tmp_path / "athena" / "CONCEPT.csv"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[: len(lines) // 2]))
    said = faults(home, tmp_path / "athena")
    assert "rows of concept_relationship name concepts that it does not hold" in said
    assert "--extract" in said
    extract = load(home, tmp_path / "athena", is_extract=True)
    assert extract.warnings["rows of concept_ancestor whose concepts are not in CONCEPT"] > 0
