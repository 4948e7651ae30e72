"""Makes quality/bias/demo_margins.csv: the population that the sample biobank is a selection of.

The sample's persons are drawn in large numbers, and each is taken to have come from 1 / rate
people of the population, where RATE is the planted rate of taking part. Raking to these margins
must therefore find weights of 1 / rate again.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from biobraid.ingest.sample.people import people

N = 400_000
POPULATION = 1_000_000
OUT = Path(__file__).parents[1] / "quality" / "bias" / "demo_margins.csv"
BANDS = ((-np.inf, -3.0), (-3.0, -1.5), (-1.5, 0.0), (0.0, 2.0), (2.0, np.inf))
RATE_DEPRIVATION = (1.6, 1.3, 1.0, 0.7, 0.4)  # of taking part, best-off to worst-off
RATE_SEX = {"female": 1.1, "male": 0.9}
HEADER = ("margin_id", "population", "scheme", "attribute_1", "level_1", "attribute_2", "level_2",
          "n", "se", "source", "licence", "as_of")  # fmt: skip


def name(band: tuple[float, float]) -> str:
    """'[-3, -1.5)'."""
    return f"[{band[0]:g}, {band[1]:g})"


def main() -> None:
    """Write the file."""
    block = people(20_260_101, np.arange(1000, 1000 + N))
    sex = np.where(block.traits.male, "male", "female")
    deprivation = np.searchsorted([b[1] for b in BANDS[:-1]], block.traits.townsend, side="right")
    entry = np.where(
        np.isnat(block.part.visits[0]), block.part.riverside_visit, block.part.visits[0]
    )
    known = ~np.isnat(entry)
    rate = np.array(RATE_DEPRIVATION)[deprivation] * np.where(
        sex == "male", RATE_SEX["male"], RATE_SEX["female"]
    )
    weight = np.where(known, 1 / rate, 0.0)
    weight *= POPULATION / weight.sum()
    bands = [name(b) for b in BANDS]
    rows: list[tuple[object, ...]] = []
    tail = (
        "0",
        "synthetic: planted by scripts/demo_margins.py, no census",
        "CC0-1.0",
        "2010-01-01",
    )
    for level in ("female", "male"):
        rows.append(
            ("sex", "demo", "omop-gender", "sex", level, "", "", weight[sex == level].sum(), *tail)
        )
    for place, level in enumerate(bands):
        rows.append(("deprivation", "demo", "townsend", "deprivation", level, "", "",
                     weight[deprivation == place].sum(), *tail))  # fmt: skip
    for level in ("female", "male"):
        for place, band in enumerate(bands):
            rows.append(("sex x deprivation", "demo", "omop-gender x townsend", "sex", level,
                         "deprivation", band, weight[(sex == level) & (deprivation == place)].sum(),
                         *tail))  # fmt: skip
    with OUT.open("w", newline="", encoding="utf-8") as out:
        sheet = csv.writer(out, lineterminator="\n")
        sheet.writerow(HEADER)
        sheet.writerows([*r[:7], round(float(r[7])), *r[8:]] for r in rows)


if __name__ == "__main__":
    main()
