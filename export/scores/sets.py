"""One score over the genotype sets of a source: every weight counts once for a person.

A source may come as files by chromosome (the same people, other variants), by batch (other
people, the same variants), or as a mixture. Each set is matched by itself; where a weight stands
in several sets that hold a person, the first set counts, and of several samples of a person in a
set the first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.core.genotypes.landed import GenotypeSet
from biobraid.export.scores.compute import F64, Flags, Ints, Weights, score_set


@dataclass(frozen=True)
class SetScores:
    """What one set adds; one element per sample of the set that counts (keys, places).

    n_variants: weights that were added for the sample; 0 where another set or sample stands for
    the person. n_imputed: of these, weights whose call is missing.
    """

    of: GenotypeSet
    total: F64
    n_variants: Ints
    n_imputed: Ints


def score_sets(sets: Sequence[GenotypeSet], used: pa.Table, threads: int) -> Iterator[SetScores]:
    """Scores of the sets in their order; sets without any of the weights are left out.

    used: of match.used_weights.
    """
    sets = [of for of in sets if len(of.keys)]
    persons = _numbered([of.keys for of in sets])
    n_persons = max((int(whose.max()) for whose in persons), default=-1) + 1
    taken: dict[int, Flags] = {}
    for of, whose in zip(sets, persons, strict=True):
        rows = used.filter(pc.equal(used["batch"], of.batch))
        if len(rows):
            yield _score_one(of, rows, whose, n_persons, taken, threads)


def _score_one(
    of: GenotypeSet,
    rows: pa.Table,
    whose: Ints,
    n_persons: int,
    taken: dict[int, Flags],
    threads: int,
) -> SetScores:
    is_first = np.zeros(len(whose), np.bool_)
    is_first[np.unique(whose, return_index=True)[1]] = True
    sharing = rows["sharing"].to_numpy()
    # Weights that count for the same samples are added up together: nearly always all of them.
    together: dict[bytes, list[int]] = {}
    for number in np.unique(sharing).tolist():
        before = taken.setdefault(number, np.zeros(n_persons, np.bool_))
        together.setdefault((is_first & ~before[whose]).tobytes(), []).append(number)
        before[whose] = True
    total = np.zeros(len(whose))
    n_variants, n_imputed = np.zeros((2, len(whose)), np.int64)
    for mask, numbers in together.items():
        counts = np.frombuffer(mask, np.bool_)
        if not counts.any():
            continue
        mine = rows.filter(pa.array(np.isin(sharing, numbers)))
        weights = Weights(
            mine["variant_index"].to_numpy().astype(np.int64),
            mine["weight"].to_numpy(),
            mine["counts_ref"].to_numpy(),
            mine["is_rest"].to_numpy(),
        )
        scores = score_set(of, weights, threads)
        total[counts] += scores.total[counts]
        n_imputed[counts] += scores.n_imputed[counts]
        n_variants[counts] += int((~weights.is_rest).sum())
    return SetScores(of, total, n_variants, n_imputed)


def _numbered(keys: Sequence[pa.Array]) -> list[Ints]:
    """The persons of each set as numbers, the same for the same key in all sets."""
    coded = pa.chunked_array(keys, pa.string()).dictionary_encode().unify_dictionaries()
    return [chunk.indices.to_numpy().astype(np.int64) for chunk in coded.chunks]
