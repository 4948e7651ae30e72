"""What is wrong with a study.yaml, and as much of the study as can be read nonetheless."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

import yaml
from pydantic import ValidationError

from biobraid.core.errors import Fault, SettingsError, near_misses
from biobraid.core.home import validation_faults
from biobraid.core.study import Study, read_study
from biobraid.ingest.connectors.contract import get_connector
from biobraid.ingest.doctor.finding import Finding, findings

_UNSTATED = "unstated"  # stands in for a required word that is missing, so that reading goes on
_ROUNDS = 20  # each takes out at least one faulty entry


def examine_declaration(pack: Path) -> tuple[Study | None, list[Finding], set[str]]:
    """The study without what is wrong in its study.yaml, the findings, and unreadable sources.

    No study where nothing of it can be read; a source is unreadable where its connector or the
    connector's options are wrong.
    """
    try:
        study: Study | None = read_study(pack)
        found = []
    except SettingsError as error:
        found = findings("error", error.faults)
        study = _salvage(pack)
    if study is None:
        return None, found, set()
    where = f"studies/{pack.name}/study.yaml, sources"
    unreadable = set()
    for source_id, source in study.sources.items():
        faults = _connector_faults(study, source_id, f"{where}.{source_id}")
        found += findings("error", faults)
        if faults:
            unreadable.add(source_id)
        zone = source.time_zone
        if zone is not None and zone not in available_timezones():
            near = near_misses(zone, available_timezones())
            fault = Fault(f"{where}.{source_id}.time_zone", f"'{zone}' is not an IANA time zone",
                          suggestions=near)  # fmt: skip
            found.append(Finding("error", fault))
    if not any(source.mints_persons for source in study.sources.values()):
        fault = Fault(where, "no source mints persons", "one source with mints_persons: true",
                      "Without one, every person of the study waits unlinked.")  # fmt: skip
        found.append(Finding("warning", fault))
    return study, found, unreadable


def _connector_faults(study: Study, source_id: str, where: str) -> list[Fault]:
    source = study.sources[source_id]
    try:
        get_connector(source.connector).check_options(source.options)
    except SettingsError as error:
        unknown = error.faults[0]
        return [
            Fault(
                f"{where}.connector",
                f"there is no connector '{source.connector}'",
                unknown.expected,
                unknown.todo,
                unknown.suggestions,
            )
        ]
    except ValidationError as error:
        return validation_faults(f"{where}.options", error)
    return []


def _salvage(pack: Path) -> Study | None:
    """The study without the entries that are wrong; None where too little is left.

    So one wrong word does not hide the faults of the files, the dictionary and the mapping.
    """
    try:
        loaded = yaml.safe_load((pack / "study.yaml").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return None
    for _ in range(_ROUNDS):
        if not isinstance(loaded, dict):
            return None
        try:
            study = Study.model_validate(loaded)
        except ValidationError as error:
            for item in error.errors():
                _take_out(loaded, item["loc"], is_missing=item["type"] == "missing")
            continue
        return study.model_copy(update={"id": pack.name})
    return None


def _take_out(loaded: dict[str, Any], place: tuple[int | str, ...], *, is_missing: bool) -> None:
    """Remove the entry at `place`; of a source that lacks something, the whole source."""
    if len(place) == 1:
        name = str(place[0])
        if is_missing or name in ("id", "name", "release", "licence", "time_zone"):
            loaded[name] = "UTC" if name == "time_zone" else _UNSTATED
        else:
            loaded.pop(name, None)
        return
    if is_missing and place[0] == "sources":
        place = place[:2]
    parent: Any = loaded
    for step in place[:-1]:
        parent = _child(parent, step)
    last = place[-1]
    is_there = (isinstance(parent, dict) and last in parent) or (
        isinstance(parent, list) and isinstance(last, int) and last < len(parent)
    )
    if is_there:
        del parent[last]
    else:  # a place inside a value, or one already gone: what holds it goes
        _take_out(loaded, place[:-1], is_missing=False)


def _child(parent: Any, step: int | str) -> Any:
    if isinstance(parent, Mapping):
        return parent.get(step)
    if isinstance(parent, list) and isinstance(step, int) and step < len(parent):
        return parent[step]
    return None
