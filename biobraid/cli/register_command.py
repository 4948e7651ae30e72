"""biobraid register list|handover|acknowledge|close|ids."""

from __future__ import annotations

import csv
import io
import shutil
from dataclasses import asdict, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import click

from biobraid.cli.main import Invocation
from biobraid.cli.steps import writing
from biobraid.core.files import write_text
from biobraid.core.home import open_home
from biobraid.export.register import (
    Entry,
    Kind,
    acknowledge,
    close,
    entries,
    find_entry,
    folder_of,
    put,
)

_KIND = click.option(
    "--kind", type=click.Choice(["release", "export"]), help="If both are so called."
)


@click.group("register")
def command() -> None:
    """Releases and exports: recipient, purpose, expiry, and withdrawals still in them."""


def _today() -> date:
    return datetime.now(UTC).date()


@command.command("list")
@click.option("--overdue", is_flag=True, help="Only what has expired or should have been dropped.")
@click.pass_obj
def list_entries(call: Invocation, overdue: bool) -> None:
    """Every release and export, with who has it and what is overdue."""
    today = _today()
    found = [e for e in entries(open_home(call.home)) if e.overdue(today) or not overdue]
    header = ["project", "kind", "name", "persons", "recipient", "expires", "to drop", "overdue"]
    call.out.table("", header, [
        [e.project, e.kind, e.name, e.n_persons, e.recipient, e.expires_on,
         len(e.ids_to_drop), ", ".join(e.overdue(today))]
        for e in found
    ])  # fmt: skip
    call.out.result({"register": [_shown(e, today) for e in found]})


def _shown(entry: Entry, today: date) -> dict[str, Any]:
    """An entry without the ids to drop, which `register ids` gives."""
    row = asdict(entry) | {"overdue": entry.overdue(today)}
    for withdrawal in row["withdrawals"]:
        withdrawal["n_ids"] = len(withdrawal.pop("ids"))
    return row


@command.command("handover")
@click.argument("project")
@click.argument("name")
@_KIND
@click.option("--to", "recipient", required=True, help="Who gets it: an institution, a contract.")
@click.option("--purpose", help="What for; default: the project's.")
@click.option("--expires", type=click.DateTime(["%Y-%m-%d"]), help="Last day it may be kept.")
@click.pass_obj
def handover(
    call: Invocation, project: str, name: str, kind: Kind | None, recipient: str,
    purpose: str | None, expires: datetime | None,
) -> None:  # fmt: skip
    """Enter who was given the release or export NAME of PROJECT."""
    with writing(call, "register handover") as (home, _):
        entry = find_entry(home, project, name, kind)
        changed = replace(
            entry,
            recipient=recipient,
            purpose=purpose or entry.purpose,
            handed_over_on=_today().isoformat(),
            expires_on=expires.date().isoformat() if expires else entry.expires_on,
        )
        put(home, changed)
    call.out.say(f"{changed.key}: with {recipient}, until {changed.expires_on or 'no stated day'}")
    call.out.result({"entry": _shown(changed, _today())})


@command.command("acknowledge")
@click.argument("project")
@click.argument("name")
@_KIND
@click.option("--order", help="Only this withdrawal; default: the terms and all of them.")
@click.pass_obj
def acknowledged(
    call: Invocation, project: str, name: str, kind: Kind | None, order: str | None
) -> None:
    """Enter the recipient's word that the terms hold and the withdrawn were dropped."""
    with writing(call, "register acknowledge") as (home, _):
        changed = acknowledge(find_entry(home, project, name, kind), _today(), order)
        put(home, changed)
    call.out.say(f"{changed.key}: acknowledged")
    call.out.result({"entry": _shown(changed, _today())})


@command.command("close")
@click.argument("project")
@click.argument("name")
@_KIND
@click.option("--how", type=click.Choice(["returned", "destroyed"]), required=True)
@click.option("--delete", is_flag=True, help="Also remove our own copy.")
@click.pass_obj
def close_entry(
    call: Invocation, project: str, name: str, kind: Kind | None, how: str, delete: bool
) -> None:
    """Enter that the recipient's copy is gone; the ids to drop are then forgotten."""
    with writing(call, "register close") as (home, _):
        entry = find_entry(home, project, name, kind)
        if delete:
            shutil.rmtree(folder_of(home, entry), ignore_errors=True)
        changed = close(entry, _today(), how)
        put(home, changed)
    call.out.say(f"{changed.key}: {how}{', our copy deleted' if delete else ''}")
    call.out.result({"entry": _shown(changed, _today())})


@command.command("ids")
@click.argument("project")
@click.argument("name")
@_KIND
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="CSV to write.")
@click.pass_obj
def ids(call: Invocation, project: str, name: str, kind: Kind | None, out: Path | None) -> None:
    """Project ids that the holder of NAME has to drop, with what of them."""
    entry = find_entry(open_home(call.home), project, name, kind)
    rows = [{"person_id": i, "drop": w.scope, "due_on": w.due_on, "withdrawal": w.order_id}
            for w in entry.withdrawals for i in w.ids]  # fmt: skip
    text = io.StringIO()
    writer = csv.DictWriter(
        text, ["person_id", "drop", "due_on", "withdrawal"], lineterminator="\n"
    )
    writer.writeheader()
    writer.writerows(rows)
    if out is not None:
        write_text(out, text.getvalue(), mode=0o600)
        call.out.say(f"{len(rows)} rows: {out}")
    else:
        call.out.say(text.getvalue().rstrip())
    call.out.result({"ids": rows})
