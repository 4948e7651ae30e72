"""The guide to the delimited connector is true: each example lands what it shows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from biobraid.ingest.connectors.contract import Variable
from biobraid.ingest.connectors.delimited_options import DelimitedOptions
from biobraid.ingest.dictionaries.dictionary_csv import read_dictionary_csv
from tests.delimited.delivery import deliver

GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "delimited.md"
_EXAMPLE = re.compile(r"```yaml\n(.*?)```\n(.*?)Lands in `([a-z.]+)`:\n\n((?:\|[^\n]*\n)+)", re.S)
_CSV = re.compile(r"(?:lies `(\S+)`:\n\n)?```csv\n(.*?)```", re.S)


def _examples() -> list[tuple[str, str, str, str]]:
    return _EXAMPLE.findall(GUIDE.read_text())


def _cells(rows: str) -> list[tuple[str | None, ...]]:
    lines = [line.strip().strip("|").split("|") for line in rows.strip().splitlines()]
    return [tuple(cell.strip() or None for cell in line) for line in lines]


@pytest.mark.parametrize(("options", "files", "table", "rows"), _examples())
def test_an_example_lands_what_the_guide_shows(
    tmp_path: Path, options: str, files: str, table: str, rows: str
) -> None:
    source = yaml.safe_load(options)
    variables: list[Variable] = []
    delivered = ""
    for name, text in _CSV.findall(files):
        if text.startswith("variable,"):
            path = tmp_path / "dictionary.csv"
            path.write_text(text)
            read = read_dictionary_csv(path, "dictionary.csv", ())
            assert not read.faults
            variables = [Variable(v.variable, value_type=v.value_type) for v in read.variables]
        elif name:
            (tmp_path / name).write_text(text)
        else:
            delivered = text
    header, _, *expected = _cells(rows)
    got = deliver(tmp_path / "delivered.csv", delivered, variables=variables, **source)
    assert got.rows(table, *(str(column) for column in header)) == expected
    assert got.rejects == []


def test_there_are_examples_and_every_option_is_named() -> None:
    guide = GUIDE.read_text()
    assert len(_examples()) >= 9
    assert guide.count("```yaml") == len(_examples())
    unnamed = {
        name
        for name in DelimitedOptions.model_fields
        if not re.search(rf"(?<![a-z_]){name}(?![a-z_])", guide)
    }
    assert unnamed == set()
