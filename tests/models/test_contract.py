"""The cdm models against OHDSI's field list; generated files against their generators."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
import sqlglot
import sqlmesh  # noqa: F401  extends sqlglot's generators, which must not be in use before
from sqlglot import exp

from biobraid.core.omop import table_fields
from tests.models.warehouse import MODELS, Warehouse, model_query

ROOT = MODELS.parent
CDM = sorted(path.stem for path in (MODELS / "cdm").glob("*.sql"))
ALL = sorted(f"{path.parent.name}.{path.stem}" for path in MODELS.glob("*/*.sql"))


def script(name: str) -> ModuleType:
    """A module of scripts/."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_tables_of_the_spine_are_there() -> None:
    spine = """person observation_period visit_occurrence condition_occurrence drug_exposure
        procedure_occurrence measurement observation death cdm_source"""
    assert set(spine.split()) <= set(CDM)


@pytest.fixture(scope="module")
def empty() -> Warehouse:
    return Warehouse("")


@pytest.mark.parametrize("table", CDM)
def test_columns_types_and_order_are_the_standard_s(table: str, empty: Warehouse) -> None:
    empty.build(f"cdm.{table}")
    found = empty.con.execute(
        "SELECT column_name, data_type FROM duckdb_columns() "
        "WHERE schema_name = 'cdm' AND table_name = ? ORDER BY column_index",
        [table],
    ).fetchall()
    assert found == [(f.name, f.type) for f in table_fields(table)]


@pytest.mark.parametrize("table", CDM)
def test_texts_are_cut_to_the_length_the_standard_allows(table: str) -> None:
    query = sqlglot.parse_one(model_query(f"cdm.{table}"), read="duckdb")
    length = {f.name: f.max_length for f in table_fields(table) if f.max_length}
    assert isinstance(query, exp.Query)
    for projection in query.selects:
        limit = length.get(projection.alias)
        inner = projection.find(exp.Substring)
        if limit and inner is not None:
            assert int(inner.args["length"].name) <= limit, projection.alias


def test_headers_are_what_the_field_list_asks_for() -> None:
    module = script("cdm_headers")
    stale = [
        path.name
        for path in (MODELS / "cdm").glob("*.sql")
        if module.rewritten(path) != path.read_text(encoding="utf-8")
    ]
    assert stale == []


def test_external_models_are_those_of_the_schemas() -> None:
    made = script("external_models").text()
    assert (ROOT / "external_models.yaml").read_text(encoding="utf-8") == made


def test_the_field_list_is_that_of_the_standard(shared_data: Path) -> None:
    import csv

    module = script("omop_fields")
    source = shared_data / "cdm54" / "OMOP_CDMv5.4_Field_Level.csv"
    with source.open(encoding="utf-8", newline="") as handle:
        wanted = [module.compact(row) for row in csv.DictReader(handle)]
    with module.TARGET.open(encoding="utf-8", newline="") as handle:
        assert list(csv.reader(handle))[1:] == wanted


@pytest.mark.parametrize("model", ALL)
def test_every_model_transpiles_to_spark(model: str) -> None:
    query = model_query(model)
    (spark,) = sqlglot.transpile(
        query, read="duckdb", write="spark", unsupported_level=sqlglot.ErrorLevel.RAISE
    )
    assert sqlglot.parse_one(spark, read="spark")
