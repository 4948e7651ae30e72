"""The `biobraid` command. Sub-commands are imported only when they are called."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import Any

import click

import biobraid
from biobraid.cli.output import Output, show_error
from biobraid.core.errors import DiskError, Fault, UserError
from biobraid.core.files import is_disk_error
from biobraid.core.without_pandas import leave_out_pandas

# verb -> (module, one line for --help), in the order people use them
VERBS: dict[str, tuple[str, str]] = {
    "demo": ("demo", "Generate a sample biobank and run everything on it."),
    "init": ("init", "Make a new, empty home for a biobank."),
    "doctor": ("doctor", "Report every fault of the studies' settings at once."),
    "vocabulary": ("vocabulary", "Load an OMOP vocabulary, and see what a new version moves."),
    "ingest": ("ingest", "Land the delivered files; identities go to the vault."),
    "link": ("link", "Link source persons to random person ids."),
    "build": ("build", "Build the OMOP warehouse from what was landed and linked."),
    "check": ("check", "Check the warehouse: conformance, completeness, plausibility."),
    "run": ("run", "ingest, link, build and check, as far as something changed."),
    "audit": ("audit", "Audit who is missing, from which modality, and what it does."),
    "score": ("score", "Score everybody who is genotyped by a file of the PGS Catalog."),
    "status": ("status", "What came in, what was left over, and why."),
    "impute": ("impute", "Fill gaps with flags, beside the warehouse's facts."),
    "project": ("project", "Create and list projects."),
    "release": ("release", "Make an immutable, pseudonymous copy for one project."),
    "query": ("query", "Run SQL on a release."),
    "cohort": ("cohort", "Define a cohort in SQL, with attrition per step."),
    "export": ("export", "Write a model-ready Parquet dataset of a cohort."),
    "withdraw": ("withdraw", "Take a person out, as far as a withdrawal says."),
    "subject": ("subject", "Everything held about one person; corrections; restriction."),
    "register": ("register", "Who has which release and export; withdrawals still in them."),
    "vault": ("vault", "Back up, restore or re-key the vault."),
}


_WITHOUT_PANDAS = ("ingest",)  # build, check and link train have it by their libraries
_OWN_PROCESS = "own process"


class _LazyGroup(click.Group):
    """Knows its commands' names and one-liners without importing them (start-up time)."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        module = importlib.import_module(f"biobraid.cli.{VERBS[cmd_name][0]}_command")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(verb, line) for verb, (_, line) in VERBS.items()])


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(biobraid.__version__, prog_name="biobraid")
@click.option(
    "--home", type=click.Path(path_type=Path), help="The biobank's folder. [BIOBRAID_HOME]"
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
@click.option("--quiet", "-q", is_flag=True, help="Print errors only.")
@click.pass_context
def cli(ctx: click.Context, home: Path | None, as_json: bool, quiet: bool) -> None:
    """Braid everything a biobank holds about a person into one OMOP-style warehouse.

    Start with:  biobraid demo my-biobank
    """
    if ctx.obj == _OWN_PROCESS and ctx.invoked_subcommand in _WITHOUT_PANDAS:
        leave_out_pandas()
    ctx.obj = Invocation(home, Output(as_json, quiet))


@cli.result_callback()
@click.pass_obj
def _flush(call: Invocation, /, result: Any, **_options: Any) -> Any:
    call.out.flush()
    return result


class Invocation:
    """What every sub-command is given: the home as asked for, and where to print."""

    def __init__(self, home: Path | None, out: Output) -> None:
        self.home = home
        self.out = out


def main(arguments: list[str] | None = None) -> None:
    """Entry point; exit codes as in architecture section 7."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments, _OWN_PROCESS))


def run(arguments: list[str], whose: str = "") -> int:
    """Run one command line and return its exit code.

    whose: `main` says that nothing else will run in this process.
    """
    as_json = "--json" in arguments
    if as_json:  # allowed anywhere on the line
        arguments = ["--json", *[a for a in arguments if a != "--json"]]
    try:
        result: Any = cli.main(
            args=arguments, prog_name="biobraid", standalone_mode=False, obj=whose
        )
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.Abort:
        click.echo("Stopped.", err=True)
        return 130
    except click.ClickException as error:
        error.show()
        return 2
    except UserError as error:
        show_error(error, as_json)
        return error.exit_code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if is_disk_error(error):
            full = DiskError(
                Fault("disk", "the disk is full, or a quota or file-size limit was hit",
                      "room to write", "Free space, then run the same command again.")
            )  # fmt: skip
            show_error(full, as_json)
            return full.exit_code
        return _bug(error)
    return result if isinstance(result, int) else 0


def _bug(error: Exception) -> int:
    from biobraid.cli.log import bug_lines

    if os.environ.get("BIOBRAID_DEBUG"):
        raise error
    click.echo("This is a fault of biobraid itself; please report these lines:", err=True)
    for line in bug_lines(error):
        click.echo(f"  {line}", err=True)
    click.echo(
        "  (the message is held back: it may quote data; BIOBRAID_DEBUG=1 shows it)", err=True
    )
    return 1
