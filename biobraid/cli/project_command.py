"""biobraid project create|list."""

from __future__ import annotations

from datetime import datetime

import click

from biobraid.cli.main import Invocation
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
