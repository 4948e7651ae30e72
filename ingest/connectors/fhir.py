"""Connector `fhir`: R4 resources as NDJSON (one a line, plain or gzip) or in Bundles.

Records: each resource, and each request of a Bundle to delete one, is landed, rejected with a
reason, or ignored by a stated rule (`entered-in-error`, `status:<type>.<status>`,
`resource-type:<type>`, `deletion-record`, ...). The record key is resource type and id, the
version meta.lastUpdated.

Facts: each landed row, each value that goes to the vault, and each value (a leaf of the JSON)
that has no place. The last are counted by element path (`element:Encounter.text.div`); a value
that says more about a landed row or one of the vault (a system, a unit, a use) is part of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import numpy as np

from biobraid.ingest.connectors.contract import (
    Chunk,
    Counts,
    FileJob,
    RepeatedKeys,
    connector,
    get_connector,
)
from biobraid.ingest.connectors.fhir_admit import admit, delete
from biobraid.ingest.connectors.fhir_answers import land_responses
from biobraid.ingest.connectors.fhir_bundle import split_lines
from biobraid.ingest.connectors.fhir_consent import land_consents
from biobraid.ingest.connectors.fhir_events import land_events
from biobraid.ingest.connectors.fhir_file import FhirFile
from biobraid.ingest.connectors.fhir_frame import (
    Sorted,
    count_ignored,
    entries,
    resource_frames,
)
from biobraid.ingest.connectors.fhir_leaves import ENTRY, leaves_of
from biobraid.ingest.connectors.fhir_observation import land_observations
from biobraid.ingest.connectors.fhir_options import FhirOptions, refuse_fixed
from biobraid.ingest.connectors.fhir_patient import land_patients
from biobraid.ingest.connectors.fhir_records import (
    land_coverage,
    land_location,
    land_medication,
    land_organization,
    land_practitioner,
    land_role,
)
from biobraid.ingest.connectors.fhir_resources import Resources
from biobraid.ingest.connectors.fhir_specs import EVENTS
from biobraid.ingest.connectors.fhir_stream import Block, read_blocks
from biobraid.ingest.connectors.fhir_tokens import Bools, Tokens, tokenise
from biobraid.ingest.tabular.block import reject_table

_OTHERS: Mapping[str, Callable[[Resources], None]] = {
    "Consent": land_consents,
    "Coverage": land_coverage,
    "Location": land_location,
    "Medication": land_medication,
    "Observation": land_observations,
    "Organization": land_organization,
    "Patient": land_patients,
    "Practitioner": land_practitioner,
    "PractitionerRole": land_role,
    "QuestionnaireResponse": land_responses,
}


@connector("fhir", options=FhirOptions)
def read_fhir(job: FileJob) -> Iterator[Chunk | Counts]:
    """Chunks and counts of one file, block by block.

    Raises RepeatedKeys at the end of a file that has a resource twice, unless it was told.
    """
    options = get_connector("fhir").check_options(job.source.options)
    if not isinstance(options, FhirOptions):
        raise TypeError("the connector is registered with other options")
    refuse_fixed(job.study, job.source_id)
    file = FhirFile(job, options)
    n_records = 0
    for block in read_blocks(job.path, job.where, options.format):
        for item in _read_block(file, block):
            if isinstance(item, Counts):
                n_records += item.records_read
            yield item
    if not job.keys_repeat:
        ids = np.concatenate([np.empty(0, np.int64), *file.ids])
        if len(np.unique(ids)) < len(ids):
            raise RepeatedKeys
        yield Counts(keys_are_unique=True)
    if n_records == 0:
        yield Counts(warnings=Counter({"no-records": 1}))


def _read_block(file: FhirFile, block: Block) -> Iterator[Chunk | Counts]:
    tokens, block, faulty = _tokens(_numbered(file, block))
    counts = Counts(bytes_done=block.bytes_done)
    for reason, numbers in (("bad-encoding", block.undecodable), ("not-json", faulty)):
        if len(numbers):
            expected = "UTF-8" if reason == "bad-encoding" else "one JSON object on the line"
            yield Chunk("raw.reject", reject_table(np.array(numbers), reason, expected))
            counts.records_read += len(numbers)
            counts.records_rejected += len(numbers)
    if tokens is None:
        yield counts
        return
    leaves = leaves_of(tokens, file.paths, block.root)
    by_path, frames, others = resource_frames(leaves)
    kept = np.ones(leaves.n_lines, dtype=bool)
    yield from _without_resource(file, by_path, block, kept, others, counts)
    bundles: Bools = np.zeros(leaves.n_lines, dtype=bool)
    for name, frame in frames:
        if name == "Bundle" and block.root != ENTRY:
            bundles[frame.line] = True
            kept[frame.line] = False
            continue
        land = _lander(name)
        if land is None or name in file.options.ignore:
            counts.records_read += len(frame)
            counts.records_ignored += len(frame)
            counts.ignored[f"resource-type:{name}"] += len(frame)
            kept[frame.line] = False
            continue
        found = admit(file, name, frame, block, kept)
        land(found)
        yield from (chunk for chunk in found.chunks if chunk.rows.num_rows)
        yield found.counts
    n = count_ignored(by_path.unused(kept), counts.ignored)
    counts.facts_read += n
    counts.facts_ignored += n
    counts.warnings, file.warnings = file.warnings, type(file.warnings)()
    yield counts
    if bundles.any():
        for inner in split_lines(block, bundles, file.job.where):
            yield from _read_block(file, inner)


def _numbered(file: FhirFile, block: Block) -> Block:
    """The block with a number of its own for every record of the file.

    The line, or the next free number where several records stand on one line (a Bundle without
    line breaks): landing tells the versions of a resource apart by it.
    """
    if not len(block):
        return block
    place = np.arange(len(block))
    lines = np.maximum(block.numbers, file.last_number + 1)
    numbers = np.maximum.accumulate(lines - place) + place
    file.last_number = int(numbers[-1])
    return replace(block, numbers=numbers)


def _lander(name: str) -> Callable[[Resources], None] | None:
    if name in EVENTS:
        return lambda found: land_events(found, EVENTS[name])
    return _OTHERS.get(name)


def _tokens(block: Block) -> tuple[Tokens | None, Block, list[int]]:
    """Tokens of the lines that are JSON, the block without the others, and their numbers."""
    faulty: list[int] = []
    kept = block
    while len(kept):
        found = tokenise(kept.text)
        if isinstance(found, Tokens):
            return found, _like(kept, block), sorted(faulty)
        faulty += kept.numbers[found].tolist()
        kept = kept.without(found)
    return None, block, sorted(faulty)


def _like(kept: Block, block: Block) -> Block:
    """The block that is left, with what the whole one said about undecodable lines."""
    return replace(kept, undecodable=block.undecodable)


def _without_resource(
    file: FhirFile, by_path: Sorted, block: Block, kept: Bools, lines: np.ndarray, counts: Counts
) -> Iterator[Chunk | Counts]:
    """Objects without a resourceType: requests of a Bundle, or rejected."""
    if not len(lines):
        return
    if block.root == ENTRY:
        chunks, of_requests = delete(file, entries(by_path), block, kept)
        yield from chunks
        yield of_requests
        return
    kept[lines] = False
    numbers = block.numbers[lines]
    expected = "a FHIR resource with its resourceType"
    yield Chunk("raw.reject", reject_table(numbers, "not-a-resource", expected))
    counts.records_read += len(numbers)
    counts.records_rejected += len(numbers)
