"""`build(model, given)`: the rows a model makes of the tables given as text."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.models.warehouse import Rows, Warehouse

Build = Callable[[str, str], Rows]


@pytest.fixture
def build() -> Build:
    """Build one model, with everything it needs, over the given tables."""
    return lambda model, given: Warehouse(given).build(model)
