"""The small hierarchy that generated vocabularies are made of, and its closure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SIZE = 120


@dataclass(frozen=True)
class Family:
    """Members 0 .. size-1, 0 the top; all arrays hold member numbers or levels.

    child, parent: "Is a", parent -1 where it is the vocabulary's root. ancestor, descendant,
    least, most: the closure with every member above itself, and the levels between.
    least_from_root, most_from_root: levels between each member and the vocabulary's root.
    """

    size: int
    child: np.ndarray
    parent: np.ndarray
    ancestor: np.ndarray
    descendant: np.ndarray
    least: np.ndarray
    most: np.ndarray
    least_from_root: np.ndarray
    most_from_root: np.ndarray


def draw_family(seed: int, ancestors_per_concept: float) -> Family:
    """The family whose members have about that many ancestors each, the root and itself counted.

    The nearer the parents are drawn, the deeper the hierarchy: the widest window that gives
    enough ancestors is taken.
    """
    family = _draw(seed, 2)
    for window in range(SIZE // 2, 2, -1):
        family = _draw(seed, window)
        if len(family.ancestor) / SIZE + 1 >= ancestors_per_concept:
            break
    return family


def _draw(seed: int, window: int) -> Family:
    drawn = np.random.default_rng([seed, window])
    parents: list[list[int]] = [[-1]]
    levels: list[dict[int, tuple[int, int]]] = [{0: (0, 0)}]  # of each member's ancestors
    for member in range(1, SIZE):
        near = np.arange(max(0, member - window), member)
        n = min(len(near), int(drawn.integers(1, 3)))
        mine = sorted(int(p) for p in drawn.choice(near, n, replace=False))
        parents.append(mine)
        above: dict[int, tuple[int, int]] = {member: (0, 0)}
        for parent in mine:
            for ancestor, (least, most) in levels[parent].items():
                old = above.get(ancestor, (least + 1, most + 1))
                above[ancestor] = (min(old[0], least + 1), max(old[1], most + 1))
        levels.append(above)
    edges = [(child, parent) for child, all_of in enumerate(parents) for parent in all_of]
    closure = [(a, d, *levels[d][a]) for d in range(SIZE) for a in sorted(levels[d])]
    child, parent = np.array(edges).T
    ancestor, descendant, least, most = np.array(closure).T
    top = np.array([levels[d][0] for d in range(SIZE)]) + 1
    return Family(SIZE, child, parent, ancestor, descendant, least, most, top[:, 0], top[:, 1])
