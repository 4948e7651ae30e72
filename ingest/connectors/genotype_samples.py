"""Samples of a genotype file: who they are, which of them may land, and their rows.

A sample without a row in raw.genotype_sample has its values masked, so that nothing of
somebody who cannot be told apart, or has withdrawn, lies in landing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from biobraid.core.keys import IngestKeys
from biobraid.ingest.connectors.contract import Chunk, Counts, FileJob
from biobraid.ingest.connectors.genotype_options import GenotypeOptions
from biobraid.ingest.connectors.genotype_sample_map import SampleNames
from biobraid.ingest.hashing import mix, person_keys, positive, value_hash

_NEGATIVE = re.compile(r"-\d+")
MASKED_SAMPLE = "masked-sample"  # warning that counts the samples without a row
_NOBODY = frozenset({"", "0", "NA", "."})
_SEXES = {"1": 1, "2": 2, "m": 1, "f": 2, "male": 1, "female": 2}
_SEX_NAMES = np.array([None, "male", "female"], object)


class Sample(NamedTuple):
    """One line of a .fam, .psam or .sample file, or a sample of a VCF header."""

    iid: str
    fid: str = ""
    father: str = ""
    mother: str = ""
    sex: int = 0  # 1 male, 2 female, 0 unknown
    line: int = 0  # in the file that lists it; 0: a header's column


def sex_code(text: str) -> int:
    """1 male, 2 female, 0 for anything else."""
    found = _SEXES.get(text)
    return _SEXES.get(text.strip().lower(), 0) if found is None else found


@dataclass(frozen=True)
class Samples:
    """The samples of one file after they were judged.

    landed: places of samples with a row. masked: places of all others. sexes: as delivered,
    of every place.
    """

    n: int
    landed: npt.NDArray[np.int64]
    masked: npt.NDArray[np.int64]
    sexes: npt.NDArray[np.int8]
    chunks: tuple[Chunk, ...] = ()
    counts: Counts = field(default_factory=Counts)

    def items(self) -> Iterator[Chunk | Counts]:
        """What the connector yields for the samples."""
        yield from self.chunks
        yield self.counts


def judge_samples(
    job: FileJob, options: GenotypeOptions, delivered: Sequence[Sample], listed_in: str
) -> Samples:
    """Decide which samples land, and make their rows.

    listed_in: name of the list for raw.reject (".fam", "header", ...). An id that stands there
    more than once is rejected every time: whose values are whose cannot be told.
    """
    names = SampleNames.read(job, options)
    ids = [_id_of(sample, options) for sample in delivered]
    n_times = Counter(ids)
    landed, counts = [], Counts(records_read=len(ids), keys_are_unique=True)
    rejects: list[tuple[int, str, str]] = []
    for place, (sample, native) in enumerate(zip(delivered, ids, strict=True)):
        if native in _NOBODY:
            rejects.append((sample.line or place + 1, "missing-person-id", "a sample id"))
        elif _is_withdrawn(sample, options):
            counts.records_ignored += 1
            counts.ignored["withdrawn-sample"] += 1
        elif n_times[native] > 1:
            rejects.append((sample.line or place + 1, "duplicate-sample-id", "each id once"))
        else:
            landed.append(place)
    barred = _barred(job, names, [ids[i] for i in landed])
    landed = [i for i in landed if ids[i] not in barred]
    if barred:
        counts.records_ignored += len(barred)
        counts.ignored["withdrawn"] += len(barred)
    counts.records_rejected = len(rejects)
    counts.facts_read = len(landed)
    at = np.array(landed, np.int64)
    masked = np.setdiff1d(np.arange(len(ids)), at)
    if len(masked):
        counts.warnings[MASKED_SAMPLE] = len(masked)
    sexes = np.array([s.sex for s in delivered], np.int8)
    chunks = []
    if landed:
        kept = [delivered[i] for i in landed]
        natives = [ids[i] for i in landed]
        keys = names.person_keys(job, natives)
        rows = _rows(job, names, options, at, len(ids), kept, keys)
        chunks.append(Chunk("raw.genotype_sample", rows))
        chunks += _identities(names, natives, keys, kept)
        counts.warnings.update(names.warnings(natives))
    if rejects:
        chunks.append(Chunk("raw.reject", _reject_rows(rejects, listed_in)))
    return Samples(len(ids), at, masked, sexes, tuple(chunks), counts)


def _barred(job: FileJob, names: SampleNames, natives: Sequence[str]) -> set[str]:
    """Of these samples, those whose persons withdrew: they may not land again.

    Landing filters rows by person itself; values of many people in one row it cannot.
    """
    suppressed = getattr(job, "suppressed", None)
    if not suppressed or not natives:
        return set()
    rows = pa.table({"source_person_key": names.person_keys(job, natives)})
    found = suppressed.may_not_land(rows, job.source.modality).to_pylist()
    return {native for native, is_barred in zip(natives, found, strict=True) if is_barred}


def _is_withdrawn(sample: Sample, options: GenotypeOptions) -> bool:
    """Whether the id that names the person says so, where the source declares that ids do."""
    if options.withdrawn_ids is None:
        return False
    names = {"iid": (sample.iid,), "fid": (sample.fid,), "fid_iid": (sample.fid, sample.iid)}
    return any(_NEGATIVE.fullmatch(name) for name in names[options.sample_id])


def _id_of(sample: Sample, options: GenotypeOptions) -> str:
    if options.sample_id == "fid":
        return sample.fid
    return f"{sample.fid}_{sample.iid}" if options.sample_id == "fid_iid" else sample.iid


def _parent_of(sample: Sample, parent: str, options: GenotypeOptions) -> str | None:
    """Id of a parent, who is named by an IID of the sample's own family."""
    if _or_none(parent) is None:
        return None
    return f"{sample.fid}_{parent}" if options.sample_id == "fid_iid" else parent


def record_base(keys: IngestKeys, job: FileJob, what: str) -> np.uint64:
    """Keyed start of the record ids of one file's samples or variants."""
    scope = f"{job.study.id}/{job.source_id}/{job.batch}/{what}"
    return np.uint64(value_hash(keys, "scope", scope))


def _rows(
    job: FileJob,
    names: SampleNames,
    options: GenotypeOptions,
    places: npt.NDArray[np.int64],
    n_samples: int,
    kept: Sequence[Sample],
    keys: pa.Array,
) -> pa.Table:
    base = np.full(len(places), record_base(job.keys, job, "sample"), np.uint64)
    records = mix(base, places.astype(np.uint64))
    families = pa.array([_or_none(s.fid, s.iid) for s in kept], pa.string())
    return pa.table(
        {
            "row_id": positive(mix(records, np.uint64(1))),
            "record_id": positive(records),
            "source_person_key": keys,
            "sample_index": pa.array(places, pa.int32()),
            "n_samples": pa.array(np.full(len(places), n_samples), pa.int32()),
            "sex": pa.array(_SEX_NAMES[[s.sex for s in kept]], pa.string()),
            "family_key": person_keys(
                job.keys, f"{job.study.person_namespace}/family", families
            ).dictionary_decode(),
            "father_key": names.person_keys(job, [_parent_of(s, s.father, options) for s in kept]),
            "mother_key": names.person_keys(job, [_parent_of(s, s.mother, options) for s in kept]),
        }
    )


def _or_none(text: str, same_as: str | None = None) -> str | None:
    """An id, or None where it says nothing (a family named like its only member)."""
    return None if text in _NOBODY or text == same_as else text


def _identities(
    names: SampleNames, natives: Sequence[str], keys: pa.Array, kept: Sequence[Sample]
) -> Iterator[Chunk]:
    """Who the samples are, for the vault: native ids, sample ids where they differ, sex."""
    for kind, values in names.identities(natives):
        yield _identity(kind, values, keys)
    yield _identity("sex", [str(_SEX_NAMES[s.sex] or "") for s in kept], keys)


def _identity(kind: str, values: Sequence[str], keys: pa.Array) -> Chunk:
    rows = pa.table(
        {"source_person_key": keys, "type": [kind] * len(values), "value": list(values)}
    )
    has_value = pa.array([bool(value) for value in values])
    return Chunk("identity", rows.filter(has_value))


def _reject_rows(rejects: Sequence[tuple[int, str, str]], listed_in: str) -> pa.Table:
    n = len(rejects)
    return pa.table(
        {
            "row_number": pa.array([line for line, _, _ in rejects], pa.int64()),
            "column_name": [listed_in] * n,
            "unit_of_count": ["record"] * n,
            "reason": [reason for _, reason, _ in rejects],
            "expected": [expected for _, _, expected in rejects],
        }
    )
