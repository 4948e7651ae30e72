"""Great Expectations judges the measures: suites in, failed expectations and Data Docs out.

Importing this module costs seconds: only what must judge does so.
"""

from __future__ import annotations

import os
import secrets
import shutil
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")

import duckdb
import great_expectations as gx
import pyarrow as pa
from great_expectations.core.expectation_suite import ExpectationSuite
from great_expectations.core.validation_definition import ValidationDefinition
from great_expectations.data_context.types.base import ProgressBarsConfig

from biobraid.core.errors import Fault, SettingsError
from biobraid.core.files import PARTIAL
from biobraid.quality.contract import gx_engine
from biobraid.quality.contract.data_docs import make_offline
from biobraid.quality.contract.measures import Measure
from biobraid.quality.contract.rules import RULES

DATABASE = "contract-{}.duckdb" + PARTIAL
KEY = ("source", "item")
SITE = "contract"


@dataclass(frozen=True)
class Failure:
    """An expectation that the delivery does not meet.

    items: (source, item) of the measures outside it; empty where the expectation is not about
    single measures.
    """

    expectation: Mapping[str, Any]
    items: tuple[tuple[str, str], ...]


def validate(
    tmp: Path, asked: Mapping[str, tuple[Mapping[str, Any], Sequence[Measure]]], site: Path | None
) -> dict[str, list[Failure]]:
    """Judge each study's measures by its suite; what failed, by study.

    tmp: folder for the table of measures, removed at the end. site: where the Data Docs are
    built (replaced as a whole), None for none. SettingsError for an expectation that cannot be
    judged, such as one about a measure that does not exist.
    """
    for left in tmp.glob(DATABASE.format("*")):  # by a process that was killed
        left.unlink()
    # GX keeps connections of its own open while the process lives: never one name twice.
    database = tmp / DATABASE.format(secrets.token_hex(4))
    built = None if site is None else site.with_name(site.name + PARTIAL)
    if built is not None:
        shutil.rmtree(built, ignore_errors=True)
    try:
        _write_measures(database, asked)
        with _quiet():
            found = _validate(database, asked, built)
    finally:
        database.unlink(missing_ok=True)
    if site is not None and built is not None:
        make_offline(built)
        shutil.rmtree(site, ignore_errors=True)
        built.rename(site)
    return found


def _validate(
    database: Path,
    asked: Mapping[str, tuple[Mapping[str, Any], Sequence[Measure]]],
    site: Path | None,
) -> dict[str, list[Failure]]:
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    for name, config in dict(context.variables.data_docs_sites or {}).items():
        context.delete_data_docs_site(name)  # a site of its own, in a temporary folder
        shutil.rmtree(config["store_backend"]["base_directory"], ignore_errors=True)
    if site is not None:
        context.add_data_docs_site(SITE, _site_config(site))
    source = context.data_sources.add_duckdb(
        name="landing", connection_string=gx_engine.connection_string(database)
    )
    found = {}
    for study, (suite, _) in asked.items():
        asset = source.add_table_asset(study, table_name=study)
        batch = asset.add_batch_definition_whole_table("delivery")
        expectations = context.suites.add(_suite(study, suite))
        definition = context.validation_definitions.add(
            ValidationDefinition(name=study, data=batch, suite=expectations)
        )
        checkpoint = context.checkpoints.add(
            gx.Checkpoint(
                name=study,
                validation_definitions=[definition],
                result_format={
                    "result_format": "COMPLETE",
                    "unexpected_index_column_names": list(KEY),
                },
            )
        )
        results = checkpoint.run().run_results.values()
        found[study] = [f for result in results for f in _failures(study, result)]
    if site is not None:
        context.build_data_docs([SITE])
    return found


def _suite(study: str, suite: Mapping[str, Any]) -> Any:
    """The suite as GX's object; SettingsError if GX does not understand it."""
    try:
        return ExpectationSuite(**suite)
    except Exception as error:  # of many kinds: pydantic's, GX's, pyparsing's
        what = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise SettingsError(
            Fault(
                f"studies/{study}/contract/suite.json",
                f"Great Expectations does not understand it: {what}",
                "expectations of Great Expectations 1.24",
                "biobraid check --delivery --write-suites shows what is generated.",
            )
        ) from None


def _failures(study: str, result: Any) -> Iterator[Failure]:
    faults = []
    for one in result.results:
        data = one.to_json_dict()
        expectation = data["expectation_config"]
        if (data.get("exception_info") or {}).get("raised_exception") or "result" not in data:
            name = expectation.get("meta", {}).get("rule") or expectation["type"]
            faults.append(
                Fault(
                    f"studies/{study}/contract/suite.json, expectation '{name}'",
                    "cannot be judged",
                    f"an expectation about {', '.join(KEY)} or a measure: "
                    + ", ".join(r.measure for r in RULES),
                )
            )
        elif not data["success"]:
            rows = data["result"].get("unexpected_index_list") or ()
            items = tuple(sorted({(row["source"], row["item"]) for row in rows}))
            yield Failure(expectation, items)
    if faults:
        raise SettingsError(faults)


def _write_measures(
    database: Path, asked: Mapping[str, tuple[Mapping[str, Any], Sequence[Measure]]]
) -> None:
    """One table per study, named like it: source, item and a column per measure."""
    names = [r.measure for r in RULES]
    schema = pa.schema([*((k, pa.string()) for k in KEY), *((n, pa.float64()) for n in names)])
    con = duckdb.connect(str(database))
    try:
        for study, (_, measures) in asked.items():
            rows = [
                {"source": m.source, "item": m.item, **{n: m.values.get(n) for n in names}}
                for m in measures
            ]
            con.register("given", pa.Table.from_pylist(rows, schema))
            con.execute(f'CREATE TABLE "{study}" AS SELECT * FROM given')  # noqa: S608
        con.execute("CHECKPOINT")
    finally:
        con.close()


def _site_config(site: Path) -> dict[str, Any]:
    return {
        "class_name": "SiteBuilder",
        "site_name": SITE,
        "show_how_to_buttons": False,
        "store_backend": {
            "class_name": "TupleFilesystemStoreBackend",
            "base_directory": str(site),
        },
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder", "show_cta_footer": False},
    }


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the warnings of libraries below."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
