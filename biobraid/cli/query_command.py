"""biobraid query [RELEASE] SQL."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from biobraid.cli.main import Invocation
from biobraid.core.files import atomic_path
from biobraid.core.home import open_home


@click.command("query")
@click.argument("release")
@click.argument("sql")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="Rows shown.")
@click.option("--csv", "csv_file", type=click.Path(path_type=Path), help="Write all rows here.")
@click.pass_obj
def command(call: Invocation, release: str, sql: str, limit: int, csv_file: Path | None) -> None:
    """Run SQL on RELEASE: a project (its current release) or project/name.

    Tables are named as in the release (cdm.person), the project's cohorts as cohort.NAME.
    SQL may be - for standard input, or @FILE. Nothing can be written and no file read.
    """
    from biobraid.export.query import query

    text = sys.stdin.read() if sql == "-" else sql
    if text.startswith("@"):
        text = _read(Path(text[1:]))
    found = query(open_home(call.home), release, text, limit=None if csv_file else limit)
    if csv_file:
        import pyarrow.csv

        with atomic_path(csv_file.resolve()) as partial:
            pyarrow.csv.write_csv(found, partial)
        call.out.say(f"{found.num_rows:,} rows: {csv_file}")
        call.out.result({"rows": found.num_rows, "file": str(csv_file)})
        return
    call.out.table("", found.column_names, [list(row.values()) for row in found.to_pylist()])
    if found.num_rows == limit:
        call.out.say(f"  (the first {limit}; --limit or --csv gives more)")
    call.out.result({"columns": found.column_names, "rows": found.to_pylist()})


def _read(path: Path) -> str:
    if not path.is_file():
        raise click.UsageError(f"there is no file {path}")
    return path.read_text(encoding="utf-8")
