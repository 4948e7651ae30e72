"""biobraid export PROJECT COHORT PLAN.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from biobraid.cli.main import Invocation
from biobraid.cli.steps import recorded


@click.command("export")
@click.argument("project")
@click.argument("cohort")
@click.argument("plan", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--name", help="Name of the dataset; default: the plan's file name.")
@click.option("--release", help="Name of the release; default: the one the cohort was made on.")
@click.option("--margins", type=click.Path(path_type=Path, exists=True, dir_okay=False),
              help="Reference margins (CSV). Default: audit_margins of biobraid.toml.")  # fmt: skip
@click.option("--demo-margins", is_flag=True,
              help="The synthetic population of the sample biobank; no real census.")  # fmt: skip
@click.option("--no-margins", is_flag=True, help="Compare with no reference population.")
@click.option("--rescale", is_flag=True, help="Bring all margins to the first one's total.")
@click.option("--weights", is_flag=True,
              help="Ship weights.parquet: these people raked to the margins.")  # fmt: skip
@click.option("--no-audit", is_flag=True, help="Do not say in the card who is missing.")
@click.pass_obj
def command(
    call: Invocation, /, project: str, cohort: str, plan: Path, name: str | None,
    release: str | None, **given: Any,
) -> None:  # fmt: skip
    """Write a wide Parquet dataset of COHORT, as PLAN says, to exports/PROJECT/NAME/.

    One row per person; each variable with its absent reason, imputation flag and age in days;
    beside it a dictionary, a card in words and in Croissant, an audit of exactly these people,
    and a manifest. A dataset is never overwritten. Weights that these people do not support
    are refused, and the dataset with them (exit code 13).
    """
    from biobraid.cli.export_audit import companion_of
    from biobraid.export.wide import export_wide

    with recorded(call, "export") as (home, run), call.out.progress("export") as update:
        made = export_wide(
            home, project, cohort, name or plan.stem, plan, release=release, on_progress=update,
            companion=companion_of(call, home, project, name or plan.stem, given),
        )  # fmt: skip
        run.detail.update({"project": project, "dataset": made.name, "persons": made.n_persons})
    call.out.say(
        f"Dataset {project}/{made.name}: {made.n_persons:,} persons, {made.n_columns} columns"
    )
    call.out.say(f"{made.folder}")
    call.out.result(
        {
            "project": made.project,
            "dataset": made.name,
            "release": made.release,
            "cohort": made.cohort,
            "folder": str(made.folder),
            "n_persons": made.n_persons,
            "n_columns": made.n_columns,
            "sha256": made.sha256,
        }
    )
