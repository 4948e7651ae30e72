"""biobraid check."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from biobraid.cli.main import Invocation
from biobraid.cli.steps import load_studies, recorded, writing

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command("check")
@click.argument("studies", nargs=-1, metavar="[STUDY]...")
@click.option(
    "--delivery",
    is_flag=True,
    help="Judge what was delivered (of the studies named) by its contract instead.",
)
@click.option("--accept", default="", help="With --delivery: accept a breach, and say why.")
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="With --delivery: judge accepted deliveries again, by the one before.",
)
@click.option(
    "--write-suites",
    is_flag=True,
    help="With --delivery: write the contract into studies/STUDY/contract/, to be edited.",
)
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
def command(
    call: Invocation,
    /,
    check_id: str | None,
    studies: tuple[str, ...],
    delivery: bool,
    accept: str,
    everything: bool,
    write_suites: bool,
    **given: Any,
) -> int:
    """Check the warehouse: OHDSI's checks, plausibility with units, coverage, your own checks.

    Ends with exit code 13 if a check of severity fatal fails. Counts go to audit.check_* of the
    warehouse; the report (HTML, JSON, JUnit) to reports/checks/. Your own checks are the CSV and
    SQL files in checks/ of the home (docs/how-to/quality.md).

    With --delivery, judges what was ingested and not accepted yet by each study's contract, before
    it is linked and built; 13 if a delivery is refused. Report: reports/contract/.
    """
    if delivery:
        return _deliveries(call, studies, accept, everything, write_suites, given["junit"])
    if studies or accept or everything or write_suites:
        raise click.UsageError("STUDY, --accept, --all and --write-suites need --delivery")
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


def _deliveries(
    call: Invocation,
    names: tuple[str, ...],
    accept: str,
    everything: bool,
    write_suites: bool,
    junit: Path | None,
) -> int:
    from biobraid.cli.contract_run import judge_deliveries, write_contracts

    with writing(call, "check --delivery") as (home, run):
        studies = load_studies(home, names or None)
        if write_suites:
            write_contracts(call, home, studies)
            return 0
        return judge_deliveries(
            call, home, run, studies, accept, everything=everything, always_gx=True, junit=junit
        )
