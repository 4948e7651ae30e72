"""Connector `dicom`: headers of DICOM objects in folders, zips or single files.

Records: the files of a delivery; each is landed, rejected or (DICOMDIR, index files) ignored by a
rule. Facts: rows of raw.asset (one per series), raw.event (one procedure per study and modality)
and raw.value (sex, birth, age as a study's header states them), and each other attribute that
holds something: keyed UIDs (record-key), to the vault, private-tag, free-text-undeclared,
tag-not-allowed. Nothing of the pixels is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from biobraid.core.errors import Fault, SettingsError
from biobraid.ingest.connectors.contract import Chunk, Counts, FileJob, connector, get_connector
from biobraid.ingest.connectors.dicom_header import REASONS, Instance, Rejected, read_instance
from biobraid.ingest.connectors.dicom_options import DicomOptions
from biobraid.ingest.connectors.dicom_series import Gathering
from biobraid.ingest.connectors.dicom_tags import NOT_ALLOWED
from biobraid.ingest.connectors.imaging_group import Member, members, prefix_of
from biobraid.ingest.connectors.imaging_rows import counted, reject_chunk

_FILES_PER_COUNTS = 2_000
_MOST_SERIES = 50_000  # gathered at a time: some 100 MB
_NOT_IMAGES = (".txt", ".csv", ".tsv", ".json", ".xml", ".html", ".pdf", ".md")


@connector("dicom", options=DicomOptions, takes_folders=True)
def read_dicom(job: FileJob) -> Iterator[Chunk | Counts]:
    """Chunks and counts of one delivery."""
    options = get_connector("dicom").check_options(job.source.options)
    if not isinstance(options, DicomOptions):
        raise TypeError("the connector is registered with other options")
    refuse_delta(job)
    yield from _Reader(job, options).read()


def refuse_delta(job: FileJob) -> None:
    """SettingsError where the source is declared as a delta: images carry no version."""
    if job.source.delivery in ("delta", "columns"):
        raise SettingsError(
            Fault(
                f"studies/{job.study.id}/study.yaml, sources.{job.source_id}.delivery",
                f"'{job.source.delivery}' is not known for images",
                "full, or append (a study delivered again then replaces the earlier one)",
            )
        )


class _Reader:
    def __init__(self, job: FileJob, options: DicomOptions) -> None:
        self._job = job
        self._pattern = re.compile(options.person_pattern)
        self._by_path = options.person_from == "path"
        self._gathering = Gathering(job, prefix_of(job))
        self._counts = Counts(keys_are_unique=True)
        self._rejects: list[tuple[int, str | None, str, str]] = []
        self._names: set[str] = set()
        self._listed: list[str] = []

    def read(self) -> Iterator[Chunk | Counts]:
        for number, member in enumerate(members(self._job.path, self._job.where), start=1):
            self._take(number, member)
            if number % _FILES_PER_COUNTS == 0:
                if len(self._gathering.series) >= _MOST_SERIES:
                    yield from counted(self._gathering.hand_over(), self._count_facts)
                yield from self._gathering.identities()
                yield from self._told()
        if self._listed:
            there = {name.upper() for name in self._names}
            missing = sum(name.upper() not in there for name in self._listed)
            if missing:
                self._counts.warnings["dicomdir-file-missing"] += missing
        yield from counted(self._gathering.hand_over(), self._count_facts)
        yield from self._told()

    def _told(self) -> Iterator[Chunk | Counts]:
        counts, self._counts = self._counts, Counts(keys_are_unique=True)
        rejects, self._rejects = self._rejects, []
        yield from reject_chunk(rejects)
        yield counts

    def _count_facts(self, n: int) -> None:
        self._counts.facts_read += n

    def _take(self, number: int, member: Member) -> None:
        counts = self._counts
        counts.records_read += 1
        counts.bytes_done += member.size
        base = member.name.rpartition("/")[2].rpartition("!")[2]
        if base.upper().startswith("DICOMDIR") and self._is_directory(member):
            counts.records_ignored += 1
            counts.ignored["dicomdir"] += 1
            return
        self._names.add(base)
        if base.lower().endswith(_NOT_IMAGES):
            counts.records_ignored += 1
            counts.ignored["file-beside-images"] += 1
            return
        try:
            instance = read_instance(member)
            self._gathering.add(instance, self._native_id(instance))
            if self._by_path and instance.patient_id:  # another's id for the person: nobody asks
                instance.dropped[NOT_ALLOWED] += 1
                instance.n_to_vault -= 1
        except Rejected as rejected:
            counts.records_rejected += 1
            self._rejects.append((number, None, rejected.reason, REASONS[rejected.reason]))
            return
        self._count_cells(number, instance)

    def _count_cells(self, number: int, instance: Instance) -> None:
        counts = self._counts
        counts.ignored.update(instance.dropped)
        n_ignored, n_bad = instance.dropped.total(), len(instance.bad_cells)
        counts.facts_ignored += n_ignored
        counts.facts_rejected += n_bad
        counts.facts_to_vault += instance.n_to_vault
        counts.facts_read += n_ignored + n_bad + instance.n_to_vault
        self._rejects += [
            (number, name, "invalid-value", hint) for name, hint in instance.bad_cells
        ]

    def _native_id(self, instance: Instance) -> str:
        if not self._by_path:
            return instance.patient_id
        found = self._pattern.search(f"{self._gathering.prefix}{instance.member.name}")
        return (found["person"] or "") if found else ""

    def _is_directory(self, member: Member) -> bool:
        from biobraid.ingest.connectors.dicom_pydicom import files_of_directory

        with member.open() as file:
            listed = files_of_directory(file)
        if listed is None:
            return False
        self._listed += [name.rpartition("/")[2] for name in listed]
        return True
