"""docs/how-to/withdrawal.md is true where it shows a table; its commands run in tests/demo."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from tests.delimited.delivery import deliver

GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "withdrawal.md"
_EXAMPLE = re.compile(
    r"<!-- lands: all-of-us -->\n```yaml\n(.*?)```\n+```csv\n(.*?)```.*?\n\n((?:\|[^\n]*\n)+)", re.S
)


def test_consents_as_all_of_us_sends_them_land(tmp_path: Path) -> None:
    ((options, delivered, rows),) = _EXAMPLE.findall(GUIDE.read_text(encoding="utf-8"))
    cells = [[c.strip() for c in line.strip("|").split("|")] for line in rows.splitlines()]
    header, _, *expected = [tuple(row) for row in cells]
    got = deliver(tmp_path / "consent.csv", delivered, **yaml.safe_load(options))
    assert got.rejects == []
    assert sorted(got.rows("raw.consent", *header)) == sorted(expected)
