"""Links by score: what is accepted, what is left to people, and what no score may do."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest
from splink.internals.exceptions import SplinkException

from biobraid.linkage import scoring
from biobraid.linkage.link import link
from biobraid.linkage.review import Ruling, decide, list_pairs
from biobraid.linkage.selection import _greedy
from biobraid.linkage.shadow import shadow_link
from tests.linkage.conftest import Bank, nhs

JO = "first_name=Joanna; surname=Hargreaves; birth_date=1950-03-12; sex=f; postcode=LS6 2AB"
JO_MISTYPED = "first_name=Joana; surname=Hargreaves; birth_date=1950-03-12; sex=f; postcode=LS6 2AB"
TWIN = "first_name=Miriam; surname=Hargreaves; birth_date=1950-03-12; sex=f; postcode=LS6 2AB"
SON = "first_name=Joanna; surname=Hargreaves; sex=f; postcode=LS6 2AB"
OTHER = "first_name=Piotr; surname=Lund; birth_date=1971-11-30; sex=m; postcode=CF10 3AT"


def test_people_without_a_key_are_linked_by_score_and_twins_are_not(bank: Bank) -> None:
    bank.deliver("ehr", f"1 {JO}\n2 {OTHER}")
    bank.deliver("survey", f"A {JO_MISTYPED}\nB {TWIN}\nC {OTHER}")
    result = link(bank.home)
    one, two, a, b, c = bank.who("ehr:1", "ehr:2", "survey:A", "survey:B", "survey:C")
    assert one == a and two == c and b not in (one, two)
    assert result.totals()["n_linked_probabilistic"] == 2
    methods = {(r["method"], r["certainty"] >= 0.95) for r in bank.table("person_bridge")}
    assert methods == {("minted", True), ("probabilistic", True)}
    splink_left = "SELECT table_name FROM information_schema.tables WHERE table_schema <> 'main'"
    assert bank.vault(splink_left) == []


@pytest.mark.parametrize(("other", "reason"), [(TWIN, "first-name"), (SON, "birth-date")])
def test_what_a_family_looks_like_goes_to_review(bank: Bank, other: str, reason: str) -> None:
    bank.deliver("ehr", f"1 {JO}; email=jo@mail.org")
    bank.deliver("survey", f"A {other}; email=jo@mail.org")
    link(bank.home)
    assert len(set(bank.who("ehr:1", "survey:A"))) == 2
    assert [p["reason"] for p in list_pairs(bank.home)] == [reason]


def test_two_that_fit_equally_well_are_both_left_to_a_human(bank: Bank) -> None:
    bank.deliver("ehr", f"1 {JO}")
    bank.deliver("survey", f"A {JO}\nB {JO}")
    result = link(bank.home)
    assert len(set(bank.who("ehr:1", "survey:A", "survey:B"))) == 3
    assert {p["reason"] for p in list_pairs(bank.home)} == {"tie"}
    assert result.totals()["n_pairs_to_review"] == 2
    assert link(bank.home).changed == (), "nor is anything else found the second time"


def test_a_source_that_is_not_duplicate_free_may_hold_a_person_twice(bank: Bank) -> None:
    bank.deliver("clinic", f"1 {JO}\n2 {JO_MISTYPED}\n3 {OTHER}")
    pack = bank.home.studies / "clinic" / "study.yaml"
    pack.write_text(pack.read_text().replace("person_id: id}", "person_id: id, duplicate_free: false}", 1))  # fmt: skip
    link(bank.home)
    one, two, three = bank.who("clinic:1", "clinic:2", "clinic:3")
    assert one == two != three
    assert bank.conflicts() == set()


def test_the_best_are_joined_first_and_nobody_twice() -> None:
    def claims() -> dict[str, dict[str, str]]:
        return {u: {f"study:{u[0]}": u} for u in ("a1", "a2", "b1", "c1")}

    pairs = [("a1", "b1", "a1", "b1", 0.999, None), ("b1", "c1", "b1", "c1", 0.99, None),
             ("a2", "b1", "a2", "b1", 0.98, None), ("a2", "c1", "a2", "c1", 0.97, None)]  # fmt: skip
    found = {(left, right): (d, why) for left, right, d, why in _greedy(pairs, claims())}
    assert found == {
        ("a1", "b1"): ("accepted", None), ("b1", "c1"): ("accepted", None),
        ("a2", "b1"): ("refused", "rival:study"), ("a2", "c1"): ("refused", "rival:study"),
    }  # fmt: skip


def test_a_score_never_merges_two_persons_who_stand(bank: Bank) -> None:
    bank.deliver("ehr", f"1 {JO}")
    bank.deliver("survey", "A first_name=Joanna; surname=Hargreaves")
    link(bank.home)
    before = bank.who("ehr:1", "survey:A")
    bank.deliver("survey", f"A {JO}", delivery=2)
    link(bank.home)
    assert bank.who("ehr:1", "survey:A") == before and before[0] != before[1]
    [pair] = list_pairs(bank.home)
    assert pair["reason"] == "merge-proposal" and pair["probability"] > 0.95
    assert shadow_link(bank.home).n_source_persons["would-merge"] == 2
    assert bank.who("ehr:1", "survey:A") == before, "a shadow changes nothing"
    decide(bank.home, [Ruling(pair["item"], "same")], "tester", "2026-01-01")
    assert link(bank.home).n_merged_persons == 1
    assert len(set(bank.who("ehr:1", "survey:A"))) == 1
    assert shadow_link(bank.home).n_source_persons["same"] == 2


def test_scores_that_stand_are_kept_when_others_arrive(bank: Bank) -> None:
    bank.deliver("ehr", f"1 {JO}\n2 {OTHER}")
    bank.deliver("survey", f"A {JO_MISTYPED}")
    link(bank.home)
    before, ids = bank.vault("FROM pair_score"), bank.persons()
    bank.deliver("survey", f"C {OTHER}\nD first_name=Ann; surname=Lund; birth_date=1980-01-01")
    link(bank.home)
    assert set(before) < set(bank.vault("FROM pair_score"))
    assert ids.items() <= bank.persons().items()
    assert len(set(bank.who("ehr:2", "survey:C"))) == 1


def test_a_strong_key_without_corroboration_is_no_better_for_a_score(bank: Bank) -> None:
    known = f"nhs_number={nhs(5)}; birth_date=1950-03"
    bank.deliver("ehr", f"1 {known}")
    bank.deliver("survey", f"A {known}")
    link(bank.home)
    assert len(set(bank.who("ehr:1", "survey:A"))) == 2
    assert {p["reason"] for p in list_pairs(bank.home)} <= {"strong-key-uncorroborated"}


def test_where_memory_does_not_do_the_records_are_looked_at_in_smaller_slices(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    def scarce(*given: Any) -> None:
        tried.append(given[-1])
        if given[-1] < 8:
            try:
                raise duckdb.OutOfMemoryException("could not pin block")
            except duckdb.Error as error:
                raise SplinkException("as splink wraps it") from error
        in_chunks(*given)

    in_chunks = scoring._score_in_chunks
    monkeypatch.setattr(scoring, "_score_in_chunks", scarce)
    bank.deliver("ehr", f"1 {JO}\n2 {OTHER}")
    bank.deliver("survey", f"A {JO_MISTYPED}\nC {OTHER}")
    link(bank.home)
    assert tried == [1, 2, 4, 8]
    assert bank.who("ehr:1", "ehr:2") == bank.who("survey:A", "survey:C")
