"""What a new version moves, by hand: the tiny download against one with known changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from biobraid.cli.main import run
from biobraid.core.errors import SettingsError
from biobraid.core.home import Home
from biobraid.ingest.vocabulary.diff import diff
from biobraid.ingest.vocabulary.load import load
from tests.dictionaries.packs import write_pack
from tests.vocabulary.download import (
    CONCEPTS,
    RELATIONSHIPS,
    VERSION,
    in_force,
    replaced,
    write_download,
)

# What the study uses: five codes and four concepts.
MAPPING = """
hospital,ICD10,E11.9,201826,Condition,,,direct,,,APPROVED,
hospital,ICD10,h810,442793,Condition,,,direct,,,APPROVED,
hospital,ICD10,Z99,4099154,Measurement,9529,,direct,,,APPROVED,
hospital,ICD10,X99,0,Condition,,,direct,,,APPROVED,
hospital,ICD10,A00,40316773,Condition,,,direct,,,APPROVED,
"""
CHOLERA = (45591003, "Cholera", "Condition", "ICD10", "", "A00", "")


def changes(found: dict[str, Any], kind: str) -> dict[Any, list[str]]:
    """What changed, by code or concept id."""
    key = "code_key" if kind == "codes" else "concept_id"
    return {row[key]: row["changes"] for row in found[kind]}


@pytest.fixture
def bank(home: Home, tmp_path: Path) -> Home:
    """A home with a study and the tiny download in force."""
    write_pack(home, mapping=MAPPING)
    load(home, write_download(tmp_path / "athena"))
    return home


def test_equal_vocabularies_move_nothing(bank: Home, tmp_path: Path) -> None:
    found = diff(bank, write_download(tmp_path / "same"))
    assert (found["codes"], found["concepts"], found["summary"]) == ([], [], [])
    assert not found["has_warehouse"]


def test_codes_that_appear_vanish_move_and_change(bank: Home, tmp_path: Path) -> None:
    concepts = [row for row in CONCEPTS if row[5] != "X99"] + [CHOLERA]
    # E11.9 gets the broader target; Z99 gets one at all; H81.0 keeps it under another name.
    relations = [row for row in RELATIONSHIPS if row[0] != 45561952]
    relations += [(45561952, 201826, "Maps to"), (45591001, 4099154, "Maps to"),
                  (45591001, 442793, "Maps to value")]  # fmt: skip
    concepts = [
        (*row[:1], "Ménière's disease", *row[2:]) if row[0] == 442793 else row for row in concepts
    ]
    new = write_download(
        tmp_path / "next", concepts=concepts, relationships=relations, version="v5.0 30-NOV-26"
    )
    found = diff(bank, new)
    assert (found["old"], found["new"]) == (VERSION, "v5.0 30-NOV-26")
    assert changes(found, "codes") == {
        "E119": ["target"],
        "H810": ["name"],
        "Z99": ["target", "value", "domain"],
        "X99": ["vanishes"],
        "A00": ["appears"],
    }
    e119 = next(row for row in found["codes"] if row["code_key"] == "E119")
    assert (e119["old_targets"], e119["new_targets"]) == ([4193704], [201826])
    assert e119["new_target_names"] == ["Type 2 diabetes mellitus"]
    assert changes(found, "concepts") == {442793: ["name"]}
    assert [(row["kind"], row["change"], row["number"]) for row in found["summary"]] == [
        ("codes", "appears", 1),
        ("codes", "vanishes", 1),
        ("codes", "target", 2),
        ("codes", "value", 1),
        ("codes", "domain", 1),
        ("codes", "name", 1),
        ("concepts", "name", 1),
    ]


def test_concepts_that_are_replaced_moved_or_gone(bank: Home, tmp_path: Path) -> None:
    concepts = [row for row in replaced(4099154, domain="Observation") if row[0] != 40316773]
    concepts = [
        (*row[:4], "", row[5], "U") if row[0] == 201826 else row for row in concepts
    ]  # was standard
    relations = [row for row in RELATIONSHIPS if row[:2] != (201826, 201826)]
    relations = [row for row in relations if 40316773 not in row]
    relations.append((201826, 4193704, "Maps to"))
    found = diff(
        bank, write_download(tmp_path / "next", concepts=concepts, relationships=relations)
    )
    assert changes(found, "concepts") == {
        201826: ["standard", "validity", "target"],
        4099154: ["domain"],
        40316773: ["vanishes"],
    }
    moved = next(row for row in found["concepts"] if row["concept_id"] == 201826)
    assert (moved["old_targets"], moved["new_targets"]) == ([201826], [4193704])


def test_the_terminal_shows_what_was_and_what_is(
    bank: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    relations = [row for row in RELATIONSHIPS if row[0] != 45561952]
    relations += [(45561952, 201826, "Maps to"), (45561952, 442793, "Maps to value")]
    concepts = [row for row in replaced(40316773, invalid="") if row[5] != "X99"] + [CHOLERA]
    new = write_download(tmp_path / "next", concepts=concepts, relationships=relations)
    assert run(["--home", str(bank.root), "vocabulary", "diff", str(new)]) == 0
    shown = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert 'ICD10 E119 target, value 4193704 Type 2 diabetes "without" complication (Condition);' \
        " value none 201826 Type 2 diabetes mellitus (Condition); value 442793" in shown  # fmt: skip
    assert "ICD10 X99 vanishes no target -" in shown
    assert "ICD10 A00 appears - no target" in shown
    assert "40316773 validity not standard, invalid (U) not standard, valid" in shown


def test_comparing_reads_what_loading_then_need_not_read(bank: Home, tmp_path: Path) -> None:
    new = write_download(tmp_path / "next", concepts=[*CONCEPTS, CHOLERA], version="v5.0 NEW")
    before = in_force(bank)
    found = diff(bank, new)
    assert in_force(bank) == before
    loaded = load(bank, new)
    assert {"vocabulary", "concept", "concept_relationship"} == set(loaded.resumed)
    between = diff(bank)
    assert (between["old"], between["new"]) == (VERSION, "v5.0 NEW")
    assert between["codes"] == found["codes"]


def test_a_home_with_the_starter_is_compared_with_it(home: Home, tmp_path: Path) -> None:
    write_pack(home, mapping="hospital,ICD10,E11.9,201826,Condition,,,direct,,,APPROVED,")
    found = diff(home, write_download(tmp_path / "athena"))
    assert changes(found, "codes") == {"E119": ["appears"]}
    with pytest.raises(SettingsError, match="none was replaced yet"):
        diff(home)
