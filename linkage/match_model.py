"""The frozen, versioned model of the probabilistic matcher.

A model is a JSON file: its name, its version, what it was trained on, and splink's settings
with the trained chances of each level. One ships with the package; `biobraid link train`
writes another into the vault's folder (a model holds no identifier: chances of levels only).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from biobraid.core.errors import Fault, LinkageError
from biobraid.core.files import atomic_path
from biobraid.core.home import Home

SHIPPED = "general-1"
MODEL_FILE = "match_model.json"


@dataclass(frozen=True)
class MatchModel:
    """A trained model; `id` names it with its content, so that scores of another are not mixed."""

    name: str
    trained_on: str
    settings: dict[str, Any]

    @property
    def id(self) -> str:
        """Name and the first 12 hex digits of the settings' SHA-256."""
        text = json.dumps(self.settings, sort_keys=True).encode()
        return f"{self.name}-{hashlib.sha256(text).hexdigest()[:12]}"


def shipped_model() -> MatchModel:
    """The model of the package."""
    path = files("biobraid.linkage") / "match_models" / f"{SHIPPED}.json"
    return _parse(path.read_text(encoding="utf-8"), SHIPPED)


def home_model(home: Home) -> MatchModel:
    """The home's own model if one was trained, otherwise the shipped one."""
    path = home.vault / MODEL_FILE
    return (
        _parse(path.read_text(encoding="utf-8"), MODEL_FILE) if path.is_file() else shipped_model()
    )


def write_home_model(home: Home, model: MatchModel) -> Path:
    """Put a trained model in force for this home; the next linkage scores with it."""
    path = home.vault / MODEL_FILE
    with atomic_path(path) as partial:
        partial.write_text(to_json(model), encoding="utf-8")
    return path


def forget_home_model(home: Home) -> bool:
    """Go back to the shipped model; whether there was another."""
    path = home.vault / MODEL_FILE
    if not path.is_file():
        return False
    path.unlink()
    return True


def to_json(model: MatchModel) -> str:
    """The model as the text of its file."""
    whole = {"name": model.name, "trained_on": model.trained_on, "settings": model.settings}
    return json.dumps(whole, indent=1, sort_keys=True) + "\n"


def _parse(text: str, where: str) -> MatchModel:
    try:
        whole = json.loads(text)
        return MatchModel(whole["name"], whole["trained_on"], whole["settings"])
    except (ValueError, KeyError, TypeError):
        raise LinkageError(
            Fault(
                where,
                "it is not a model of the matcher",
                "a file that `biobraid link train` wrote",
                "Train again, or go back to the shipped one: biobraid link train --shipped",
            )
        ) from None
