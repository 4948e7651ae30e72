"""Judge what was delivered since the last acceptance, and remember what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb

from biobraid.core.home import Home
from biobraid.core.manifest import Manifest
from biobraid.core.study import Study
from biobraid.core.warehouse import duckdb_settings
from biobraid.quality.contract.data_docs import clear_pages
from biobraid.quality.contract.deliveries import Waiting, read_note, waiting, write_note
from biobraid.quality.contract.limits import prepare_limits
from biobraid.quality.contract.measures import Measure, measures
from biobraid.quality.contract.profile import Profile
from biobraid.quality.contract.rules import BY_MEASURE, CRITICAL, sentence
from biobraid.quality.contract.scan import profile_all
from biobraid.quality.contract.suite import limit_of, read_suite, screen

SITE = "contract"  # folder of the Data Docs in reports/


@dataclass(frozen=True)
class Complaint:
    """One expectation that one item of a source does not meet, as a sentence for the provider."""

    study: str
    source: str  # "*" for an expectation that is not about single measures
    item: str
    rule: str
    is_breach: bool  # of severity critical: the delivery is refused
    text: str


@dataclass
class Judged:
    """What came of one study: complaints, with the measures and deliveries behind them."""

    study: str
    deliveries: list[Waiting]
    profiles: dict[str, Profile]
    measures: list[Measure]
    complaints: list[Complaint] = field(default_factory=list)
    why: str = ""  # reason for which a breach was accepted

    @property
    def breaches(self) -> list[Complaint]:
        """Complaints that refuse the delivery."""
        return [c for c in self.complaints if c.is_breach]

    @property
    def state(self) -> str:
        """passed, refused, or accepted in spite of breaches."""
        if not self.breaches:
            return "passed"
        return "accepted" if self.why else "refused"

    def of_source(self, source: str, is_breach: bool) -> list[Complaint]:
        """Complaints about a source; one about the whole study is about each of its sources."""
        return [
            c for c in self.complaints if c.is_breach == is_breach and c.source in (source, "*")
        ]


def judge(
    home: Home, studies: Sequence[Study], *, everything: bool = False, always_gx: bool = False
) -> list[Judged]:
    """Judge the waiting deliveries of the studies; nothing is remembered yet.

    everything: deliveries that were accepted as well. always_gx: have Great Expectations judge,
    and build the Data Docs, even if no critical limit of a suite is passed; otherwise it is
    loaded only where one is.
    """
    found = _measured(home, studies, everything)
    if not found:
        return []
    suites = {j.study: read_suite(home, j.study) for j in found}
    asked = []
    for one in found:
        warned = None if always_gx else screen(suites[one.study], one.measures)
        if warned is None:
            asked.append(one)
        for expectation, items in warned or ():
            one.complaints += _complaints(one, expectation, items)
    site = home.reports / SITE
    if not asked:
        clear_pages(site)
        return found
    from biobraid.quality.contract.gx import validate

    failed = validate(home.tmp, {j.study: (suites[j.study], j.measures) for j in asked}, site)
    for one in asked:
        for failure in failed[one.study]:
            one.complaints += _complaints(one, failure.expectation, failure.items)
    return found


def _measured(home: Home, studies: Sequence[Study], everything: bool) -> list[Judged]:
    with Manifest(home) as manifest:
        deliveries = waiting(manifest, studies, everything)
        if not deliveries:
            return []
        home.tmp.mkdir(exist_ok=True)
        con = duckdb.connect(config={**duckdb_settings(home.settings, home.tmp)})
        try:
            con.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
            prepare_limits(con, home, manifest, sorted({d.study.id for d in deliveries}))
            profiles = profile_all(con, home.landing, deliveries)
        finally:
            con.close()
    by_study: dict[str, Judged] = {}
    for delivery in deliveries:
        study = delivery.study.id
        one = by_study.setdefault(study, Judged(study, [], {}, []))
        one.deliveries.append(delivery)
        profile = one.profiles[delivery.source_id] = profiles[(study, delivery.source_id)]
        one.measures += measures(delivery, profile, home.settings.min_cell)
    return list(by_study.values())


def _complaints(
    judged: Judged, expectation: Mapping[str, Any], items: Sequence[tuple[str, str]]
) -> list[Complaint]:
    """The sentences of one failed expectation."""
    by_item = {(m.source, m.item): m for m in judged.measures}
    column = str(expectation["kwargs"].get("column", ""))
    rule = BY_MEASURE.get(column)
    is_breach = expectation.get("severity", CRITICAL) == CRITICAL
    name = expectation.get("meta", {}).get("rule") or column or expectation["type"]
    said = str(expectation.get("description") or expectation["type"].replace("_", " "))
    found = []
    for source, item in items:
        measure = by_item[(source, item)]
        if rule is not None and column in measure.values:
            text = sentence(rule, measure, said, limit_of(expectation))
        else:
            text = f"{judged.study}/{source}, {item}: not as expected. Expected: {said}."
        found.append(Complaint(judged.study, source, item, name, is_breach, text))
    if not items:
        text = f"{judged.study}: not as expected. Expected: {said}."
        found.append(Complaint(judged.study, "*", "", name, is_breach, text))
    return found


def summary(judged: Judged) -> dict[str, Any]:
    """A study's judgement as JSON data."""
    return {
        "study": judged.study,
        "state": judged.state,
        "why": judged.why,
        "sources": [d.source_id for d in judged.deliveries],
        "n_measures": sum(len(m.values) for m in judged.measures),
        "breaches": [c.text for c in judged.breaches],
        "warnings": [c.text for c in judged.complaints if not c.is_breach],
    }


def remember(home: Home, judged: Sequence[Judged], run_id: str, at: str) -> None:
    """Put every judgement into the manifest; what passed or was accepted is the new reference.

    One transaction: a kill leaves all of it or nothing, and the next run judges again.
    """
    with Manifest(home) as manifest, manifest.transaction():
        for one in judged:
            for delivery in one.deliveries:
                note = read_note(manifest, one.study, delivery.source_id)
                note["judged"] = _judgement(one, delivery.source_id) | {"run_id": run_id, "at": at}
                _remember(note, one, delivery, home.settings.min_cell)
                write_note(manifest, one.study, delivery.source_id, note)


def _judgement(judged: Judged, source: str) -> dict[str, Any]:
    """What is said of one source."""
    breaches = [c.text for c in judged.of_source(source, True)]
    state = "passed" if not breaches else "accepted" if judged.why else "refused"
    delivery = next(d for d in judged.deliveries if d.source_id == source)
    return {
        "state": state,
        "why": judged.why if state == "accepted" else "",
        "n_files": len(delivery.files),
        "n_records": judged.profiles[source].n_read,
        "breaches": breaches,
        "warnings": [c.text for c in judged.of_source(source, False)],
    }


def _remember(note: dict[str, Any], judged: Judged, delivery: Waiting, min_cell: int) -> None:
    """Make the delivery the reference, unless it was refused."""
    source, state = delivery.source_id, note["judged"]["state"]
    if state == "accepted":
        note.setdefault("accepted", []).append(note["judged"])
    if state == "refused":
        return
    kept = judged.profiles[source].kept(min_cell)
    is_new = not set(delivery.batches) <= set(note.get("batches", ()))
    if is_new or "reference" not in note or not delivery.is_increment:
        reference = kept.after(delivery.reference, delivery.is_increment)
        note["reference"] = reference.to_json()
        note["before"] = delivery.reference.to_json() if delivery.reference else None
    batches = set(delivery.batches)
    if delivery.source.delivery in ("append", "delta"):
        batches |= set(note.get("batches", ()))
    note["batches"], note["last"] = sorted(batches), list(delivery.batches)
