"""biobraid audit run | margins check | weights | drift | standing | report."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from biobraid.cli.main import Invocation
from biobraid.cli.steps import recorded

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


def _subject_options(function: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--release", help="Audit a release: PROJECT or PROJECT/NAME."),
        click.option("--cohort", help="Audit a cohort: PROJECT/COHORT."),
        click.option("--export", help="Audit an export: PROJECT/NAME."),
        click.option("--margins", type=_FILE,
                     help="Reference margins (CSV). Default: audit_margins of biobraid.toml."),
        click.option("--demo-margins", is_flag=True,
                     help="The synthetic population of the sample biobank; no real census."),
        click.option("--no-margins", is_flag=True, help="Compare with no reference population."),
        click.option("--rescale", is_flag=True, help="Bring all margins to the first one's total."),
        click.option("--by", type=click.Choice(["modality", "source"]), default="modality",
                     show_default=True, help="What the sets are made of."),
        click.option("--attribute", "attributes", multiple=True,
                     help="Attribute to use; several times. Default: all, the reference's first."),
        click.option("--seed", type=int, default=1, show_default=True, help="Seed of every draw."),
    ):  # fmt: skip
        function = option(function)
    return function


@click.group("audit")
def command() -> None:
    """Audit who is missing, from which modality, and what it does to results."""


@command.command("run")
@_subject_options
@click.option("--sets", default="all", show_default=True,
              help="Sets to rake: all, none, or names like imaging+wearable,imaging.")  # fmt: skip
@click.option("--boot", type=click.IntRange(20), default=200, show_default=True,
              help="Bootstrap replicates.")  # fmt: skip
@click.option("--outcome", type=int, help="Condition concept of the outcome.")
@click.option("--exposure", help="ATTRIBUTE=LEVEL, for sensitivity to selection.")
@click.option("--site", default="region", show_default=True, help="Attribute of sites.")
@click.option("--strict", is_flag=True, help="End with exit code 13 if any verdict is fail.")
@click.pass_obj
def run(call: Invocation, /, strict: bool, **given: Any) -> int:
    """Run all audits on the warehouse, or on a release, a cohort or an export.

    Exact results go to audit.* of the warehouse (engineers only); the report and audit.json in
    reports/audits/ hold no group under min_cell, not even by subtraction.
    """
    from biobraid.cli.audit_run import run_audit

    with recorded(call, "audit") as (home, journalled):
        done, folder = run_audit(call, home, journalled.run_id, given)
        journalled.detail.update({"subject": done.asked.subject, "verdicts": done.verdicts()})
    failed = [name for name, verdict in done.verdicts().items()
              if verdict == "fail" and name != "run"]  # fmt: skip
    call.out.result({"report": str(folder / "audit.html"), "failed": failed})
    if strict and failed:
        call.out.warn(f"QualityError: verdict fail in {', '.join(failed)}")
        return 13
    return 0


@command.group("margins")
def margins() -> None:
    """Reference margins."""


@margins.command("check")
@click.argument("file", type=_FILE)
@click.option("--rescale", is_flag=True, help="Bring all margins to the first one's total.")
@click.pass_obj
def check(call: Invocation, file: Path, rescale: bool) -> None:
    """Check FILE: columns, schemes, totals; and its levels against the warehouse, if there is one."""
    from biobraid.cli.audit_run import check_margins

    check_margins(call, file, rescale)


@command.command("weights")
@_subject_options
@click.option("--set", "set_name", default="",
              help="Modalities joined by +, e.g. imaging+wearable; default: everybody.")  # fmt: skip
@click.pass_obj
def weights(call: Invocation, /, set_name: str, **given: Any) -> None:
    """Rake one set of people to the margins and keep their weights, or refuse to.

    Weights of the warehouse go to audit.person_weight; those of a release, cohort or export
    become a Parquet file in reports/audits/. `biobraid export --weights` ships a dataset with
    weights of its own.
    """
    from biobraid.cli.audit_run import make_weights

    with recorded(call, "audit") as (home, journalled):
        make_weights(call, home, journalled.run_id, set_name, given)


@command.command("drift")
@click.argument("a")
@click.argument("b")
@click.option("--column", "columns", multiple=True,
              help="Column or attribute to compare; several times. Default: all.")  # fmt: skip
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--strict", is_flag=True, help="End with exit code 13 if any verdict is fail.")
@click.pass_obj
def drift(
    call: Invocation, a: str, b: str, columns: tuple[str, ...], seed: int, strict: bool
) -> int:
    """How far the people of B are from those of A.

    A is a release or an export, PROJECT/NAME; B is one as well, or a CSV or Parquet file of the
    people where a model is deployed. An export is compared with a file or another export by its
    columns, everything else by the attributes of people. Where PROJECT/NAME is both, write
    release:PROJECT/NAME or export:PROJECT/NAME.
    """
    from biobraid.cli.audit_drift import compare

    with recorded(call, "audit") as (home, journalled):
        has_failed = compare(call, home, journalled.run_id, a, b, columns, seed)
    return 13 if strict and has_failed else 0


@command.command("standing")
@click.option("--release", help="PROJECT or PROJECT/NAME.")
@click.option("--cohort", help="PROJECT/COHORT.")
@click.option("--export", help="PROJECT/NAME.")
@click.pass_obj
def standing(call: Invocation, release: str | None, cohort: str | None, export: str | None) -> None:
    """Write or refresh standing_together.csv from the last audit, for you to complete.

    One row per subject of the STANDING Together recommendations; prefilled where the audit
    answers, "to be completed" elsewhere. What you wrote stays. It claims no compliance.
    """
    from biobraid.cli.audit_subject import chosen
    from biobraid.core.home import open_home
    from biobraid.quality.bias.standing import write_mapping
    from biobraid.quality.bias.store import read_payload

    folder = chosen(release, cohort, export).folder(open_home(call.home))
    path, counts = write_mapping(folder, read_payload(folder))
    words = ", ".join(f"{n} {what}" for what, n in counts.items())
    call.out.say(f"{path}: {words}")
    call.out.result({"mapping": str(path), "rows": counts})


@command.command("report")
@click.option("--release", help="PROJECT or PROJECT/NAME.")
@click.option("--cohort", help="PROJECT/COHORT.")
@click.option("--export", help="PROJECT/NAME.")
@click.pass_obj
def report(call: Invocation, release: str | None, cohort: str | None, export: str | None) -> None:
    """Write the HTML report of the last audit anew."""
    from biobraid.cli.audit_subject import chosen
    from biobraid.core.home import open_home
    from biobraid.quality.bias.report import write_report
    from biobraid.quality.bias.store import read_payload

    folder = chosen(release, cohort, export).folder(open_home(call.home))
    path = write_report(folder, read_payload(folder))
    call.out.say(f"Report: {path}")
    call.out.result({"report": str(path), "bytes": path.stat().st_size})
