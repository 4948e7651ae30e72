"""Codes of a main table held against the dictionary: labels are an error, new codes a warning."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

import numpy as np

from biobraid.core.errors import Fault, SourceFileError
from biobraid.ingest.connectors.contract import FileJob, Variable
from biobraid.ingest.connectors.ukb_cells import Facts, Ints
from biobraid.ingest.connectors.ukb_plan import SEX, MainPlan

_WORD = re.compile(r"[A-Za-z]{2}")
_MAX_FAULTS = 20
_DENSE_PAIRS = 1 << 22
_SEX = Variable(str(SEX), value_type="code", codes={"0": "Female", "1": "Male"})


class CodeCheck:
    """Looks at each pair of variable and text once a block."""

    def __init__(self, job: FileJob, plan: MainPlan) -> None:
        self._job, self._plan = job, plan
        known: Mapping[str, Variable] = {**{_SEX.name: _SEX}, **job.variables}
        names = plan.variables.to_pylist()
        self._variables = [known.get(name) for name in names]
        is_coded = np.array([v is not None and _is_closed(v) for v in self._variables], bool)
        self._is_coded = is_coded[plan.variable_at]
        self._labels = [
            _labels(v) if v is not None and coded else frozenset()
            for v, coded in zip(self._variables, is_coded, strict=True)
        ]

    def __call__(self, facts: Facts, warnings: Counter[str]) -> None:
        """Count codes that the dictionary lacks; SourceFileError if labels were delivered."""
        coded = facts.only(self._is_coded[facts.column])
        used = coded.used()
        if not len(used):
            return
        place = np.zeros(len(coded.texts), dtype=np.int64)
        place[used] = np.arange(len(used))
        texts = coded.texts.take(used).to_pylist()
        variable = self._plan.variable_at[coded.column].astype(np.int64)
        pairs, counts = _pairs(variable * len(used) + place[coded.code], len(used))
        labelled: set[int] = set()
        for pair, count in zip(pairs.tolist(), counts.tolist(), strict=True):
            at, text = pair // len(used), texts[pair % len(used)].strip()
            known = self._variables[at]
            if known is None or text in known.codes:
                continue
            if text in self._labels[at]:
                labelled.add(at)
            else:
                warnings[f"unknown-code:{known.name}"] += count
        if labelled:
            raise SourceFileError([self._fault(at) for at in sorted(labelled)][:_MAX_FAULTS])

    def _fault(self, variable: int) -> Fault:
        column = next(
            c.name
            for c, at in zip(self._plan.columns, self._plan.variable_at.tolist(), strict=True)
            if at == variable
        )
        return Fault(
            f"{self._job.where}, column {column}",
            "the cells hold labels of the codes, not the codes",
            "raw codes, as the Showcase's codings list them",
            "Export the table again with the coding option RAW (not REPLACE).",
        )


def _pairs(keys: Ints, n_texts: int) -> tuple[Ints, Ints]:
    """Distinct keys with their counts."""
    top = int(keys.max(initial=0)) + 1
    if top > max(_DENSE_PAIRS, n_texts):
        return np.unique(keys, return_counts=True)
    counts = np.bincount(keys, minlength=top)
    found = np.flatnonzero(counts)
    return found, counts[found]


def _is_closed(variable: Variable) -> bool:
    """True where the dictionary lists what the codes mean, so that others are unknown."""
    has_meaning = any(meaning for meaning in variable.codes.values())
    return variable.value_type in ("code", "multicode") and has_meaning


def _labels(variable: Variable) -> frozenset[str]:
    meanings = {m.strip() for m in variable.codes.values() if m and _WORD.search(m)}
    return frozenset(meanings - set(variable.codes))
