"""biobraid withdraw."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import click

from biobraid.cli.main import Invocation
from biobraid.cli.people import study_of, those_named
from biobraid.cli.steps import writing
from biobraid.core.home import Home
from biobraid.core.orders import LEVELS, Level, Order, open_orders
from biobraid.core.schemas import MODALITIES

if TYPE_CHECKING:
    from biobraid.cli.withdraw import Outcome


@click.command("withdraw")
@click.argument("person_or_file", required=False)
@click.option("--study", help="Study the person withdraws from.")
@click.option("--level", type=click.Choice(LEVELS), help="Default: what the study declares.")
@click.option(
    "--modality", type=click.Choice(["*", *MODALITIES]), default="*", show_default=True,
    help="What is withdrawn; * for everything.",
)  # fmt: skip
@click.option(
    "--from", "effective", type=click.DateTime(["%Y-%m-%d"]),
    help="Day from which it holds. [default: today]",
)  # fmt: skip
@click.option("--everywhere", is_flag=True, help="From every study that knows the same person.")
@click.option("--pending", is_flag=True, help="Those whose landed consent withdraws all use.")
@click.option(
    "--later", is_flag=True, help="Only order it: masked at once, erased by the next run."
)
@click.option("--lift", is_flag=True, help="Let the person be landed again.")
@click.option("--dry-run", is_flag=True, help="Say what would go; change nothing.")
@click.pass_obj
def command(
    call: Invocation,
    person_or_file: str | None,
    study: str | None,
    level: Level | None,
    modality: str,
    effective: datetime | None,
    everywhere: bool,
    pending: bool,
    later: bool,
    lift: bool,
    dry_run: bool,
) -> int:
    """Take a person out, as far as the LEVEL says; PERSON_OR_FILE is a native id or a list.

    no_contact is a flag. no_access drops what is dated after the day. no_use erases
    everything, to the byte, and keeps later deliveries from bringing it back. Without an
    argument, goes on with what a kill or a missing key left undone. Needs the ingest and the
    link key; without the release key, releases that hold the person are listed later.
    """
    today = datetime.now(UTC).date()
    day = effective.date() if effective else today
    if person_or_file is not None and study is None:
        raise click.UsageError("PERSON_OR_FILE needs --study: ids mean nothing without it.")
    with writing(call, "withdraw") as (home, run):
        if lift:
            return _lift(call, home, person_or_file, study, modality, day)
        asked = _asked(home, person_or_file, study, level, pending)
        if dry_run:
            return _dry_run(call, home, asked, modality, day, today, everywhere)
        orders = open_orders(home)
        for name, named, how in asked:
            orders.append(_place(call, home, named, name, how, modality, day, today, everywhere))
        if later:
            return _ordered(call, orders)
        outcomes = _carry_out(call, home, list({o.order_id: o for o in orders}.values()), today)
        run.detail["withdrawals"] = [
            {"order": o.order.order_id, "level": o.order.level, "source_persons": len(o.order.keys)}
            for o in outcomes
        ]
    return _report(call, outcomes)


def _asked(
    home: Home, person_or_file: str | None, study: str | None, level: Level | None, pending: bool
) -> list[tuple[str, Sequence[str], Level]]:
    """(study, source persons, level) of what was asked for."""
    from biobraid.linkage.withdrawal import withdrawn_keys

    asked: list[tuple[str, Sequence[str], Level]] = []
    if person_or_file is not None and study is not None:
        pack = study_of(home, study)
        declared = pack.withdrawals.level if pack.withdrawals else None
        if level is None and declared is None:
            raise click.UsageError(f"Say --level: study '{study}' declares none.")
        asked.append(
            (study, those_named(home, pack, person_or_file), level or declared or "no_use")
        )
    if pending:
        asked += [(name, keys, "no_use") for name, keys in withdrawn_keys(home, study).items()]
    return asked


def _place(
    call: Invocation, home: Home, named: Sequence[str], study: str, level: Level, modality: str,
    day: date, today: date, everywhere: bool,
) -> Order:  # fmt: skip
    from biobraid.cli.withdraw import place_order

    order, n_unknown = place_order(home, named, study, level, modality, day, today, everywhere)
    if n_unknown:
        call.out.warn(
            f"{n_unknown} of {len(named)} are not known in {study}: nothing of them is held; "
            "later deliveries of theirs will not land."
        )
    return order


def _ordered(call: Invocation, orders: Sequence[Order]) -> int:
    for order in orders:
        call.out.say(
            f"Ordered: {order.order_id}, {order.level} of {order.modality} from {order.study}"
        )
    call.out.say("Its people are in no new release. To erase: biobraid withdraw")
    call.out.result({"ordered": [order.order_id for order in orders]})
    return 0


def _carry_out(call: Invocation, home: Home, orders: Sequence[Order], today: date) -> list[Outcome]:
    from biobraid.cli.withdraw import carry_out, rewrite_due

    for name in rewrite_due(home, today):
        call.out.say(f"Rewritten without the withdrawn: {name}")
    with call.out.progress("withdraw") as update:
        return carry_out(home, orders, today, update)


def _report(call: Invocation, outcomes: Sequence[Outcome]) -> int:
    if not outcomes:
        call.out.say("Nothing to do: nobody is named and nothing was left undone.")
    for done in outcomes:
        order = done.order
        call.out.say(
            f"Withdrawal {order.order_id}: {order.level} of {order.modality} from {order.study}, "
            f"{len(order.keys)} source persons, {len(order.gone)} persons gone altogether"
        )
        rows = [[name, n] for name, n in sorted(done.erased.items()) if n]
        if rows:
            call.out.table("Erased", ["where", "rows"], rows)
        if done.listed:
            call.out.table(
                "Releases and exports that hold them (biobraid register ids PROJECT NAME)",
                ["project", "kind", "name", "persons"],
                [list(row) for row in done.listed],
            )
        if done.waits_for:
            call.out.warn(
                f"The {done.waits_for} key is missing: releases, exports and cohorts that hold the "
                "person are not listed yet. Run `biobraid withdraw` where that key is."
            )
    call.out.result({
        "withdrawals": [
            {"order": o.order.order_id, "level": o.order.level, "study": o.order.study,
             "n_source_persons": len(o.order.keys), "n_persons_gone": len(o.order.gone),
             "erased": dict(o.erased), "waits_for": o.waits_for or None,
             "listed": [dict(zip(("project", "kind", "name", "n"), r, strict=True)) for r in o.listed]}
            for o in outcomes
        ]
    })  # fmt: skip
    return 12 if any(o.waits_for for o in outcomes) else 0


def _dry_run(
    call: Invocation, home: Home, asked: Sequence[tuple[str, Sequence[str], Level]], modality: str,
    day: date, today: date, everywhere: bool,
) -> int:  # fmt: skip
    from biobraid.cli.withdraw import gone_of
    from biobraid.core.holders import HOLDERS
    from biobraid.linkage.withdrawal import reach

    for study, named, level in asked:
        found = reach(home, named, study, everywhere)
        order = Order("", level, study, modality, day.isoformat(), today.isoformat(), found.keys)
        held: dict[str, int] = {}
        if level != "no_contact":
            for holder in HOLDERS.values():
                held |= holder.find(home, gone_of(order, today))
        call.out.table(
            f"{level} of {modality} from {study} would reach {len(found.keys)} source persons, "
            f"{len(found.gone)} persons altogether",
            ["where", "rows"], [[name, n] for name, n in sorted(held.items())],
        )  # fmt: skip
        call.out.result({"would_reach": {"study": study, "n_source_persons": len(found.keys),
                         "n_persons_gone": len(found.gone), "rows": held}})  # fmt: skip
    return 0


def _lift(
    call: Invocation, home: Home, person_or_file: str | None, study: str | None, modality: str,
    day: date,
) -> int:  # fmt: skip
    from biobraid.cli.withdraw_lift import lift

    if person_or_file is None or study is None:
        raise click.UsageError("--lift needs PERSON_OR_FILE and --study.")
    named = those_named(home, study_of(home, study), person_or_file)
    n = lift(home, named, study, modality, day)
    call.out.say(f"{n} of {len(named)} may be landed again, from the next delivery on.")
    call.out.result({"lifted": n})
    return 0
