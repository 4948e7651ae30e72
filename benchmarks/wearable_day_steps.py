"""Steps of the benchmark wearable_day, each a process of its own."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import duckdb
import numpy as np

_DAYS, _MINUTES, _STREAMS = 70, 1440, 2
_PER_PERSON = _DAYS * _MINUTES * _STREAMS
_TABLES = """
CREATE SCHEMA wearable; CREATE SCHEMA vocab;
CREATE TABLE vocab.wearable_stream AS SELECT * FROM (VALUES
  ('heart_rate', '/min', 'mean', 'any'), ('steps', '1', 'sum', 'nonzero')
) AS s(stream, unit, rule, tells_wear);
CREATE TABLE wearable.minute AS
WITH n AS (
  SELECT range AS i, range // $per_person AS person,
    (range % $per_person) // ($days * $minutes) AS series,
    (range % ($days * $minutes)) // $minutes AS day, range % $minutes AS minute,
    range % ($days * $minutes) AS number,
    hash(range + $seed) AS draw
  FROM range($rows)
)
SELECT CAST(4611686018427387 * (person + 1) AS BIGINT) AS person_id,
  CAST(series + 1 AS SMALLINT) AS series_number,
  DATE '2023-01-01' + CAST(day + (number // $every) * $gap // 1440 AS INTEGER) AS start_date,
  CAST(27890000 + number + (number // $every) * $gap AS INTEGER) AS minute_number,
  CAST(-300 AS SMALLINT) AS utc_offset_minutes,
  CAST(CASE WHEN series = 0 THEN 55 + (person % 25) + 25 * sin(minute / 90.0)::INTEGER + draw % 9
    WHEN draw % 4 = 0 THEN draw % 110 ELSE 0 END AS DOUBLE) AS value,
  CAST(1 AS INTEGER) AS n_samples, TRUE AS is_worn
FROM n;
CREATE TABLE wearable.series AS
SELECT person_id, series_number, 's' AS study, 'w' AS source,
  CASE series_number WHEN 1 THEN 'heart_rate' ELSE 'steps' END AS stream
FROM wearable.minute GROUP BY ALL;
CREATE TABLE wearable.device_hour AS
SELECT m.person_id, 's' AS study, 'w' AS source, 'd' AS device_id, 'Watch6,2' AS device_type,
  CASE m.series_number WHEN 1 THEN 'heart_rate' ELSE 'steps' END AS stream, FALSE AS is_daily,
  m.start_date, CAST(m.minute_number // 60 % 24 AS SMALLINT) AS hour,
  CAST(hash(m.person_id, m.series_number, m.start_date) >> 1 AS BIGINT) AS row_id,
  CAST(count(*) AS INTEGER) AS n_samples, sum(m.value) AS value_sum, min(m.value) AS value_min,
  max(m.value) AS value_max, TRUE AS is_worn, TRUE AS is_chosen
FROM wearable.minute AS m GROUP BY ALL;
"""


def write(folder: Path, n_rows: int, seed: int) -> dict[str, float]:
    """Write the minutes, and the hours beside them; a tenth with gaps every night for its size."""
    night = folder / "night"
    night.mkdir()
    gaps = _write(night, n_rows // 10, seed, every=960, gap=480)
    (night / "bench.duckdb").unlink()
    figures = _write(folder, n_rows, seed, every=10_080, gap=60)
    return {**figures, "bytes_per_row.off_at_night": gaps["bytes_per_row"]}


def _write(folder: Path, n_rows: int, seed: int, every: int, gap: int) -> dict[str, float]:
    """every, gap: after so many minutes the device is off for so many."""
    con = _open(folder)
    constants = {"per_person": _PER_PERSON, "days": _DAYS, "minutes": _MINUTES, "rows": n_rows,
                 "seed": seed, "every": every, "gap": gap}  # fmt: skip
    text = _TABLES
    for name, number in constants.items():  # numbers of ours: DDL takes no parameters
        text = text.replace(f"${name}", str(number))
    statements = text.split(";\n")
    figures: dict[str, float] = {}
    for statement in statements:
        if statement.strip():
            con.execute(statement)
        if "wearable.minute AS\nWITH" in statement:
            con.execute("CHECKPOINT")
            figures["bytes_per_row"] = round((folder / "bench.duckdb").stat().st_size / n_rows, 3)
    con.close()
    return figures


def summarise(folder: Path, model: Path) -> dict[str, float]:
    """Run the query of the model over them, into a table."""
    query = model.read_text(encoding="utf-8").split("\n);\n", 1)[1]
    con = _open(folder)
    n_rows = _count(con, "SELECT count(*) FROM wearable.minute")
    start, cpu = time.perf_counter(), time.process_time()
    con.execute(f"CREATE TABLE wearable.day AS {query}")
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    n_days = _count(con, "SELECT count(*) FROM wearable.day WHERE is_primary")
    con.close()
    return {
        "seconds": round(seconds, 2),
        "rows_per_s": round(n_rows / seconds),
        "rows_per_cpu_s": round(n_rows / cpu),
        "days": n_days,
    }


def land(folder: Path, n_rows: int, seed: int) -> dict[str, float]:
    """The same minutes as a connector lands them, by its own code."""
    from biobraid.core.keys import IngestKeys
    from biobraid.core.study import Source, Study
    from biobraid.ingest.connectors.contract import FileJob
    from biobraid.ingest.connectors.wearable_rows import Given, SampleWriter, constant
    from biobraid.ingest.connectors.wearable_times import SECOND, Clock
    from biobraid.ingest.landing.stage import Stage

    source = Source(connector="fitbit", files=["*"], modality="wearable", origin="device")
    study = Study(id="s", name="s", release="1", licence="none", time_zone="UTC", sources={"w": source})  # fmt: skip
    key = bytes(32)
    job = FileJob(folder, study, "w", "b", IngestKeys(key, key, key, key), {}, 1.0, 2)
    writer, stage = SampleWriter(job), Stage(folder / "landing", "s", "w", "b", 1.0)
    draws = np.random.default_rng(seed)
    persons = min(max(n_rows // _PER_PERSON, 1), 25)
    minute = np.arange(_DAYS * 1440).reshape(_DAYS, 1440)[:, :_MINUTES].ravel()
    for person in range(persons):
        for variable in ("fitbit.heart_rate", "fitbit.steps"):
            n = len(minute)
            wave = 55 + person + np.round(25 * np.sin(np.arange(n) / 90)) + draws.integers(0, 9, n)
            steps = np.where(draws.integers(0, 4, n) == 0, draws.integers(0, 110, n), 0)
            clock = Clock(minute * 60 * SECOND, np.full(n, -300, np.int16), np.full(n, -1, np.int8),
                          np.ones(n, np.bool_))  # fmt: skip
            given = Given(
                native=constant(f"p{person}", n), variable=constant(variable, n), clock=clock,
                duration_us=np.full(n, 60 * SECOND),
                value=(wave if variable.endswith("rate") else steps).astype(np.float64),
            )  # fmt: skip
            stage.add("raw.wearable_sample", writer.chunk(given).rows)
    parts = stage.finish()
    n_landed = sum(p.rows for p in parts)
    size = sum(p.path.stat().st_size for p in parts)
    return {"landing_bytes_per_row": round(size / n_landed, 3)}


def _open(folder: Path) -> duckdb.DuckDBPyConnection:
    config = {"threads": "2", "memory_limit": "3GB", "temp_directory": str(folder / "spill")}
    return duckdb.connect(str(folder / "bench.duckdb"), config=config)


def _count(con: duckdb.DuckDBPyConnection, query: str) -> int:
    row = con.execute(query).fetchone()
    return int(row[0]) if row else 0


def main() -> None:
    """step folder rows seed out model."""
    step, folder, rows, seed, out, model = sys.argv[1:]
    if step == "write":
        found = write(Path(folder), int(rows), int(seed))
    elif step == "summarise":
        found = summarise(Path(folder), Path(model))
    else:
        found = land(Path(folder), int(rows), int(seed))
    Path(out).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main()
