"""The lint rules: our models pass them, planted bad ones do not."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlglot
import sqlmesh  # noqa: F401  extends sqlglot's generators, which must not be in use before

from biobraid.linter.portable import portability_faults
from tests.models.test_contract import ALL
from tests.models.warehouse import MODELS, model_query

BAD = {
    "SELECT a FROM t ASOF JOIN u ON t.a >= u.a": "ASOF JOIN",
    "SELECT a FROM t POSITIONAL JOIN u": "POSITIONAL JOIN",
    "PIVOT t ON a USING SUM(b)": "Pivot",
    "SELECT TRY_STRPTIME(a, '%Y') AS a FROM t": "TRY_STRPTIME",
    "SELECT STRPTIME(a, '%Y') AS a FROM t": "StrToTime",
    "SELECT COLUMNS('a.*') FROM t": "Columns",
    "SELECT CAST(a AS INT128) AS a FROM t": "INT128",
    "SELECT CAST(a AS HUGEINT) AS a FROM t": "INT128",
    "SELECT a::BIT AS a FROM t": "BIT",
    "SELECT a::TIMESTAMPTZ AS a FROM t": "TIMESTAMPTZ",
    "SELECT * FROM t": "SELECT *",
    "SELECT t.* FROM t": "SELECT *",
    "FROM t": "SELECT *",
    "SELECT #1 FROM t": "PositionalColumn",
    "SELECT a FROM t GROUP BY 1": "GROUP BY position",
    "SELECT a FROM t GROUP BY ALL": "GROUP BY ALL",
    "SELECT a FROM t ORDER BY 1": "ORDER BY position",
    "SELECT DISTINCT a FROM t": "DISTINCT",
    "SELECT a FROM t JOIN u USING (a)": "USING",
    "SELECT t.a FROM t SEMI JOIN u ON t.a = u.a": "SEMI JOIN",
    "SELECT t.a FROM t RIGHT JOIN u ON t.a = u.a": "RIGHT JOIN",
    "SELECT t.a FROM t JOIN u": "without ON",
    "SELECT a FROM t QUALIFY ROW_NUMBER() OVER (ORDER BY a) = 1": "Qualify",
    "SELECT a FROM READ_PARQUET('x.parquet')": "ReadParquet",
    "SELECT LIST(a) AS a FROM t": "ArrayAgg",
    "SELECT a[1] AS a FROM t": "Bracket",
    "SELECT {'a': 1} AS a FROM t": "Struct",
    "SELECT CURRENT_DATE AS a FROM t": "CurrentDate",
    "SELECT RANDOM() AS a FROM t": "Rand",
    "SELECT HASH(a) AS a FROM t": "HASH",
    "SELECT a FROM t USING SAMPLE 10": "TableSample",
    "SELECT a FROM t WHERE a ILIKE 'x'": "ILike",
    "SELECT a + INTERVAL '1' MONTH AS a FROM t": "INTERVAL MONTH",
}


@pytest.mark.parametrize("model", ALL)
def test_our_models_use_only_what_is_allowed(model: str) -> None:
    assert portability_faults(sqlglot.parse_one(model_query(model), read="duckdb")) == []


@pytest.mark.parametrize(("query", "fault"), BAD.items(), ids=list(BAD.values()))
def test_planted_bad_models_fail(query: str, fault: str) -> None:
    faults = portability_faults(sqlglot.parse_one(query, read="duckdb"))
    assert any(fault.lower() in found.lower() for found in faults), faults


PYTHON_MODEL = """
import pandas as pd
from sqlmesh import ExecutionContext, model


@model("mart.made", columns={"a": "int"}, kind="FULL")
def execute(context: ExecutionContext, **kwargs: object) -> pd.DataFrame:
    return pd.DataFrame({"a": [1]})
"""


def lint(root: Path) -> dict[str, set[str]]:
    """Rules broken, per model, by a project that uses our rules."""
    from sqlmesh import Context
    from sqlmesh.core import constants
    from sqlmesh.core.config import (
        Config,
        DuckDBConnectionConfig,
        LinterConfig,
        ModelDefaultsConfig,
    )
    from sqlmesh.core.console import NoopConsole, set_console

    constants.MAX_FORK_WORKERS = 1
    set_console(NoopConsole())
    rules = {"nopythonmodels", "grainstated", "headercomment", "columnsdescribed", "portable"}
    config = Config(
        default_connection=DuckDBConnectionConfig(),
        model_defaults=ModelDefaultsConfig(dialect="duckdb", start="2020-01-01"),
        linter=LinterConfig(enabled=True, rules=rules),
        cache_dir=str(root / ".cache"),
        disable_anonymized_analytics=True,
    )
    context = Context(paths=[str(root)], config=config)
    broken: dict[str, set[str]] = {}
    for found in context.lint_models(raise_on_error=False):
        broken.setdefault(found.model.name, set()).add(found.rule.name)
    return broken


def test_sqlmesh_refuses_what_our_rules_forbid(tmp_path: Path) -> None:
    (tmp_path / "linter").symlink_to(MODELS.parent / "linter")
    (tmp_path / "models").mkdir()
    head = "/* One row per thing. */\n"
    described = "grain a, description 'd', column_descriptions (a = 'what it is')"
    models = {
        "good": f"{head}MODEL (name mart.good, kind FULL, {described});\nSELECT CAST(1 AS INT) AS a",
        "bare": "MODEL (name mart.bare, kind FULL);\nSELECT CAST(1 AS INT) AS a",
        "star": f"{head}MODEL (name mart.star, kind FULL, {described});\nSELECT * FROM mart.good",
    }
    for name, text in models.items():
        (tmp_path / "models" / f"{name}.sql").write_text(text, encoding="utf-8")
    (tmp_path / "models" / "made.py").write_text(PYTHON_MODEL, encoding="utf-8")
    broken = lint(tmp_path)
    assert "mart.good" not in broken
    assert broken["mart.bare"] == {"grainstated", "headercomment", "columnsdescribed"}
    assert "portable" in broken["mart.star"]
    assert "nopythonmodels" in broken["mart.made"]


def test_our_project_is_lint_free_and_formatted(monkeypatch: pytest.MonkeyPatch) -> None:
    from sqlmesh import Context
    from sqlmesh.core import constants
    from sqlmesh.core.console import NoopConsole, set_console

    constants.MAX_FORK_WORKERS = 1
    set_console(NoopConsole())
    monkeypatch.chdir(MODELS.parent)
    monkeypatch.setenv("SQLMESH__GATEWAYS__DUCKDB__CONNECTION__DATABASE", ":memory:")
    monkeypatch.setenv("SQLMESH__GATEWAYS__DUCKDB__STATE_CONNECTION__DATABASE", ":memory:")
    context = Context(paths=[str(MODELS.parent)])
    assert context.lint_models(raise_on_error=False) == []
    assert context.format(check=True)
