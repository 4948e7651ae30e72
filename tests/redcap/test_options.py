"""Options of the connector, and the example of the how-to."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from biobraid.core.study import Study
from biobraid.ingest.connectors.contract import get_connector
from biobraid.ingest.connectors.redcap_options import RedcapOptions

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to" / "redcap.md"


def test_the_example_of_the_how_to_is_valid() -> None:
    found = re.search(r"```yaml\n(.*?)```", HOW_TO.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    study = Study.model_validate(yaml.safe_load(found[1]))
    source = study.sources["visits"]
    options = get_connector(source.connector).check_options(source.options)
    assert isinstance(options, RedcapOptions)
    assert options.dates == {"blood": "date_drawn", "*": "date_visit"}


def test_every_reject_and_rule_of_the_how_to_is_one_of_the_code() -> None:
    text = HOW_TO.read_text(encoding="utf-8")
    folder = Path(__file__).parents[2] / "ingest"
    code = "".join(p.read_text(encoding="utf-8") for p in folder.rglob("*.py"))
    for word in re.findall(r"`((?:unknown|missing|invalid|duplicate|ragged|answered|branching)-[a-z-]+)", text):  # fmt: skip
        assert word in code, word


@pytest.mark.parametrize(
    "given",
    [
        {"delimiter": "::"},
        {"decimal": ";"},
        {"branching_reason": "because"},
        {"data_access_group": "keep"},
        {"dats": {}},
    ],
)
def test_wrong_options_are_refused(given: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        get_connector("redcap").check_options(given)


def test_a_tab_may_be_written_out() -> None:
    options = get_connector("redcap").check_options({"delimiter": "tab"})
    assert isinstance(options, RedcapOptions) and options.dialect().delimiter == "\t"
