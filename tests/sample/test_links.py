"""Who is who over six studies: the truth agrees with the rules tried on the delivered files."""

from __future__ import annotations

import csv
import gzip
import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from biobraid.ingest.sample.links import PLACES
from tests.sample.conftest import Sample

Key = tuple[str, str]  # study, native id


@dataclass(frozen=True)
class Person:
    """What one record of a study tells about its person."""

    nhs: str
    birth: str
    names: frozenset[str]


def people_of(deliveries: Path) -> dict[Key, Person]:
    """Every source person with its identifiers, read from the delivered files."""
    found: dict[Key, Person] = {}

    def add(study: str, native: str, nhs: str, birth: str, *names: str) -> None:
        found[(study, native)] = Person(nhs.replace(" ", ""), birth, frozenset(names))

    for r in _rows(deliveries / "ukdemo/enrolment/register.csv"):
        day, month, year = r["date_of_birth"].split("/")
        add("ukdemo", r["eid"], r["nhs_number"], f"{year}-{month}-{day}",
            r["first_name"], r["surname"])  # fmt: skip
    for r in _rows(deliveries / "riverside/baseline.csv", ";", "latin-1"):
        if None in r.values():
            continue  # the ragged row is rejected whole
        month, day, year = r["dob"].split("/") if r["dob"] else ("", "", "")
        birth = f"{year}-{month}-{day}" if year else ""
        add("riverside", r["participant_id"], r["nhs_no"], birth, r["first_name"], r["surname"])
    for study in ("northgate", "southgate"):
        for path in sorted((deliveries / study).glob("*_full/Patient.*")):
            for line in gzip.decompress(path.read_bytes()).decode().splitlines():
                p = json.loads(line)
                nhs = [i["value"] for i in p["identifier"] if "nhs-number" in i["system"]]
                [name] = p["name"]
                add(study, p["id"], "".join(nhs), p["birthDate"], *name["given"], name["family"])
    for r in _rows(deliveries / "mindwell/MindWell_DATA_2023-02-01.csv"):
        if r["last_name"]:
            add("mindwell", r["record_id"], r["nhs_number"], r["dob"],
                r["first_name"], r["last_name"])  # fmt: skip
    for r in _rows(deliveries / "valley/person.csv"):
        add("valley", r["person_id"], "", r["birth_datetime"][:10])
    return found


def clusters_of(deliveries: Path, people: dict[Key, Person]) -> dict[Key, Key]:
    """The representative of each source person's cluster, by the rules of linkage."""
    gone = {
        ("ukdemo", line)
        for path in (deliveries / "ukdemo/withdrawals").iterdir()
        for line in path.read_text().split()
    }
    root = {key: key for key in people if key not in gone}

    def top(key: Key) -> Key:
        while root[key] != key:
            key = root[key]
        return key

    def join(left: Key, right: Key) -> None:
        if left in root and right in root:
            root[max(top(left), top(right))] = min(top(left), top(right))

    for r in _rows(deliveries / "riverside/link_to_ukdemo.csv"):
        join(("riverside", r["participant_id"]), ("ukdemo", r["ukdemo_eid"]))
    for r in _rows(deliveries / "valley/link_to_cohorts.csv"):
        for column, study in (("ukdemo_eid", "ukdemo"), ("riverside_id", "riverside")):
            if r[column]:
                join(("valley", r["person_id"]), (study, r[column]))
    holders: dict[str, list[Key]] = defaultdict(list)
    for key in root:
        if len(people[key].nhs) == 10:
            holders[people[key].nhs].append(key)
    for keys in holders.values():
        if len({study for study, _ in keys}) < len(keys):
            continue  # two persons of one study hold it
        for left in keys:
            for right in keys:
                if left < right and _corroborated(people[left], people[right]):
                    join(left, right)
    return {key: top(key) for key in root}


def _corroborated(a: Person, b: Person) -> bool:
    if len(a.birth) == 10 and a.birth == b.birth:
        return True
    return a.birth[:4] == b.birth[:4] != "" and bool(a.names & b.names)


def _rows(path: Path, delimiter: str = ",", encoding: str = "utf-8") -> list[dict[str, str]]:
    with path.open(encoding=encoding, newline="") as lines:
        return list(csv.DictReader(lines, delimiter=delimiter))


def test_truth_tells_the_clusters_that_the_rules_find(sample: Sample) -> None:
    people = people_of(sample.deliveries)
    found = clusters_of(sample.deliveries, people)
    truth = sample.persons()
    ids = {"ukdemo": "eid", "riverside": "riverside_id"} | {
        place: f"{place}_id" for place in PLACES[2:]
    }
    expected: dict[Key, tuple[int, int]] = {}
    for place in PLACES:
        for person, native, label in zip(
            truth["person"], truth[ids[place]], truth[f"cluster_{place}"], strict=True
        ):
            if label is not None:
                expected[(place, str(native))] = (person, label)  # type: ignore[assignment]
    unknown = set(found) - set(expected)
    assert {study for study, _ in unknown} == {"northgate"}, "the second registration"
    assert len(unknown) == 1
    pairs = {(expected[key], found[key]) for key in expected}
    assert len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})


def test_people_are_known_in_several_places(sample: Sample) -> None:
    truth = sample.persons()
    known = [
        sum(label is not None for label in labels)
        for labels in zip(*(truth[f"cluster_{place}"] for place in PLACES), strict=True)
    ]
    assert max(known) >= 5
    assert sum(n >= 2 for n in known) > 0.4 * len(known)
    for place, share in (("northgate", 0.16), ("southgate", 0.12), ("valley", 0.10)):
        n = sum(label is not None for label in truth[f"cluster_{place}"])
        assert abs(n / len(known) - share) < 0.02


def test_a_hospital_s_patients_are_like_everybody(sample: Sample) -> None:
    """Membership depends on nothing, so that effects are those of the population."""
    truth = sample.persons()
    for place in PLACES[2:]:
        here = [label is not None for label in truth[f"cluster_{place}"]]
        bmi = [float(v) for v, h in zip(truth["bmi"], here, strict=True) if h]  # type: ignore[arg-type]
        everybody = [float(v) for v in truth["bmi"]]  # type: ignore[arg-type]
        assert abs(sum(bmi) / len(bmi) - sum(everybody) / len(everybody)) < 0.6
