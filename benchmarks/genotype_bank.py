"""A home with one study of genotypes, and landing of its file as a worker does it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from benchmarks.machine import Measured, measure_command
from biobraid.core.home import Home, create_home
from biobraid.core.keys import create_keys, ingest_keys
from biobraid.core.study import read_study
from biobraid.ingest.connectors.contract import FileJob, companions_of
from biobraid.ingest.file_groups import state_of
from biobraid.ingest.landing.worker import Failed, Read, Task, read_file

_STUDY = """\
id: genes
name: genotypes
release: "1"
licence: synthetic
time_zone: UTC
sources:
  calls:
    connector: {connector}
    files: ["*.{ending}"]
    modality: genotype
    options: {{build: GRCh38}}
"""


def make_bank(folder: Path, connector: str, ending: str) -> Home:
    """A home whose deliveries go to `folder`/bank.deliveries/genes, with keys in folder/keys."""
    os.environ["BIOBRAID_KEY_DIR"] = str(folder / "keys")
    home = create_home(folder / "bank", memory_limit_gb=4.0, threads=2)
    create_keys(home)
    pack = home.studies / "genes"
    pack.mkdir(parents=True)
    (pack / "study.yaml").write_text(_STUDY.format(connector=connector, ending=ending))
    (home.deliveries / "genes").mkdir(parents=True)
    return home


def land(home: Home, path: Path, token: str) -> Read:
    """Read one file into staged landing parts, books checked; nothing is put in force."""
    study = read_study(home.studies / "genes")
    beside = companions_of(study.sources["calls"], path)
    size, modified_ns = state_of(path, beside)
    job = FileJob(
        path, study, "calls", token, ingest_keys(home), {}, memory_gb=2.0, threads=2, tmp=home.tmp
    )
    home.tmp.mkdir(exist_ok=True)
    task = Task(job, home.landing, home.inbox, home.tmp, size, modified_ns)
    result = read_file(task, lambda _: None)
    if isinstance(result, Failed):
        raise RuntimeError(str(result.error or result.bug))
    return result


def ingest(home: Home) -> Measured:
    """`biobraid ingest` as a whole process."""
    command = [sys.executable, "-m", "biobraid", "--quiet", "--home", str(home.root), "ingest"]
    measured = measure_command(command, env=dict(os.environ))
    if measured.returncode:
        raise RuntimeError(f"ingest ended with {measured.returncode}")
    return measured
