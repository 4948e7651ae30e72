"""The guide to genotypes is true: its options are accepted, its SQL and Python run."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import duckdb
import numpy as np
import pytest
import yaml

from biobraid.core.study import Source
from biobraid.ingest.connectors.contract import get_connector
from tests.genotypes.conftest import Bank

pytestmark = pytest.mark.xdist_group("genotypes")

GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "genotypes.md"
CONNECTORS = ("plink", "pgen", "bgen", "vcf")


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", GUIDE.read_text(), re.S)


def test_the_options_are_those_of_the_connectors() -> None:
    declared = [Source.model_validate(yaml.safe_load(text)) for text in _blocks("yaml")]
    assert {s.connector for s in declared} >= {"plink", "bgen", "vcf"}
    for source in declared:
        get_connector(source.connector).check_options(source.options)
    guide = GUIDE.read_text()
    unnamed = {
        f"{name}.{option}"
        for name in CONNECTORS
        for option in get_connector(name).options.model_fields
        if not re.search(rf"(?<![a-z_]){option}(?![a-z_])", guide)
    }
    assert unnamed == set()


def test_the_sql_runs(bank_keys: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(bank_keys.home.root)
    for sql in _blocks("sql"):
        rows = duckdb.connect().execute(sql).fetchall()
        assert len(rows) > 10 and all(len(row) > 1 for row in rows)


def test_the_query_runs(bank_keys: Bank) -> None:
    (line,) = _blocks("console")
    sql = re.findall(r'"(.*)"', line)[0]
    assert bank_keys.run("query", "one", sql) == 0


def test_the_python_runs(bank_keys: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(bank_keys.home.root)
    (code,) = _blocks("python")
    names = {"Path": Path, "np": np}
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(code, names)
    assert len(said.getvalue().splitlines()) == 3, "array, exome and imputed set"
    assert names["n_variants"] > 5
