"""PhysioNet 2012 as a panel: cleaned, on an hourly grid, persons split by a hash and the seed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt

from biobraid.imputation.panel import Cells, Panel

DEFAULT = Path("../shared/data/physionet2012/set_a_long.parquet")
STATICS = ("RecordID", "Age", "Gender", "Height", "ICUType", "MechVent")
PRESSURES = (
    "SysABP", "DiasABP", "MAP", "NISysABP", "NIDiasABP", "NIMAP", "HR", "RespRate", "Weight",
)  # fmt: skip
SHARES = (0.4, 0.6, 0.8)  # train, calibration, test; the rest is not used
HOURS = 48

_CELLS = """
CREATE TABLE cell AS
WITH cleaned AS (
  SELECT person, minute, concept, CASE
      WHEN value < 0 THEN NULL
      WHEN value <= 0 AND concept IN (SELECT unnest($pressures)) THEN NULL
      WHEN concept = 'pH' AND value BETWEEN 60 AND 80 THEN value / 10
      WHEN concept = 'pH' AND value BETWEEN 600 AND 800 THEN value / 100
      WHEN concept = 'pH' AND value NOT BETWEEN 6 AND 8 THEN NULL
      WHEN concept = 'Temp' AND value < 25 THEN NULL
      WHEN concept = 'WBC' AND value > 500 THEN NULL
      ELSE value END AS value
  FROM delivered WHERE concept NOT IN (SELECT unnest($statics))
)
SELECT c.concept, s.group_no, least(c.minute // 60, $hours - 1) * 60 AS minute,
  avg(c.value) AS value
FROM cleaned AS c JOIN stay AS s USING (person)
WHERE c.value IS NOT NULL GROUP BY ALL
"""
_STATICS = """
SELECT s.place, max(value) FILTER (concept = 'Age') AS age,
  max(value) FILTER (concept = 'Gender') AS gender,
  max(value) FILTER (concept = 'Height') AS height,
  max(value) FILTER (concept = 'ICUType') AS icu
FROM stay AS s JOIN delivered AS d USING (person) GROUP BY s.group_no, s.place ORDER BY s.group_no
"""


@dataclass(frozen=True)
class Study:
    """A panel split by person.

    part: of each group 0 train, 1 calibration, 2 test, 3 unused; covariates: a row per group.
    """

    names: tuple[str, ...]
    panel: Panel
    covariates: npt.NDArray[np.float64]
    part: npt.NDArray[np.int64]

    def of(self, part: int) -> dict[int, Cells]:
        """The cells of one part's persons."""
        return {c: cells.take(self.part[cells.group] == part) for c, cells in self.panel.items()}


def read(path: Path, seed: int) -> Study:
    """The study in a file of (person_id, minute, concept, value)."""
    con = duckdb.connect()
    con.execute("SET threads = 2")
    con.execute(
        "CREATE TABLE delivered AS SELECT CAST(person_id AS BIGINT) AS person, minute, concept, "
        "value FROM read_parquet(?)", [str(path)],
    )  # fmt: skip
    con.execute(
        """CREATE TABLE stay AS SELECT person, row_number() OVER (ORDER BY person) - 1 AS group_no,
             hash(CAST(person AS VARCHAR) || ':' || CAST(? AS VARCHAR)) % 1000000 / 1e6 AS place
           FROM (SELECT DISTINCT person FROM delivered)""",
        [seed],
    )
    con.execute(_CELLS, {"pressures": list(PRESSURES), "statics": list(STATICS), "hours": HOURS})
    statics = con.execute(_STATICS).fetchnumpy()
    names = tuple(
        str(row[0])
        for row in con.execute("SELECT DISTINCT concept FROM cell ORDER BY 1").fetchall()
    )
    place = np.asarray(statics["place"])
    return Study(
        names,
        {concept: _cells(con, name) for concept, name in enumerate(names)},
        _covariates(statics),
        np.searchsorted(SHARES, place, "right").astype(np.int64),
    )


def _cells(con: duckdb.DuckDBPyConnection, name: str) -> Cells:
    found = con.execute(
        "SELECT group_no, minute, value FROM cell WHERE concept = ? ORDER BY group_no, minute",
        [name],
    ).fetchnumpy()
    return Cells(
        found["group_no"].astype(np.int64), found["minute"].astype(np.int64), found["value"]
    )


def _covariates(statics: dict[str, npt.NDArray[np.float64]]) -> npt.NDArray[np.float64]:
    """Intercept, age, sex, height and kind of unit; an unknown one is 0 (the average)."""
    age, height, icu, gender = (
        np.ma.filled(np.ma.asarray(statics[n], dtype=float), np.nan)
        for n in ("age", "height", "icu", "gender")
    )
    is_plausible = (height > 120) & (height < 220)
    columns = [
        np.ones(len(age)),
        np.nan_to_num((age - 65) / 17),
        gender == 1,
        np.where(is_plausible, (height - 170) / 10, 0.0),
        *(icu == unit for unit in (1, 2, 3)),
    ]
    return np.stack([np.asarray(c, np.float64) for c in columns], axis=1)
