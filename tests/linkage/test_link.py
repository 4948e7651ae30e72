"""Who becomes one person, who stays apart, who waits, and who is put in quarantine."""

from __future__ import annotations

from biobraid.core.schemas import RAW_EVENT, RAW_VALUE
from biobraid.linkage.link import link
from biobraid.linkage.review import Ruling, decide
from tests.linkage.conftest import Bank, nhs

NHS, NHS_2 = nhs(1000), nhs(1001)


def test_everyone_of_a_minting_source_becomes_a_person(bank: Bank) -> None:
    bank.deliver("ehr", "1\n2\n3")
    result = link(bank.home)
    ids = bank.who("ehr:1", "ehr:2", "ehr:3")
    assert len(set(ids)) == 3
    assert all(i is not None and 0 < i < 2**63 for i in ids)
    assert result.totals()["n_minted"] == result.n_new_persons == 3


def test_an_authoritative_map_links_without_any_other_evidence(bank: Bank) -> None:
    bank.deliver("ehr", "1\n2")
    bank.deliver("gene", "G7 map=ehr:1")
    result = link(bank.home)
    one, two, seven = bank.who("ehr:1", "ehr:2", "gene:G7")
    assert seven == one != two
    assert result.by_study["gene"]["n_linked_map"] == 1


CORROBORATION = [
    ("birth_date=1950-03-12", "birth_date=12/03/1950", True),
    ("birth_date=1950-03-12; surname=O'Neill", "birth_date=1950; surname=ONEILL", True),
    ("birth_date=1950-03; first_name=Zoë", "birth_date=1950; full_name=Dr Zoe Smith", True),
    ("birth_date=1950-03-12; surname=Hill", "birth_date=1950-03-13; surname=HILL", True),
    ("birth_date=1950-03", "birth_date=1950-03", False),
    ("birth_date=1900-01-01", "birth_date=1900-01-01", False),
    ("birth_date=1950-03-12; surname=Hill", "birth_date=1951-03-12; surname=Hill", False),
    ("birth_date=1950; first_name=J", "birth_date=1950; first_name=J.", False),
    ("surname=Hill; first_name=Jo", "surname=Hill; first_name=Jo", False),
    ("email=a@b.org; phone=02079460000", "email=a@b.org; phone=02079460000", False),
    ("", "", False),
]


def test_a_shared_nhs_number_links_only_with_corroboration(bank: Bank) -> None:
    lines = [(nhs(n), left, right) for n, (left, right, _) in enumerate(CORROBORATION)]
    bank.deliver(
        "ehr", "\n".join(f"{n} nhs_number={no}; {a}" for n, (no, a, _) in enumerate(lines))
    )
    bank.deliver(
        "survey", "\n".join(f"{n} nhs_number={no}; {b}" for n, (no, _, b) in enumerate(lines))
    )
    link(bank.home)
    conflicts = bank.conflicts_of()
    for n, (left, right, is_linked) in enumerate(CORROBORATION):
        one, other = bank.who(f"ehr:{n}", f"survey:{n}")
        assert one is not None and other is not None
        assert (one == other) is is_linked, (left, right)
        expected = set() if is_linked else {"strong-key-uncorroborated"}
        assert conflicts.get(bank.key("ehr", str(n)), set()) == expected


def test_what_families_and_hospitals_share_never_links(bank: Bank) -> None:
    shared = {
        "email": "hills@mail.org",
        "phone": "020 7946 0000",
        "mrn": "7",
        "postcode": "SW1A 1AA",
    }
    kinds = list(shared)
    for study, first in (("ehr", "Jo"), ("survey", "Al")):
        known = f"birth_date=1950-03-12; surname=Hill; first_name={first}; sex=f"
        bank.deliver(study, "\n".join(f"{k} {k}={v}; {known}" for k, v in shared.items()))
    link(bank.home)
    for kind in kinds:
        one, other = bank.who(f"ehr:{kind}", f"survey:{kind}")
        assert one != other


def test_a_filler_or_mistyped_nhs_number_does_not_link(bank: Bank) -> None:
    numbers = ["0000000000", "1111111111", "9434765918", "943476591"]
    for study in ("ehr", "survey"):
        lines = [f"{n} nhs_number={n}; birth_date=1950-03-12; surname=Hill" for n in numbers]
        bank.deliver(study, "\n".join(lines))
    link(bank.home)
    for number in numbers:
        one, other = bank.who(f"ehr:{number}", f"survey:{number}")
        assert one != other
    assert bank.conflicts() == set()


def test_month_first_dates_are_read_as_the_source_declares(bank: Bank) -> None:
    bank.deliver("ehr", f"1 nhs_number={NHS}; birth_date=1950-03-12")
    bank.deliver("us", f"A nhs_number={NHS}; birth_date=03/12/1950")
    pack = bank.home.studies / "us" / "study.yaml"
    pack.write_text(pack.read_text().replace("person_id: id}", "person_id: id, date_order: mdy}"))
    link(bank.home)
    assert len(set(bank.who("ehr:1", "us:A"))) == 1


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


CONTRADICTIONS = [
    (f"nhs_number={NHS}", f"nhs_number={NHS_2}", {"two-nhs-numbers"}),
    ("sex=f", "sex=1", {"sex"}),
    ("birth_date=1950-03-12", "birth_date=1950-04-13", {"birth-date"}),
    ("birth_date=1950-03-12", "birth_date=1951", {"birth-date"}),
    # one slip of the keyboard, or less known of the date, is no contradiction
    ("birth_date=1950-03-12", "birth_date=1950-12-03", set()),
    ("birth_date=1950-03-12", "birth_date=1950-03-13", set()),
    ("birth_date=1950-03-12", "birth_date=1950-04-12", set()),
    ("birth_date=1950-03-12", "birth_date=1950-03", set()),
    ("birth_date=1950-03-12", "birth_date=1900-01-01", set()),
]


def test_a_contradiction_puts_the_whole_cluster_in_quarantine(bank: Bank) -> None:
    left = [f"{n} {a}" for n, (a, _, _) in enumerate(CONTRADICTIONS)]
    right = [f"{n} map=ehr:{n}; {b}" for n, (_, b, _) in enumerate(CONTRADICTIONS)]
    bank.deliver("ehr", "\n".join(left))
    bank.deliver("gene", "\n".join(right))
    result = link(bank.home)
    conflicts = bank.conflicts_of()
    for n, (a, b, rules) in enumerate(CONTRADICTIONS):
        people = (f"ehr:{n}", f"gene:{n}")
        assert conflicts.get(bank.key("gene", str(n)), set()) == rules, (a, b)
        assert bank.status(*people) == ["quarantined" if rules else "linked"] * 2
        assert bank.who(*people) == [None, None] or not rules
    assert result.totals()["n_quarantined"] == 8
    assert result.totals()["n_conflicts"] == 4


def test_whoever_dies_and_goes_on_elsewhere_is_in_quarantine(bank: Bank) -> None:
    """person | died in ehr | last seen by gene"""
    cases = [("1", "2015-06-01", "2018-01-01", True), ("2", "2015-06-01", "2015-06-20", False),
             ("3", "2015-06-01", "2015-05-01", False), ("4", "2015-06-01", "2018-01-01", True)]  # fmt: skip
    bank.deliver("ehr", "\n".join(n for n, *_ in cases))
    bank.deliver("gene", "\n".join(f"{n} map=ehr:{n}" for n, *_ in cases))
    bank.land(RAW_EVENT, "ehr", *(
        {"id": n, "kind": "death", "start_time": died} for n, died, *_ in cases))  # fmt: skip
    # Records of the dead person's own study after the death are for the checks to find.
    bank.land(RAW_EVENT, "ehr", {"id": "3", "kind": "visit", "start_time": "2020-01-01"})
    bank.land(RAW_EVENT, "gene", *(
        {"id": n, "kind": "specimen", "start_time": seen} for n, _, seen, _ in cases[:3]))  # fmt: skip
    bank.land(
        RAW_VALUE, "gene", {"id": "4", "variable": "v", "value": "1", "start_time": cases[3][2]}
    )
    link(bank.home)
    for n, _, _, is_torn in cases:
        rules = {"death-before-event"} if is_torn else set()
        assert bank.conflicts_of().get(bank.key("gene", n), set()) == rules
        status = "quarantined" if is_torn else "linked"
        assert bank.status(f"ehr:{n}", f"gene:{n}") == [status] * 2
    pair = f"{bank.key('ehr', '1')}:{bank.key('gene', '1')}"
    decide(bank.home, [Ruling(pair, "same")], "steward", "2026-01-01")
    link(bank.home)
    assert bank.status("ehr:1", "gene:1", "gene:4") == ["linked", "linked", "quarantined"]


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
    assert result.by_study["watch"]["n_waiting"] == 2
    assert result.by_study["watch"]["n_maps_unresolved"] == 1


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
    totals = link(bank.home).totals()
    assert totals["n_source_persons"] == 8
    parts = ["minted", "linked_map", "linked_strong_key", "waiting", "quarantined", "withdrawn"]
    assert [totals[f"n_{p}"] for p in parts] == [2, 1, 1, 1, 2, 1]
    assert totals["n_persons"] == 2
    quality = {r["metric"]: r["n"] for r in bank.table("quality") if r["study"] == "*"}
    assert quality == totals
