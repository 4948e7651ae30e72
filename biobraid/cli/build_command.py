"""biobraid build."""

from __future__ import annotations

import click

from biobraid.cli.main import Invocation
from biobraid.cli.steps import build_step, writing


@click.command("build")
@click.option("--dry-run", is_flag=True, help="Say which models would be built.")
@click.pass_obj
def command(call: Invocation, dry_run: bool) -> int:
    """Build the warehouse: every model downstream of what changed, and no other."""
    with writing(call, "build") as (home, run):
        return build_step(call, home, run, dry_run)
