"""biobraid vault backup|restore|rekey."""

from __future__ import annotations

from pathlib import Path

import click

from biobraid.cli.main import Invocation
from biobraid.cli.steps import writing


@click.group("vault")
def command() -> None:
    """Back up, restore or re-key the encrypted vault."""


@command.command("backup")
@click.argument("folder", type=click.Path(path_type=Path))
@click.pass_obj
def backup_vault(call: Invocation, folder: Path) -> None:
    """Copy the vault, encrypted as it is, into a new FOLDER (keys are not copied)."""
    from biobraid.linkage.keeping import backup

    with writing(call, "vault backup") as (home, _):
        backup(home, folder)
    call.out.say(f"Backup: {folder}  (keep the key files elsewhere; without them it is noise)")
    call.out.result({"backup": str(folder)})


@command.command("restore")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.pass_obj
def restore_vault(call: Invocation, folder: Path) -> None:
    """Put the backup in FOLDER in force; then run: biobraid link."""
    from biobraid.linkage.keeping import restore

    with writing(call, "vault restore") as (home, _):
        restore(home, folder)
    call.out.say("The backup is in force. Next: biobraid link")
    call.out.result({"restored": str(folder)})


@command.command("rekey")
@click.pass_obj
def rekey_vault(call: Invocation) -> None:
    """Draw a new vault key and encrypt everything with it; ids do not change."""
    from biobraid.linkage.keeping import rekey

    with writing(call, "vault rekey") as (home, _):
        rekey(home)
        folder = home.key_dir
    call.out.say(f"The vault has a new key: {folder / 'link.key'}  (back it up)")
    call.out.result({"key": str(folder / "link.key")})
