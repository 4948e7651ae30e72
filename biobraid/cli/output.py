"""What the terminal sees: results as text or JSON, errors in the project's style, progress."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import click

from biobraid.core.errors import Fault, UserError

MAX_FAULTS = 50


@dataclass
class Output:
    """Where a command's words go. With `as_json`, standard output holds one JSON object."""

    as_json: bool = False
    quiet: bool = False
    payload: dict[str, Any] = field(default_factory=dict)

    def say(self, text: str = "") -> None:
        """A line for people; nothing in JSON mode or when quiet."""
        if not self.as_json and not self.quiet:
            click.echo(text)

    def warn(self, text: str) -> None:
        """A line for people on standard error."""
        click.echo(text, err=True)

    def result(self, payload: Mapping[str, Any]) -> None:
        """Add to the object that JSON mode prints when the command ends."""
        self.payload.update(payload)

    def flush(self) -> None:
        """Print the object in JSON mode."""
        if self.as_json:
            click.echo(json.dumps(self.payload, indent=2, default=str))

    def table(self, title: str, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """A table for people; numbers to the right. Plain text, so that logs keep it too."""
        if self.as_json or self.quiet:
            return
        cells = [[_cell(c) for c in row] for row in rows]
        widths = [
            max(len(h), *(len(r[i]) for r in cells)) if cells else len(h)
            for i, h in enumerate(header)
        ]
        numeric = [
            bool(rows) and all(isinstance(r[i], int | float) or r[i] is None for r in rows)
            for i in range(len(header))
        ]
        if title:
            click.echo(f"\n{title}")
        for line in [list(header), *cells]:
            parts = [
                c.rjust(w) if right else c.ljust(w)
                for c, w, right in zip(line, widths, numeric, strict=True)
            ]
            click.echo("  " + "  ".join(parts).rstrip())
        if not cells:
            click.echo("  (none)")

    @contextmanager
    def progress(self, title: str) -> Iterator[Callable[[str, float | None], None]]:
        """A progress line on a terminal, nothing elsewhere: call it with (stage, share 0-1)."""
        if self.as_json or self.quiet or not sys.stderr.isatty():
            yield lambda _stage, _share: None
            return
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (
            TextColumn("{task.fields[verb]}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeElapsedColumn(),
            TextColumn("{task.description}"),
        )
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("", total=1.0, verb=title)

            def update(stage: str, share: float | None) -> None:
                bar.update(task, description=stage, completed=share if share is not None else 0.0)

            yield update


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.3f}".rstrip("0").rstrip(".")
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value)


def show_error(error: UserError, as_json: bool) -> None:
    """A user's fault: kind, then every fault, on standard error; JSON if asked for."""
    kind = type(error).__name__
    if as_json:
        payload = {
            "error": {
                "kind": kind,
                "exit_code": error.exit_code,
                "faults": [_fault_dict(f) for f in error.faults],
            }
        }
        click.echo(json.dumps(payload, indent=2))
        return
    for fault in error.faults[:MAX_FAULTS]:
        click.echo(f"{kind}: {fault.text()}", err=True)
    hidden = len(error.faults) - MAX_FAULTS
    if hidden > 0:
        click.echo(f"  {hidden} more faults; --json shows all", err=True)


def _fault_dict(fault: Fault) -> dict[str, Any]:
    return {
        "where": fault.where,
        "found": fault.found,
        "expected": fault.expected,
        "todo": fault.todo,
        "suggestions": list(fault.suggestions),
    }
