"""biobraid subject report|rectify|restrict."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import click

from biobraid.cli.main import Invocation
from biobraid.cli.people import study_of, those_named
from biobraid.cli.steps import build_step, link_step, writing
from biobraid.core.errors import Fault, LinkageError, SettingsError
from biobraid.core.files import write_text
from biobraid.core.home import Home
from biobraid.core.schemas import IDENTITY_TYPES

_STUDY = click.option("--study", required=True, help="Study that knows the person by this id.")


@click.group("subject")
def command() -> None:
    """Rights of one person: access, correction, restriction."""


def _today() -> date:
    return datetime.now(UTC).date()


def _one(home: Home, study: str, person: str) -> str:
    """The source person; LinkageError if the vault does not know them."""
    from biobraid.linkage.rights import vault_report

    (key,) = those_named(home, study_of(home, study), person)[:1]
    if not vault_report(home, [key])["source_record"]:
        raise LinkageError(
            Fault(f"study {study}", "nobody is known there by this id", "a native id of the study",
                  "Check the id; whoever withdrew from all use is not known any more.")
        )  # fmt: skip
    return key


@command.command("report")
@click.argument("person")
@_STUDY
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), required=True,
    help="JSON file to write, outside the home.",
)  # fmt: skip
@click.pass_obj
def report(call: Invocation, person: str, study: str, out: Path) -> None:
    """Everything held about PERSON, from every study that knows them, for a request of access.

    The file holds identifiers: it is readable by you only, and must not stay.
    """
    from biobraid.cli.subject import subject_report

    with writing(call, "subject report") as (home, run):
        if out.resolve().is_relative_to(home.root):
            raise SettingsError(
                Fault("--out", "the report would lie inside the home", "a file elsewhere",
                      "It holds identifiers, which end at the vault.")
            )  # fmt: skip
        found = subject_report(home, _one(home, study, person))
        write_text(out, json.dumps(found, indent=1, default=str, ensure_ascii=False) + "\n", 0o600)
        counts = {name: len(rows) for name, rows in found["held"].items() if rows}
        run.detail["rows"] = sum(counts.values())
    call.out.table(
        f"Held, written to {out}", ["where", "rows"], [[k, n] for k, n in counts.items()]
    )
    for gap in found["not_looked_at"]:
        call.out.warn(gap)
    call.out.result({"report": str(out), "rows": counts})


@command.command("rectify")
@click.argument("person")
@_STUDY
@click.option("--type", "kind", type=click.Choice(IDENTITY_TYPES), required=True)
@click.option("--value", required=True, help="What is right.")
@click.option("--reason", required=True, help="Who asked, and why it is believed.")
@click.pass_obj
def rectify(call: Invocation, person: str, study: str, kind: str, value: str, reason: str) -> int:
    """Put an identifier of PERSON right, link again, and keep what was there as history.

    A later delivery that repeats the wrong value is corrected again.
    """
    from biobraid.linkage.rights import rectify as put_right

    with writing(call, "subject rectify") as (home, run):
        key = _one(home, study, person)
        n = put_right(home, [key], kind, value, _today().isoformat(), reason)
        call.out.say(f"{n} values of {kind} corrected; the old ones are in the vault's history.")
        call.out.result({"corrected": n})
        return link_step(call, home, run) or build_step(call, home, run)


@command.command("restrict")
@click.argument("person")
@_STUDY
@click.option("--reason", default="", help="Who asked, and why.")
@click.option("--lift", is_flag=True, help="Process the person's data again.")
@click.pass_obj
def restrict(call: Invocation, person: str, study: str, reason: str, lift: bool) -> int:
    """Stop processing PERSON's data without erasing them: no warehouse, release or export."""
    from biobraid.linkage.rights import restrict as stop
    from biobraid.linkage.withdrawal import reach

    with writing(call, "subject restrict") as (home, run):
        keys = reach(home, [_one(home, study, person)], study).keys
        n = stop(home, keys, _today().isoformat(), reason, lift)
        call.out.say(f"{n} source persons {'processed again' if lift else 'restricted'}")
        call.out.result({"changed": n, "lifted": lift})
        return link_step(call, home, run) or build_step(call, home, run)
