"""biobraid score."""

from __future__ import annotations

from pathlib import Path

import click

from biobraid.cli.main import Invocation
from biobraid.cli.steps import build_step, recorded, score_step, writing


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
@click.option("--release", help="Score the people of a release (project or project/name).")
@click.option("--dry-run", is_flag=True, help="Match the weights and report; score nobody.")
@click.pass_obj
def command(
    call: Invocation,
    file: Path,
    keep_ambiguous: bool,
    min_coverage: float,
    release: str | None,
    dry_run: bool,
) -> int:
    """Score everybody who is genotyped by FILE, a scoring file of the PGS Catalog.

    Scores go to omics.score, what became of each weight to omics.score_match and to
    reports/scores/. Releases made from now on hold the scores of their people.

    With --release, the people of a release are scored under their project's ids, into the
    project's own file: project.omics.score and score_match.
    """
    if release is not None:
        from biobraid.cli.reports import report_score
        from biobraid.export.scores.release_scores import score_release

        with recorded(call, "score") as (home, run):
            result = score_release(
                home,
                file,
                release,
                keep_ambiguous=keep_ambiguous,
                min_coverage=min_coverage,
                dry_run=dry_run,
            )
            run.detail["score"] = {"score_name": result.score_name, "samples": result.n_samples}
            report_score(call.out, result, dry_run)
        return 0
    with writing(call, "score") as (home, run):
        code = score_step(
            call,
            home,
            run,
            file,
            keep_ambiguous=keep_ambiguous,
            min_coverage=min_coverage,
            dry_run=dry_run,
        )
        return code if dry_run else build_step(call, home, run) or code
