"""The three reports say the same, and the HTML needs nothing but itself."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from biobraid.quality.checks.evaluate import totals
from biobraid.quality.checks.report import render, write_reports
from tests.checks.conftest import Spoilt

pytestmark = pytest.mark.xdist_group("checks")


def test_the_reports_agree(spoilt: Spoilt, tmp_path: Path) -> None:
    made = write_reports(tmp_path, spoilt.done)
    counted = totals(spoilt.done.results)
    content = json.loads(made["json"].read_text())
    assert content["totals"] == counted and len(content["results"]) == counted["n_checks"]
    root = ET.fromstring(made["junit"].read_text())
    cases = root.findall("./testsuite/testcase")
    assert len(cases) == counted["n_checks"]
    outcome = Counter(case[0].tag if len(case) else "passed" for case in cases)
    assert outcome["failure"] == counted["n_failed"] and outcome["passed"] == counted["n_passed"]
    assert outcome["skipped"] == counted["n_not_applicable"]
    fatal = [f for f in root.iter("failure") if f.get("type") == "fatal"]
    assert len(fatal) == counted["n_fatal_failed"]
    text = made["html"].read_text()
    assert f"{counted['n_fatal_failed']} fatal failures: the gate is closed." in text


def test_the_html_is_whole_printable_and_without_script(spoilt: Spoilt) -> None:
    text = render(spoilt.done)
    assert "<script" not in text and "Content-Security-Policy" in text and "@media print" in text
    assert not re.findall(r'(?:src|href)="(?!#)', text)
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', text)) <= set(ids)
    assert text.count("<table>") == text.count("<caption>") > 25
    assert not re.findall(r"<th(?! scope)(?!ead)", text)
    assert render(spoilt.done) == text


def test_a_failure_says_what_where_how_many_and_the_limit(spoilt: Spoilt) -> None:
    text = re.sub(r"\s+", " ", render(spoilt.done))
    row = re.search(
        r"measurement\.measurement_concept_id \(name, name\): Numbers of the concept in the unit "
        r"that no living person has, limit 30\.0\.\.320\.0|limit 30\.\.320", text)  # fmt: skip
    assert row
