"""What goes with a dataset beside its values: an audit, weights, and the words of its card.

Audits belong to quality, which this package does not import: whoever calls the export brings
one along. It writes its files into the dataset's folder while that is still unfinished.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa


@dataclass(frozen=True)
class Beside:
    """manifest: entries of manifest.json. card: lines of card.md. rai: Croissant's RAI fields.

    files: description of each file written, by name. None of it counts a small group.
    """

    manifest: Mapping[str, Any] = field(default_factory=dict)
    card: Sequence[str] = ()
    rai: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)


# (the dataset's unfinished folder, the release's folder, project ids of exactly its people)
Companion = Callable[[Path, Path, pa.Array], Beside]
