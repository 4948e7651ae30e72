"""Column names of UK Biobank tables, in all the ways they are delivered."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

# ukbconv's csv and tab forms and names derived from them: 31-0.0, f.31.0.0, f_31_0_0, x31_0_0.
_LEGACY = re.compile(r"^(?:f[._]|x)?(\d+)[-._](\d+)[._](\d+)$")
# The Research Analysis Platform: p31, p31_i0, p31_a1, p31_i0_a1, participant.p31.
_RAP = re.compile(r"^(?:participant\.)?p(\d+)(?:_i(\d+))?(?:_a(\d+))?$")
_EID = ("eid", "f.eid", "f_eid", "xeid", "participant.eid")
_MAIN_SHARE = 0.8


@dataclass(frozen=True)
class UkbColumn:
    """A column of a main table: field, instance and array index (0 where not written)."""

    name: str
    field: int
    instance: int = 0
    array: int = 0
    has_array: bool = True  # False: the name has no array index, so a cell may hold a list

    @property
    def cell(self) -> tuple[int, int, int]:
        """Field, instance, array index."""
        return self.field, self.instance, self.array


def parse_column(name: str) -> UkbColumn | None:
    """What a column name says; None if it does not name a field."""
    if match := _LEGACY.match(name):
        field, instance, array = (int(part) for part in match.groups())
        return UkbColumn(name, field, instance, array)
    if match := _RAP.match(name):
        field, instance, array = (int(part or 0) for part in match.groups())
        return UkbColumn(name, field, instance, array, has_array=match[3] is not None)
    return None


def find_eid(header: Sequence[str], declared: str | None = None) -> str | None:
    """The person-id column: the declared one if it is there, else any usual name of eid."""
    names = (declared, *_EID) if declared else _EID
    return next((name for name in names if name in header), None)


def is_main_table(header: Sequence[str], eid: str | None) -> bool:
    """True if nearly all columns besides the person id name fields."""
    others = [name for name in header if name != eid]
    n_fields = sum(parse_column(name) is not None for name in others)
    return eid is not None and n_fields > 0 and n_fields >= _MAIN_SHARE * len(others)


def plain_name(name: str) -> str:
    """A record table's column without the entity prefix of the RAP (hesin.ins_index)."""
    return name.rsplit(".", 1)[-1].strip().lower()
