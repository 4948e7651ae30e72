"""biobraid release PROJECT NAME."""

from __future__ import annotations

import click

from biobraid.cli.main import Invocation
from biobraid.cli.steps import recorded


@click.command("release")
@click.argument("project", required=False)
@click.argument("name", required=False)
@click.option("--internal", is_flag=True, help="Unscoped: real person ids and dates; no PROJECT.")
@click.option("--dry-run", is_flag=True, help="Say what the release would hold.")
@click.pass_obj
def command(
    call: Invocation, project: str | None, name: str | None, internal: bool, dry_run: bool
) -> None:
    """Make an immutable release NAME of the warehouse for one PROJECT.

    Consent, withdrawals, project ids and the date policy are applied. Needs the release key.
    """
    from biobraid.export.release import release

    if name is None:  # with --internal the one argument is NAME; click gives it to PROJECT
        if project is None or not internal:
            raise click.UsageError("Missing argument 'NAME'.")
        wanted, project = project, None
    else:
        wanted = name
    with recorded(call, "release") as (home, run), call.out.progress("release") as update:
        made = release(
            home, project, wanted, internal=internal, dry_run=dry_run, on_progress=update
        )
        run.detail.update({"project": made.project, "name": made.name, "persons": made.n_persons})
    verb = "would hold" if dry_run else "holds"
    call.out.say(f"Release {made.project}/{made.name} {verb} {made.n_persons:,} persons")
    call.out.table("", ["table", "rows"], [[t, n] for t, n in made.tables.items() if n])
    for what, why in made.left_out.items():
        call.out.say(f"  left out: {what}: {why}")
    call.out.say(f"\n{made.folder}")
    call.out.result(
        {
            "project": made.project,
            "release": made.name,
            "folder": str(made.folder),
            "n_persons": made.n_persons,
            "tables": dict(made.tables),
            "left_out": dict(made.left_out),
            "sha256": made.sha256,
            "dry_run": dry_run,
        }
    )
