"""Who becomes one person, who stays apart, who waits, and who is put in quarantine."""

from __future__ import annotations

import pytest

from biobraid.linkage.link import link
from tests.linkage.conftest import Bank

NHS, NHS_2 = "9434765919", "4010232137"


def test_everyone_of_a_minting_source_becomes_a_person(bank: Bank) -> None:
    bank.deliver("ehr", "1\n2\n3")
    result = link(bank.home)
    ids = bank.who("ehr:1", "ehr:2", "ehr:3")
    assert len(set(ids)) == 3
    assert all(i is not None and 0 < i < 2**63 for i in ids)
    assert result.totals["n_minted"] == result.n_new_persons == 3


def test_an_authoritative_map_links_without_any_other_evidence(bank: Bank) -> None:
    bank.deliver("ehr", "1\n2")
    bank.deliver("gene", "G7 map=ehr:1")
    result = link(bank.home)
    one, two, seven = bank.who("ehr:1", "ehr:2", "gene:G7")
    assert seven == one != two
    assert result.counts["gene"]["n_linked_map"] == 1


@pytest.mark.parametrize(
    ("left", "right", "is_linked"),
    [
        ("birth_date=1950-03-12", "birth_date=12/03/1950", True),
        ("birth_date=1950-03-12; surname=O'Neill", "birth_date=1950; surname=ONEILL", True),
        ("birth_date=1950-03; first_name=Zoë", "birth_date=1950; full_name=Dr Zoe Smith", True),
        ("birth_date=1950-03", "birth_date=1950-03", False),
        ("birth_date=1900-01-01", "birth_date=1900-01-01", False),
        ("birth_date=1950-03-12; surname=Hill", "birth_date=1951-03-12; surname=Hill", False),
        ("surname=Hill; first_name=Jo", "surname=Hill; first_name=Jo", False),
        ("email=a@b.org; phone=02079460000", "email=a@b.org; phone=02079460000", False),
        ("", "", False),
    ],
)
def test_a_shared_nhs_number_links_only_with_corroboration(
    bank: Bank, left: str, right: str, is_linked: bool
) -> None:
    bank.deliver("ehr", f"1 nhs_number=943 476 5919; {left}")
    bank.deliver("survey", f"A nhs_number=943-476-5919; {right}")
    link(bank.home)
    one, other = bank.who("ehr:1", "survey:A")
    assert (one == other) is is_linked
    assert one is not None and other is not None
    assert bank.conflicts() == (set() if is_linked else {"strong-key-uncorroborated"})


@pytest.mark.parametrize("kind", ["email", "phone", "mrn", "postcode"])
def test_what_families_and_hospitals_share_never_links(bank: Bank, kind: str) -> None:
    same = f"{kind}=SW1A 1AA; birth_date=1950-03-12; surname=Hill; first_name=Jo; sex=f"
    bank.deliver("ehr", f"1 {same}")
    bank.deliver("survey", f"A {same}")
    link(bank.home)
    one, other = bank.who("ehr:1", "survey:A")
    assert one != other


@pytest.mark.parametrize("number", ["0000000000", "1111111111", "9434765918", "943476591"])
def test_a_filler_or_mistyped_nhs_number_does_not_link(bank: Bank, number: str) -> None:
    bank.deliver("ehr", f"1 nhs_number={number}; birth_date=1950-03-12; surname=Hill")
    bank.deliver("survey", f"A nhs_number={number}; birth_date=1950-03-12; surname=Hill")
    link(bank.home)
    one, other = bank.who("ehr:1", "survey:A")
    assert one != other


def test_a_strong_key_that_two_of_one_study_hold_links_nobody(bank: Bank) -> None:
    same = f"nhs_number={NHS}; birth_date=1950-03-12"
    bank.deliver("ehr", f"1 {same}\n2 {same}")
    bank.deliver("survey", f"A {same}")
    link(bank.home)
    assert len(set(bank.who("ehr:1", "ehr:2", "survey:A"))) == 3
    assert bank.conflicts() == {"strong-key-shared-in-study"}


def test_two_devices_mapped_to_one_person_are_no_conflict(bank: Bank) -> None:
    bank.deliver("ehr", "1")
    bank.deliver("watch", "W1 map=ehr:1\nW2 map=ehr:1", source="device")
    link(bank.home)
    assert len(set(bank.who("ehr:1", "watch:W1", "watch:W2"))) == 1
    assert bank.conflicts() == set()


@pytest.mark.parametrize(
    ("left", "right", "rule"),
    [
        (f"nhs_number={NHS}", f"nhs_number={NHS_2}", "two-nhs-numbers"),
        ("sex=f", "sex=1", "sex"),
        ("birth_date=1950-03-12", "birth_date=1950-04-13", "birth-date"),
        ("birth_date=1950-03-12", "birth_date=1951", "birth-date"),
    ],
)
def test_a_contradiction_puts_the_whole_cluster_in_quarantine(
    bank: Bank, left: str, right: str, rule: str
) -> None:
    bank.deliver("ehr", f"1 {left}\n2")
    bank.deliver("gene", f"G map=ehr:1; {right}")
    result = link(bank.home)
    assert bank.status("ehr:1", "gene:G", "ehr:2") == ["quarantined", "quarantined", "linked"]
    assert bank.who("ehr:1", "gene:G") == [None, None]
    assert bank.conflicts() == {rule}
    assert result.totals["n_quarantined"] == 2
    assert result.totals["n_conflicts"] == 1


@pytest.mark.parametrize("slip", ["1950-12-03", "1950-03-13", "1950-04-12", "1950-03", "1950"])
def test_one_slip_in_a_birth_date_is_no_contradiction(bank: Bank, slip: str) -> None:
    bank.deliver("ehr", "1 birth_date=1950-03-12")
    bank.deliver("gene", f"G map=ehr:1; birth_date={slip}")
    link(bank.home)
    assert len(set(bank.who("ehr:1", "gene:G"))) == 1


def test_a_map_to_two_persons_sets_only_its_own_source_person_aside(bank: Bank) -> None:
    bank.deliver("ehr", "1\n2")
    bank.deliver("gene", "G map=ehr:1; map=ehr:2")
    link(bank.home)
    assert bank.status("ehr:1", "ehr:2", "gene:G") == ["linked", "linked", "quarantined"]
    assert bank.conflicts() == {"map-to-several"}


def test_two_of_one_study_joined_through_others_are_not_merged(bank: Bank) -> None:
    bank.deliver("ehr", f"1 nhs_number={NHS}; birth_date=1950-03-12\n2")
    bank.deliver("survey", f"A nhs_number={NHS}; birth_date=1950-03-12; map=gene:G")
    bank.deliver("gene", "G national_id=QQ123456C; birth_date=1950-03-12")
    bank.deliver("ehr", "3 national_id=QQ123456C; birth_date=1950-03-12")
    link(bank.home)
    assert bank.status("ehr:1", "ehr:3", "survey:A", "gene:G") == ["quarantined"] * 4
    assert bank.status("ehr:2") == ["linked"]
    assert "two-persons-of-one-study" in bank.conflicts()


def test_source_persons_that_may_not_mint_wait_and_are_counted(bank: Bank) -> None:
    bank.deliver("ehr", "1")
    bank.deliver("watch", "W1 map=ehr:1\nW2\nW3 map=ehr:404", source="device")
    result = link(bank.home)
    assert bank.status("watch:W1", "watch:W2", "watch:W3") == ["linked", "waiting", "waiting"]
    assert result.counts["watch"]["n_waiting"] == 2
    assert result.counts["watch"]["n_maps_unresolved"] == 1


def test_who_waited_joins_when_the_other_study_arrives(bank: Bank) -> None:
    bank.deliver("watch", "W1 map=ehr:1", source="device")
    link(bank.home)
    assert bank.status("watch:W1") == ["waiting"]
    bank.deliver("ehr", "1")
    link(bank.home)
    assert len(set(bank.who("ehr:1", "watch:W1"))) == 1


def test_each_source_person_is_counted_once(bank: Bank) -> None:
    bank.deliver("ehr", f"1 nhs_number={NHS}; birth_date=1950-03-12\n2 sex=m\n3\n4")
    bank.deliver("survey", f"A nhs_number={NHS}; birth_date=1950-03-12\nB map=ehr:2; sex=f")
    bank.deliver("watch", "W1 map=ehr:3\nW2", source="device")
    bank.consent("ehr", {"id": "4", "status": "withdrawn", "level": "no_use"})
    totals = link(bank.home).totals
    assert totals["n_source_persons"] == 8
    parts = ["minted", "linked_map", "linked_strong_key", "waiting", "quarantined", "withdrawn"]
    assert [totals[f"n_{p}"] for p in parts] == [2, 1, 1, 1, 2, 1]
    assert totals["n_persons"] == 2
    quality = {r["metric"]: r["n"] for r in bank.table("quality") if r["study"] == "*"}
    assert quality == totals
