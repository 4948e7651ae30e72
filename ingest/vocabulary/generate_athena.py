"""Make an Athena-shaped vocabulary of any size: streamed, and the same bytes for the same seed.

Run: python -m biobraid.ingest.vocabulary.generate_athena FOLDER [--concepts N] [--seed S]

The concepts are invented; their vocabularies, domains, classes and the shares of standard,
classification, invalid and non-standard ones are like those of a real download. Standard
vocabularies are made of families: a small hierarchy with several parents a concept, the same
in every family, below one root concept. So "Is a" and its closure CONCEPT_ANCESTOR agree
without anything being kept in memory. Ids start where OMOP has none.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from biobraid.ingest.vocabulary.athena import DELIMITER
from biobraid.ingest.vocabulary.generated_families import draw_family
from biobraid.ingest.vocabulary.generated_parts import DAYS, PARTS, Span, blocks, lay_out, ranges
from biobraid.ingest.vocabulary.generated_relations import ancestor_rows, relationship_rows
from biobraid.ingest.vocabulary.generated_words import concept_names, unseen_vocabularies
from biobraid.ingest.vocabulary.tables import VOCABULARY_TABLES, starter_concepts, starter_table


def generate_athena(
    folder: Path,
    n_concepts: int,
    seed: int = 1,
    version: str = "v5.0 31-AUG-26",
    relationships_per_concept: float = 6.8,
    ancestors_per_concept: float = 27.0,
) -> None:
    """Write the nine tables into `folder`.

    relationships_per_concept: rows of CONCEPT_RELATIONSHIP over concepts, at least.
    ancestors_per_concept: rows of CONCEPT_ANCESTOR over standard and classification concepts.
    """
    folder.mkdir(parents=True, exist_ok=True)
    family = draw_family(seed, ancestors_per_concept)
    spans = lay_out(n_concepts, family)
    _write(folder, "vocabulary", _vocabulary_rows(version))
    for table in ("domain", "concept_class", "relationship"):
        _write(folder, table, iter([pl.from_arrow(starter_table(table))]))  # type: ignore[list-item]
    _write(folder, "concept", _concepts(spans, seed))
    _write(folder, "concept_synonym", _synonyms(spans, seed))
    _write(folder, "drug_strength", _strengths(spans))
    _write(folder, "concept_ancestor", ancestor_rows(spans, family))
    _write(
        folder,
        "concept_relationship",
        relationship_rows(spans, family, seed, int(n_concepts * relationships_per_concept)),
    )


def _vocabulary_rows(version: str) -> Iterator[pl.DataFrame]:
    known = starter_table("vocabulary").to_pylist()
    rows = [row | {"vocabulary_version": version} if row["vocabulary_id"] == "None" else row
            for row in known]  # fmt: skip
    rows += unseen_vocabularies({row["vocabulary_id"] for row in rows}, PARTS)
    yield pl.DataFrame(rows, schema=VOCABULARY_TABLES["vocabulary"].names, orient="row")


def _concepts(spans: list[Span], seed: int) -> Iterator[pl.DataFrame]:
    """Own metadata concepts of the starter first, then the parts, ids of a block shuffled."""
    metadata = ["Domain", "Vocabulary", "Concept Class", "Relationship", "None", "Gender"]
    known = pl.from_arrow(starter_concepts())
    assert isinstance(known, pl.DataFrame)
    yield known.filter(pl.col("vocabulary_id").is_in(metadata) & ~pl.col("is_stub")).with_columns(
        pl.col("valid_start_date").dt.strftime("%Y%m%d"),
        pl.col("valid_end_date").dt.strftime("%Y%m%d"),
    )
    for span in spans:
        part = span.part
        for ids, drawn in blocks(span, seed, shuffle=True):
            is_invalid = (drawn.random(len(ids)) < 0.06) & (not part.standard)
            code = pl.Series((ids - span.first).astype(np.int64)).cast(pl.String).str.zfill(5)
            if part.vocabulary.startswith("ICD"):
                code = "X" + code.str.slice(0, 2) + "." + code.str.slice(2)
            yield pl.DataFrame(
                {
                    "concept_id": ids,
                    "concept_name": concept_names(ids, part.domain),
                    "domain_id": pl.repeat(part.domain, len(ids), eager=True),
                    "vocabulary_id": pl.repeat(part.vocabulary, len(ids), eager=True),
                    "concept_class_id": pl.repeat(part.concept_class, len(ids), eager=True),
                    "standard_concept": pl.repeat(part.standard, len(ids), eager=True),
                    "concept_code": code,
                    "valid_start_date": pl.repeat(DAYS["first"], len(ids), eager=True),
                    "valid_end_date": np.where(is_invalid, DAYS["ended"], DAYS["last"]),
                    "invalid_reason": np.where(is_invalid, "D", ""),
                }
            )


def _synonyms(spans: list[Span], seed: int) -> Iterator[pl.DataFrame]:
    for span in spans:
        for ids, drawn in blocks(span, seed + 1, shuffle=True):
            some = ids[drawn.random(len(ids)) < 0.4]
            yield pl.DataFrame(
                {
                    "concept_id": some,
                    "concept_synonym_name": concept_names(some + 7, span.part.domain),
                    "language_concept_id": np.full(len(some), 4180186),
                }
            )


def _strengths(spans: list[Span]) -> Iterator[pl.DataFrame]:
    """Every third drug: 1-20 times 25 mg of an ingredient of its own vocabulary."""
    for span in spans:
        if span.part.domain != "Drug" or span.part.standard != "S":
            continue
        for ids in ranges(span.first + 1, span.n - 1):
            drugs = ids[ids % 3 == 0]
            n = len(drugs)
            yield pl.DataFrame(
                {
                    "drug_concept_id": drugs,
                    "ingredient_concept_id": span.first + drugs % min(997, span.n),
                    "amount_value": (drugs % 20 + 1) * 25.0,
                    "amount_unit_concept_id": np.full(n, 8576),
                    "numerator_value": pl.repeat("", n, eager=True),
                    "numerator_unit_concept_id": pl.repeat("", n, eager=True),
                    "denominator_value": pl.repeat("", n, eager=True),
                    "denominator_unit_concept_id": pl.repeat("", n, eager=True),
                    "box_size": pl.repeat("", n, eager=True),
                    "valid_start_date": pl.repeat(DAYS["first"], n, eager=True),
                    "valid_end_date": pl.repeat(DAYS["last"], n, eager=True),
                    "invalid_reason": pl.repeat("", n, eager=True),
                }
            )


def _write(folder: Path, table: str, blocks: Iterator[pl.DataFrame]) -> None:
    names = VOCABULARY_TABLES[table].names
    with (folder / f"{table.upper()}.csv").open("wb") as out:
        out.write(DELIMITER.join(names).encode() + b"\n")
        for block in blocks:
            block.select(names).write_csv(
                out, separator=DELIMITER, include_header=False, quote_style="never",
                date_format="%Y%m%d",
            )  # fmt: skip


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--concepts", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    generate_athena(given.folder, given.concepts, given.seed)


if __name__ == "__main__":
    main()
