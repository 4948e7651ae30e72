"""Person ids through time: re-runs, new deliveries, merges, withdrawals."""

from __future__ import annotations

import pytest

from biobraid.core.manifest import Manifest
from biobraid.linkage.link import link
from tests.linkage.conftest import Bank, nhs

ONE = f"nhs_number={nhs(1)}; birth_date=1950-03-12"


def test_a_second_run_changes_nothing_at_all(bank: Bank) -> None:
    bank.deliver("ehr", f"1 {ONE}\n2")
    bank.deliver("gene", f"G {ONE}\nH map=ehr:2")
    first = link(bank.home)
    vault = sorted(p.name for p in (bank.home.vault / "tables").iterdir())
    with Manifest(bank.home) as manifest:
        before = manifest.fingerprints()
    again = link(bank.home)
    assert again.changed == () and again.n_new_persons == 0
    assert (again.by_study, again.run_id) == (first.by_study, first.run_id)
    with Manifest(bank.home) as manifest:
        assert manifest.fingerprints() == before
    assert sorted(p.name for p in (bank.home.vault / "tables").iterdir()) == vault


def test_the_bridge_says_nothing_by_its_order(bank: Bank) -> None:
    bank.deliver("ehr", "\n".join(map(str, range(40))))
    link(bank.home)
    keys = [r["source_person_key"] for r in bank.table("person_bridge")]
    assert keys == sorted(keys, key=str)


def test_a_file_taken_twice_changes_nothing(bank: Bank) -> None:
    for _ in range(2):
        bank.deliver("ehr", f"1 {ONE}", batch="a" * 16)
        result = link(bank.home)
    assert result.n_files_taken == 1 and result.changed == ()
    assert bank.vault("SELECT count(*) FROM identifier WHERE type = 'nhs_number'") == [(1,)]
    assert list(bank.home.inbox.iterdir()) == []


def test_identities_of_a_file_that_has_not_landed_stay_in_the_inbox(bank: Bank) -> None:
    path = bank.deliver("ehr", "1")
    other = path.with_name("ehr-main-ffffffffffffffff.parquet.enc")
    path.rename(other)
    assert link(bank.home).totals() == {}
    assert other.exists()


def test_a_correction_replaces_the_value_it_corrects_in_any_order_of_files(bank: Bank) -> None:
    bank.deliver("ehr", f"1 nhs_number={nhs(2)}; surname=Hill", delivery=2)
    link(bank.home)
    bank.deliver("ehr", f"1 nhs_number={nhs(3)}; email=a@b.org", delivery=1)
    link(bank.home)
    query = "SELECT type, value FROM identifier WHERE type <> 'native_id' ORDER BY type"
    assert bank.vault(query) == [
        ("email", "a@b.org"), ("nhs_number", nhs(2)), ("surname", "Hill"),
    ]  # fmt: skip


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_new_members_join_and_no_id_changes_without_an_event(
    bank: Bank, order: tuple[int, int, int]
) -> None:
    files = [("ehr", f"1 {ONE}\n2"), ("gene", "G map=ehr:1"), ("survey", f"A {ONE}\nB")]
    bank.deliver("first", "X map=ehr:2")
    link(bank.home)
    x = bank.who("first:X")
    for n in order:
        before = bank.persons()
        bank.deliver(*files[n])
        link(bank.home)
        after = bank.persons()
        changed = {(k, v) for k, v in before.items() if v and after[k] != v}
        merged = "SELECT source_person_key, person_id_before FROM person_event WHERE type = 'merge'"
        assert changed <= set(bank.vault(merged))
    assert len(set(bank.who("ehr:1", "gene:G", "survey:A"))) == 1
    assert bank.who("ehr:2") == x
    assert len(set(bank.persons().values())) == 3


def test_the_same_vault_gives_the_same_map_in_any_order_of_files(bank: Bank) -> None:
    files = [("ehr", f"1 {ONE}\n2 sex=m"), ("gene", "G map=ehr:1"), ("survey", f"A {ONE}\nB")]
    for file in files:
        bank.deliver(*file)
    link(bank.home)
    first = bank.table("person_bridge")
    for n, (study, text) in enumerate(reversed(files)):
        bank.deliver(study, text, delivery=n + 1)
        link(bank.home)
    assert bank.table("person_bridge") == first


def test_a_merge_keeps_the_older_id_and_is_written_down(bank: Bank) -> None:
    bank.deliver("ehr", "1")
    link(bank.home)
    bank.deliver("survey", "A")
    link(bank.home)
    older, newer = bank.who("ehr:1", "survey:A")
    assert older != newer
    bank.deliver("gene", "G map=ehr:1; map=survey:A")
    result = link(bank.home)
    assert bank.who("ehr:1", "survey:A", "gene:G") == [older] * 3
    assert result.n_merged_persons == 1 and result.n_new_persons == 0
    assert bank.vault("SELECT person_id, successor_person_id FROM person WHERE status = 'merged'") == [
        (newer, older)
    ]  # fmt: skip
    assert bank.vault(
        "SELECT person_id_before, person_id_after FROM person_event WHERE type = 'merge'"
    ) == [(newer, older)]
    was = "SELECT person_id FROM person_member WHERE source_person_key = '{}' AND valid_to_run = 3"
    assert bank.vault(was.format(bank.key("survey", "A"))) == [(newer,)]


def test_a_conflict_that_is_resolved_leaves_quarantine(bank: Bank) -> None:
    bank.deliver("ehr", "1 sex=m")
    bank.deliver("gene", "G map=ehr:1; sex=f")
    link(bank.home)
    assert bank.status("ehr:1", "gene:G") == ["quarantined"] * 2
    bank.deliver("gene", "G sex=m", delivery=2)
    link(bank.home)
    assert bank.status("ehr:1", "gene:G") == ["linked"] * 2
    assert bank.conflicts() == set()


def test_who_withdraws_from_all_use_is_no_longer_linked(bank: Bank) -> None:
    bank.deliver("ehr", "1\n2\n3")
    link(bank.home)
    first = bank.who("ehr:1", "ehr:2")
    bank.consent(
        "ehr",
        {"id": "1", "status": "withdrawn", "level": "no_use"},
        {"id": "2", "status": "withdrawn", "level": "no_access", "start_time": "2020-05-01"},
        {"id": "9", "status": "withdrawn", "level": "no_use"},
    )
    result = link(bank.home)
    assert bank.status("ehr:1", "ehr:2", "ehr:3", "ehr:9") == [
        "withdrawn", "linked", "linked", "withdrawn",
    ]  # fmt: skip
    assert result.totals()["n_withdrawn"] == 2
    assert result.totals()["n_without_identity"] == 0
    consents = {r["person_id"]: (r["level"], r["effective_from"]) for r in bank.table("consent")}
    assert consents == {first[0]: ("no_use", None), first[1]: ("no_access", "2020-05-01")}


def test_a_withdrawal_from_one_study_leaves_the_others_linked(bank: Bank) -> None:
    bank.deliver("ehr", "1")
    bank.deliver("gene", "G map=ehr:1")
    bank.deliver("survey", "A map=ehr:1")
    link(bank.home)
    person = bank.who("survey:A")[0]
    bank.consent("ehr", {"id": "1", "status": "withdrawn", "level": "no_use"})
    link(bank.home)
    assert bank.status("ehr:1", "gene:G", "survey:A") == ["withdrawn", "linked", "linked"]
    assert bank.who("ehr:1", "gene:G", "survey:A") == [None, person, person]
    assert bank.table("consent") == []


def test_a_withdrawn_source_person_links_nobody(bank: Bank) -> None:
    bank.deliver("ehr", f"1 {ONE}")
    bank.deliver("survey", f"A {ONE}")
    bank.consent("ehr", {"id": "1", "status": "withdrawn", "level": "no_use"})
    link(bank.home)
    assert bank.status("ehr:1", "survey:A") == ["withdrawn", "linked"]
    assert bank.vault("SELECT * FROM edge") == []


def test_only_a_later_consent_lifts_a_withdrawal(bank: Bank) -> None:
    def record(
        person: str, status: str, day: str | None, level: str | None = None
    ) -> dict[str, object]:
        return {"id": person, "status": status, "start_time": day, "level": level}

    bank.deliver("ehr", "lifted\nearlier\nundated\nweaker\nimaging")
    bank.consent(
        "ehr",
        record("lifted", "withdrawn", "2020-01-01", "no_use"), record("lifted", "given", "2021-01-01"),
        record("earlier", "given", "2019-01-01"), record("earlier", "withdrawn", "2020-01-01"),
        record("undated", "withdrawn", None, "no_use"), record("undated", "given", "2021-01-01"),
        record("weaker", "withdrawn", "2020-01-01", "no_use"),
        record("weaker", "withdrawn", "2021-01-01", "no_contact"),
        record("imaging", "refused", "2020-01-01") | {"modality": "imaging"},
        record("imaging", "given", "2020-01-01"),
    )  # fmt: skip
    link(bank.home)
    people = ["lifted", "earlier", "undated", "weaker", "imaging"]
    assert bank.status(*(f"ehr:{p}" for p in people)) == [
        "linked", "withdrawn", "withdrawn", "withdrawn", "linked",
    ]  # fmt: skip
    imaging = bank.who("ehr:imaging")[0]
    assert {(r["modality"], r["status"]) for r in bank.table("consent") if r["person_id"] == imaging} == {
        ("imaging", "refused"), ("*", "given"),
    }  # fmt: skip


def test_one_studys_consent_does_not_undo_a_refusal_to_another(bank: Bank) -> None:
    bank.deliver("ehr", "1")
    bank.deliver("gene", "G map=ehr:1")
    bank.consent("ehr", {"id": "1", "status": "refused", "start_time": "2015-01-01"})
    bank.consent("gene", {"id": "G", "status": "given", "start_time": "2020-01-01"})
    link(bank.home)
    assert [(r["status"], r["effective_from"]) for r in bank.table("consent")] == [
        ("refused", "2015-01-01")
    ]


def test_a_dry_run_counts_and_writes_nothing(bank: Bank) -> None:
    path = bank.deliver("ehr", "1\n2")
    result = link(bank.home, dry_run=True)
    assert result.is_dry_run and result.totals()["n_minted"] == 2
    assert path.exists() and not list((bank.home.vault / "tables").iterdir())
    with Manifest(bank.home) as manifest:
        assert manifest.objects() == {}
