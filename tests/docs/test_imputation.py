"""The guide to imputation is true: its plan is one, its code runs, its pictures are there."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from biobraid.imputation.plan import ImputationPlan, Variable, read_plan
from biobraid.imputation.tables import COLUMNS

GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "imputation.md"
TEXT = GUIDE.read_text(encoding="utf-8")


def test_the_plan_is_one_and_every_option_is_named() -> None:
    shown = re.findall(r"```yaml\n(.*?)```", TEXT, re.S)
    assert [ImputationPlan.model_validate(yaml.safe_load(x)).method for x in shown] == [
        "decay", "forests"]  # fmt: skip
    options = {*ImputationPlan.model_fields, *Variable.model_fields} - {"title", "name"}
    assert {o for o in options if f"`{o}`" not in TEXT} == set()


def test_the_code_runs() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", TEXT, re.S)
    known: dict[str, object] = {}
    exec(code, known)
    pooled = known["pooled"]
    assert pooled.lower < 0.1 and pooled.upper > -0.1  # type: ignore[attr-defined]


def test_the_pictures_are_there_and_every_table_is_described() -> None:
    for name in re.findall(r"\((pictures/[a-z_]+\.png)\)", TEXT):
        assert (GUIDE.parent / name).is_file(), name
    assert {t for t in COLUMNS if t not in TEXT} == set()


def test_the_plan_is_read_as_a_file_is(tmp_path: Path) -> None:
    shown, forests = re.findall(r"```yaml\n(.*?)```", TEXT, re.S)
    (tmp_path / "labs.yaml").write_text(shown)
    (tmp_path / "baseline.yaml").write_text(forests)
    assert read_plan(tmp_path / "labs.yaml").grid.at == "measured"
    assert read_plan(tmp_path / "baseline.yaml").m == 5
