"""biobraid export PROJECT COHORT PLAN.yaml."""

from __future__ import annotations

from pathlib import Path

import click

from biobraid.cli.main import Invocation
from biobraid.cli.steps import recorded


@click.command("export")
@click.argument("project")
@click.argument("cohort")
@click.argument("plan", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--name", help="Name of the dataset; default: the plan's file name.")
@click.option("--release", help="Name of the release; default: the one the cohort was made on.")
@click.pass_obj
def command(
    call: Invocation, project: str, cohort: str, plan: Path, name: str | None, release: str | None
) -> None:
    """Write a wide Parquet dataset of COHORT, as PLAN says, to exports/PROJECT/NAME/.

    One row per person; each variable with its absent reason, imputation flag and age in days;
    beside it a dictionary, a card and a manifest. A dataset is never overwritten.
    """
    from biobraid.export.wide import export_wide

    with recorded(call, "export") as (home, run), call.out.progress("export") as update:
        made = export_wide(
            home, project, cohort, name or plan.stem, plan, release=release, on_progress=update
        )
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
