"""biobraid check."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from biobraid.cli.main import Invocation
from biobraid.cli.steps import recorded

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command("check")
@click.option(
    "--thresholds",
    type=_FILE,
    help="CSV of thresholds: check,table,field,...,threshold; or a file of OHDSI's.",
)
@click.option(
    "--reevaluate", is_flag=True, help="Judge the counts of the last run anew; count nothing."
)
@click.option("--release", help="Check a release: PROJECT or PROJECT/NAME.")
@click.option("--database", type=_FILE, help="Check another DuckDB file with OMOP tables.")
@click.option(
    "--schema",
    "schemas",
    multiple=True,
    help="Schema of its tables (repeatable). Default: cdm, vocab, main.",
)
@click.option(
    "--vocabulary", "with_vocabulary", is_flag=True, help="Check the vocabulary's own tables too."
)
@click.option("--no-parts", is_flag=True, help="Do not break down by source and site.")
@click.option(
    "--junit",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write JUnit XML to this file too.",
)
@click.option("--rows", "check_id", help="List the violating rows of one check, by key.")
@click.option(
    "--limit", type=click.IntRange(1), default=100, show_default=True, help="Rows listed."
)
@click.pass_obj
def command(call: Invocation, /, check_id: str | None, **given: Any) -> int:
    """Check the warehouse: OHDSI's checks, plausibility with units, coverage, your own checks.

    Ends with exit code 13 if a check of severity fatal fails. Counts go to audit.check_* of the
    warehouse; the report (HTML, JSON, JUnit) to reports/checks/. Your own checks are the CSV and
    SQL files in checks/ of the home (docs/how-to/quality.md).
    """
    from biobraid.cli.check_run import check, list_rows

    if given["release"] and given["database"]:
        raise click.UsageError("name one of --release and --database")
    if given["reevaluate"] and (given["release"] or given["database"]):
        raise click.UsageError("--reevaluate is for the warehouse: only its counts are kept")
    with recorded(call, "check") as (home, run):
        if check_id:
            list_rows(call, home, check_id, given)
            return 0
        return check(call, home, run, given)
