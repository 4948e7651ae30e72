"""Our lint rules for SQLMesh: SQL models only, described, and portable to Spark."""

from __future__ import annotations

from pathlib import Path

from sqlmesh.core.linter.rule import Rule, RuleViolation
from sqlmesh.core.model import Model, SqlModel

from biobraid.linter.portable import portability_faults


class NoPythonModels(Rule):  # type: ignore[misc]
    """Models are SQL: SQLMesh does not see every change of a Python model, and data goes stale."""

    def check_model(self, model: Model) -> RuleViolation | None:
        if model.kind.is_external or isinstance(model, SqlModel):
            return None
        return self.violation(f"{model.name}: models are SQL only")


class GrainStated(Rule):  # type: ignore[misc]
    """Every model says what one row is."""

    def check_model(self, model: Model) -> RuleViolation | None:
        if model.kind.is_external or model.grains:
            return None
        return self.violation(f"{model.name}: no grain stated")


class HeaderComment(Rule):  # type: ignore[misc]
    """Every model file begins with a comment that names the row."""

    def check_model(self, model: Model) -> RuleViolation | None:
        path = model._path
        if model.kind.is_external or path is None:
            return None
        text = Path(path).read_text(encoding="utf-8").lstrip()
        if text.startswith(("/* One row", "-- One row")):
            return None
        return self.violation(f"{model.name}: the file does not begin with /* One row ... */")


class ColumnsDescribed(Rule):  # type: ignore[misc]
    """The model and each of its columns have a description, and nothing else has."""

    def check_model(self, model: Model) -> RuleViolation | None:
        if model.kind.is_external:
            return None
        faults = [] if model.description else ["the model"]
        described = model.column_descriptions
        columns = list(model.columns_to_types or {})
        faults += [name for name in columns if not described.get(name)]
        faults += [f"{name} (no such column)" for name in described if name not in columns]
        if not faults:
            return None
        return self.violation(f"{model.name}: not described: {', '.join(faults)}")


class Portable(Rule):  # type: ignore[misc]
    """Models use only what is on the allow-list of linter/portable.py."""

    def check_model(self, model: Model) -> RuleViolation | None:
        if not isinstance(model, SqlModel):
            return None
        faults = portability_faults(model.query)
        return self.violation(f"{model.name}: {'; '.join(faults)}") if faults else None
