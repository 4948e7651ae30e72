"""biobraid link review list|decide|export|import|conflicts: what needs a human."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from biobraid.cli.main import Invocation
from biobraid.cli.steps import recorded, writing

if TYPE_CHECKING:
    from biobraid.linkage.review import Ruling

_show = click.option(
    "--identifiers", is_flag=True, help="Show names, dates and numbers of both. Needs the link key."
)
_who = click.option("--by", required=True, help="Who decided; kept with the ruling.")


@click.group("review")
def review() -> None:
    """Judge pairs that no rule could; see what is in quarantine."""


@review.command("list")
@_show
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True)
@click.pass_obj
def list_command(call: Invocation, identifiers: bool, limit: int) -> None:
    """List the pairs that await a decision, the likeliest first."""
    from biobraid.linkage.review import list_pairs

    with recorded(call, "link review") as (home, _):
        pairs = list_pairs(home, with_identifiers=identifiers)
    columns = ["item", "study_l", "study_r", "method", "probability", "weight", "reason"]
    call.out.table(f"{len(pairs)} pairs to review", columns,
                   [[p[c] for c in columns] for p in pairs[:limit]])  # fmt: skip
    if identifiers:
        for pair in pairs[:limit]:
            call.out.say(f"\n{pair['item']}")
            for name in sorted({k[:-2] for k in pair if k not in columns}):
                left, right = pair.get(f"{name}_l") or "-", pair.get(f"{name}_r") or "-"
                call.out.say(f"  {name:12} {left}  |  {right}")
    call.out.result({"pairs": pairs})


@review.command("conflicts")
@click.pass_obj
def conflicts_command(call: Invocation) -> None:
    """List the conflicts that hold now; quarantined persons are in no release."""
    from biobraid.linkage.review import list_conflicts

    with recorded(call, "link review") as (home, _):
        conflicts = list_conflicts(home)
    columns = ["item", "rule", "severity", "n_source_persons", "studies", "since_run"]
    call.out.table(f"{len(conflicts)} conflicts", columns,
                   [[c[n] for n in columns] for c in conflicts])  # fmt: skip
    call.out.result({"conflicts": conflicts})


@review.command("decide")
@click.argument("item")
@click.argument("verdict", type=click.Choice(["same", "different"]))
@_who
@click.option("--note", default="")
@click.pass_obj
def decide_command(call: Invocation, item: str, verdict: str, by: str, note: str) -> None:
    """Say that ITEM's two are the same person, or different ones.

    ITEM is a name of `review list`, or two source_person_keys joined by a colon.
    """
    from biobraid.linkage.review import Ruling

    _decide(call, [Ruling(item, verdict, note)], by)


@review.command("export")
@click.argument("file", type=click.Path(path_type=Path))
@_show
@click.option("--sample", type=click.IntRange(1), help="Add N linked pairs, to measure precision.")
@click.pass_obj
def export_command(call: Invocation, file: Path, identifiers: bool, sample: int | None) -> None:
    """Write the pairs to a CSV (outside the home) with columns verdict and note to fill in."""
    from biobraid.linkage.review import export_pairs

    with recorded(call, "link review") as (home, _):
        n = export_pairs(home, file, with_identifiers=identifiers, sample=sample or 0)
    call.out.say(
        f"{n} pairs. Fill in verdict (same or different), then: biobraid link review import"
    )
    call.out.result({"pairs": n})


@review.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@_who
@click.pass_obj
def import_command(call: Invocation, file: Path, by: str) -> None:
    """Take the verdicts of a CSV; rows without one are left for later."""
    from biobraid.linkage.review import read_rulings

    _decide(call, read_rulings(file), by)


def _decide(call: Invocation, rulings: Sequence[Ruling], by: str) -> None:
    from biobraid.linkage.review import decide

    today = datetime.now(UTC).date().isoformat()
    with writing(call, "link review") as (home, _):
        n = decide(home, rulings, by, today)
    call.out.say(f"{n} of {len(rulings)} rulings are new. They take effect with: biobraid link")
    call.out.result({"rulings": len(rulings), "new": n})
