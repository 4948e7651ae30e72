"""biobraid score."""

from __future__ import annotations

from pathlib import Path

import click

from biobraid.cli.main import Invocation
from biobraid.cli.steps import build_step, writing

_STATUSES = ("matched", "flipped", "ambiguous", "mismatch", "missing", "duplicate", "unsupported")


@click.command("score")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--keep-ambiguous", is_flag=True, help="Use A/T and C/G variants as they stand.")
@click.option(
    "--min-coverage",
    type=click.FloatRange(0.0, 1.0),
    default=0.75,
    show_default=True,
    help="Share of the weights a source must have to be scored.",
)
@click.option("--dry-run", is_flag=True, help="Match the weights and report; score nobody.")
@click.pass_obj
def command(
    call: Invocation, file: Path, keep_ambiguous: bool, min_coverage: float, dry_run: bool
) -> int:
    """Score everybody who is genotyped by FILE, a scoring file of the PGS Catalog.

    Scores go to omics.score, what became of each weight to omics.score_match and to
    reports/scores/. Releases made from now on hold the scores of their people.
    """
    from biobraid.export.scores.run import score_file

    with writing(call, "score") as (home, run):
        with call.out.progress("score") as update:
            result = score_file(
                home,
                file,
                keep_ambiguous=keep_ambiguous,
                min_coverage=min_coverage,
                dry_run=dry_run,
                on_progress=update,
            )
        rows = [
            [f"{r.study}/{r.source}", r.n_weights, *(r.counts[s] for s in _STATUSES), r.n_used,
             f"{r.coverage:.1%}", f"{r.weight_coverage:.1%}"]
            for r in result.reports
        ]  # fmt: skip
        header = ["source", "weights", *_STATUSES, "used", "coverage", "of weight"]
        title = result.score_id + (f", {result.trait}" if result.trait else "")
        call.out.table(title, header, rows)
        for name in result.refused:
            call.out.warn(f"{name} has too few of the weights and was not scored")
        call.out.say(f"Scored {result.n_samples:,} samples; each weight: {result.folder}")
        run.detail["score"] = {"score_id": result.score_id, "samples": result.n_samples}
        call.out.result(
            {
                "score_id": result.score_id,
                "samples": result.n_samples,
                "refused": list(result.refused),
                "dry_run": dry_run,
                "sources": {f"{r.study}/{r.source}": r.__dict__ for r in result.reports},
            }
        )
        return 0 if dry_run else build_step(call, home, run)
