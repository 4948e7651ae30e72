"""Writes the sample biobank: deliveries, study packs and truth, each folder whole or not at all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import biobraid
from biobraid.core.errors import Fault, SettingsError
from biobraid.core.files import PARTIAL, disk_errors
from biobraid.ingest.sample import mindwell, riverside, ukdemo, valley
from biobraid.ingest.sample.fhir.files import HospitalFiles
from biobraid.ingest.sample.fhir.ward import NORTHGATE, SOUTHGATE
from biobraid.ingest.sample.genotypes.files import GenotypeFiles
from biobraid.ingest.sample.imaging.files import ImagingFiles
from biobraid.ingest.sample.links import PLACES, members
from biobraid.ingest.sample.omics.microbiome import MicrobiomeFiles
from biobraid.ingest.sample.omics.proteomics import ProteomicsFiles
from biobraid.ingest.sample.people import people
from biobraid.ingest.sample.planted import MIN_PERSONS, Planted
from biobraid.ingest.sample.truth import TruthWriter
from biobraid.ingest.sample.wearables.stride import StrideFiles
from biobraid.ingest.sample.wearables.wearers import STUDY as STRIDE

MAX_PERSONS = 500_000
BLOCK_PERSONS = 20_000
STUDIES = (*PLACES, STRIDE)
MARKER = ".sample.json"  # in every folder made here: which sample it belongs to

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class SampleSummary:
    """What the sample holds."""

    persons: int
    seed: int
    ukdemo_persons: int
    riverside_persons: int
    in_both: int  # of ukdemo and riverside
    by_study: dict[str, int]
    in_several: int  # persons whom at least two studies know
    files: int
    bytes: int
    defects: int  # kinds of defects times places
    canaries: int


def generate(
    deliveries: Path,
    studies: Path,
    truth: Path,
    *,
    persons: int = 1000,
    seed: int = 1,
    block_persons: int = BLOCK_PERSONS,
    on_progress: Progress | None = None,
) -> SampleSummary:
    """Write deliveries/<study>/…, the study packs into `studies`, and the truth; say what is there.

    The same seed gives the same bytes, whatever the block size. A sample that is already whole
    stays; one that was broken off is written anew; a study pack that is already there is kept.
    Folders that were not made here are refused. on_progress gets persons done and in all.
    """
    if not MIN_PERSONS <= persons <= MAX_PERSONS:
        raise SettingsError(
            Fault("--persons", f"{persons} persons", f"{MIN_PERSONS} to {MAX_PERSONS:,}")
        )
    folders = {**{study: deliveries / study for study in STUDIES}, "truth": truth}
    mark = {"persons": persons, "seed": seed, "version": biobraid.__version__}
    _refuse_foreign(folders.values())
    copy_packs(studies)
    known = _summary_of_whole_sample(list(folders.values()), mark)
    if known is not None:
        return known
    partial = {name: folder.with_name(folder.name + PARTIAL) for name, folder in folders.items()}
    for folder in partial.values():
        shutil.rmtree(folder, ignore_errors=True)
    with disk_errors("the sample biobank"):
        summary = _write(partial, persons, seed, block_persons, on_progress)
        for name, folder in folders.items():  # truth comes last: with it the sample is whole
            marker = partial[name] / MARKER
            marker.write_text(json.dumps({**mark, "summary": summary.__dict__}) + "\n")
            shutil.rmtree(folder, ignore_errors=True)
            partial[name].rename(folder)
    return summary


def copy_packs(studies: Path) -> list[Path]:
    """Copy the packaged study packs that `studies` lacks; returns the new ones.

    Without their sample files: these hold (invented) identifiers, which a home must not.
    """
    packaged = Path(biobraid.__file__).parent / "studies"
    made = []
    for study in STUDIES:
        target = studies / study
        if target.exists():
            continue
        partial = target.with_name(study + PARTIAL)
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(
            packaged / study,
            partial,
            ignore=shutil.ignore_patterns("__pycache__", "__init__.py", "sample"),
        )
        partial.rename(target)
        made.append(target)
    return made


def _write(
    folders: dict[str, Path], persons: int, seed: int, block_persons: int, progress: Progress | None
) -> SampleSummary:
    planted = Planted()
    by_study = np.zeros(len(PLACES), dtype=np.int64)
    in_both = in_several = 0
    writer = TruthWriter(folders["truth"])
    with ExitStack() as stack:
        stack.callback(writer.close)
        outs = (
            ukdemo.UkdemoFiles(folders[ukdemo.STUDY], stack, planted),
            riverside.RiversideFiles(folders[riverside.STUDY], stack, planted),
            HospitalFiles(NORTHGATE, folders[NORTHGATE.name], stack, planted),
            HospitalFiles(SOUTHGATE, folders[SOUTHGATE.name], stack, planted),
            mindwell.MindwellFiles(folders[mindwell.STUDY], stack, planted),
            valley.ValleyFiles(folders[valley.STUDY], stack, planted),
            ImagingFiles(
                folders[ukdemo.STUDY], folders[riverside.STUDY], folders["truth"], stack, planted
            ),
            proteomics := ProteomicsFiles(folders[ukdemo.STUDY], stack, planted),
            gut := stack.enter_context(MicrobiomeFiles(folders[riverside.STUDY], planted)),
            wear := StrideFiles(folders[STRIDE], folders["truth"], stack, planted),
        )
        genotypes = GenotypeFiles(folders, seed, planted)
        for first in range(0, persons, block_persons):
            numbers = np.arange(first, min(first + block_persons, persons), dtype=np.int64)
            block = people(seed, numbers)
            for out in outs:
                out.write(block)
            genotypes.write(block)
            writer.write(block)
            here = members(block)
            by_study += here.sum(axis=0)
            in_both += int((here[:, 0] & here[:, 1]).sum())
            in_several += int((here.sum(axis=1) > 1).sum())
            if progress is not None:
                progress(int(numbers[-1]) + 1, persons)
        proteomics.finish()
        gut.finish(seed)
    for study in (ukdemo.STUDY, mindwell.STUDY):
        _copy_dictionary(study, folders[study])
    genotypes.finish()
    writer.finish(planted)
    files = [p for s in STUDIES for p in folders[s].rglob("*") if p.is_file()]
    return SampleSummary(
        persons=persons,
        seed=seed,
        ukdemo_persons=int(by_study[0]),
        riverside_persons=int(by_study[1]),
        in_both=in_both,
        by_study={
            **dict(zip(PLACES, by_study.tolist(), strict=True)),
            STRIDE: wear.n_members,
        },
        in_several=in_several,
        files=len(files),
        bytes=sum(p.stat().st_size for p in files),
        defects=len(planted.counts),
        canaries=len(set(planted.canaries)),
    )


def _copy_dictionary(study: str, folder: Path) -> None:
    """The dictionary is part of the delivery, as on UK Biobank's site and in a REDCap export."""
    source = Path(biobraid.__file__).parent / "studies" / study / "dictionary"
    shutil.copytree(source, folder / "dictionary")


def _refuse_foreign(folders: Iterable[Path]) -> None:
    faults = [
        Fault(
            folder.name,
            "the folder is there and was not made by the demo",
            "a new folder, or one of an earlier demo",
            "Choose another folder, or move this one away.",
        )
        for folder in folders
        if folder.exists() and any(folder.iterdir()) and not (folder / MARKER).is_file()
    ]
    if faults:
        raise SettingsError(faults)


def _summary_of_whole_sample(folders: list[Path], mark: dict[str, object]) -> SampleSummary | None:
    """The summary of a sample that is whole and the one wanted, else None."""
    summary = None
    for folder in folders:
        marker = folder / MARKER
        if not marker.is_file():
            return None
        found = json.loads(marker.read_text(encoding="utf-8"))
        summary = found.pop("summary")
        if found != mark:
            return None
    return None if summary is None else SampleSummary(**summary)
