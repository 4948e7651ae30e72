"""python -m benchmarks NAME [--json] [--data PATH] [--seed N] [--scenario NAME]

Measures one thing beside its peer in one run and prints one object:
{"benchmark", "machine", "figures": {key: number}, "lines": [{"figure", "op", "line", "holds"}]}.
Each benchmark is a module with `run(data, seed, progress)` and `LINES`; one with options of its
own adds them in `add_arguments(parser)` and is then given them as `options`.
"""

from __future__ import annotations

import argparse
import importlib
import json
import operator
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.machine import describe

NAMES = (
    "ukb_wide", "fhir", "spine", "vocabulary", "bias_500k",
    "bed", "vcf", "variant_lookup", "variant_qc", "pgs", "genotype_reference",
    "apple_health", "wearable_day", "decay_p12", "decay_scale", "rubin", "rubin_draws", "mice_scale",
    "dicom", "omics_matrix", "quality", "linkage", "linkage_febrl4",
)  # fmt: skip
_OPERATORS: dict[str, Callable[[float, float], bool]] = {">=": operator.ge, "<=": operator.le}


def measure(
    name: str,
    data: Path | None,
    seed: int,
    progress: Callable[[str], None],
    options: argparse.Namespace | None = None,
) -> dict[str, Any]:
    """Run one benchmark; figures that have a line are held against it.

    options: what else the command line said, for modules with arguments of their own.
    """
    module = importlib.import_module(f"benchmarks.{name}")
    extra = {"options": options} if hasattr(module, "add_arguments") else {}
    figures: dict[str, float] = module.run(data=data, seed=seed, progress=progress, **extra)
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
    module = importlib.import_module(f"benchmarks.{parser.parse_known_args()[0].name}")
    if hasattr(module, "add_arguments"):
        module.add_arguments(parser)
    given = parser.parse_args()
    # Installed programs have their byte code; without it each process would compile it anew.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    silent: Callable[[str], None] = lambda _line: None  # noqa: E731
    loud: Callable[[str], None] = lambda line: print(f"  {line}", file=sys.stderr, flush=True)  # noqa: E731
    progress = silent if given.json else loud
    result = measure(given.name, given.data, given.seed, progress, given)
    print(json.dumps(result) if given.json else json.dumps(result, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
