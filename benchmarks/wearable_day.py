"""Daily summaries of 200 million minute rows, by the model wearable.day itself.

1,000 people, two streams (heart rate, steps), 70 days, the device off for an hour a week, written
as the model wearable.minute writes them: sorted by person, series and time. `bytes_per_row`: the DuckDB file
over its minutes; `bytes_per_row.off_at_night`: where it is off for eight hours every night.
`rows_per_s`: minutes a second through the query of models/wearable/day.sql,
with device hours, wear and the choice between sources; `rows_per_cpu_s` by the seconds of its
processor, which other work on the machine changes little. `landing_bytes_per_row`: the same minutes
as landing Parquet, from a sample of 5 million. `peak_gb`: process tree of both steps.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.machine import measure_command

ROWS = 200_000_000
LINES = [("rows_per_s", ">=", 15e6), ("bytes_per_row", "<=", 1.5), ("peak_gb", "<=", 4.0)]
_MODEL = Path(__file__).resolve().parent.parent / "models" / "wearable" / "day.sql"


def run(data: Path | None, seed: int, progress: Callable[[str], None]) -> dict[str, float]:
    """Figures at 200 million rows; `data` is a scratch folder."""
    return measure(ROWS, data, seed, progress)


def measure(
    n_rows: int, data: Path | None, seed: int, progress: Callable[[str], None]
) -> dict[str, float]:
    """The same for any size."""
    figures: dict[str, float] = {}
    peak = 0.0
    with tempfile.TemporaryDirectory(dir=data) as scratch:
        for step in ("write", "summarise", "land"):
            out = Path(scratch) / f"{step}.json"
            command = [sys.executable, "-m", "benchmarks.wearable_day_steps", step, scratch]
            done = measure_command([*command, str(n_rows), str(seed), str(out), str(_MODEL)])
            if done.returncode:
                raise RuntimeError(f"{step} ended with {done.returncode}")
            found = json.loads(out.read_text(encoding="utf-8"))
            figures |= found
            figures[f"peak_gb.{step}"] = round(done.peak_gb, 3)
            figures[f"cpu_seconds.{step}"] = round(done.cpu_seconds, 2)
            peak = max(peak, done.peak_gb if step != "land" else 0.0)
            progress(f"{step}: {found}, {done.seconds:.1f} s, {done.peak_gb:.2f} GB")
    figures["peak_gb"] = round(peak, 3)
    return figures
