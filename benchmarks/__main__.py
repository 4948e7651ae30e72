"""python -m benchmarks NAME [--json] [--data PATH] [--seed N] [--scenario NAME]

Measures one thing beside its peer in one run and prints one object:
{"benchmark", "machine", "figures": {key: number}, "lines": [{"figure", "op", "line", "holds"}]}.
Each benchmark is a module with `run(data, seed, progress)` and `LINES`.
"""

from __future__ import annotations

import argparse
import importlib
import json
import operator
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.machine import describe

NAMES = ("ukb_wide", "fhir", "spine", "bias_500k", "vocabulary")
_OPERATORS: dict[str, Callable[[float, float], bool]] = {">=": operator.ge, "<=": operator.le}


def measure(
    name: str,
    data: Path | None,
    seed: int,
    progress: Callable[[str], None],
    scenario: str | None = None,
) -> dict[str, Any]:
    """Run one benchmark; figures that have a line are held against it.

    scenario: another planted truth, for the benchmarks that have several.
    """
    module = importlib.import_module(f"benchmarks.{name}")
    more = {} if scenario is None else {"scenario": scenario}
    figures: dict[str, float] = module.run(data=data, seed=seed, progress=progress, **more)
    lines = [
        {
            "figure": figure,
            "op": op,
            "line": line,
            "holds": figure in figures and _OPERATORS[op](figures[figure], line),
        }
        for figure, op, line in module.LINES
    ]
    return {"benchmark": name, "machine": describe(), "figures": figures, "lines": lines}


def main() -> int:
    """Command line of the benchmarks."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--json", action="store_true", help="one line of JSON, no progress")
    parser.add_argument("--data", type=Path, help="input instead of the generated one")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scenario", help="another planted truth (bias_500k: prototype, steep)")
    given = parser.parse_args()
    silent: Callable[[str], None] = lambda _line: None  # noqa: E731
    loud: Callable[[str], None] = lambda line: print(f"  {line}", file=sys.stderr, flush=True)  # noqa: E731
    result = measure(given.name, given.data, given.seed, silent if given.json else loud,
                     given.scenario)  # fmt: skip
    print(json.dumps(result) if given.json else json.dumps(result, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
