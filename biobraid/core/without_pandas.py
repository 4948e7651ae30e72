"""Processes that need no pandas do without it.

pyarrow imports it, where it is installed, with the first array or scalar it makes: 0.2 s of each
process's start and 60 MB for nothing.
"""

from __future__ import annotations

import sys
from importlib.abc import MetaPathFinder
from typing import Any


def leave_out_pandas() -> None:
    """Make `import pandas` fail in this process from now on.

    pyarrow remembers that there is none: nothing may be turned into data frames afterwards.
    """
    if not any(isinstance(finder, _WithoutPandas) for finder in sys.meta_path):
        sys.meta_path.insert(0, _WithoutPandas())


class _WithoutPandas(MetaPathFinder):
    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        """ModuleNotFoundError for pandas; everything else is left to the other finders."""
        if name == "pandas":
            raise ModuleNotFoundError("pandas is not used in this process", name=name)
