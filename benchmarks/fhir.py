"""A FHIR bulk export of all resource types to landing, beside fhir.resources.

`mb_per_s`: delivered megabytes a second of `biobraid ingest` as a whole process, 300 MB of
NDJSON, one file a type: hashing, tokens, every value placed or counted by its path, keyed ids,
times, codes, Parquet, the books. `peak_gb`: memory of its process tree.
`ratio.fhir_resources`: against the peer's megabytes a second on a slice of the same export. The
peer does other work: it makes a validated model object of each resource, and lands nothing.
`growth.peak_gb`: peak memory over that of a third of the export.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.fhir_data import write_export
from benchmarks.fhir_peer import validate
from benchmarks.machine import Measured, measure_command

MEGABYTES, SLICE = 300.0, 10.0
LINES = [
    ("mb_per_s", ">=", 30.0),
    ("ratio.fhir_resources", ">=", 5.0),
    ("peak_gb", "<=", 1.5),
]
_STUDY = """\
id: export
name: a bulk export
release: "1"
licence: synthetic
time_zone: Europe/London
sources:
  ehr:
    connector: fhir
    files: ["*.ndjson"]
    modality: health_record
    origin: hospital
"""


def run(data: Path | None, seed: int, progress: Callable[[str], None]) -> dict[str, float]:
    """Figures at 300 MB; `data` is a scratch folder."""
    return measure(MEGABYTES, data, seed, progress)


def measure(
    megabytes: float, data: Path | None, seed: int, progress: Callable[[str], None]
) -> dict[str, float]:
    """The same for any size."""
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory(dir=data) as scratch:
        folder = Path(scratch)
        for size, name in ((megabytes / 3, ".third"), (megabytes, "")):
            bank = _bank(folder / f"export{name}", size, seed)
            delivered = _megabytes(bank.with_name("bank.deliveries") / "export")
            measured = _checked(_tool(bank, "ingest"), bank.parent)
            figures[f"mb_per_s{name}"] = round(delivered / measured.seconds, 2)
            figures[f"seconds{name}"] = round(measured.seconds, 2)
            figures[f"cpu_seconds{name}"] = round(measured.cpu_seconds, 2)
            figures[f"peak_gb{name}"] = round(measured.peak_gb, 3)
            progress(
                f"{delivered:.0f} MB in {measured.seconds:.1f} s "
                f"({measured.cpu_seconds:.1f} s CPU), {measured.peak_gb:.2f} GB"
            )
        part = folder / "slice"
        write_export(part, SLICE, seed)
        peer = validate(sorted(part.glob("*.ndjson")), progress)
        speed = _megabytes(part) / peer.seconds
    figures["mb_per_s.fhir_resources"] = round(speed, 3)
    figures["peak_gb.fhir_resources_slice"] = round(peer.peak_gb, 3)
    figures["ratio.fhir_resources"] = round(figures["mb_per_s"] / speed, 1)
    figures["growth.peak_gb"] = round(figures["peak_gb"] / figures["peak_gb.third"], 3)
    return figures


def _megabytes(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.iterdir()) / 1e6


def _bank(folder: Path, megabytes: float, seed: int) -> Path:
    """A home with one study and its export."""
    folder.mkdir()
    bank = folder / "bank"
    _checked(_tool(bank, "init", str(bank)), folder)
    pack = bank / "studies" / "export"
    pack.mkdir(parents=True)
    (pack / "study.yaml").write_text(_STUDY, encoding="utf-8")
    write_export(folder / "bank.deliveries" / "export", megabytes, seed)
    return bank


def _tool(bank: Path, *arguments: str) -> list[str]:
    home = [] if arguments[0] == "init" else ["--home", str(bank)]
    return [sys.executable, "-m", "biobraid", "--quiet", *home, *arguments]


def _checked(command: list[str], folder: Path) -> Measured:
    env = {**os.environ, "BIOBRAID_KEY_DIR": str(folder / "keys")}
    measured = measure_command(command, env=env)
    if measured.returncode:
        raise RuntimeError(f"{command[-1]} ended with {measured.returncode}")
    return measured
