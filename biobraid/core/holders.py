"""Who holds something of a person beside the landing tables: the registry of holders.

Any raw table with a source_person_key is found by its schema; nobody registers those. A
modality that keeps people elsewhere (blocks of genotypes, locations of images, files
referenced where they lie) registers one holder:

    register(Holder("genotype blocks", find=count_blocks, erase=mask_samples))

`find` counts what is held of the people, by name of the place. `erase` takes them out, may be
called again after a kill, and says until when the bytes are rewritten where they are only
masked at once; `status` shows that day.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from biobraid.core.home import Home


@dataclass(frozen=True)
class Gone:
    """Whom to take out, and what of them."""

    keys: frozenset[str]  # source_person_key
    modality: str = "*"
    after: str | None = None  # only what is dated after this day; None: everything
    today: date = date.min  # for the day by which masked bytes are rewritten

    @property
    def is_everything(self) -> bool:
        """True where nothing of these people may stay."""
        return self.modality == "*" and self.after is None


@dataclass(frozen=True)
class Erased:
    """What was taken out, and the day by which masked bytes are rewritten (None: they are)."""

    n: int
    due: date | None = None


@dataclass(frozen=True)
class Holder:
    """One place that holds people."""

    name: str
    find: Callable[[Home, Gone], Mapping[str, int]]
    erase: Callable[[Home, Gone], Erased]
    # Rewrites what was masked; called by `biobraid withdraw` once its day has come. False: it
    # still holds them, and the day stays in `status`.
    rewrite: Callable[[Home], bool | None] | None = None


HOLDERS: dict[str, Holder] = {}


def register(holder: Holder) -> Holder:
    """Make the holder known to withdrawal and to reports about a person."""
    HOLDERS[holder.name] = holder
    return holder


def in_order() -> list[tuple[str, Holder]]:
    """Every holder by name, landing last: others look there for where their people stand."""
    return sorted(HOLDERS.items(), key=lambda item: (item[0] == "landing", item[0]))
