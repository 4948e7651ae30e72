"""Run the YAML model tests of tests/ with SQLMesh's own runner."""

from __future__ import annotations

import pytest

from tests.models.warehouse import MODELS


def test_the_yaml_model_tests_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    from sqlmesh import Context
    from sqlmesh.core import constants
    from sqlmesh.core.console import NoopConsole, set_console

    constants.MAX_FORK_WORKERS = 1
    set_console(NoopConsole())
    root = MODELS.parent
    monkeypatch.chdir(root)
    for place in ("CONNECTION", "STATE_CONNECTION"):
        monkeypatch.setenv(f"SQLMESH__GATEWAYS__DUCKDB__{place}__DATABASE", ":memory:")
    context = Context(paths=[str(root)])
    result = context.test()
    assert result.testsRun >= 4
    assert [str(failure) for failure in (*result.failures, *result.errors)] == []
