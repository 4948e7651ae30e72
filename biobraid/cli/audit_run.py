"""What the audit verbs do: open the subject, audit, keep, report."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from biobraid.cli.audit_card import write_card
from biobraid.cli.audit_reference import reference_of_call
from biobraid.cli.audit_subject import Opened, Subject, chosen, min_cell_of, opened
from biobraid.cli.main import Invocation
from biobraid.core.errors import Fault, SettingsError
from biobraid.core.home import Home, open_home
from biobraid.core.lock import writer
from biobraid.core.runs import code_version
from biobraid.quality.bias.audit import Asked, Audited, audit
from biobraid.quality.bias.frame import set_name
from biobraid.quality.bias.margins import read_margins, unknown_to
from biobraid.quality.bias.people import choose_people, read_people
from biobraid.quality.bias.reference import Reference
from biobraid.quality.bias.report import write_report
from biobraid.quality.bias.sections_people import COHORT
from biobraid.quality.bias.sentences import write_rai
from biobraid.quality.bias.store import (
    keep_in_warehouse,
    payload,
    weight_table,
    write_payload,
    write_weights,
)


def run_audit(
    call: Invocation, home: Home, run_id: str, given: dict[str, Any]
) -> tuple[Audited, Path]:
    """Audit, keep the exact rows (warehouse only), write audit.json, audit.html and cards."""
    subject = chosen(given["release"], given["cohort"], given["export"])
    reference = reference_of_call(home, given)
    with writer(home):
        return audit_subject(call, home, run_id, subject, reference, given)


def audit_subject(
    call: Invocation, home: Home, run_id: str, subject: Subject, reference: Reference | None,
    given: Mapping[str, Any],
) -> tuple[Audited, Path]:  # fmt: skip
    """What run_audit does, for a caller who is the home's writer."""
    named = _named_sets(given["sets"])
    with opened(home, subject, write=subject.kind == "warehouse") as source:
        asked = _asked(home, run_id, subject, given, source, named)
        with call.out.progress("audit") as progress:
            progress(subject.title, None)
            done = audit(source.con, reference, asked, source.person_id)
        if subject.kind == "warehouse":
            keep_in_warehouse(source.con, done, [COHORT, *(set_name(s) for s in named or ())])
    folder = subject.folder(home)
    content = payload(done)
    written = [write_payload(folder, content), write_rai(folder, content)]
    written += write_card(home, subject, folder, content)
    written.append(write_report(folder, content))
    if subject.kind == "export" and COHORT in done.weights:
        written.append(folder / "weights.parquet")
        write_weights(done, COHORT, written[-1])
    _say(call, done, written)
    return done, folder


def check_margins(call: Invocation, file: Path, rescale: bool) -> None:
    """Check a margins file; unknown levels are warnings, everything else is an error."""
    reference = read_margins(file, rescale=rescale)
    warnings: list[Fault] = []
    try:
        home = open_home(call.home)
    except SettingsError:
        home = None
    if home is not None and home.warehouse.is_file():
        with opened(home, Subject("warehouse")) as source:
            choose_people(source.con)
            frame = read_people(source.con, reference)
        warnings = unknown_to(reference, {a.key: a.levels for a in frame.attributes})
    call.out.table(
        f"{file.name}: population {reference.reference_id}, {reference.population:,.0f} people",
        ["margin", "attributes", "scheme", "levels", "source", "as of"],
        [[m.margin_id, " x ".join(k[0] for k in m.keys), " x ".join(k[1] for k in m.keys),
          len(m.n), m.source, m.as_of] for m in reference.margins],
    )  # fmt: skip
    for fault in warnings:
        call.out.warn(f"Warning: {fault.text()}")
    call.out.result({
        "population": reference.reference_id, "n": reference.population,
        "margins": [m.margin_id for m in reference.margins],
        "warnings": [f.text() for f in warnings],
    })  # fmt: skip


def make_weights(
    call: Invocation, home: Home, run_id: str, name: str, given: dict[str, Any]
) -> None:
    """Rake one set; keep its weights where they belong."""
    subject = chosen(given["release"], given["cohort"], given["export"])
    reference = reference_of_call(home, given)
    if reference is None:
        raise click.UsageError("weights need --margins FILE, or audit_margins in biobraid.toml")
    from biobraid.quality.bias.sections_people import weight_rows

    with writer(home), opened(home, subject, write=subject.kind == "warehouse") as source:
        choose_people(source.con, source.person_id)
        frame = read_people(source.con, reference, given["by"])
        members = tuple(m for m in name.split("+") if m)
        strange = [m for m in members if m not in frame.modalities]
        if strange:
            raise SettingsError(
                Fault("--set", f"nobody has {', '.join(strange)}", ", ".join(frame.modalities))
            )
        members = tuple(m for m in frame.modalities if m in members)
        asked = _asked(home, run_id, subject, {**given, "boot": 20}, source, [])
        done = Audited(asked, reference.reference_id)
        rows, weights = weight_rows(frame, reference, [members] if members else [])
        done.add("weight_diagnostic", rows[-1:])
        wanted = set_name(members) or COHORT
        done.weights = {wanted: weights[wanted]} if wanted in weights else {}
        where = ""
        if done.weights and subject.kind == "warehouse":
            keep_in_warehouse(source.con, done, [wanted])
            where = f"audit.person_weight, weight_set_id {run_id}:{wanted}"
        elif done.weights:
            path = subject.folder(home) / f"weights-{wanted.strip('()').replace('/', '_')}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_weights(done, wanted, path)
            where = str(path)
    row = done.shown()["weight_diagnostic"][0]
    call.out.table(f"Weights of {wanted}, {subject.title}", ["", ""],
                   [[k, v] for k, v in row.items() if v is not None and k != "run_id"])  # fmt: skip
    call.out.say(f"\nWeights: {where}" if where else "\nNo weights were made.")
    n = weight_table(done, wanted).num_rows if done.weights else 0
    call.out.result({"set": wanted, "diagnostic": row, "is_refused": n == 0, "weights": where})


def _asked(
    home: Home, run_id: str, subject: Subject, given: Mapping[str, Any], source: Opened,
    named: list[tuple[str, ...]] | None,
) -> Asked:  # fmt: skip
    exposure = given.get("exposure")
    if exposure and "=" not in exposure:
        raise click.UsageError("--exposure takes ATTRIBUTE=LEVEL")
    return Asked(
        run_id, subject.title, min_cell_of(home, subject), code_version(), given["boot"],
        given["seed"], given["by"], named, given.get("outcome"),
        tuple(exposure.split("=", 1)) if exposure else None, given.get("site") or "region",
        source.features, tuple(given["attributes"]),
    )  # fmt: skip


def _named_sets(sets: str) -> list[tuple[str, ...]] | None:
    if sets == "all":
        return None
    return [] if sets == "none" else [tuple(s.split("+")) for s in sets.split(",")]


def _say(call: Invocation, done: Audited, written: list[Path]) -> None:
    rows = []
    for table, verdict in done.verdicts().items():
        if table in ("run", "reference_margin"):
            continue
        shown = [r for r in done.shown()[table] if r["verdict"] == verdict]
        rows.append([table, verdict, len(shown), shown[0]["reason"] if shown else ""])
    rows += [[t, "not_assessed", 0, why] for t, why in done.not_assessed.items()]
    call.out.table(
        f"Audit of the {done.asked.subject}", ["section", "verdict", "rows", "e.g."], rows
    )
    for path in written:
        call.out.say(f"{path.name}: {path}")
    call.out.result({
        "subject": done.asked.subject, "verdicts": done.verdicts(),
        "not_assessed": done.not_assessed, "files": [str(p) for p in written],
    })  # fmt: skip
