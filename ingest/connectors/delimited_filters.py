"""Records that a source leaves out by the values of its columns."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.ingest.connectors.delimited_plan import Plan
from biobraid.ingest.tabular import TextBlock

Bools = npt.NDArray[np.bool_]


def ignored_by_filter(plan: Plan, block: TextBlock) -> Iterator[tuple[str, Bools]]:
    """(rule, records that it leaves out) for each `only` and `ignore`; "" stands for empty."""
    for is_wanted, rules in ((True, plan.options.only), (False, plan.options.ignore)):
        for column, values in rules.items():
            text = plan.trimmed(block, column).fill_null("")
            fits = pc.is_in(text, pa.array(values, pa.string())).to_numpy(zero_copy_only=False)
            yield f"{'only' if is_wanted else 'ignore'}:{column}", ~fits if is_wanted else fits
