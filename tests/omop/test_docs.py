"""What docs/how-to/omop.md says is true: its study.yaml can be read, its rules are the code's."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from biobraid.core.study import Study
from biobraid.ingest.connectors.contract import get_connector
from biobraid.ingest.connectors.guarded import GUARDED, HIDDEN, TEXT

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "omop.md").read_text()


def test_the_pages_study_can_be_read() -> None:
    (first, second) = re.findall(r"```yaml\n(.*?)```", PAGE, re.S)
    study = Study.model_validate(yaml.safe_load(first + second))
    get_connector("omop").check_options(study.sources["cdm"].options)
    assert len(study.sources["cdm"].free_text) == 2


def test_every_rule_stands_on_the_page() -> None:
    for rule in (TEXT, HIDDEN, "extra-column", "pointer-without-table"):
        assert f"`{rule}`" in PAGE
    for column, guard in GUARDED.items():
        if guard == TEXT and column != "snippet":
            assert f"`{column}`" in PAGE, column
