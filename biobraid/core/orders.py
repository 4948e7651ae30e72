"""Orders of withdrawal that are not carried out everywhere yet: one small file each.

An order names source persons by their keyed source_person_key and persons by their random
id, never by an identifier. While it is open its people are in no new release; it goes once
every stage is done. Killed anywhere, the same command goes on where it stopped.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import Literal, get_args

from biobraid.core.files import write_text
from biobraid.core.home import Home

Level = Literal["no_contact", "no_access", "no_use"]
# Manifest note: order -> holder -> day by which bulk that was masked at once is rewritten.
BULK_DUE = "withdrawal_due"
LEVELS: tuple[Level, ...] = get_args(Level)


@dataclass(frozen=True)
class Order:
    """One withdrawal of one or more people from one study."""

    order_id: str
    level: Level
    study: str
    modality: str  # * for all
    effective_from: str  # YYYY-MM-DD
    ordered_on: str  # YYYY-MM-DD
    keys: tuple[str, ...]  # source persons it reaches
    gone: tuple[int, ...] = ()  # persons of whom nothing stays
    touched: tuple[int, ...] = ()  # persons of whom something stays
    done: tuple[str, ...] = ()  # stages

    @property
    def erases_all(self) -> bool:
        """True where nothing of the source persons may stay."""
        return self.level == "no_use" and self.modality == "*"

    @property
    def persons(self) -> tuple[int, ...]:
        """Everybody of whom a release may hold what may no longer be used."""
        return (*self.gone, *self.touched)


def save_order(home: Home, order: Order) -> None:
    """Write the order's file; readable by this account only."""
    home.withdrawals.mkdir(mode=0o700, exist_ok=True)
    text = json.dumps(asdict(order), indent=1, sort_keys=True) + "\n"
    write_text(home.withdrawals / f"{order.order_id}.json", text, mode=0o600)


def finish_stage(home: Home, order: Order, stage: str) -> Order:
    """Remember that a stage is done."""
    done = replace(order, done=(*order.done, stage))
    save_order(home, done)
    return done


def drop_order(home: Home, order: Order) -> None:
    """Forget an order that is carried out everywhere."""
    (home.withdrawals / f"{order.order_id}.json").unlink(missing_ok=True)


def open_orders(home: Home) -> list[Order]:
    """Orders not yet carried out everywhere, oldest first."""
    if not home.withdrawals.is_dir():
        return []
    found = []
    for path in sorted(home.withdrawals.glob("*.json")):
        given = json.loads(path.read_text(encoding="utf-8"))
        lists = {name: tuple(given[name]) for name in ("keys", "gone", "touched", "done")}
        found.append(Order(**{**given, **lists}))
    return sorted(found, key=lambda o: (o.ordered_on, o.order_id))


def masked_keys(home: Home) -> list[str]:
    """Source persons of open orders, sorted: in no release until the order is carried out."""
    orders = [o for o in open_orders(home) if o.level != "no_contact"]
    return sorted({key for order in orders for key in order.keys})
