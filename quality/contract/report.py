"""The judgement as a page for people, and as JSON and JUnit XML for programs and pipelines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

from biobraid.core.files import write_text
from biobraid.quality.contract.data_docs import write_index
from biobraid.quality.contract.judge import Judged, summary
from biobraid.quality.contract.rules import RULES

JSON, JUNIT = "contract.json", "contract.junit.xml"
FORMAT_VERSION = 1


def write_reports(folder: Path, judged: Sequence[Judged]) -> dict[str, Path]:
    """Write the site's first page and both files beside it; their paths by kind."""
    folder.mkdir(parents=True, exist_ok=True)
    html = write_index(folder, [summary(one) for one in judged])
    made = {"html": html, "json": folder / JSON, "junit": folder / JUNIT}
    content = {"format_version": FORMAT_VERSION, "studies": [_payload(one) for one in judged]}
    write_text(made["json"], json.dumps(content, indent=1, allow_nan=False) + "\n")
    write_text(made["junit"], junit(judged))
    return made


def _payload(judged: Judged) -> dict[str, object]:
    rows = [
        {"source": m.source, "item": m.item, "measure": name, "value": value}
        for m in judged.measures
        for name, value in m.values.items()
    ]
    return {**summary(judged), "measures": rows}


def junit(judged: Sequence[Judged]) -> str:
    """JUnit XML: a suite per study, a case per source and measure; breaches are failures."""
    suites = ET.Element("testsuites", name="biobraid check --delivery")
    for one in judged:
        failed: dict[tuple[str, str], list[str]] = {}
        for complaint in one.breaches:
            failed.setdefault((complaint.source, complaint.rule), []).append(complaint.text)
        cases = {(d.source_id, r.measure) for d in one.deliveries for r in RULES
                 if any(r.measure in m.values for m in one.measures if m.source == d.source_id)}  # fmt: skip
        cases |= failed.keys()
        suite = ET.SubElement(
            suites, "testsuite", name=one.study, tests=str(len(cases)), failures=str(len(failed))
        )
        for source, rule in sorted(cases):
            case = ET.SubElement(suite, "testcase", classname=f"{one.study}.{source}", name=rule)
            if (source, rule) in failed:
                text = "\n".join(failed[(source, rule)])
                kind = "accepted" if one.why else "refused"
                ET.SubElement(case, "failure", type=kind, message=text)
    ET.indent(suites)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(suites, "unicode") + "\n"
