"""Carrying out a withdrawal, stage by stage, until nothing of the person is left.

    landing    tokens against a new delivery; rows, inbox and other holders erased
    vault      identifiers and links forgotten; the bridge made anew
    warehouse  built afresh in a new file, so that no deleted byte stays; saved models go
    projects   releases and exports that hold the person listed; cohorts and weights rewritten

Each stage may be repeated. An order whose stages are not all done stays in the home, and the
same command goes on with it; until then its people are in no new release.
"""

from __future__ import annotations

import secrets
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from biobraid.cli.build import build
from biobraid.cli.build_afresh import begin_afresh
from biobraid.core.errors import KeyFileError
from biobraid.core.holders import HOLDERS, Gone, in_order
from biobraid.core.home import Home
from biobraid.core.keys import ingest_keys
from biobraid.core.manifest import Manifest
from biobraid.core.orders import (
    BULK_DUE,
    Level,
    Order,
    drop_order,
    finish_stage,
    open_orders,
    save_order,
)
from biobraid.core.suppress import suppress_token
from biobraid.export.holdings import drop_from_projects, drop_from_weights, every_id, holdings
from biobraid.export.register import Found, list_withdrawn
from biobraid.ingest.erasure import put_statement, suppress
from biobraid.linkage.link import link
from biobraid.linkage.withdrawal import Note, forget, note_withdrawal, reach

STAGES = ("landing", "vault", "warehouse", "projects")
OnStage = Callable[[str, float | None], None]


@dataclass
class Outcome:
    """What became of one order."""

    order: Order
    erased: Counter[str] = field(default_factory=Counter)  # by holder
    listed: list[tuple[str, str, str, int]] = field(default_factory=list)  # with n ids
    waits_for: str = ""  # the role whose key is missing


def place_order(
    home: Home,
    named: Sequence[str],
    study: str,
    level: Level,
    modality: str,
    effective_from: date,
    today: date,
    everywhere: bool = False,
) -> tuple[Order, int]:
    """The order for these source persons, kept; and how many of them the vault does not know.

    An open order of the same content is taken up again instead.
    """
    found = reach(home, named, study, everywhere)
    order = Order(
        secrets.token_hex(6), level, study, modality, effective_from.isoformat(),
        today.isoformat(), found.keys, found.gone, found.touched,
    )  # fmt: skip
    for other in open_orders(home):
        if (other.keys, other.level, other.study, other.modality) == (
            order.keys, order.level, order.study, order.modality,
        ):  # fmt: skip
            return other, found.n_unknown
    save_order(home, order)
    return order, found.n_unknown


def gone_of(order: Order, today: date) -> Gone:
    """Whom the order takes out of what ingest wrote."""
    after = order.effective_from if order.level == "no_access" else None
    return Gone(frozenset(order.keys), order.modality, after, today)


def carry_out(home: Home, orders: Sequence[Order], today: date, on_stage: OnStage) -> list[Outcome]:
    """Do the stages that are left, of all orders together, so that there is one build.

    The caller holds the home's writer lock. Without the release key the last stage waits, and
    the orders stay open.
    """
    outcomes = [Outcome(order) for order in orders]
    for number, stage in enumerate(STAGES):
        todo = [o for o in outcomes if stage not in o.order.done]
        if not todo:
            continue
        on_stage(stage, number / len(STAGES))
        try:
            _DO[stage](home, todo, today)
        except KeyFileError:
            if stage != "projects":
                raise
            for outcome in todo:
                outcome.waits_for = "release"
            return outcomes
        for outcome in todo:
            outcome.order = finish_stage(home, outcome.order, stage)
    for outcome in outcomes:
        drop_order(home, outcome.order)
    return outcomes


def rewrite_due(home: Home, today: date) -> list[str]:
    """Let holders rewrite the bulk whose day has come; returns their names."""
    with Manifest(home) as manifest:
        waiting: dict[str, dict[str, str]] = manifest.note(BULK_DUE, {})
        due = {name for days in waiting.values() for name, day in days.items()
               if day <= today.isoformat() and name in HOLDERS}  # fmt: skip
        for name in sorted(due):
            rewrite = HOLDERS[name].rewrite
            if rewrite is not None and rewrite(home) is False:
                due.discard(name)
        left = {order: {n: day for n, day in days.items() if n not in due}
                for order, days in waiting.items()}  # fmt: skip
        if due:
            with manifest.transaction():
                manifest.set_note(BULK_DUE, {o: days for o, days in left.items() if days})
    return sorted(due)


def _landing(home: Home, todo: Sequence[Outcome], today: date) -> None:
    keys = ingest_keys(home)
    for outcome in todo:
        order = outcome.order
        with Manifest(home) as manifest:
            suppress(manifest, keys, order)
            put_statement(home, manifest, keys, order)
        if order.level == "no_contact":
            continue
        for name, holder in in_order():
            erased = holder.erase(home, gone_of(order, today))
            outcome.erased[name] += erased.n
            if (
                erased.due is not None
            ):  # at once: when it is repeated, nothing may be found any more
                _note_due(home, order, name, erased.due)


def _note_due(home: Home, order: Order, holder: str, day: date) -> None:
    with Manifest(home) as manifest, manifest.transaction():
        waiting = manifest.note(BULK_DUE, {})
        mine = {holder: day.isoformat(), **waiting.get(order.order_id, {})}
        manifest.set_note(BULK_DUE, {**waiting, order.order_id: mine})


def _vault(home: Home, todo: Sequence[Outcome], _today: date) -> None:
    keys = ingest_keys(home)
    for outcome in todo:
        order = outcome.order
        tokens = [suppress_token(keys, k) for k in order.keys]
        note = Note(order.order_id, order.study, order.level, order.modality, order.effective_from)
        if order.erases_all:
            outcome.erased["vault"] += forget(home, order.keys, order.gone, tokens, note)
        else:
            note_withdrawal(home, tokens, note)
    link(home)


def _warehouse(home: Home, todo: Sequence[Outcome], _today: date) -> None:
    erasing = [o for o in todo if o.order.level != "no_contact"]
    if erasing:
        # They hold rows they were trained on; which, nobody can tell any more.
        shutil.rmtree(home.kernels, ignore_errors=True)
    if not home.warehouse.is_file():
        return
    if erasing:
        persons = sorted({p for o in erasing for p in o.order.persons})
        n = begin_afresh(home, persons)
        erasing[0].erased["imputed values, weights"] += n
        with Manifest(home) as manifest:
            has_genotypes = bool(manifest.note("genotype_qc"))
        if has_genotypes:  # counts over samples are those of the others now
            from biobraid.quality.genotypes import refresh_qc

            refresh_qc(home)
    build(home)


def _projects(home: Home, todo: Sequence[Outcome], today: date) -> None:
    due = (today + timedelta(days=home.settings.withdrawal_grace_days)).isoformat()
    for outcome in todo:
        order = outcome.order
        if order.level == "no_contact" or not order.persons:
            continue
        for held_in, ids in holdings(home, order.persons):
            entry = held_in
            # Who withdrew in part stays as to the rest, also where one study alone knew them.
            whole, part = (order.gone, order.touched) if order.erases_all else ((), order.persons)
            for scope, people in (("*", whole), (_scope(order), part)):
                held = tuple(sorted(i for i, person in ids.items() if person in set(people)))
                if held:
                    order_id = order.order_id if scope == "*" else f"{order.order_id}-part"
                    found = Found(order_id, order.ordered_on, due, scope, held)
                    entry = list_withdrawn(home, entry, found)
            outcome.listed.append((entry.project, entry.kind, entry.name, len(ids)))
        if order.erases_all:
            ids_by_project = every_id(home, order.persons)
            outcome.erased["cohorts"] += drop_from_projects(home, ids_by_project)
            outcome.erased["weights of reports"] += drop_from_weights(
                home, order.persons, ids_by_project
            )


def _scope(order: Order) -> str:
    """Which of a person's data are to be dropped where the person stays."""
    if order.level == "no_access":
        return f"{order.study}, after {order.effective_from}"
    return f"{order.study}, {order.modality}" if order.modality != "*" else order.study


_DO: dict[str, Callable[[Home, Sequence[Outcome], date], None]] = {
    "landing": _landing, "vault": _vault, "warehouse": _warehouse, "projects": _projects,
}  # fmt: skip
