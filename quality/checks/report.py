"""The report of a run of checks: one HTML file without script, JSON, and JUnit XML for pipelines."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from jinja2 import Environment

from biobraid.core.files import write_text
from biobraid.quality.checks.evaluate import STATES, Result, totals
from biobraid.quality.checks.rules import CATEGORIES, SEVERITIES, check_types
from biobraid.quality.checks.run import Checked
from biobraid.quality.checks.store import result_row
from biobraid.quality.checks.violations import Part, worst_parts

HTML, JSON, JUNIT = "checks.html", "checks.json", "checks.junit.xml"
FORMAT_VERSION = 1
MARK = {"passed": "○ passed", "failed": "■ failed", "error": "✕ error",
        "not_applicable": "– not applicable"}  # fmt: skip
TOP = 60  # rows of the tables that are shown open


def write_reports(folder: Path, done: Checked) -> dict[str, Path]:
    """Write the three files into a folder; their paths by kind."""
    folder.mkdir(parents=True, exist_ok=True)
    made = {"html": folder / HTML, "json": folder / JSON, "junit": folder / JUNIT}
    write_text(made["html"], render(done))
    content = json.dumps(payload(done), indent=1, allow_nan=False, default=str)
    write_text(made["json"], content + "\n")
    write_text(made["junit"], junit(done))
    return made


def payload(done: Checked) -> dict[str, Any]:
    """Everything of the run as one JSON object."""
    return {
        "format_version": FORMAT_VERSION,
        "run_id": done.asked.run_id,
        "subject": done.asked.subject,
        "checked_on": done.asked.today.isoformat(),
        "extracted_on": done.extracted_on.isoformat() if done.extracted_on else None,
        "vocabulary_version": done.coverage.vocabulary_version,
        "thresholds": done.asked.thresholds_name or None,
        "compared_with": done.compared_with,
        "totals": totals(done.results),
        "results": [result_row(r) for r in done.results],
        "parts": [p.__dict__ for p in done.parts],
        "coverage": list(done.coverage.mapped),
        "unmapped": list(done.coverage.unmapped),
    }


def junit(done: Checked) -> str:
    """JUnit XML: one suite per type of check, failures with their severity as type."""
    suites = ET.Element("testsuites", name=f"biobraid check: {done.asked.subject}")
    for name in check_types():
        members = [r for r in done.results if r.rule.check == name]
        if not members:
            continue
        states = Counter(r.state for r in members)
        suite = ET.SubElement(
            suites, "testsuite", name=name, tests=str(len(members)),
            failures=str(states["failed"]), errors=str(states["error"]),
            skipped=str(states["not_applicable"]),
        )  # fmt: skip
        for result in members:
            case = ET.SubElement(
                suite, "testcase", classname=f"{name}.{result.rule.table}",
                name=result.rule.check_id,
            )  # fmt: skip
            if result.state == "failed":
                ET.SubElement(case, "failure", type=result.severity, message=sentence(result, {}))
            elif result.state == "error":
                ET.SubElement(case, "error", message=result.reason)
            elif result.state == "not_applicable":
                ET.SubElement(case, "skipped", message=result.reason)
    ET.indent(suites)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(suites, "unicode") + "\n"


def sentence(result: Result, names: Mapping[int, str]) -> str:
    """What was found, in words and numbers."""
    return (
        f"{what(result, names)}: {result.n_violated or 0:,} of {result.n_denominator or 0:,} "
        f"{result.rule.type.counts}"
    )


def what(result: Result, names: Mapping[int, str]) -> str:
    """What violates the check, and where."""
    rule, kind = result.rule, result.rule.type
    where = f"{rule.table}.{rule.field}" if rule.field else rule.table
    concepts = ", ".join(names.get(c, str(c)) for c in rule.concept_ids[:3])
    unit = rule.unit_concept_id
    about = f" ({concepts}{f', {names.get(unit, unit)}' if unit else ''})" if concepts else ""
    limit = f", limit {rule.argument}" if rule.argument and kind.category == "plausibility" else ""
    return f"{where}{about}: {rule.description or kind.description}{limit}"


def render(done: Checked) -> str:
    """The HTML report as text; the same for the same run."""
    source = files("biobraid.quality.checks").joinpath("report.html.j2").read_text("utf-8")
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["share"] = share
    environment.filters["count"] = lambda n: "" if n is None else f"{n:,}"
    failed = sorted(
        (r for r in done.results if r.state == "failed"),
        key=lambda r: (SEVERITIES.index(r.severity), -(r.violated_share or 0), r.rule.check_id),
    )
    return environment.from_string(source).render(
        asked=done.asked, done=done, totals=totals(done.results), mark=MARK, states=STATES,
        summary=_summary(done.results), worst=_worst(done),
        fatal=[_shown(done, r) for r in failed if r.severity == "fatal"],
        failed=[_shown(done, r) for r in failed if r.severity != "fatal"],
        errors=[_shown(done, r) for r in done.results if r.state == "error"],
        grown=[_shown(done, r) for r in _grown(done.results)[:TOP]],
        why_not=Counter(_plain(r.reason) for r in done.results
                        if r.state == "not_applicable").most_common(),
        types=_types(done), sources=_sources(done), unmapped=done.coverage.unmapped[:TOP],
    )  # fmt: skip


def share(value: float | None) -> str:
    """A share (0-1) in per cent, with as many digits as it needs."""
    if value is None:
        return ""
    if 0 < value < 0.0001:
        return "< 0.01 %"
    return f"{100 * value:.2f}".rstrip("0").rstrip(".") + " %"


def _shown(done: Checked, result: Result) -> dict[str, Any]:
    return {"r": result, "words": what(result, done.names), "row": result_row(result)}


def _summary(results: Sequence[Result]) -> list[dict[str, Any]]:
    """Per category, and in all: checks by state, and the passed share of those that apply."""
    found = []
    for category in (*CATEGORIES, "all"):
        members = [r for r in results if category in (r.category, "all")]
        states = Counter(r.state for r in members)
        judged = states["passed"] + states["failed"] + states["error"]
        found.append({
            "category": category, "n": len(members), "states": states,
            "passed_share": states["passed"] / judged if judged else None,
            "n_fatal": sum(r.state == "failed" and r.severity == "fatal" for r in members),
        })  # fmt: skip
    return found


def _worst(done: Checked) -> Mapping[str, str]:
    """In words, by check_id: the source and the site with the most violating rows."""
    found: dict[str, list[str]] = {}
    for (check_id, kind), part in worst_parts(done.parts).items():
        if kind == "site" and part.care_site_id is None:
            continue
        found.setdefault(check_id, []).append(_part_words(part))
    return {check_id: "; ".join(words) for check_id, words in found.items()}


def _part_words(part: Part) -> str:
    if part.kind == "site":
        name = "no site" if part.care_site_id is None else f"site {part.care_site_id}"
    else:
        name = f"{part.study}/{part.source}" if part.study else "no source"
    return f"{name}: {part.n_violated:,} of {part.n_denominator:,}"


def _grown(results: Sequence[Result]) -> list[Result]:
    grown = [r for r in results if (r.growth or 0) > 0]
    return sorted(grown, key=lambda r: (SEVERITIES.index(r.severity), -(r.growth or 0)))


def _plain(reason: str) -> str:
    """A reason without the name of its table and column, to be counted."""
    words = reason.split()
    is_about = len(words) > 2 and words[0] in ("table", "column")
    return " ".join([words[0], *words[2:]]) if is_about else reason


def _types(done: Checked) -> list[dict[str, Any]]:
    found = []
    for name, kind in check_types().items():
        members = [r for r in done.results if r.rule.check == name]
        if members:
            states = Counter(r.state for r in members)
            counted = [_shown(done, r) for r in members if r.state != "not_applicable"]
            found.append({"type": kind, "states": states, "n": len(members), "counted": counted})
    return found


def _sources(done: Checked) -> list[dict[str, Any]]:
    return [
        {**row, **{f"{unit}_share": row[f"n_{unit}_mapped"] / row[f"n_{unit}"]
                   for unit in ("rows", "persons", "variables") if row[f"n_{unit}"]}}
        for row in done.coverage.mapped
    ]  # fmt: skip
