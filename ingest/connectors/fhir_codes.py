"""The one coding of a CodeableConcept that an event gets.

The rule: a coding the user selected, then the first of a known OMOP vocabulary, then the first
that has a code. The others are left, and so counted by their element path.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.ingest.connectors.fhir_file import FhirFile
from biobraid.ingest.connectors.fhir_frame import Frame
from biobraid.ingest.connectors.fhir_tokens import Bools, Ints


@dataclass(frozen=True)
class Concept:
    """Columns of a chosen coding; code and system are null together, text is its display."""

    code: pa.StringArray
    system: pa.StringArray
    text: pa.StringArray

    @property
    def is_coded(self) -> Bools:
        """Which rows have a code."""
        coded: Bools = self.code.is_valid().to_numpy(zero_copy_only=False)
        return coded

    def or_else(self, other: Concept) -> Concept:
        """This concept, or the other where this has no code."""
        mask = pa.array(self.is_coded)
        return Concept(
            pc.if_else(mask, self.code, other.code),
            pc.if_else(mask, self.system, other.system),
            pc.if_else(mask, self.text, other.text),
        )


def no_concept(n: int) -> Concept:
    """A concept of n rows that have none."""
    nulls = pa.nulls(n, pa.string())
    return Concept(nulls, nulls, nulls)


def concept(file: FhirFile, frame: Frame, path: str) -> Concept:
    """The chosen coding of a CodeableConcept, among those of all repeats of the element."""
    codings = frame.nested(f"{path}.coding")
    if not len(codings):
        return no_concept(len(frame))
    chosen = codings.only(_chosen(file, codings))
    return _columns(file, chosen, len(frame))


def coding(file: FhirFile, frame: Frame, path: str) -> Concept:
    """An element that is a single Coding."""
    codings = frame.nested(path)
    if not len(codings):
        return no_concept(len(frame))
    has_code = codings.peek("code").is_valid().to_numpy(zero_copy_only=False)
    first = _first_of_owner(codings, np.zeros(len(codings), dtype=np.int64), has_code)
    return _columns(file, codings.only(first), len(frame))


def _chosen(file: FhirFile, codings: Frame) -> Bools:
    has_code: Bools = codings.peek("code").is_valid().to_numpy(zero_copy_only=False)
    if len(codings) == len(np.unique(codings.owner)):
        return has_code
    known = file.is_known(codings.peek("system").fill_null(""))
    selected = pc.equal(codings.peek("userSelected"), "true").fill_null(False)
    rank = np.where(known, 1, 2)
    rank[selected.to_numpy(zero_copy_only=False)] = 0
    return _first_of_owner(codings, rank, has_code)


def _first_of_owner(codings: Frame, rank: Ints, allowed: Bools) -> Bools:
    at = np.flatnonzero(allowed)
    order = at[np.lexsort((at, rank[at], codings.owner[at]))]
    first = np.diff(codings.owner[order], prepend=-1) != 0
    chosen = np.zeros(len(codings), dtype=bool)
    chosen[order[first]] = True
    return chosen


def _columns(file: FhirFile, codings: Frame, n: int) -> Concept:
    code = codings.text("code")
    urls = codings.text("system")
    system = file.system(urls, code.is_valid().to_numpy(zero_copy_only=False))
    display = codings.text("display")
    codings.text("version")
    codings.text("userSelected")
    if len(codings) == n:
        return Concept(code, system, display)
    at = np.full(n, -1, dtype=np.int64)
    at[codings.owner] = np.arange(len(codings))
    index = pa.array(at, mask=at < 0)
    return Concept(code.take(index), system.take(index), display.take(index))
