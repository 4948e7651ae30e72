"""biobraid demo DIR: the sample biobank, from files to a dataset."""

from __future__ import annotations

from pathlib import Path

import click

from biobraid.cli.main import Invocation
from biobraid.cli.steps import run_steps, writing
from biobraid.core.errors import Fault, SettingsError
from biobraid.core.home import SETTINGS_FILE, Home, create_home, open_home
from biobraid.core.keys import KEY_IDS_FILE, create_keys
from biobraid.core.study import study_packs

PROJECT, RELEASE, COHORT, DATASET = "heart_study", "r1", "adults_with_bmi", "bmi_hba1c"
FILES = Path(__file__).parent / "demo_files"


@click.command("demo")
@click.argument("folder", type=click.Path(path_type=Path), default=Path("demo-biobank"))
@click.option("--persons", type=int, default=1000, show_default=True, help="100 to 500,000.")
@click.option("--seed", type=int, default=1, show_default=True, help="Same seed, same files.")
@click.option("--memory-gb", type=float, default=4.0, show_default=True, help="Memory limit.")
@click.option("--only-generate", is_flag=True, help="Make the home and the deliveries, no more.")
@click.pass_obj
def command(
    call: Invocation, folder: Path, persons: int, seed: int, memory_gb: float, only_generate: bool
) -> int:
    """Generate a sample biobank in FOLDER and run everything on it.

    Deliveries go to FOLDER.deliveries, the truth behind them to FOLDER.truth. The same
    command resumes after a kill, and does nothing twice.
    """
    home = _home(folder, memory_gb)
    truth = home.root.with_name(home.root.name + ".truth")
    _generate(call, home, truth, persons, seed)
    if only_generate:
        return 0
    from biobraid.ingest.sample import SCORE

    call.home = home.root
    with writing(call, "demo") as (home, run):
        code = run_steps(call, home, run, go_on=True, scores=[truth / SCORE])
    dataset = _research(call, home)
    _what_to_look_at(call, home, truth, dataset)
    return code


def _home(folder: Path, memory_gb: float) -> Home:
    """The demo's home, made or found; a key folder that is gone is an error, never a new key."""
    if (folder / SETTINGS_FILE).is_file():
        home = open_home(folder)
        _refuse_other(home)
    else:
        home = create_home(folder, memory_limit_gb=memory_gb)
    if not (home.root / KEY_IDS_FILE).is_file():
        create_keys(home)
    return home


def _refuse_other(home: Home) -> None:
    """The sample never goes into a biobank that holds studies of its own."""
    from biobraid.ingest.sample import STUDIES

    own = sorted({pack.name for pack in study_packs(home)} - set(STUDIES))
    if own:
        raise SettingsError(
            Fault(
                str(home.root),
                f"this biobank holds studies of its own: {', '.join(own)}",
                "a new folder, or one that `biobraid demo` made",
                "Choose another folder for the sample biobank.",
            )
        )


def _generate(call: Invocation, home: Home, truth: Path, persons: int, seed: int) -> None:
    from biobraid.ingest.sample import generate

    with call.out.progress("generate") as update:
        summary = generate(
            home.deliveries,
            home.studies,
            truth,
            persons=persons,
            seed=seed,
            on_progress=lambda done, total: update(f"{done:,} persons", done / total),
        )
    call.out.say(
        f"Sample biobank: {summary.persons:,} persons in {len(summary.by_study)} studies, "
        f"{summary.in_several:,} of them in several, {summary.files} files, "
        f"{summary.bytes / 1e6:,.1f} MB, {summary.defects} planted defects"
    )
    call.out.result({"sample": summary.__dict__})


def _research(call: Invocation, home: Home) -> Path:
    """What a researcher does: a project, a release, a cohort, a dataset; each only once."""
    from biobraid.export.cohort import run_cohort
    from biobraid.export.project import create_project, project_names
    from biobraid.export.release import release
    from biobraid.export.wide import export_wide

    if PROJECT not in project_names(home):
        create_project(home, PROJECT, title="Body mass and blood sugar", purpose="Demonstration")
    if not (home.releases / PROJECT / RELEASE).is_dir():
        with call.out.progress("release") as update:
            release(home, PROJECT, RELEASE, on_progress=update)
    run_cohort(home, PROJECT, COHORT, FILES / f"{COHORT}.sql")
    folder = home.exports / PROJECT / DATASET
    if not folder.is_dir():
        export_wide(home, PROJECT, COHORT, DATASET, FILES / f"{DATASET}.yaml")
    if not folder.is_dir():
        raise SettingsError(Fault("export", "the dataset was not written"))
    return folder


def _what_to_look_at(call: Invocation, home: Home, truth: Path, dataset: Path) -> None:
    at = home.root
    release_file = home.releases / PROJECT / RELEASE / "release.duckdb"
    call.out.say("\nWhat to look at")
    call.out.say(f"  release    {release_file}")
    question = "SELECT attribute, level, COUNT(*) FROM mart.person_attribute GROUP BY ALL"
    call.out.say(f'             biobraid --home {at} query {PROJECT} "{question}"')
    call.out.say(f"  leftovers  biobraid --home {at} status")
    call.out.say(f"             receipts for the providers: {home.reports / 'receipts'}")
    score = "SELECT COUNT(*), AVG(score) FROM omics.score"
    call.out.say(f"  genotypes  {truth / 'variants.csv'} tells the variant that moves cholesterol")
    call.out.say(f'             biobraid --home {at} query {PROJECT} "{score}"')
    call.out.say(f"  dataset    {dataset / 'data.parquet'}")
    call.out.say(f"  the truth  {truth}")
    call.out.result({"release": str(release_file), "dataset": str(dataset), "truth": str(truth)})
