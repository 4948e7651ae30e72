"""biobraid status."""

from __future__ import annotations

import click

from biobraid.cli.main import Invocation
from biobraid.cli.reports import report_status
from biobraid.core.home import open_home


@click.command("status")
@click.option(
    "--top", type=click.IntRange(1), default=20, show_default=True, help="Leftovers shown."
)
@click.pass_obj
def command(call: Invocation, top: int) -> None:
    """What came in, what was left over, and why: files, rejects, linkage, mapping."""
    from biobraid.catalog.status import status

    report_status(call.out, status(open_home(call.home), top))
