"""Specimens of samples that land, the identities behind them, and what a source may declare."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.core.errors import Fault, SettingsError
from biobraid.ingest.connectors.contract import Chunk, FileJob
from biobraid.ingest.connectors.omics_options import SAMPLE, SpecimenRule
from biobraid.ingest.hashing import U64, mix, person_keys, positive, value_hash
from biobraid.ingest.times import NormalisedTimes


@dataclass(frozen=True)
class Samples:
    """Samples that land: 64-bit record ids, person keys, and when they were taken."""

    records: U64
    persons: pa.StringArray
    start: pa.StringArray

    def __len__(self) -> int:
        return len(self.records)

    def joined(self, other: Samples) -> Samples:
        """These samples and then the others."""
        return Samples(
            np.concatenate([self.records, other.records]),
            pa.concat_arrays([self.persons, other.persons]),
            pa.concat_arrays([self.start, other.start]),
        )


NO_SAMPLES = Samples(np.empty(0, np.uint64), pa.array([], pa.string()), pa.array([], pa.string()))


def specimen_rows(
    job: FileJob,
    rule: SpecimenRule,
    samples: Samples,
    code: pa.StringArray | None,
    times: NormalisedTimes | None,
) -> Chunk:
    """raw.event rows of kind specimen, one a sample; code: of the rule's column, if it has one."""
    n = len(samples)
    codes = pa.array([rule.code] * n, pa.string())
    if code is not None:
        codes = pc.coalesce(code, codes)
    system = pa.scalar(rule.system or f"{job.study.id}:{job.source_id}")
    own = np.uint64(value_hash(job.keys, "omics", "specimen"))
    rows = {
        "row_id": positive(mix(samples.records, own)),
        "record_id": positive(samples.records),
        "source_person_key": samples.persons,
        "kind": pa.array(["specimen"] * n),
        "source_table": pa.array([job.source.connector] * n),
        "code": codes,
        "code_system": pc.if_else(codes.is_valid(), system, pa.scalar(None, pa.string())),
        "code_text": pa.array([rule.text] * n, pa.string()),
    }
    if times is not None:
        rows |= {
            "start_time": times.start_time,
            "start_offset_minutes": times.offset_minutes,
            "time_source": times.time_source,
            "time_flag": times.time_flag,
        }
    return Chunk("raw.event", pa.table(rows))


def identity_rows(
    job: FileJob,
    samples: Samples,
    names: pa.StringArray,
    natives: pa.StringArray,
    new: Sequence[str],
) -> list[Chunk]:
    """Rows for the vault: person ids that are new, and sample ids where they are not the same."""
    made = []
    if new:
        values = pa.array(list(new), pa.string())
        keys = person_keys(job.keys, job.study.person_namespace, values)
        rows = {"source_person_key": keys.dictionary_decode(), "value": values}
        made.append(Chunk("identity", pa.table({**rows, "type": ["native_id"] * len(new)})))
    if not names.equals(natives):
        rows = {
            "source_person_key": samples.persons,
            "type": pa.array(["sample_id"] * len(names)),
            "value": names,
            "record_id": positive(samples.records),
        }
        made.append(Chunk("identity", pa.table(rows)))
    return made


def refuse_what_cannot_be(job: FileJob) -> None:
    """Declarations that the omics connectors cannot keep."""
    source = job.source
    faults = []
    where = f"studies/{job.study.id}/study.yaml, sources.{job.source_id}"
    if source.person_id is None:
        faults.append(
            Fault(
                where,
                "there is no person_id: nobody's samples would be anybody's",
                f"a column of the file or of the table of samples, or `{SAMPLE}`",
                "Name it; several samples may belong to one person.",
            )
        )
    if source.delivery in ("delta", "columns"):
        faults.append(
            Fault(
                where,
                f"delivery: {source.delivery}, but a {source.connector} file has neither versions "
                "nor columns that replace others",
                "delivery: full or append",
            )
        )
    if source.identity:
        faults.append(
            Fault(
                where,
                "identity columns, which this connector does not read",
                "identities in a source of connector delimited over the table of samples",
            )
        )
    if faults:
        raise SettingsError(faults)
