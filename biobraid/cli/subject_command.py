"""biobraid subject report|rectify|restrict."""

from __future__ import annotations

import json
from pathlib import Path

import click

from biobraid.cli.main import Invocation
from biobraid.cli.people import STUDY, one_person, today
from biobraid.cli.steps import build_step, link_step, writing
from biobraid.cli.subject_rectify import rectify
from biobraid.core.errors import Fault, SettingsError
from biobraid.core.files import write_text


@click.group("subject")
def command() -> None:
    """Rights of one person: access, correction, restriction."""


@command.command("report")
@click.argument("person")
@STUDY
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
        found = subject_report(home, one_person(home, study, person))
        write_text(out, json.dumps(found, indent=1, default=str, ensure_ascii=False) + "\n", 0o600)
        counts = {name: len(rows) for name, rows in found["held"].items() if rows}
        run.detail["rows"] = sum(counts.values())
    call.out.table(
        f"Held, written to {out}", ["where", "rows"], [[k, n] for k, n in counts.items()]
    )
    for gap in found["not_looked_at"]:
        call.out.warn(gap)
    call.out.result({"report": str(out), "rows": counts})


@command.command("restrict")
@click.argument("person")
@STUDY
@click.option("--reason", default="", help="Who asked, and why.")
@click.option("--lift", is_flag=True, help="Process the person's data again.")
@click.pass_obj
def restrict(call: Invocation, person: str, study: str, reason: str, lift: bool) -> int:
    """Stop processing PERSON's data without erasing them: no warehouse, release or export."""
    from biobraid.linkage.rights import restrict as stop
    from biobraid.linkage.withdrawal import reach

    with writing(call, "subject restrict") as (home, run):
        keys = reach(home, [one_person(home, study, person)], study).keys
        n = stop(home, keys, today().isoformat(), reason, lift)
        call.out.say(f"{n} source persons {'processed again' if lift else 'restricted'}")
        call.out.result({"changed": n, "lifted": lift})
        return link_step(call, home, run) or build_step(call, home, run)


command.add_command(rectify)
