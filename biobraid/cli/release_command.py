"""biobraid release PROJECT NAME."""

from __future__ import annotations

import click

from biobraid.cli.main import Invocation
from biobraid.cli.steps import recorded


@click.command("release")
@click.argument("project", required=False)
@click.argument("name")
@click.option("--internal", is_flag=True, help="Unscoped: real person ids and dates; no PROJECT.")
@click.option("--dry-run", is_flag=True, help="Say what the release would hold.")
@click.pass_obj
def command(
    call: Invocation, project: str | None, name: str, internal: bool, dry_run: bool
) -> None:
    """Make an immutable release NAME of the warehouse for one PROJECT.

    Consent, withdrawals, project ids and the date policy are applied. Needs the release key.
    """
    from biobraid.export.release import release

    with recorded(call, "release") as (home, run), call.out.progress("release") as update:
        made = release(home, project, name, internal=internal, dry_run=dry_run, on_progress=update)
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
