"""A wide UK Biobank table to landing Parquet, beside fmrib-unpack.

`mb_per_s`: delivered megabytes a second of `biobraid ingest` as a whole process, 50,000 persons
x 5,000 mostly empty columns: hashing, reading with the field count of every record checked,
rejects, keyed ids, dates, codes held against the dictionary, Parquet, the books.
`ratio.funpack`: against the peer's megabytes a second on the first twentieth of the rows. The
peer does other work: it loads the table and writes it wide again.
`growth.peak_gb`: peak memory at 100,000 persons over that at 50,000.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.funpack import unpack
from benchmarks.machine import Measured, measure_command
from benchmarks.ukb_wide_data import head, write_codings, write_dictionary, write_main_table

PERSONS, COLUMNS, SLICES = 50_000, 5_000, 20
LINES = [
    ("mb_per_s", ">=", 20.0),
    ("peak_gb", "<=", 4.0),
    ("ratio.funpack", ">=", 10.0),
    ("growth.peak_gb", "<=", 1.15),
]
_STUDY = """\
id: wide
name: a wide table
release: "1"
licence: synthetic
time_zone: Europe/London
dictionary:
  format: ukb-showcase
  fields: [fields.tsv]
  codings: [codings.tsv]
sources:
  main:
    connector: ukb
    files: ["main.csv"]
    person_id: eid
"""


def run(data: Path | None, seed: int, progress: Callable[[str], None]) -> dict[str, float]:
    """Figures at 50,000 persons, and memory at 100,000; `data` is a scratch folder."""
    return measure(PERSONS, COLUMNS, data, seed, progress)


def measure(
    persons: int, columns: int, data: Path | None, seed: int, progress: Callable[[str], None]
) -> dict[str, float]:
    """The same for any size."""
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory(dir=data) as scratch:
        folder = Path(scratch)
        for n in (persons, 2 * persons):
            bank = _bank(folder / str(n), n, columns, seed, progress)
            table = bank.with_name("bank.deliveries") / "wide" / "main.csv"
            megabytes = table.stat().st_size / 1e6
            measured = _ingest(bank)
            name = "" if n == persons else f".{n}"
            figures[f"mb_per_s{name}"] = round(megabytes / measured.seconds, 2)
            figures[f"seconds{name}"] = round(measured.seconds, 2)
            figures[f"cpu_seconds{name}"] = round(measured.cpu_seconds, 2)
            figures[f"peak_gb{name}"] = round(measured.peak_gb, 3)
            progress(
                f"{n:,} persons: {megabytes:.0f} MB in {measured.seconds:.1f} s, "
                f"{measured.peak_gb:.2f} GB"
            )
            if n == persons:
                part = folder / "slice.csv"
                head(table, part, persons // SLICES)
        peer = unpack(part, folder / "unpacked.tsv", progress)
        peer_speed = part.stat().st_size / 1e6 / peer.seconds
    figures["mb_per_s.funpack"] = round(peer_speed, 3)
    figures["peak_gb.funpack_slice"] = round(peer.peak_gb, 3)
    figures["ratio.funpack"] = round(figures["mb_per_s"] / peer_speed, 1)
    figures["growth.peak_gb"] = round(figures[f"peak_gb.{2 * persons}"] / figures["peak_gb"], 3)
    return figures


def _bank(
    folder: Path, persons: int, columns: int, seed: int, progress: Callable[[str], None]
) -> Path:
    """A home with one study and its delivered table."""
    folder.mkdir()
    bank = folder / "bank"
    _checked(_tool(bank, "init", str(bank)), folder)
    pack = bank / "studies" / "wide"
    pack.mkdir(parents=True)
    (pack / "study.yaml").write_text(_STUDY, encoding="utf-8")
    write_dictionary(pack / "fields.tsv", columns, seed)
    write_codings(pack / "codings.tsv")
    delivery = folder / "bank.deliveries" / "wide"
    delivery.mkdir(parents=True)
    write_main_table(delivery / "main.csv", persons, columns, seed, progress)
    return bank


def _ingest(bank: Path) -> Measured:
    return _checked(_tool(bank, "ingest"), bank.parent)


def _tool(bank: Path, *arguments: str) -> list[str]:
    home = [] if arguments[0] == "init" else ["--home", str(bank)]
    return [sys.executable, "-m", "biobraid", "--quiet", *home, *arguments]


def _checked(command: list[str], folder: Path) -> Measured:
    env = {**os.environ, "BIOBRAID_KEY_DIR": str(folder / "keys")}
    measured = measure_command(command, env=env)
    if measured.returncode:
        raise RuntimeError(f"{command[-1]} ended with {measured.returncode}")
    return measured
