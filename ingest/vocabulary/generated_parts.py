"""Which vocabularies a generated download has, and the ids of their concepts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from biobraid.ingest.vocabulary.generated_families import Family

FIRST_ID = 100_000_001
BLOCK = 250_000  # rows made at a time
DAYS = {"first": "19700101", "last": "20991231", "ended": "20211231"}


@dataclass(frozen=True)
class Part:
    """A vocabulary of the download: its share of the concepts and what they are like."""

    vocabulary: str
    domain: str
    concept_class: str
    share: float
    standard: str  # S or C where its concepts are in families, else empty: they map to `target`
    target: str = ""


PARTS = (
    Part("SNOMED", "Condition", "Clinical Finding", 0.14, "S"),
    Part("RxNorm Extension", "Drug", "Clinical Drug", 0.20, "S"),
    Part("RxNorm", "Drug", "Clinical Drug", 0.05, "S"),
    Part("LOINC", "Measurement", "Lab Test", 0.05, "S"),
    Part("OMOP Genomic", "Measurement", "Variant", 0.05, "S"),
    Part("ATC", "Drug", "ATC 5th", 0.01, "C"),
    Part("NDC", "Drug", "11-digit NDC", 0.20, "", "RxNorm"),
    Part("ICD10CM", "Condition", "5-char billing code", 0.08, "", "SNOMED"),
    Part("ICD10", "Condition", "ICD10 code", 0.02, "", "SNOMED"),
    Part("ICD9CM", "Condition", "4-dig billing code", 0.02, "", "SNOMED"),
    Part("Read", "Condition", "Read", 0.08, "", "SNOMED"),
    Part("dm+d", "Drug", "AMP", 0.08, "", "RxNorm Extension"),
    Part("OPCS4", "Procedure", "Procedure", 0.02, "", "SNOMED"),
)


@dataclass(frozen=True)
class Span:
    """The ids of one part; standard ones are whole families, the first of them the root's."""

    part: Part
    first: int
    n: int


def lay_out(n_concepts: int, family: Family) -> list[Span]:
    """Spans of about that many ids, one after the other."""
    spans, first = [], FIRST_ID
    for part in PARTS:
        n = max(int(n_concepts * part.share), 10)
        if part.standard:  # whole families, and the root before them
            n = 1 + max(n // family.size, 1) * family.size
        spans.append(Span(part, first, n))
        first += n
    return spans


def ranges(first: int, n: int) -> Iterator[np.ndarray]:
    """n ids from the first on, in blocks."""
    for begin in range(0, n, BLOCK):
        yield np.arange(first + begin, first + min(begin + BLOCK, n))


def blocks(
    span: Span, seed: int, shuffle: bool
) -> Iterator[tuple[np.ndarray, np.random.Generator]]:
    """Ids in blocks, each with a generator of its own: blocks do not depend on each other."""
    for ids in ranges(span.first, span.n):
        drawn = np.random.default_rng([seed, int(ids[0])])
        if shuffle:
            drawn.shuffle(ids)
        yield ids, drawn
