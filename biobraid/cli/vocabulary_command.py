"""biobraid vocabulary load|diff|status."""

from __future__ import annotations

from pathlib import Path

import click

from biobraid.cli.main import Invocation
from biobraid.cli.steps import writing
from biobraid.cli.vocabulary_reports import report_diff, report_loaded, report_status
from biobraid.core.home import open_home


@click.group("vocabulary")
def command() -> None:
    """Load an OMOP vocabulary, and see what a new version moves."""


@command.command("load")
@click.argument("download", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Look at the files; say what would be loaded.")
@click.option("--extract", is_flag=True, help="It is an extract: rows may name absent concepts.")
@click.pass_obj
def load_vocabulary(call: Invocation, download: Path, dry_run: bool, extract: bool) -> None:
    """Replace the vocabulary in force by an Athena DOWNLOAD, a folder or a .zip.

    The vocabulary in force stays until the new one is read, sorted and found sound. The same
    command goes on where a killed one was. Then run: biobraid run
    """
    from biobraid.ingest.vocabulary.load import load

    with writing(call, "vocabulary load") as (home, run), call.out.progress("vocabulary") as tell:
        loaded = load(home, download, dry_run=dry_run, is_extract=extract, on_progress=tell)
        run.detail["vocabulary"] = {"version": loaded.version, "dry_run": dry_run}
    report_loaded(call.out, loaded)


@command.command("diff")
@click.argument("download", type=click.Path(path_type=Path), required=False)
@click.option("--top", type=click.IntRange(1), default=20, show_default=True, help="Changes shown.")
@click.pass_obj
def diff_vocabulary(call: Invocation, download: Path | None, top: int) -> None:
    """What a new version moves for the codes and concepts in use here.

    With an Athena DOWNLOAD: the vocabulary in force against that one, which is read as far as
    needed but not put in force (a load then need not read it again). Without: the one before
    against the one in force. Rows and persons are those of the warehouse, if there is one.
    """
    from biobraid.ingest.vocabulary.diff import diff

    with writing(call, "vocabulary diff") as (home, _), call.out.progress("vocabulary") as tell:
        found = diff(home, download, on_progress=tell)
    report_diff(call.out, found, top)


@command.command("status")
@click.pass_obj
def vocabulary_status(call: Invocation) -> None:
    """Which vocabulary is in force: versions, rows, stubs, and a load that was broken off."""
    from biobraid.ingest.vocabulary.status import vocabulary_status as status

    report_status(call.out, status(open_home(call.home)))
