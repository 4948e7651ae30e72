"""Connector `apple_health`: an export.xml of Apple's Health app, or the export.zip it stands in.

Records: each Record, Workout and ActivitySummary, the Me element, and each further file of the
zip. Of these the records that stand inside a Correlation are ignored (they stand at the top
again), and so are electrocardiograms, workout routes, clinical records and export_cda.xml, each
counted by its rule. The person is named by the file's path (PersonFromPath). Names of devices and
apps, which hold people's names, become keyed tokens.
"""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import IO

import pyarrow as pa

from biobraid.core.errors import Fault, SourceFileError
from biobraid.ingest.connectors.apple_rows import (
    Whose,
    land_me,
    land_records,
    land_summaries,
    land_workouts,
)
from biobraid.ingest.connectors.apple_xml import ExportReader
from biobraid.ingest.connectors.contract import Chunk, Counts, FileJob, connector, get_connector
from biobraid.ingest.connectors.wearable_options import PersonFromPath, person_of_path
from biobraid.ingest.connectors.wearable_rows import SampleWriter
from biobraid.ingest.connectors.wearable_times import read_times
from biobraid.ingest.connectors.wearable_zip import is_zip, whole_zip

_BATCH = 20_000  # elements, some 1.5 kB each
_FOLDERS = {
    "electrocardiograms": "electrocardiogram",
    "workout-routes": "workout-route",
    "clinical-records": "clinical-record",
}
_CDA = "_cda.xml"


class AppleHealthOptions(PersonFromPath):
    """Options of the connector: those of PersonFromPath."""


@connector("apple_health", options=AppleHealthOptions)
def read_apple_health(job: FileJob) -> Iterator[Chunk | Counts]:
    """Chunks and counts of one export."""
    options = get_connector("apple_health").check_options(job.source.options)
    if not isinstance(options, AppleHealthOptions):
        raise TypeError("the connector is registered with other options")
    writer = SampleWriter(job)
    native = person_of_path(job, options)
    yield from writer.name([native])
    if not is_zip(job):
        with job.path.open("rb") as stream:
            yield from _read_xml(job, writer, native, stream, 1.0)
        return
    with whole_zip(job) as archive:
        main, others = _members(job, archive)
        yield Counts(records_read=others.total(), records_ignored=others.total(), ignored=others)
        share = main.compress_size / max(main.file_size, 1)
        with archive.open(main) as stream:
            yield from _read_xml(job, writer, native, stream, share)


def _members(job: FileJob, archive: zipfile.ZipFile) -> tuple[zipfile.ZipInfo, Counter[str]]:
    """The export's member (its name depends on the phone's language), and the others by rule."""
    files = [m for m in archive.infolist() if not m.is_dir()]
    documents = [
        m for m in files if m.filename.lower().endswith(".xml") and not _is_cda(m.filename)
    ]
    if not documents:
        raise SourceFileError(
            Fault(
                job.where,
                "the zip holds no export.xml",
                "the export.zip that the Health app makes",
                "Export it again, or take the file out of the source's globs.",
            )
        )
    main = max(documents, key=lambda m: m.file_size)
    others: Counter[str] = Counter()
    for member in files:
        if member is not main:
            parts = PurePosixPath(member.filename).parts
            rule = next((_FOLDERS[p] for p in parts if p in _FOLDERS), "other-file")
            others["export_cda.xml" if _is_cda(member.filename) else rule] += 1
    return main, others


def _is_cda(name: str) -> bool:
    return name.lower().endswith(_CDA)


def _read_xml(
    job: FileJob, writer: SampleWriter, native: str, stream: IO[bytes], share: float
) -> Iterator[Chunk | Counts]:
    reader = ExportReader(job.where)
    done = 0.0

    def on_bytes(n: int) -> None:
        nonlocal done
        done += n * share

    for _ in reader.read(stream, on_bytes):
        if len(reader.records) + len(reader.workouts) + len(reader.summaries) > _BATCH:
            # The last one may still be open and be told its zone.
            yield from _flush(reader, writer, native, keep=1)
        if done:
            yield Counts(bytes_done=int(done))
            done = 0.0
    if reader.root == "ClinicalDocument":
        rule = Counter({"export_cda.xml": 1})
        yield Counts(records_read=1, records_ignored=1, ignored=rule)
        return
    yield from _flush(reader, writer, native, keep=0)


def _flush(
    reader: ExportReader, writer: SampleWriter, native: str, keep: int
) -> Iterator[Chunk | Counts]:
    whose = Whose(writer, native, _instant(reader.export_date))
    n = len(reader.records) - keep
    records, lines = reader.records[:n], reader.lines[:n]
    reader.records, reader.lines = reader.records[n:], reader.lines[n:]
    n = len(reader.workouts) - keep
    workouts, reader.workouts = reader.workouts[: max(n, 0)], reader.workouts[max(n, 0) :]
    summaries, reader.summaries = reader.summaries, []
    me, reader.me = reader.me, []
    yield from land_records(whose, records, lines)
    yield from land_workouts(whose, workouts)
    yield from land_summaries(whose, summaries)
    yield from land_me(whose, me)
    n_records, n_facts = reader.ignored_records.total(), reader.ignored_facts.total()
    yield Counts(
        records_read=n_records,
        records_ignored=n_records,
        facts_read=n_facts,
        facts_ignored=n_facts,
        ignored=reader.ignored_records + reader.ignored_facts,
        warnings=reader.warnings,
    )
    reader.ignored_records, reader.ignored_facts = Counter(), Counter()
    reader.warnings = Counter()


def _instant(text: str | None) -> int | None:
    clock = read_times(pa.array([text or ""]))
    return int(clock.instant[0]) if clock.is_valid[0] else None
