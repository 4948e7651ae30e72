"""A study's suite of expectations, in Great Expectations' own JSON, generated and edited.

studies/<study>/contract/suite.json, where it was written, is what a run uses; otherwise the
suite generated here. Nothing of this module imports great_expectations, which takes seconds to load:
a run that breaks no limit of severity critical does without (`screen`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from biobraid.core.errors import Fault, SettingsError
from biobraid.core.files import write_text
from biobraid.core.home import Home
from biobraid.quality.contract.limits import contract_folder
from biobraid.quality.contract.measures import Measure
from biobraid.quality.contract.rules import BY_MEASURE, CRITICAL, RULES, Rule

FILE = "suite.json"
VERSION = 1
BETWEEN = "expect_column_values_to_be_between"
_OWN_KEYS = ("type", "kwargs", "severity", "description")  # what an edit may change
SEVERITIES = (CRITICAL, "warning", "info")


def generated_suite(study: str) -> dict[str, Any]:
    """The suite as it is without any edit; `meta.generated` remembers each expectation's hash."""
    expectations = [_expectation(rule) for rule in RULES]
    return {
        "name": study,
        "expectations": expectations,
        "meta": {
            "biobraid_contract": VERSION,
            "generated": {e["meta"]["rule"]: _mark(e) for e in expectations},
        },
        "notes": "Delivery contract. Limits may be edited; see docs/how-to/quality.md.",
    }


def _expectation(rule: Rule) -> dict[str, Any]:
    kwargs: dict[str, Any] = {"column": rule.measure}
    if rule.low is not None:
        kwargs["min_value"] = rule.low
    if rule.high is not None:
        kwargs["max_value"] = rule.high
    return {
        "type": BETWEEN,
        "kwargs": kwargs,
        "severity": rule.severity,
        "description": rule.description,
        "meta": {"rule": rule.measure},
    }


def _mark(expectation: Mapping[str, Any]) -> str:
    content = json.dumps({k: expectation.get(k) for k in _OWN_KEYS}, sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:12]


def read_suite(home: Home, study: str) -> dict[str, Any]:
    """The study's suite: its file, or what would be generated."""
    path = contract_folder(home, study) / FILE
    if not path.is_file():
        return generated_suite(study)
    where = f"studies/{study}/contract/{FILE}"
    try:
        suite = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise SettingsError(Fault(f"{where}, line {error.lineno}", "is not JSON")) from None
    faults = _faults(where, suite)
    if faults:
        raise SettingsError(faults)
    return dict(suite)


def _faults(where: str, suite: Any) -> list[Fault]:
    if not isinstance(suite, dict) or not isinstance(suite.get("expectations"), list):
        return [Fault(where, "is no suite", "an object with a list `expectations`")]
    faults = []
    for n, expectation in enumerate(suite["expectations"], 1):
        place = f"{where}, expectation {n}"
        if not isinstance(expectation, dict) or not isinstance(expectation.get("kwargs"), dict):
            faults.append(Fault(place, "is no expectation", "an object with `type` and `kwargs`"))
            continue
        if expectation.get("severity", CRITICAL) not in SEVERITIES:
            faults.append(Fault(place, "has an unknown severity", ", ".join(SEVERITIES)))
        for end in ("min_value", "max_value"):
            value = expectation["kwargs"].get(end)
            if expectation.get("type") == BETWEEN and not isinstance(value, int | float | None):
                faults.append(Fault(place, f"`{end}` is no number", "a number"))
    return faults


def write_suite(home: Home, study: str) -> Path:
    """Write the study's suite; what people changed, removed or added stays as they left it.

    An expectation is theirs if it is no longer what it was generated as. One that was generated
    and is gone stays gone.
    """
    fresh = generated_suite(study)
    path = contract_folder(home, study) / FILE
    if path.is_file():
        fresh = _merged(fresh, read_suite(home, study))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps(fresh, indent=2) + "\n")
    return path


def _merged(fresh: dict[str, Any], kept: Mapping[str, Any]) -> dict[str, Any]:
    marks = dict(kept.get("meta", {}).get("generated", {}))
    there = {e.get("meta", {}).get("rule"): e for e in kept["expectations"]}
    expectations = []
    for expectation in fresh["expectations"]:
        rule = expectation["meta"]["rule"]
        own = there.pop(rule, None)
        if own is not None and _mark(own) != marks.get(rule):
            expectations.append(own)
        elif own is not None or rule not in marks:
            expectations.append(expectation)
    expectations += [e for e in kept["expectations"] if e in there.values()]
    meta = {**kept.get("meta", {}), **fresh["meta"]}
    return {**fresh, "expectations": expectations, "meta": meta,
            "notes": kept.get("notes", fresh["notes"])}  # fmt: skip


def screen(
    suite: Mapping[str, Any], measures: Sequence[Measure]
) -> list[tuple[Mapping[str, Any], list[tuple[str, str]]]] | None:
    """Warnings, as (expectation, items), where nothing is worse; None where GX must judge.

    GX must judge where a limit of severity critical is passed, and where an expectation is of a
    kind that only it knows.
    """
    warned = []
    for expectation in suite["expectations"]:
        kwargs = expectation["kwargs"]
        if expectation["type"] != BETWEEN or set(kwargs) - {"column", "min_value", "max_value"}:
            return None
        low, high = kwargs.get("min_value"), kwargs.get("max_value")
        outside = sorted(
            (m.source, m.item)
            for m in measures
            if (value := m.values.get(kwargs["column"])) is not None
            and ((low is not None and value < low) or (high is not None and value > high))
        )
        if outside and expectation.get("severity", CRITICAL) == CRITICAL:
            return None
        if outside:
            warned.append((expectation, outside))
    return warned


def limit_of(expectation: Mapping[str, Any]) -> str:
    """The limits of an expectation in words."""
    kwargs = expectation["kwargs"]
    rule = BY_MEASURE.get(kwargs.get("column", ""))
    name = rule.measure.replace("_", " ") if rule else str(kwargs.get("column"))
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    ends = [f"at least {low:g}"] if low is not None else []
    ends += [f"at most {high:g}"] if high is not None else []
    return f"{name} {' and '.join(ends)}" if ends else name
