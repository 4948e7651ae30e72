"""A biobank of one small study that delivers twice: clinic visits in full, laboratory values on top."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from biobraid.cli.main import run
from biobraid.core.home import Home

PERSONS = 400
Row = dict[str, str]
Table = list[Row]

_STUDY = """
id: lake
name: Lakeside cohort
release: "2024"
licence: invented
time_zone: Europe/Zurich
sources:
  clinic:
    connector: delimited
    files: ["clinic.csv"]
    person_id: participant
    record_key: [participant]
    options:
      layout: wide
      time: {column: visit_date, kind: date}
  labs:
    connector: delimited
    files: ["labs_*.csv"]
    person_id: participant
    modality: health_record
    delivery: append
    mints_persons: false
    options:
      layout: long
      variable: analyte
      value: value
      unit: unit
      time: {column: taken_at, kind: date}
"""
_DICTIONARY = """variable,label,type,unit,allowed_values,instance_rule,source
sex,Sex,code,,1=male|2=female,,clinic
smoker,Smokes now,code,,0=no|1=yes|9=refused,,clinic
weight_kg,Body weight,number,kg,30..250,,clinic
height_cm,Standing height,number,cm,,,clinic
siblings,Number of siblings,integer,,,,clinic
GLUC,Glucose,number,mmol/L,,,labs
CRP,C-reactive protein,number,mg/L,,,labs
"""
_MAPPING = (
    "source,variable,source_code,target_concept_id,target_domain_id,unit_concept_id,"
    "value_as_concept_id,rule,rule_arg,absent_reason,status,comment\n"
    "clinic,smoker,9,,,,,direct,,asked-declined,APPROVED,\n"
)


@dataclass
class Bank:
    """The home and its deliveries."""

    home: Home

    @property
    def deliveries(self) -> Path:
        """Where the study's files are put."""
        return self.home.deliveries / "lake"

    def deliver(self, rows: Table, name: str = "clinic.csv") -> None:
        """Put a file there (in place of the one of that name) and ingest it."""
        write(self.deliveries / name, rows)
        assert self("ingest") == 0

    def __call__(self, *arguments: str) -> int:
        """Run a command on the home; its exit code."""
        return run(["--quiet", "--home", str(self.home.root), *arguments])

    def judged(self) -> dict[str, Any]:
        """The study's part of the last report."""
        path = self.home.reports / "contract" / "contract.json"
        return dict(json.loads(path.read_text())["studies"][0])


def new_bank(home: Home) -> Bank:
    """A bank with the study declared and nothing delivered."""
    pack = home.studies / "lake"
    pack.mkdir()
    (pack / "study.yaml").write_text(_STUDY)
    (pack / "dictionary.csv").write_text(_DICTIONARY)
    (pack / "mapping.csv").write_text(_MAPPING)
    (home.deliveries / "lake").mkdir(parents=True)
    return Bank(home)


def clinic(seed: int = 1, again: int | None = None) -> Table:
    """400 visits; `again` draws 20 of the weights anew, as a second delivery of the same would."""
    rng = np.random.default_rng(seed)
    weight, height = rng.normal(78, 14, PERSONS).clip(40, 200), rng.normal(170, 9, PERSONS)
    siblings, filled = rng.poisson(1.6, PERSONS), rng.random(PERSONS) > 0.1
    smoker = rng.choice(["0", "1", "9"], PERSONS, p=[0.7, 0.25, 0.05])
    if again is not None:
        weight[:20] = np.random.default_rng(again).normal(78, 14, 20).clip(40, 200)
    return [
        {
            "participant": f"P{n:04}",
            "visit_date": f"2024-0{n % 9 + 1}-1{n % 10}",
            "sex": str(n % 2 + 1),
            "smoker": str(smoker[n]),
            "weight_kg": f"{weight[n]:.1f}",
            "height_cm": f"{height[n]:.0f}",
            "siblings": str(siblings[n]) if filled[n] else "",
        }
        for n in range(PERSONS)
    ]


def labs(seed: int, n: int = 400) -> Table:
    """Laboratory values of n persons, two analytes each."""
    rng = np.random.default_rng(seed)
    glucose, crp = rng.normal(5.4, 0.8, n), rng.lognormal(0.5, 1, n)
    return [
        {"participant": f"P{i:04}", "analyte": name, "value": f"{value:.2f}", "unit": unit,
         "taken_at": f"2024-1{seed % 3}-{i % 28 + 1:02}", "method": "A"}
        for i in range(n)
        for name, value, unit in (("GLUC", glucose[i], "mmol/L"), ("CRP", crp[i], "mg/L"))
    ]  # fmt: skip


def changed(rows: Table, change: Callable[[int, Row], Mapping[str, str]]) -> Table:
    """The rows with what `change` gives for each."""
    return [{**row, **change(n, row)} for n, row in enumerate(rows)]


def without(rows: Table, column: str) -> Table:
    """The rows without a column."""
    return [{k: v for k, v in row.items() if k != column} for row in rows]


def write(path: Path, rows: Sequence[Row]) -> None:
    """Write a CSV file."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    path.write_text(out.getvalue())
