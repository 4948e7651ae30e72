"""SQLMesh as the build uses it: configuration made in code, a quiet console, safe errors.

SQLMesh quotes values in its messages (a failing cast names the offending text), so nothing
it says is printed or logged: the console below keeps model names and counts only.
"""

from __future__ import annotations

import gc
import hashlib
import logging
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import biobraid
from biobraid.core.errors import BusyError, Fault, QualityError, UserError
from biobraid.core.home import Home
from biobraid.core.warehouse import duckdb_settings, literal

if TYPE_CHECKING:
    import duckdb
    from sqlmesh import Context

PROJECT = Path(biobraid.__file__).parent
# SQLMesh's clock. Our models are rebuilt when data or code change and never because a day has
# passed; a constant date also keeps the state the same whenever it was made.
START, NOW = "2020-01-01", "2020-01-02"

OnProgress = Callable[[str, float | None], None]


def model_names() -> list[str]:
    """schema.table of every model, sorted: path = name."""
    return sorted(f"{p.parent.name}.{p.stem}" for p in (PROJECT / "models").glob("*/*.sql"))


def models_mark() -> str:
    """A hash of models, audits and of what SQLMesh is; it changes when they do."""
    digest = hashlib.sha256(f"sqlmesh {version('sqlmesh')} {START} {NOW} as-written".encode())
    for path in (
        *sorted((PROJECT / "models").glob("*/*.sql")),
        *sorted((PROJECT / "audits").glob("*.sql")),
        PROJECT / "external_models.yaml",
    ):
        digest.update(f"{path.name}\n".encode() + path.read_bytes())
    return digest.hexdigest()


@dataclass
class Progress:
    """What happened to the models, and what went wrong; filled by the console."""

    on_progress: OnProgress | None = None
    total: int = 0
    evaluated: list[str] = field(default_factory=list)
    errors: list[BaseException] = field(default_factory=list)

    def say(self, model: str) -> None:
        """Count a finished model and tell whoever waits."""
        self.evaluated.append(model)
        if self.on_progress:
            share = len(self.evaluated) / self.total if self.total else None
            self.on_progress(model, share)


@contextmanager
def rare_collection() -> Iterator[None]:
    """Collect garbage seldom while SQLMesh works.

    Its syntax trees are millions of small objects that live long: going through them again and
    again took a fifth of the CPU time of a small build. Costs about 0.1 GB.
    """
    before = gc.get_threshold()
    gc.set_threshold(200_000, 50, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def open_context(home: Home, progress: Progress) -> Context:
    """SQLMesh's context over the packaged models and the home's files.

    The caller closes it. State, cache and logs lie in the home, never in the package, which
    may be read-only.
    """
    os.environ.setdefault("MAX_FORK_WORKERS", "1")  # pyarrow and polars do not survive a fork
    os.environ.setdefault("SQLMESH__DISABLE_ANONYMIZED_ANALYTICS", "true")
    from sqlmesh import Context
    from sqlmesh.core import constants
    from sqlmesh.core.config import (
        Config,
        DuckDBConnectionConfig,
        GatewayConfig,
        ModelDefaultsConfig,
    )
    from sqlmesh.core.console import set_console

    constants.MAX_FORK_WORKERS = 1
    _silence()
    set_console(_console(progress))
    settings = {**duckdb_settings(home.settings, home.tmp), "TimeZone": "UTC"}
    memory = {**settings, "memory_limit": "512MB", "threads": "1"}
    config = Config(
        gateways={
            "home": GatewayConfig(
                connection=DuckDBConnectionConfig(
                    database=str(home.warehouse),
                    connector_config=settings,
                    register_comments=False,  # see `describe`
                ),
                state_connection=DuckDBConnectionConfig(
                    database=str(home.state), connector_config=memory
                ),
            )
        },
        default_gateway="home",
        # Every model names its columns and types, and `make check` qualifies and lints them: doing
        # it again on each rendering took a fifth of the CPU time of a small build.
        model_defaults=ModelDefaultsConfig(dialect="duckdb", start=START, optimize_query=False),
        cache_dir=str(home.cache),
        disable_anonymized_analytics=True,
        # Lint rules are the developers' (make check); loading them costs time here.
        ignore_patterns=["linter/*.py", "**/linter/*.py"],
    )
    return Context(paths=[str(PROJECT)], config=config)


def apply(context: Context, progress: Progress, restate: Iterable[str] | None = None) -> None:
    """Plan and apply prod: changed models, or the models downstream of `restate` anew."""
    from sqlmesh.utils.errors import SQLMeshError

    try:
        context.plan(
            execution_time=NOW,
            restate_models=sorted(restate) if restate is not None else None,
            no_prompts=True,
            auto_apply=True,
            no_diff=True,
            skip_tests=True,
            skip_linter=True,
        )
    except SQLMeshError as error:
        raise explain(progress.errors or [error]) from None


def describe(context: Context, con: duckdb.DuckDBPyConnection) -> None:
    """Write the models' descriptions as comments of their views.

    SQLMesh would write each one twice, on its table and on the view, and build a syntax tree for
    each: a tenth of the CPU time of a small build.
    """
    for model in context.models.values():
        if model.kind.is_external:
            continue
        name = plain_name(model.fqn)
        if model.description:
            con.execute(f"COMMENT ON VIEW {name} IS {literal(model.description)}")
        for column, text in model.column_descriptions.items():
            con.execute(f'COMMENT ON COLUMN {name}."{column}" IS {literal(text)}')


def planned(context: Context) -> set[str]:
    """Models that applying the code would evaluate: new, changed, or left without data."""
    builder = context.plan_builder(execution_time=NOW, skip_tests=True, skip_linter=True)
    return {plain_name(missing.snapshot_id.name) for missing in builder.build().missing_intervals}


def explain(errors: Iterable[BaseException]) -> BaseException:
    """What SQLMesh's errors mean: failed audits are the user's to see, all else is passed on."""
    faults, other = [], None
    for error in errors:
        for audit in _audits_of(error):
            faults.append(
                Fault(
                    audit.model_name or "a model",
                    f"audit {audit.audit_name}: {audit.count} rows fail",
                    "no such row",
                    "Mend what it says and build again; until then make no release of this warehouse.",
                )
            )
        other = other or error
    if faults:
        return QualityError(sorted(faults, key=lambda f: (f.where, f.found)))
    cause = _root(other) if other else RuntimeError("the build failed")
    if isinstance(cause, UserError):
        return cause
    if "lock" in str(cause).lower() and "IOException" in type(cause).__name__:
        return BusyError(Fault("warehouse.duckdb", "another process holds it", "no other writer"))
    return cause


def _audits_of(error: BaseException) -> list[Any]:
    """SQLMesh's AuditErrors at the root of an error."""
    from sqlmesh.utils.errors import AuditError, NodeAuditsErrors

    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, NodeAuditsErrors):
            return list(seen.errors)
        if isinstance(seen, AuditError):
            return [seen]
        seen = seen.__cause__ or seen.__context__
    return []


def _root(error: BaseException) -> BaseException:
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def _silence() -> None:
    """Keep SQLMesh's and sqlglot's messages off the terminal and out of every log."""
    for name in ("sqlmesh", "sqlglot"):
        logger = logging.getLogger(name)
        logger.handlers = [logging.NullHandler()]
        logger.propagate = False


def _console(progress: Progress) -> Any:
    """A console that forwards progress and keeps errors, and says nothing itself."""
    from sqlmesh.core.console import NoopConsole

    class Quiet(NoopConsole):  # type: ignore[misc]
        def plan(self, plan_builder: Any, auto_apply: bool, *args: Any, **kwargs: Any) -> None:
            plan_builder.apply()

        def start_evaluation_progress(
            self, batched_intervals: dict[Any, Any], *args: Any, **kwargs: Any
        ) -> None:
            progress.total = len(progress.evaluated) + len(batched_intervals)

        def update_snapshot_evaluation_progress(
            self, snapshot: Any, interval: Any, batch_idx: int, *args: Any, **kwargs: Any
        ) -> None:
            if snapshot.is_model:
                progress.say(plain_name(snapshot.name))

        def log_failed_models(self, errors: list[Any]) -> None:
            progress.errors.extend(errors)

    return Quiet()


def plain_name(fqn: str) -> str:
    """schema.table of SQLMesh's quoted, catalog-qualified name."""
    return ".".join(part.strip('"') for part in fqn.split(".")[-2:])
