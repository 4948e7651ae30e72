"""biobraid vault backup|restore|rekey|locate."""

from __future__ import annotations

from pathlib import Path

import click

from biobraid.cli.main import Invocation
from biobraid.cli.steps import writing


@click.group("vault")
def command() -> None:
    """Back up, restore or re-key the encrypted vault; find the files behind assets."""


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


@command.command("locate")
@click.argument("asset_ids", type=int, nargs=-1, required=True)
@click.option("--project", help="The ids are those of this project's releases.")
@click.pass_obj
def locate_assets(call: Invocation, asset_ids: tuple[int, ...], project: str | None) -> None:
    """Say where the files of assets lie, below the deliveries of their study.

    ASSET_IDS are asset_id of omics.asset (image_occurrence_id of cdm.image_occurrence). Needs the
    link key; with --project the release key too.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    from biobraid.linkage.assets import asset_locations

    with writing(call, "vault locate") as (home, _):
        known = asset_locations(home)
        ids = known["asset_id"]
        if project is not None:
            from biobraid.core.keys import load_key
            from biobraid.export.project import open_project
            from biobraid.export.pseudonyms import fact_ids, project_keys

            keys = project_keys(load_key(home, "release"), open_project(home, project).settings.id)
            ids = pa.chunked_array([pa.array(fact_ids(keys, ids.to_numpy()), pa.int64())])
    found = known.set_column(0, "asset_id", ids).filter(
        pc.is_in(ids, pa.array(asset_ids, pa.int64()))
    )
    missing = sorted(set(asset_ids) - set(found["asset_id"].to_pylist()))
    for row in found.to_pylist():
        call.out.say(f"{row['asset_id']}  {row['study']}/{row['source']}  {row['location']}")
    if missing:
        call.out.say(f"{len(missing)} of the ids are those of no asset in the vault")
    call.out.result({"found": found.to_pylist(), "missing": missing})
