"""biobraid link."""

from __future__ import annotations

import click

from biobraid.cli.main import Invocation
from biobraid.cli.steps import link_step, writing


@click.command("link")
@click.option("--dry-run", is_flag=True, help="Say what would be linked; write nothing.")
@click.pass_obj
def command(call: Invocation, dry_run: bool) -> int:
    """Take new identities into the vault and link source persons to random person ids."""
    with writing(call, "link") as (home, run):
        return link_step(call, home, run, dry_run)
