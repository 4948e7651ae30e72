"""How generated concepts hang together: CONCEPT_ANCESTOR and CONCEPT_RELATIONSHIP."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from biobraid.ingest.vocabulary.generated_families import Family
from biobraid.ingest.vocabulary.generated_parts import BLOCK, DAYS, Span, blocks
from biobraid.ingest.vocabulary.tables import VOCABULARY_TABLES


def ancestor_rows(spans: list[Span], family: Family) -> Iterator[pl.DataFrame]:
    """Every concept above itself, its family's closure, and the root above everything."""
    for span in spans:
        if not span.part.standard:
            continue
        yield _ancestor_block([span.first], [span.first], [0], [0])
        n_families = (span.n - 1) // family.size
        step = max(BLOCK // len(family.descendant), 1)
        for begin in range(0, n_families, step):
            bases = span.first + 1 + family.size * np.arange(begin, min(begin + step, n_families))
            n = len(bases)
            yield _ancestor_block(
                (bases[:, None] + family.ancestor).ravel(),
                (bases[:, None] + family.descendant).ravel(),
                np.tile(family.least, n),
                np.tile(family.most, n),
            )
            members = (bases[:, None] + np.arange(family.size)).ravel()
            yield _ancestor_block(
                np.full(len(members), span.first),
                members,
                np.tile(family.least_from_root, n),
                np.tile(family.most_from_root, n),
            )


def relationship_rows(
    spans: list[Span], family: Family, seed: int, n_wanted: int
) -> Iterator[pl.DataFrame]:
    """Is a, Maps to, Maps to value, and others to fill up; each with its reverse."""
    by_name = {span.part.vocabulary: span for span in spans}
    n_made = 0
    for span in spans:
        for ids, drawn in blocks(span, seed + 2, shuffle=False):
            pairs = [(ids, ids, "Maps to", "Mapped from")]
            if not span.part.standard:
                target = by_name[span.part.target]
                pairs = [(ids, _any_of(target, drawn, len(ids)), "Maps to", "Mapped from")]
                twice = ids[drawn.random(len(ids)) < 0.05]
                pairs.append((twice, _any_of(target, drawn, len(twice)), "Maps to", "Mapped from"))
                value = ids[drawn.random(len(ids)) < 0.01]
                others = _any_of(by_name["SNOMED"], drawn, len(value))
                pairs.append((value, others, "Maps to value", "Value mapped from"))
            elif span.part.standard == "C":
                pairs = []
            for one, two, kind, reverse in pairs:
                yield _relation_rows(one, two, kind, reverse)
                n_made += 2 * len(one)
        if span.part.standard:
            n_families = (span.n - 1) // family.size
            step = max(BLOCK // len(family.child), 1)
            for begin in range(0, n_families, step):
                until = min(begin + step, n_families)
                bases = span.first + 1 + family.size * np.arange(begin, until)
                child = (bases[:, None] + family.child).ravel()
                # The family's own root is a child of the vocabulary's root concept.
                parent = np.where(
                    np.tile(family.parent, len(bases)) < 0,
                    span.first,
                    (bases[:, None] + family.parent).ravel(),
                )
                yield _relation_rows(child, parent, "Is a", "Subsumes")
                n_made += 2 * len(child)
    drawn = np.random.default_rng([seed, 99])
    finding, test = by_name["SNOMED"], by_name["LOINC"]
    while n_made < n_wanted:
        n = min(BLOCK, (n_wanted - n_made + 1) // 2)
        one, two = _any_of(finding, drawn, n), _any_of(test, drawn, n)
        yield _relation_rows(one, two, "Has interprets", "Interprets of")
        n_made += 2 * n


def _relation_rows(one: np.ndarray, two: np.ndarray, kind: str, reverse: str) -> pl.DataFrame:
    """Both directions; one in fifty is not valid any more."""
    n = len(one)
    is_invalid = np.tile((one * 7 + two) % 50 == 0, 2) & (kind not in ("Maps to", "Is a"))
    return pl.DataFrame(
        {
            "concept_id_1": np.concatenate([one, two]),
            "concept_id_2": np.concatenate([two, one]),
            "relationship_id": np.repeat([kind, reverse], n),
            "valid_start_date": pl.repeat(DAYS["first"], 2 * n, eager=True),
            "valid_end_date": np.where(is_invalid, DAYS["ended"], DAYS["last"]),
            "invalid_reason": np.where(is_invalid, "D", ""),
        }
    )


def _ancestor_block(*columns: np.ndarray | list[int]) -> pl.DataFrame:
    names = VOCABULARY_TABLES["concept_ancestor"].names
    return pl.DataFrame(dict(zip(names, columns, strict=True)))


def _any_of(span: Span, drawn: np.random.Generator, n: int) -> np.ndarray:
    return span.first + drawn.integers(0, span.n, n)
