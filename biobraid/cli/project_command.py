"""biobraid project create|list."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from biobraid.cli.main import Invocation
from biobraid.cli.steps import writing
from biobraid.core.home import open_home
from biobraid.core.schemas import MODALITIES


@click.group("project")
def command() -> None:
    """Create and list projects: a purpose with its people, modalities and date policy."""


@command.command("create")
@click.argument("name")
@click.option("--title", default="", help="Title in words.")
@click.option("--purpose", default="", help="What the data are for.")
@click.option(
    "--modality", "modalities", multiple=True, type=click.Choice(MODALITIES),
    help="Modality the project may see (repeatable); default: all.",
)  # fmt: skip
@click.option(
    "--dates", type=click.Choice(["shift", "year", "exact"]), default="shift", show_default=True,
    help="What it sees of dates.",
)  # fmt: skip
@click.option("--expiry", type=click.DateTime(["%Y-%m-%d"]), help="Last day it may get data.")
@click.pass_obj
def create(
    call: Invocation,
    name: str,
    title: str,
    purpose: str,
    modalities: tuple[str, ...],
    dates: str,
    expiry: datetime | None,
) -> None:
    """Make the project NAME."""
    from biobraid.export.project import DatePolicy, create_project

    made = create_project(
        open_home(call.home),
        name,
        title=title,
        purpose=purpose,
        modalities=list(modalities) or None,
        date_policy=DatePolicy.model_validate({"kind": dates}),
        expiry=expiry.date() if expiry else None,
    )
    call.out.say(f"Project {name}: {made.folder}")
    call.out.say(f"Next: biobraid release {name} RELEASE_NAME")
    call.out.result({"project": name, "folder": str(made.folder)})


@command.command("list")
@click.pass_obj
def list_projects(call: Invocation) -> None:
    """List the projects and their releases."""
    from biobraid.export.project import open_project, project_names

    home = open_home(call.home)
    rows = []
    for name in project_names(home):
        settings = open_project(home, name).settings
        folder = home.releases / name
        made = [p.name for p in sorted(folder.glob("*/")) if p.name != "current"]
        expiry = settings.expiry.isoformat() if settings.expiry else None
        rows.append([name, settings.title, settings.date_policy.kind, expiry, ", ".join(made)])
    header = ["project", "title", "dates", "expiry", "releases"]
    call.out.table("", header, rows)
    call.out.result({"projects": [dict(zip(header, row, strict=True)) for row in rows]})


@command.command("rotate-key")
@click.argument("name")
@click.option("--reason", required=True, help="Why: kept in the journal.")
@click.pass_obj
def rotate(call: Invocation, name: str, reason: str) -> None:
    """Give the project NAME a new key: later releases have other ids, tokens and date shifts."""
    from biobraid.export.bridging import rotate_key
    from biobraid.export.project import open_project

    with writing(call, "project rotate-key") as (home, run):
        project = rotate_key(open_project(home, name))
        version = project.settings.key_version
        run.detail.update({"project": name, "key_version": version, "reason": reason})
    call.out.say(f"Project {name} has version {version} of its key. Release it again; cohorts are")
    call.out.say("made anew on that release. For whoever must follow people across the two:")
    call.out.say(f"  biobraid project bridge {name} --from {version - 1} --to {version} --out FILE")
    call.out.result({"project": name, "key_version": version})


@command.command("bridge")
@click.argument("name")
@click.option("--from", "version", type=click.IntRange(1), help="Version of the key; default: now.")
@click.option("--with", "other", help="Another project; default: NAME itself.")
@click.option("--to", "other_version", type=click.IntRange(1), help="Its version; default: now.")
@click.option("--reason", required=True, help="Who approved it: kept in the journal.")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="CSV to write."
)
@click.pass_obj
def bridge(
    call: Invocation, name: str, version: int | None, other: str | None,
    other_version: int | None, reason: str, out: Path,
) -> None:  # fmt: skip
    """Write which id of project NAME is which of another project or key. Needs an approval."""
    from biobraid.export.bridging import write_bridge
    from biobraid.export.project import open_project

    with writing(call, "project bridge") as (home, run):
        side = (name, version or open_project(home, name).settings.key_version)
        beside = other or name
        to = (beside, other_version or open_project(home, beside).settings.key_version)
        if side == to:
            raise click.UsageError("Both sides are the same: say --with, or --from and --to.")
        n = write_bridge(home, side, to, out)
        run.detail.update({"from": list(side), "to": list(to), "n": n, "reason": reason})
    call.out.say(f"{n} pairs of ids: {out}  (who holds this file can join the two)")
    call.out.result({"bridge": str(out), "n": n})
