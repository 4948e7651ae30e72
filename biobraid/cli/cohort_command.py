"""biobraid cohort PROJECT FILE.sql."""

from __future__ import annotations

from pathlib import Path

import click

from biobraid.cli.main import Invocation
from biobraid.cli.steps import recorded


@click.command("cohort")
@click.argument("project")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--name", help="Name of the cohort; default: the file's.")
@click.option("--release", help="Name of the release; default: the project's current one.")
@click.pass_obj
def command(
    call: Invocation, project: str, file: Path, name: str | None, release: str | None
) -> None:
    """Run the cohort FILE on a release of PROJECT and keep it in the project's own file.

    Each step begins with a line `-- step: TITLE` and is one SELECT that returns person_id;
    the step before is the table `previous`. Small counts are not printed.
    """
    from biobraid.export.cohort import run_cohort

    with recorded(call, "cohort") as (home, run):
        made = run_cohort(home, project, name or file.stem, file, release=release)
        run.detail.update({"project": project, "cohort": made.name, "release": made.release})
    hidden = "too small"
    rows = [
        [a.step, a.title, *(hidden if n is None else n for n in (a.n_persons, a.n_dropped))]
        for a in made.shown
    ]
    call.out.table(
        f"Cohort {made.name} on {project}/{made.release}",
        ["step", "title", "persons", "dropped"],
        rows,
    )
    call.out.say(f"\nQuery it as cohort.{made.name}; next: biobraid export {project} {made.name}")
    call.out.result(
        {
            "project": project,
            "cohort": made.name,
            "release": made.release,
            "attrition": [a.__dict__ for a in made.shown],
        }
    )
