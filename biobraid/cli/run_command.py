"""biobraid run."""

from __future__ import annotations

import click

from biobraid.cli.main import Invocation
from biobraid.cli.steps import run_steps, writing


@click.command("run")
@click.option("--study", "studies", multiple=True, help="Ingest only this study (repeatable).")
@click.option("--continue", "go_on", is_flag=True, help="Link and build even if a file failed.")
@click.option("--accept", default="", help="Accept deliveries that break their contract: why.")
@click.option("--dry-run", is_flag=True, help="Say what ingest would do; write nothing.")
@click.pass_obj
def command(
    call: Invocation, studies: tuple[str, ...], go_on: bool, accept: str, dry_run: bool
) -> int:
    """ingest, link, build and check, as far as something changed.

    A delivery that breaks its contract stops the run before link (exit code 13).
    Holds the ingest and the link key in one process; run the three commands under separate
    accounts to keep them apart. Releases and exports are separate acts.
    It ends with a bias audit where biobraid.toml names audit_margins; no verdict stops it.
    """
    with writing(call, "run") as (home, run):
        return run_steps(call, home, run, studies, go_on=go_on, dry_run=dry_run, accept=accept)
