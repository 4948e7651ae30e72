"""biobraid init DIR."""

from __future__ import annotations

from pathlib import Path

import click

from biobraid.cli.main import Invocation
from biobraid.core.home import create_home
from biobraid.core.keys import create_keys


@click.command("init")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--name", default="", help="Name of the biobank; default: the folder's name.")
@click.option("--memory-gb", type=float, default=4.0, show_default=True, help="Memory limit.")
@click.option("--dry-run", is_flag=True, help="Say what would be made.")
@click.pass_obj
def command(call: Invocation, folder: Path, name: str, memory_gb: float, dry_run: bool) -> None:
    """Make a new, empty home for a biobank, with keys outside it."""
    if dry_run:
        call.out.say(f"Would make the home {folder} and three keys in your state folder.")
        call.out.result({"home": str(folder), "dry_run": True})
        return
    home = create_home(folder, name, memory_limit_gb=memory_gb)
    keys = create_keys(home)
    call.out.say(f"Home:       {home.root}")
    call.out.say(f"Deliveries: {home.deliveries}  (one folder per study)")
    call.out.say(f"Keys:       {keys}  (back this folder up; without it nothing can be linked)")
    call.out.say("")
    call.out.say(f"Next: put a study pack into {home.studies}, then: biobraid doctor")
    call.out.result({"home": str(home.root), "deliveries": str(home.deliveries), "keys": str(keys)})
