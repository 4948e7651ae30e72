"""biobraid link, and what belongs to it: review, train, tokens."""

from __future__ import annotations

from pathlib import Path

import click

from biobraid.cli.link_review import review
from biobraid.cli.main import Invocation
from biobraid.cli.steps import link_step, recorded, writing


@click.group("link", invoke_without_command=True)
@click.option("--dry-run", is_flag=True, help="Say what would be linked; write nothing.")
@click.option("--shadow", is_flag=True, help="Link everything anew, in the shadow, and compare.")
@click.option(
    "--diff", type=click.Path(path_type=Path), help="With --shadow: write who differs to a CSV."
)
@click.pass_context
def command(ctx: click.Context, dry_run: bool, shadow: bool, diff: Path | None) -> int:
    """Take new identities into the vault and link source persons to random person ids."""
    call: Invocation = ctx.obj
    if ctx.invoked_subcommand is not None:
        return 0
    if shadow:
        return _shadow(call, diff)
    with writing(call, "link") as (home, run):
        return link_step(call, home, run, dry_run)


def _shadow(call: Invocation, diff: Path | None) -> int:
    from pyarrow import csv

    from biobraid.linkage.shadow import shadow_link

    with recorded(call, "link --shadow") as (home, _):
        found = shadow_link(home)
    rows = [[kind, n] for kind, n in found.n_source_persons.items()]
    call.out.table("A full re-link, compared with the persons as they stand (nothing was changed)",
                   ["kind", "source persons"], rows)  # fmt: skip
    if diff is not None:
        csv.write_csv(found.rows, diff)
        call.out.say(f"Who differs: {diff}")
    call.out.result({"shadow": found.n_source_persons})
    return 0


command.add_command(review)


@command.command("train")
@click.option("--seed", type=int, default=1, show_default=True, help="Of the random pairs.")
@click.option("--dry-run", is_flag=True, help="Train and show; keep the model in force.")
@click.option("--shipped", is_flag=True, help="Go back to the model that came with biobraid.")
@click.pass_obj
def train_command(call: Invocation, seed: int, dry_run: bool, shipped: bool) -> None:
    """Train the matcher on this home's records; the next link scores every pair anew.

    Look at the difference first: biobraid link --shadow
    """
    from biobraid.linkage.match_model import forget_home_model, shipped_model
    from biobraid.linkage.train_home import train_home

    with writing(call, "link train") as (home, _):
        if shipped:
            forget_home_model(home)
            call.out.say(f"In force: {shipped_model().id}")
            call.out.result({"model": shipped_model().id})
            return
        trained = train_home(home, seed=seed, dry_run=dry_run)
    rows = [[f, lv, f"{m:.4g}", f"{u:.3g}"] for f, lv, m, u in trained.levels]
    call.out.table(f"{trained.model.id}, from {trained.n_records} records",
                   ["field", "agreement", "of matches", "of others"], rows)  # fmt: skip
    call.out.result({"model": trained.model.id, "n_records": trained.n_records})


@command.command("tokens")
@click.argument(
    "people", type=click.Path(path_type=Path, exists=True, dir_okay=False), required=False
)
@click.argument("out", type=click.Path(path_type=Path), required=False)
@click.option("--key", type=click.Path(path_type=Path), help="The token key shared with linkage.")
@click.option("--new-key", type=click.Path(path_type=Path), help="Make a new token key file.")
@click.option("--id", "id_column", default="id", show_default=True, help="Column of the person id.")
@click.option("--country", default="gb", show_default=True)
def tokens_command(
    people: Path | None, out: Path | None, key: Path | None, new_key: Path | None,
    id_column: str, country: str,
) -> None:  # fmt: skip
    """Turn a CSV of people into keyed tokens, at a source that hands over nothing else.

    Reads the columns first_name, surname, birth_date, sex, postcode of PEOPLE; OUT holds the id
    and its token. Needs no home: the source runs it on its own machine.
    """
    from biobraid.linkage.token_files import make_token_key, write_tokens

    if new_key is not None:
        make_token_key(new_key)
        click.echo(f"A new token key: {new_key}. Give it to the other side by a safe way.")
        return
    if people is None or out is None or key is None:
        raise click.UsageError("PEOPLE, OUT and --key are needed (or --new-key).")
    n, n_without = write_tokens(people, out, key, id_column, country)
    click.echo(f"{n} tokens; {n_without} people had too little for one.")
