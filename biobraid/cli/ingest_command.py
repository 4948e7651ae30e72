"""biobraid ingest."""

from __future__ import annotations

import click

from biobraid.cli.main import Invocation
from biobraid.cli.steps import ingest_step, writing


@click.command("ingest")
@click.option("--study", "studies", multiple=True, help="Only this study (repeatable).")
@click.option("--dry-run", is_flag=True, help="Say what would be inserted, superseded, deleted.")
@click.option(
    "--workers",
    type=click.IntRange(1),
    help="Processes; default: one per core, none for a small delivery.",
)
@click.pass_obj
def command(call: Invocation, studies: tuple[str, ...], dry_run: bool, workers: int | None) -> int:
    """Land the delivered files; identities go to the vault's inbox.

    A file lands whole or not at all. Files that landed before are skipped, so the same
    command resumes after a kill. Each study gets a receipt in reports/receipts/.
    """
    with writing(call, "ingest") as (home, run):
        return ingest_step(call, home, run, studies, dry_run, workers)
