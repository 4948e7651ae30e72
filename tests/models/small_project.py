"""A SQLMesh project of some of our models, for tests of the build itself."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from biobraid.cli import build_sqlmesh
from biobraid.cli.build_sqlmesh import model_names

_TEXTS = re.compile(r"'(?:[^']|'')*'|/\*.*?\*/", re.DOTALL)  # descriptions name models too
_NAMES = re.compile(r"\b(?:staging|stem|cdm|omics|wearable|mart)\.\w+")


def model_path(name: str) -> Path:
    """File of a model in the project in force."""
    return build_sqlmesh.PROJECT.joinpath("models", *name.split(".")).with_suffix(".sql")


def closure(names: Iterable[str]) -> set[str]:
    """The models named, and every model that they or their audits name, directly or not."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found and name in model_names():
            found.add(name)
            text = _TEXTS.sub("", model_path(name).read_text(encoding="utf-8"))
            waiting += _NAMES.findall(text)
    return found


def copy_project(project: Path, names: Iterable[str]) -> None:
    """A project of some of our models, with all audits."""
    shutil.copytree(build_sqlmesh.PROJECT / "audits", project / "audits")
    shutil.copy(build_sqlmesh.PROJECT / "external_models.yaml", project)
    for name in names:
        target = project / model_path(name).relative_to(build_sqlmesh.PROJECT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(model_path(name), target)
