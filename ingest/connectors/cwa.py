"""Connector `cwa`: Axivity AX3 and AX6 recordings (.cwa, .cwa.gz) as minutes.

The warehouse keeps a recording's header and one-minute epochs: mean ENMO (g) and whether the
device moved; raw acceleration stays in the file. Records: each epoch, the header (ignored by
rule, its device number makes a token, its annotation is free text), and each block that is
damaged (rejected, with the number of the block). The clock is the device's; where it was set back
the epochs after it are flagged clock-jump.
"""

from __future__ import annotations

import gzip
import zlib
from collections import Counter
from collections.abc import Iterator
from typing import IO, cast

import numpy as np

from biobraid.core.errors import Fault, SourceFileError
from biobraid.ingest.connectors.contract import Chunk, Counts, FileJob, connector, get_connector
from biobraid.ingest.connectors.cwa_blocks import Epochs, read_epochs, read_header
from biobraid.ingest.connectors.wearable_options import PersonFromPath, person_of_path
from biobraid.ingest.connectors.wearable_rows import (
    DECLARED,
    Given,
    SampleWriter,
    constant,
    record_of,
)
from biobraid.ingest.connectors.wearable_times import FLAGS, NO_OFFSET, SECOND, Clock, placed
from biobraid.ingest.hashing import mix
from biobraid.ingest.tabular.block import reject_table


class CwaOptions(PersonFromPath):
    """Options of the connector: those of PersonFromPath."""


@connector("cwa", options=CwaOptions)
def read_cwa(job: FileJob) -> Iterator[Chunk | Counts]:
    """Chunks and counts of one recording."""
    options = get_connector("cwa").check_options(job.source.options)
    if not isinstance(options, CwaOptions):
        raise TypeError("the connector is registered with other options")
    native = person_of_path(job, options)
    writer, epochs = SampleWriter(job), Epochs()
    yield from writer.name([native])
    is_gzip = job.path.suffix == ".gz"
    try:
        with _open(job) as stream:
            header = read_header(stream, job.where)
            for n_bytes in read_epochs(stream, epochs):
                yield Counts(bytes_done=0 if is_gzip else n_bytes)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise SourceFileError(
            Fault(job.where, "the gzip is damaged or cut off", "a whole .cwa.gz",
                  "Ask for the file again; nothing of it was landed.")
        ) from None  # fmt: skip
    n_bad = len(epochs.bad_blocks)
    if n_bad:
        rows = np.array(epochs.bad_blocks, dtype=np.int64)
        yield Chunk(
            "raw.reject",
            reject_table(rows, "damaged-block", "a whole block whose checksum is right"),
        )
    ignored = Counter({"header": 1, **({"annotation": 1} if header.has_annotation else {})})
    yield Counts(
        records_read=1 + n_bad,
        records_rejected=n_bad,
        records_ignored=1,
        facts_read=int(header.has_annotation),
        facts_ignored=int(header.has_annotation),
        ignored=ignored,
    )
    if epochs.sums:
        yield from _land(writer, native, epochs, header.model, header.device_id)


def _open(job: FileJob) -> IO[bytes]:
    if job.path.suffix == ".gz":
        return cast(IO[bytes], gzip.open(job.path, "rb"))
    return job.path.open("rb")


def _land(
    writer: SampleWriter, native: str, epochs: Epochs, model: str, device_id: int
) -> Iterator[Chunk | Counts]:
    second, enmo, moved, late = epochs.table()
    n = len(second)
    flag = np.where(late, FLAGS.index("clock-jump"), -1).astype(np.int8)
    bare = np.full(n, NO_OFFSET, dtype=np.int16)
    clock = placed(Clock(second * SECOND, bare, flag, np.ones(n, dtype=np.bool_)), writer.zone)
    device = constant(f"{model} {device_id}", n)
    record = record_of(writer.job, "epoch", constant(native, n), device)
    record = mix(record, second.astype(np.uint64))
    for variable, value, unit in (
        ("cwa.enmo", enmo, "g"),
        ("cwa.moving", moved.astype(float), None),
    ):
        yield writer.chunk(
            Given(
                native=constant(native, n),
                variable=constant(variable, n),
                clock=clock,
                duration_us=np.full(n, 60 * SECOND),
                value=value,
                unit=constant(unit, n),
                device=device,
                device_type=constant(model, n),
                offset_source=np.full(n, DECLARED, dtype=np.int8),
                record=record,
            )
        )
    yield Counts(records_read=n, facts_read=2 * n)
