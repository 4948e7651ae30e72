"""biobraid subject rectify: an identifier, or a delivered value, put right with its history."""

from __future__ import annotations

import click

from biobraid.cli.main import Invocation
from biobraid.cli.people import STUDY, one_person, today
from biobraid.cli.steps import build_step, link_step, writing
from biobraid.core.errors import Fault, SettingsError
from biobraid.core.home import Home
from biobraid.core.runs import Run
from biobraid.core.schemas import IDENTITY_TYPES
from biobraid.ingest.rectify import Which


@click.command("rectify")
@click.argument("person")
@STUDY
@click.option("--type", "kind", type=click.Choice(IDENTITY_TYPES), help="An identifier.")
@click.option("--variable", help="A delivered answer or measurement, by its variable.")
@click.option("--code", help="A delivered event, by its code as delivered.")
@click.option("--field", default="value", show_default=True,
              help="Of a variable or code: value, unit, start_time; of a code also code, end_time.")  # fmt: skip
@click.option("--at", "day", metavar="YYYY-MM-DD", help="Only the one of this day, as delivered.")
@click.option("--instance", type=int, help="Only the one of this visit or repeat.")
@click.option("--index", "array_index", type=int, help="Only the one at this place of several.")
@click.option("--value", help="What is right.")
@click.option("--lift", is_flag=True, help="Take the correction of a delivered value back.")
@click.option("--reason", required=True, help="Who asked, and why it is believed.")
@click.pass_obj
def rectify(
    call: Invocation, person: str, study: str, kind: str | None, variable: str | None,
    code: str | None, field: str, day: str | None, instance: int | None,
    array_index: int | None, value: str | None, lift: bool, reason: str,
) -> int:  # fmt: skip
    """Put an identifier or a delivered value of PERSON right, and keep what was there as history.

    A later delivery that repeats the wrong value is corrected again; one that says something else
    counts. Identifiers are linked anew; values show in the warehouse after this command's build,
    and in no release that was made before.
    """
    if (kind is not None) + (variable is not None) + (code is not None) != 1:
        raise click.UsageError("One of --type, --variable and --code says what is to be put right.")
    if (value is None) != lift or (lift and kind is not None):
        raise click.UsageError("Give --value; or --lift, of a variable or code, without it.")
    with writing(call, "subject rectify") as (home, run):
        key = one_person(home, study, person)
        if kind is not None:
            return _identifier(call, home, run, key, kind, value or "", reason)
        table, name = ("raw.value", variable) if variable is not None else ("raw.event", code)
        which = Which(table, name or "", field, day, instance, array_index)
        return _value(call, home, run, key, which, value, reason)


def _identifier(
    call: Invocation, home: Home, run: Run, key: str, kind: str, value: str, reason: str
) -> int:
    from biobraid.linkage.rights import rectify as put_right

    n = put_right(home, [key], kind, value, today().isoformat(), reason)
    call.out.say(f"{n} values of {kind} corrected; the old ones are in the vault's history.")
    call.out.result({"corrected": n})
    return link_step(call, home, run) or build_step(call, home, run)


def _value(
    call: Invocation, home: Home, run: Run, key: str, which: Which, value: str | None, reason: str
) -> int:
    """The vault's history first: killed before the correction, the same command repeats it."""
    from biobraid.ingest.rectify import correct, find_cell, take_back
    from biobraid.linkage.rights import note_correction

    cell, day = find_cell(home, key, which), today().isoformat()
    if value is None and cell.corrected is None:
        raise SettingsError(
            Fault(f"'{which.name}'", "it was not corrected", "a corrected value to take back")
        )
    shown = cell.delivered if cell.corrected is None else cell.corrected
    if value == shown:
        call.out.say(f"The {which.field} of '{which.name}' is that already.")
        call.out.result({"corrected": 0, "lifted": 0})
        return build_step(call, home, run)  # which a killed command may owe
    note_correction(home, key, cell.label, shown, cell.delivered if value is None else value,
                    day, reason)  # fmt: skip
    if value is None:
        take_back(home, cell)
        call.out.say(f"The delivered {which.field} of '{which.name}' shows again.")
    else:
        correct(home, key, cell, value, day)
        call.out.say(f"1 {which.field} of '{which.name}' corrected; what was delivered is kept.")
    call.out.result({"corrected": int(value is not None), "lifted": int(value is None)})
    return build_step(call, home, run)
