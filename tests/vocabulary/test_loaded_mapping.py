"""A study mapped through a loaded vocabulary, from its codes to cdm, by the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from biobraid.cli.main import run
from biobraid.core.home import Home
from biobraid.core.study import delivery_folder
from biobraid.core.warehouse import connect
from tests.dictionaries.packs import write_pack
from tests.vocabulary.download import CONCEPTS, RELATIONSHIPS, VERSION, write_download

HOSPITAL = "pid,diag,date\n" + "".join(
    f"P{person},{code},2020-01-0{day}\n"
    for person, code, day in [
        (1, "E119", 1), (1, "E11.9", 2), (2, "e11.9", 3), (2, "H81.0", 4), (3, "H810", 5),
        (3, "X99", 6), (4, "Q00", 7),
    ]
)  # fmt: skip
DICTIONARY = "variable,label,type,unit,allowed_values,instance_rule\nborn,Born,integer,,,\n"
MAPPING = """
survey,born,,0,Person,,,direct,year_of_birth,,APPROVED,
hospital,ICD10,Q00,442793,Condition,,,direct,,,APPROVED,
"""


def biobraid(home: Home, capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    """A command that must end well; its JSON."""
    capsys.readouterr()
    code = run(["--home", str(home.root), "--json", *arguments])
    said = capsys.readouterr()
    assert code == 0, said.err + said.out
    found: dict[str, Any] = json.loads(said.out)
    return found


def table(home: Home, query: str) -> list[tuple[Any, ...]]:
    con = connect(home, read_only=True)
    try:
        return con.execute(query).fetchall()
    finally:
        con.close()


@pytest.mark.slow
def test_codes_reach_cdm_through_the_loaded_vocabulary_and_its_successor(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_pack(home, dictionary=DICTIONARY, mapping=MAPPING)
    folder = delivery_folder(home, "small")
    folder.mkdir(parents=True)
    (folder / "hospital.csv").write_text(HOSPITAL)
    (folder / "survey.csv").write_text("pid,born\n" + "".join(f"P{i},1950\n" for i in range(1, 5)))
    loaded = biobraid(home, capsys, "vocabulary", "load", str(write_download(tmp_path / "a")))
    assert loaded["rows"]["concept_ancestor"] >= 4
    biobraid(home, capsys, "run")
    mapped = (
        "SELECT condition_concept_id, condition_source_concept_id, COUNT(*)"
        " FROM cdm.condition_occurrence GROUP BY ALL ORDER BY ALL"
    )
    assert table(home, mapped) == [
        (0, 45591002, 1), (442793, 0, 1), (442793, 45591000, 2), (4193704, 45561952, 3),
    ]  # fmt: skip
    assert table(home, "SELECT vocabulary_version FROM cdm.cdm_source") == [(VERSION,)]
    assert biobraid(home, capsys, "status")["vocabulary"]["version"] == VERSION
    assert VERSION in json.dumps(biobraid(home, capsys, "doctor"))

    # E11.9 moves to the broader concept; the name of H81.0's target changes.
    relations = [row for row in RELATIONSHIPS if row[0] != 45561952]
    concepts = [(*r[:1], "Meniere", *r[2:]) if r[0] == 442793 else r for r in CONCEPTS]
    new = write_download(
        tmp_path / "b", concepts=concepts, version="v5.0 NEW",
        relationships=[*relations, (45561952, 201826, "Maps to")],
    )  # fmt: skip
    found = biobraid(home, capsys, "vocabulary", "diff", str(new))
    assert [(r["code_key"], r["changes"], r["rows"], r["persons"]) for r in found["codes"]] == [
        ("E119", ["target"], 3, 2),
        ("H810", ["name"], 2, 2),
    ]
    assert [
        (r["concept_id"], r["changes"], r["rows"], r["persons"]) for r in found["concepts"]
    ] == [
        (442793, ["name"], 3, 3),
        (45561952, ["target"], 3, 2),  # the source concept of E11.9
    ]
    assert {"kind": "codes", "change": "target", "number": 1, "rows": 3, "persons": 2} in found[
        "summary"
    ]
    biobraid(home, capsys, "vocabulary", "load", str(new))
    biobraid(home, capsys, "run")
    assert (201826, 45561952, 3) in table(home, mapped)
    assert table(home, "SELECT vocabulary_version FROM cdm.cdm_source") == [("v5.0 NEW",)]
    between = biobraid(home, capsys, "vocabulary", "diff")
    assert between["codes"] == found["codes"]
    assert biobraid(home, capsys, "vocabulary", "status")["previous"]["version"] == VERSION


def test_an_unknown_id_names_the_version_and_an_old_one_its_successor(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_pack(
        home,
        mapping="""
hospital,ICD10,A01,3025315,Measurement,,,direct,,,APPROVED,
hospital,ICD10,A02,40316773,Condition,,,direct,,,APPROVED,
hospital,ICD10,A03,45561952,Condition,,,direct,,,APPROVED,
hospital,ICD10,A04,73211009,Condition,,,direct,,,APPROVED,
hospital,ICD10,A05,4329847,Condition,,,direct,,,APPROVED,
""",
    )
    run(["--home", str(home.root), "vocabulary", "load", str(write_download(tmp_path / "a"))])
    capsys.readouterr()
    assert run(["--home", str(home.root), "--json", "doctor"]) == 10
    found = json.loads(capsys.readouterr().out)["findings"]
    told = {f["where"].rsplit(", ", 1)[-1]: f for f in found if "mapping.csv" in f["where"]}
    assert told["row 6"]["found"] == "target_concept_id 4329847 is not in the vocabulary"
    assert told["row 6"]["expected"] == f"a concept of {VERSION}"
    assert told["row 6"]["severity"] == "error"
    old = told["row 3"]
    assert old["severity"] == "warning"
    assert f"(Prediabetes) is not valid any more in {VERSION}" in old["found"]
    assert old["todo"] == "It maps to 201826 (Type 2 diabetes mellitus)."
    assert "is not a standard concept" in told["row 4"]["found"]
    assert "It maps to 4193704" in told["row 4"]["todo"]
    assert "is a classification" in told["row 5"]["found"]
    assert told.get("row 2", {}).get("severity") != "error", "LOINC was not in the download"
