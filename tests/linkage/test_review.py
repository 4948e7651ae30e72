"""Rulings, splits, quarantine by genotypes, tokens, and how well it all went."""

from __future__ import annotations

import csv
import stat
from pathlib import Path

import pyarrow as pa
import pytest

from biobraid.cli.main import run
from biobraid.core.errors import LinkageError
from biobraid.core.link_inputs import GENETIC_PAIR, GENETIC_SEX, publish_link_inputs
from biobraid.core.manifest import Manifest
from biobraid.linkage.link import link
from biobraid.linkage.review import Ruling, decide, export_pairs, list_conflicts, read_rulings
from biobraid.linkage.token_files import make_token_key, write_tokens
from biobraid.linkage.tokens import FIELDS, token
from tests.linkage.conftest import Bank
from tests.linkage.test_probabilistic import JO, JO_MISTYPED, OTHER, TWIN


def ruled(bank: Bank, left: str, right: str, verdict: str) -> None:
    item = ":".join(bank.key(*p.split(":")) for p in (left, right))
    decide(bank.home, [Ruling(item, verdict)], "tester", "2026-01-01")


def test_a_ruling_splits_a_person_and_the_old_id_is_never_given_again(bank: Bank) -> None:
    bank.deliver("ehr", f"1 {JO}")
    bank.deliver("survey", f"A {JO_MISTYPED}")
    bank.deliver("gene", "G map=survey:A")
    link(bank.home)
    [person] = set(bank.who("ehr:1", "survey:A", "gene:G"))
    ruled(bank, "ehr:1", "survey:A", "different")
    link(bank.home)
    one, a, g = bank.who("ehr:1", "survey:A", "gene:G")
    assert one == person and a == g and a not in (None, person)
    split = (
        "SELECT DISTINCT person_id_before, person_id_after FROM person_event WHERE type = 'split'"
    )
    assert bank.vault(split) == [(person, a)]
    link(bank.home)
    assert bank.who("ehr:1", "survey:A") == [person, a], "it stays split"
    ruled(bank, "ehr:1", "survey:A", "same")
    link(bank.home)
    assert set(bank.who("ehr:1", "survey:A", "gene:G")) == {person}
    bank.deliver("late", "\n".join(f"{n}" for n in range(20)))
    link(bank.home)
    assert a not in bank.persons().values(), "T17"
    assert bank.vault(f"SELECT status, successor_person_id FROM person WHERE person_id = {a}") == [
        ("merged", person)
    ]


def test_a_ruling_against_a_map_keeps_them_apart_and_a_chain_is_quarantined(bank: Bank) -> None:
    bank.deliver("ehr", "1\n2")
    bank.deliver("gene", "G map=ehr:1\nH map=ehr:2")
    ruled_later = ("ehr:1", "gene:G")
    link(bank.home)
    bank.deliver("watch", "W map=ehr:1; map=gene:G")
    link(bank.home)
    ruled(bank, *ruled_later, "different")
    link(bank.home)
    assert bank.conflicts() == {"ruling-contradicted"}
    assert bank.status("ehr:1", "gene:G", "watch:W") == ["quarantined"] * 3
    assert bank.status("ehr:2", "gene:H") == ["linked"] * 2
    [conflict] = list_conflicts(bank.home)
    assert (conflict["rule"], conflict["n_source_persons"]) == ("ruling-contradicted", 3)


def test_pairs_go_out_and_verdicts_come_back_as_csv(
    bank: Bank, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bank.deliver("ehr", f"1 {JO}\n2 {OTHER}")
    bank.deliver("survey", f"A {TWIN}\nC {OTHER}")
    link(bank.home)
    file = tmp_path / "pairs.csv"
    assert export_pairs(bank.home, file) == 1
    assert "Hargreaves" not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert export_pairs(bank.home, file, with_identifiers=True, sample=5) == 2
    rows = list(csv.DictReader(file.read_text().splitlines()))
    assert {r["surname_l"] for r in rows} == {"Hargreaves", "Lund"}
    with pytest.raises(LinkageError, match="inside the home"):
        export_pairs(bank.home, bank.home.root / "pairs.csv")
    for row in rows:
        row["verdict"] = "different" if row["reason"] else ""
    with file.open("w", newline="") as out:
        writer = csv.DictWriter(out, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    assert [r.verdict for r in read_rulings(file)] == ["different"]
    tool = ["--home", str(bank.home.root)]
    assert run([*tool, "link", "review", "import", str(file), "--by", "tester"]) == 0
    assert run([*tool, "link"]) == 0
    assert run([*tool, "link", "review", "list"]) == 0
    assert "0 pairs to review" in capsys.readouterr().out
    with pytest.raises(LinkageError) as caught:
        decide(bank.home, [Ruling("nothing", "same"), Ruling("x", "maybe")], "t", "2026-01-01")
    assert len(caught.value.faults) == 3


def test_genotypes_that_contradict_the_map_put_it_in_quarantine(bank: Bank) -> None:
    born = ["1950-03-12", "1961-01-01", "1972-02-02", "1972-02-02", "1983-05-06", "1984-07-08"]
    bank.deliver("ehr", "\n".join(f"{n} birth_date={b}; sex=f" for n, b in enumerate(born)))
    bank.deliver("gene", "\n".join(f"G{n} map=ehr:{n}" for n in range(6)) + "\nG4b map=ehr:4")
    g = [bank.key("gene", f"G{n}") for n in range(6)]
    again = bank.key("gene", "G4b")
    pairs = [(g[0], g[1], "duplicate"), (g[2], g[3], "duplicate"), (again, g[4], "different")]
    with Manifest(bank.home) as manifest:
        shown = ["f", "f", "f", "f", "f", "m"]
        sex = pa.table({"source_person_key": g, "sex": shown, "sex_stated": ["m", *shown[1:]]})
        columns = dict(zip(GENETIC_PAIR.arrow.names, zip(*pairs, strict=True), strict=False))
        table = pa.table(
            {k: list(v) for k, v in columns.items()}
            | {"kinship": [0.49, 0.5, 0.01], "origin": ["compared"] * 3}
        )
        assert publish_link_inputs(bank.home, manifest, {GENETIC_SEX: sex, GENETIC_PAIR: table})
        assert not publish_link_inputs(bank.home, manifest, {GENETIC_SEX: sex, GENETIC_PAIR: table})
    link(bank.home)
    found = bank.conflicts_of()
    assert found[g[0]] == found[bank.key("ehr", "1")] == {"genotypes-equal-in-two-persons"}
    assert found[g[2]] == found[g[3]] == {"genotypes-equal-perhaps-twins"}
    assert found[again] == {"genotypes-differ"} and found[g[5]] == {"genotype-sex"}
    assert bank.status("gene:G0", "ehr:2", "gene:G4b", "ehr:5") == [
        "quarantined", "linked", "quarantined", "quarantined",
    ]  # fmt: skip


def test_a_source_that_sends_only_tokens_is_linked_by_them(bank: Bank, tmp_path: Path) -> None:
    key = bank.home.key_dir / "token.key"
    make_token_key(key)
    people, out = tmp_path / "people.csv", tmp_path / "tokens.csv"
    people.write_text(
        "id,first_name,surname,birth_date,sex,postcode\n"
        "T1,JOANNA,Hargreave,12/03/1950,F,ls6 2ab\n"
        "T2,Miriam,Hargreaves,1950-03-12,F,LS6 2AB\nT3,Ada,,,,\n"
    )
    assert write_tokens(people, out, key, "id", "gb") == (2, 1)
    assert "argreave" not in out.read_text()
    bank.deliver("ehr", f"1 {JO}\n2 {OTHER}")
    tokens = list(csv.DictReader(out.read_text().splitlines()))
    bank.deliver("shy", "\n".join(f"{r['id']} clk={r['clk']}" for r in tokens))
    result = link(bank.home)
    one, first, twin = bank.who("ehr:1", "shy:T1", "shy:T2")
    assert first == one != twin
    assert result.totals()["n_linked_token"] == 1
    person = dict.fromkeys(FIELDS, "x1")
    assert token(person, b"k" * 32) != token(person, b"l" * 32), "keyed"
    assert token({"surname": "hill", "sex": "f"}, b"k" * 32) is None


def test_quality_is_told_by_group_and_small_cells_are_not(bank: Bank) -> None:
    def person(n: int, sex: str) -> str:
        born = f"19{40 + n % 50}-0{1 + n % 9}-1{n % 10}"
        return f"first_name=n{'abcdefghij'[n % 10]}{'klmnopqrst'[n // 10]}ora; surname=s{'uvwxyzabcd'[n % 10]}al{'aeiou'[n % 5]}rd{'abcdefghij'[n // 10]}; birth_date={born}; sex={sex}; postcode=LS{1 + n % 9} 2A{'BDEFGH'[n % 6]}"

    ehr = [f"{n} {person(n, 'f' if n % 2 else 'm')}" for n in range(60)]
    ehr += [f"9{n} {person(60 + n, 'f').replace('; sex=f', '')}" for n in range(3)]
    bank.deliver("ehr", "\n".join(ehr))
    bank.deliver("survey", "\n".join(ehr[:40]))
    link(bank.home)
    rows = {(r["study"], r["metric"], r["attribute"], r["level"]): r
            for r in bank.table("quality_detail")}  # fmt: skip
    linked = rows["ehr", "linked", "*", "*"]
    assert (linked["n"], linked["n_of"]) == (40, 63)
    assert rows["ehr", "complete", "field", "postcode"]["value"] == 1
    missing = rows["ehr", "linked", "sex", "(missing)"]
    assert missing["is_suppressed"] and missing["n"] is None
    sexes = [rows["ehr", "linked", "sex", level] for level in "fm"]
    assert sum(r["is_suppressed"] for r in sexes) >= 1, "nothing to subtract the small cell from"
    at = [rows["*", "links_at", "threshold", t]["n"] for t in ("0.5", "0.95", "0.99")]
    assert at == sorted(at, reverse=True) and at[1] == 40
    precision = rows["*", "precision", "basis", "model"]
    assert precision["n_of"] == 40 and 0.95 <= precision["value"] <= 1
