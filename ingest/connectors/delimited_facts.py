"""Non-empty cells of a delimited file with the records and variables they belong to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from biobraid.ingest.connectors.delimited_frame import Frame
from biobraid.ingest.connectors.delimited_plan import Role

Ints = npt.NDArray[np.int64]
Ints32 = npt.NDArray[np.int32]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Facts:
    """Non-empty cells: the kept record each stands in, its variable, the value as delivered.

    variable indexes names; roles are those of the names. index: array position, default 0.
    """

    names: Sequence[str]
    roles: npt.NDArray[np.int8]
    record: Ints
    variable: Ints32
    value: pa.StringArray
    index: Ints32 | None = None
    unit: pa.StringArray | None = None

    def __len__(self) -> int:
        return len(self.record)

    @property
    def role(self) -> npt.NDArray[np.int8]:
        """Role of each fact."""
        return self.roles[self.variable]

    def only(self, mask: Bools) -> Facts:
        """The facts where the mask is true."""
        if mask.all():
            return self
        keep = pa.array(mask)
        return Facts(
            self.names,
            self.roles,
            self.record[mask],
            self.variable[mask],
            self.value.filter(keep),
            None if self.index is None else self.index[mask],
            None if self.unit is None else self.unit.filter(keep),
        )

    def with_values(self, value: pa.StringArray) -> Facts:
        """The same facts with other values."""
        return Facts(
            self.names, self.roles, self.record, self.variable, value, self.index, self.unit
        )


def role_array(roles: Iterable[Role]) -> npt.NDArray[np.int8]:
    """Roles as an array to look up."""
    return np.array([int(role) for role in roles], dtype=np.int8)


def cells_of(frame: Frame, names: Sequence[str]) -> Facts:
    """Non-empty cells of some columns of the kept records."""
    plan = frame.plan
    cells = frame.block.cells([plan.file_names[name] for name in names])
    place = np.full(frame.block.n_rows, -1, dtype=np.int64)
    place[frame.rows] = np.arange(len(frame.rows))
    record = place[cells.row]
    roles = role_array(plan.roles[name] for name in names)
    return Facts(names, roles, record, cells.column, cells.value).only(record >= 0)
