"""The guide to the omics connectors is true: each example lands what it shows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from biobraid.ingest.connectors.contract import get_connector
from tests.omics.delivery import deliver

GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "omics.md"
_EXAMPLE = re.compile(
    r"```yaml\n(connector.*?)```\n(.*?)\n((?:\|[^\n]*\n)+)\n?(?:Ignored: (\d+) control\. Rejected: "
    r"(\d+) (\S+)\.\n)?",
    re.S,
)
_FILE = re.compile(r"(?:lies `(\S+)`:\n\n)?```(?:csv|json)\n(.*?)```", re.S)
CONNECTORS = ("biom", "feature_matrix", "nightingale", "olink", "somascan")


def _examples() -> list[tuple[str, ...]]:
    return _EXAMPLE.findall(GUIDE.read_text(encoding="utf-8"))


@pytest.mark.parametrize(("source", "files", "rows", "n_controls", "n_bad", "reason"), _examples())
def test_an_example_lands_what_the_guide_shows(
    tmp_path: Path, source: str, files: str, rows: str, n_controls: str, n_bad: str, reason: str
) -> None:
    declared = yaml.safe_load(source)
    delivered = ""
    for name, text in _FILE.findall(files):
        if name:
            (tmp_path / name).write_text(text)
        else:
            delivered = text
    path = tmp_path / "delivered"
    path.write_text(delivered)
    got = deliver(path, declared.pop("connector"), declared.pop("options"), **declared)
    lines = [line.strip().strip("|").split("|") for line in rows.strip().splitlines()]
    header, _, *expected = [tuple(cell.strip() for cell in line) for line in lines]
    assert header[:2] == ("specimen", "feature")
    found = [
        (str(place + 1), feature, *("" if v is None else str(v) for v in values))
        for place, feature, *values in got.values(*header[2:])
    ]
    assert sorted(found) == sorted(expected)
    assert got.tally.records_ignored == int(n_controls or 0)
    assert [r[2] for r in got.rejects] == [reason] * int(n_bad or 0)


def test_there_are_examples_and_every_option_is_named() -> None:
    guide = GUIDE.read_text(encoding="utf-8")
    assert len(_examples()) == guide.count("```yaml") == 4
    options = {n for c in CONNECTORS for n in get_connector(c).options.model_fields}
    assert {n for n in options if not re.search(rf"(?<![a-z_]){n}(?![a-z_])", guide)} == set()
    reasons = ("control-sample", "missing-sample-id", "duplicate-sample", "unknown-sample",
               "missing-person-id", "placeholder-person-id", "duplicate-measurement",
               "unread-column")  # fmt: skip
    assert all(f"`{word}`" in guide for word in reasons)
