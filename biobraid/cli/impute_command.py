"""biobraid impute PLAN.yaml, and biobraid impute evaluate PLAN.yaml."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from biobraid.cli.main import Invocation
from biobraid.cli.steps import recorded, writing
from biobraid.core.errors import Fault, SettingsError

if TYPE_CHECKING:
    import duckdb

    from biobraid.core.home import Home
    from biobraid.imputation.judge import Evaluation
    from biobraid.imputation.plan import ImputationPlan
    from biobraid.imputation.run import RunResult

_PLAN = click.argument("plan", type=click.Path(path_type=Path, exists=True, dir_okay=False))


class _PlanOrVerb(click.Group):
    """`impute PLAN` is `impute run PLAN`."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.commands:
            args = ["run", *args]
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] == "--dry-run":  # an option before the plan belongs to run
            args = ["run", *args]
        return super().parse_args(ctx, args)


@click.group("impute", cls=_PlanOrVerb)
def command() -> None:
    """Fill gaps as PLAN.yaml says, with flags, into the schema imputed; never into cdm.

    biobraid impute PLAN.yaml [--dry-run] runs a plan; what its methods are worth on this
    biobank's own gaps: biobraid impute evaluate PLAN.yaml.
    """


@command.command("run")
@_PLAN
@click.option("--dry-run", is_flag=True, help="Say what would be filled; write nothing.")
@click.option("--use-kernel", is_flag=True,
              help="With method forests: apply the kernel of the plan's last run, fit nothing.")  # fmt: skip
@click.pass_obj
def run_command(call: Invocation, plan: Path, dry_run: bool, use_kernel: bool) -> None:
    """Run PLAN: fit on the training persons, choose per variable, fill, and flag every cell."""
    from biobraid.core.runs import code_version
    from biobraid.imputation.plan import read_plan
    from biobraid.imputation.publish import Stamp
    from biobraid.imputation.run import dry_run as say
    from biobraid.imputation.run import run_plan

    with writing(call, "impute") as (home, run), call.out.progress("impute") as update:
        read = read_plan(plan)
        if use_kernel and read.method != "forests":
            raise SettingsError(Fault("--use-kernel", "this plan is not one by forests"))
        con = _open(home, read_only=dry_run)
        try:
            if dry_run:
                made = say(con, read)
            else:
                started = datetime.now(UTC).replace(tzinfo=None)
                stamp = Stamp(run.run_id, code_version(), started)
                if read.method == "forests":
                    from biobraid.imputation.forests import run_forests

                    kernel = home.kernels / f"{read.name}.forests"
                    made = run_forests(con, read, stamp, kernel, update, use_saved=use_kernel)
                else:
                    made = run_plan(con, read, stamp, update)
                con.execute("CHECKPOINT")
        finally:
            con.close()
        run.detail.update({"plan": made.plan, "imputed": sum(v.n_imputed for v in made.variables)})
    _report_run(call, made, read)


def _open(home: Home, read_only: bool) -> duckdb.DuckDBPyConnection:
    """The warehouse, which must have been built to its end."""
    from biobraid.core.manifest import Manifest
    from biobraid.core.warehouse import connect

    with Manifest(home) as manifest:
        is_built = home.warehouse.is_file() and manifest.note("build_complete") is True
    if not is_built:
        raise SettingsError(
            Fault(home.warehouse.name, "there is no finished warehouse", todo="Run: biobraid build")
        )
    return connect(home, read_only)


def _report_run(call: Invocation, made: RunResult, plan: ImputationPlan) -> None:
    from biobraid.imputation.designs import measured, refused_designs

    header = ["variable", "method", "observed", "missing", "imputed"]
    rows = [
        [v.name, v.method or "", v.n_observed, v.n_missing, v.n_imputed] for v in made.variables
    ]
    title = "Would fill" if made.dry_run else "Imputed"
    call.out.table(f"{title} (plan {made.plan}): cells", header, rows)
    for fate, n in made.facts.items():
        if fate != "used":
            call.out.say(f"  {n:,} values not used: {fate.replace('_', ' ')}")
    if not made.dry_run and not made.is_calibrated:
        call.out.warn("  Too few tuning persons: no calibrated intervals, carry-forward chosen.")
    found = measured(plan.method, plan.assumes) if plan.assumes else None
    if found and not found.holds:
        call.out.warn(f"  {found.text}")
    elif plan.m and plan.assumes is None:
        refused = ", ".join(refused_designs(plan.method))
        call.out.warn(f"  Pooled draws of {plan.method} are no default under {refused}: "
                      "say in the plan what you assume (assumes).")  # fmt: skip
    call.out.result(
        {
            "plan": made.plan,
            "dry_run": made.dry_run,
            "is_default_for_design": found.holds if found else None,
            "is_calibrated": made.is_calibrated,
            "facts": made.facts,
            "variables": [v.__dict__ for v in made.variables],
        }
    )


@command.command("evaluate")
@_PLAN
@click.pass_obj
def evaluate_command(call: Invocation, plan: Path) -> None:
    """Hide known cells of held-out persons and see which method of PLAN restores them best.

    Writes reports/imputation/PLAN/: evaluation.csv and pictures. Changes no table.
    """
    from biobraid.imputation.judge import evaluate_plan, write_evaluation
    from biobraid.imputation.plan import read_plan

    with recorded(call, "impute evaluate") as (home, run), call.out.progress("evaluate") as update:
        read = read_plan(plan)
        if read.method == "forests":
            raise SettingsError(
                Fault(read.name, "a plan by forests is not judged on hidden cells", "a plan by decay",
                      "What its pooled intervals are worth: docs/how-to/imputation.md")
            )  # fmt: skip
        con = _open(home, read_only=True)
        try:
            found = evaluate_plan(con, read, update)
        finally:
            con.close()
        written = write_evaluation(found, home.reports / "imputation" / read.name)
        run.detail["plan"] = read.name
    _report_evaluation(call, found, written)


def _report_evaluation(call: Invocation, found: Evaluation, written: list[Path]) -> None:
    rows = [
        [j.mask, j.method, j.line.n, j.line.mae, j.line.rmse,
         j.line.coverage if j.method == "decay" else None]
        for j in found.judged if j.line.part == "all"
    ]  # fmt: skip
    call.out.table(
        "Hidden cells of held-out persons (errors in standard deviations)",
        ["mask", "method", "cells", "mae", "rmse", "coverage"],
        rows,
    )
    call.out.table("Chosen on tuning persons", ["variable", "method"], list(found.chosen.items()))
    for j in found.flagged:
        call.out.warn(
            f"  coverage {j.line.coverage:.3f} of {j.line.n:,} cells: "
            f"{j.mask}, {j.line.part} {j.line.level}"
        )
    if found.n_few:
        call.out.say(f"  {found.n_few} parts of fewer than 200 cells seem off too: evaluation.csv")
    for path in written:
        call.out.say(f"  {path}")
    call.out.result(
        {
            "plan": found.plan,
            "is_calibrated": found.is_calibrated,
            "chosen": found.chosen,
            "flagged": len(found.flagged),
            "lines": [
                {"mask": j.mask, "method": j.method, **j.line.__dict__, "flag": j.flag}
                for j in found.judged
            ],
            "files": [str(p) for p in written],
        }
    )
