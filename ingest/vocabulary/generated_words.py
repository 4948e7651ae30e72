"""Invented names of generated concepts: with quotes, accents and other scripts, as real ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import polars as pl

_FIRST = (
    "Chronic", "Acute", "Sjögren's", "Ménière", 'So-called "silent"', "Recurrent", "Bilateral",
    "β-haemolytic", "Congenital", "α-1", "Postoperative", "Alzheimer's", "Guillain–Barré", "Mild",
)  # fmt: skip
_SECOND = (
    "fracture of ankle", "dermatitis", '"dry" syndrome', "insufficiency", "infection, unspecified",
    "neoplasm of lung", "обструкция", "アレルギー", "pain; chest", "oedema | swelling", "anaemia",
)  # fmt: skip
_DRUG = (
    "paracetamol 500 MG Oral Tablet", "insulin (isophane) 100 UNT/ML", "5 ML ibuprofen 20 MG/ML",
    "amoxicillin 250 MG / clavulanate 125 MG", 'bisoprolol 2.5 MG "Cardicor"', "metformin 1 G",
)  # fmt: skip


class _Named(Protocol):
    @property
    def vocabulary(self) -> str: ...


def concept_names(ids: np.ndarray, domain: str) -> pl.Series:
    """A name per id; ids apart by less than the number of words give different names."""
    number = pl.Series(ids).cast(pl.String)
    if domain == "Drug":
        return pl.Series(_words(_DRUG, ids)) + " [" + number + "]"
    return pl.Series(_words(_FIRST, ids)) + " " + pl.Series(_words(_SECOND, ids)) + " " + number


def unseen_vocabularies(known: set[str], parts: Sequence[_Named]) -> list[dict[str, Any]]:
    """Rows of VOCABULARY for the parts that it lacks."""
    return [
        {"vocabulary_id": name, "vocabulary_name": f"{name} (generated)",
         "vocabulary_reference": "generated", "vocabulary_version": f"{name} 2026",
         "vocabulary_concept_id": 0}
        for name in sorted({part.vocabulary for part in parts} - known)
    ]  # fmt: skip


def _words(words: tuple[str, ...], ids: np.ndarray) -> np.ndarray:
    found: np.ndarray = np.array(words, dtype=object)[ids % len(words)]
    return found
