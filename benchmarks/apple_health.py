"""An Apple Health export of 1 GB to landing, beside healthkit-to-sqlite.

`mb_per_s`: megabytes a second of `biobraid ingest` as a whole process: hashing, expat, values,
zones, keyed ids, devices as tokens, Parquet, the books. `peak_gb`: memory of its process tree.
`ratio.healthkit_to_sqlite`: against the peer's megabytes a second on a tenth of the same export;
the peer writes each element into SQLite as it stands. `ratio_cpu` is the same by seconds of the
processor, which other work on the machine changes little. `growth.peak_gb`: over that of the tenth.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.machine import Measured, measure_command

MEGABYTES = 1000.0
LINES = [("ratio.healthkit_to_sqlite", ">=", 2.5), ("peak_gb", "<=", 0.5)]
REQUIREMENT = "healthkit-to-sqlite==1.0.1"
_STUDY = """\
id: phones
name: exports of phones
release: "1"
licence: synthetic
time_zone: Europe/London
sources:
  apple:
    connector: apple_health
    files: ["*/export.xml"]
    modality: wearable
    origin: device
"""
_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE HealthData [\n'
    "<!ELEMENT HealthData (ExportDate,Me,(Record|Workout)*)>\n]>\n"
    '<HealthData locale="en_GB">\n <ExportDate value="2024-01-01 00:00:00 +0000"/>\n'
)
_WATCH = (
    "&lt;&lt;HKDevice: 0x28&gt;, name:Apple Watch, manufacturer:Apple Inc., model:Watch, "
    "hardware:Watch6,2, software:8.5&gt;"
)
_RECORD = (
    ' <Record type="HKQuantityTypeIdentifier{kind}" sourceName="Watch of somebody" '
    'sourceVersion="8.5" device="{device}" unit="{unit}" creationDate="{when}" '
    'startDate="{when}" endDate="{when}" value="{value}"{close}\n'
)
_META = '>\n  <MetadataEntry key="HKMetadataKeyHeartRateMotionContext" value="0"/>\n </Record>'


def run(data: Path | None, seed: int, progress: Callable[[str], None]) -> dict[str, float]:
    """Figures at 1 GB; `data` is a scratch folder."""
    return measure(MEGABYTES, data, seed, progress)


def measure(
    megabytes: float, data: Path | None, seed: int, progress: Callable[[str], None]
) -> dict[str, float]:
    """The same for any size."""
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory(dir=data) as scratch:
        folder = Path(scratch)
        for size, name in ((megabytes / 10, ".tenth"), (megabytes, "")):
            bank = _bank(folder / f"home{name}", size, seed)
            path = bank.with_name("bank.deliveries") / "phones" / "p1" / "export.xml"
            mb = path.stat().st_size / 1e6
            done = _checked(_tool(bank, "ingest"), bank.parent)
            figures[f"mb_per_s{name}"] = round(mb / done.seconds, 2)
            figures[f"mb_per_cpu_s{name}"] = round(mb / done.cpu_seconds, 2)
            figures[f"peak_gb{name}"] = round(done.peak_gb, 3)
            progress(f"{mb:.0f} MB in {done.seconds:.1f} s, {done.peak_gb:.2f} GB")
            if name:
                peer = _peer(path, folder / "peer.db", progress)
                figures["mb_per_s.healthkit_to_sqlite"] = round(mb / peer.seconds, 2)
                figures["mb_per_cpu_s.healthkit_to_sqlite"] = round(mb / peer.cpu_seconds, 2)
                figures["peak_gb.healthkit_to_sqlite_tenth"] = round(peer.peak_gb, 3)
                progress(f"healthkit-to-sqlite: {mb:.0f} MB in {peer.seconds:.1f} s")
    own, other = figures["mb_per_s"], figures["mb_per_s.healthkit_to_sqlite"]
    figures["ratio.healthkit_to_sqlite"] = round(own / other, 2)
    own, other = figures["mb_per_cpu_s"], figures["mb_per_cpu_s.healthkit_to_sqlite"]
    figures["ratio_cpu.healthkit_to_sqlite"] = round(own / other, 2)
    figures["growth.peak_gb"] = round(figures["peak_gb"] / figures["peak_gb.tenth"], 3)
    return figures


def write_export(path: Path, megabytes: float, seed: int) -> None:
    """Heart rates every few seconds, steps and energy; a third of the records has metadata."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draws = np.random.default_rng(seed)
    second = np.datetime64("2019-01-01T00:00:00")
    kinds = (("HeartRate", "count/min"), ("StepCount", "count"), ("ActiveEnergyBurned", "kcal"))
    with path.open("w", encoding="utf-8") as out:
        size = out.write(_HEAD)
        while size < megabytes * 1e6:
            steps = draws.integers(2, 30, 10_000).cumsum()
            times = (second + steps.astype("timedelta64[s]")).astype(str)
            second += np.timedelta64(int(steps[-1]), "s")
            kind, value = draws.integers(0, 3, 10_000), draws.integers(50, 150, 10_000)
            lines = [
                _RECORD.format(
                    kind=kinds[k][0], unit=kinds[k][1], device=_WATCH, value=v,
                    when=f"{t[:10]} {t[11:]} +0000", close=_META if k == 0 else "/>",
                )
                for t, k, v in zip(times.tolist(), kind.tolist(), value.tolist(), strict=True)
            ]  # fmt: skip
            size += out.write("".join(lines))
        out.write("</HealthData>\n")


def _bank(folder: Path, megabytes: float, seed: int) -> Path:
    folder.mkdir()
    bank = folder / "bank"
    _checked([*_tool(bank, "init", str(bank)), "--memory-gb", "0.5"], folder)
    pack = bank / "studies" / "phones"
    pack.mkdir(parents=True)
    (pack / "study.yaml").write_text(_STUDY, encoding="utf-8")
    for name, header in (
        ("dictionary", "variable,label,type,unit,allowed_values,instance_rule"),
        ("mapping", "source,variable,source_code,target_concept_id,target_domain_id,"
         "unit_concept_id,value_as_concept_id,rule,rule_arg,absent_reason,status,comment"),
    ):  # fmt: skip
        (pack / f"{name}.csv").write_text(f"{header}\n", encoding="utf-8")
    write_export(folder / "bank.deliveries" / "phones" / "p1" / "export.xml", megabytes, seed)
    return bank


def _peer(source: Path, target: Path, progress: Callable[[str], None]) -> Measured:
    tool = _environment(progress) / "bin" / "healthkit-to-sqlite"
    done = measure_command([str(tool), "--silent", "--xml", str(source), str(target)])
    if done.returncode:
        raise RuntimeError(f"{REQUIREMENT} ended with {done.returncode}")
    return done


def _environment(progress: Callable[[str], None]) -> Path:
    """Folder of the peer's environment; installed on first use."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "biobraid-benchmarks" / REQUIREMENT.replace("==", "-")
    if (folder / "installed").is_file():
        return folder
    progress(f"installing {REQUIREMENT}")
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    command = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", REQUIREMENT]
    subprocess.run(command, check=True, stdout=sys.stderr)
    (folder / "installed").touch()
    return folder


def _tool(bank: Path, *arguments: str) -> list[str]:
    home = [] if arguments[0] == "init" else ["--home", str(bank)]
    return [sys.executable, "-m", "biobraid", "--quiet", *home, *arguments]


def _checked(command: list[str], folder: Path) -> Measured:
    env = {**os.environ, "BIOBRAID_KEY_DIR": str(folder / "keys")}
    measured = measure_command(command, env=env)
    if measured.returncode:
        raise RuntimeError(f"{' '.join(command[3:])} ended with {measured.returncode}")
    return measured
