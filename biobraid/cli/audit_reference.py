"""Which reference an audit compares with: the one given, or the one of the home's settings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from biobraid.core.errors import Fault, SettingsError
from biobraid.core.home import SETTINGS_FILE, Home
from biobraid.quality.bias.margins import demo_margins, read_margins
from biobraid.quality.bias.reference import Reference


def margins_file(home: Home, given: Mapping[str, Any]) -> Path | None:
    """The margins CSV: --margins, --demo-margins, else audit_margins of biobraid.toml; or none."""
    chosen = [bool(given["margins"]), given["demo_margins"], given["no_margins"]]
    if sum(chosen) > 1:
        raise click.UsageError("one of --margins, --demo-margins and --no-margins")
    if given["no_margins"]:
        return None
    if given["demo_margins"]:
        return demo_margins()
    if given["margins"]:
        return Path(given["margins"])
    path = home.audit_margins
    if path is not None and not path.is_file():
        raise SettingsError(
            Fault(f"{SETTINGS_FILE}, audit_margins", "there is no such file",
                  "a margins CSV, below the home or by its whole path",
                  "Put it there, or set audit_margins to \"\" for no reference.")
        )  # fmt: skip
    return path


def reference_of_call(home: Home, given: Mapping[str, Any]) -> Reference | None:
    """The margins, read and checked; None where there are none."""
    path = margins_file(home, given)
    return read_margins(path, rescale=bool(given.get("rescale"))) if path else None
