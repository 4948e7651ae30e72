"""Connector `somascan`: ADAT files. A record is a sample, a fact its specimen and each RFU.

Calibrators, buffers and quality controls (SampleType) are ignored and counted. A sample that
failed its row check keeps its values, each flagged; an analyte that failed its column check is
flagged in omics.feature. Control analytes (hybridisation, spikes) are features of role control.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.core.errors import Fault, SourceFileError
from biobraid.ingest.connectors.adat import AdatBlock, AdatFile
from biobraid.ingest.connectors.contract import Chunk, Counts, FileJob, connector, get_connector
from biobraid.ingest.connectors.omics_features import (
    FeatureTableBeside,
    definitions,
    feature_hashes,
    flags,
    refuse_repeated,
    run_hashes,
    value_rows,
)
from biobraid.ingest.connectors.omics_numbers import A_NUMBER, read_numbers
from biobraid.ingest.connectors.omics_options import OmicsOptions
from biobraid.ingest.connectors.omics_samples import SampleDesk, sample_names
from biobraid.ingest.hashing import U64
from biobraid.ingest.tabular.block import reject_table
from biobraid.ingest.tabular.text_table import missing_column

_SAMPLE, _SAMPLE_TYPE, _PLATE, _ROW_CHECK = "SampleId", "SampleType", "PlateId", "RowCheck"
_KEY = "SeqId"
_ATTRIBUTES = {
    "label": "TargetFullName", "symbol": "EntrezGeneSymbol", "accession": "UniProt",
    "panel": "Dilution", "unit": "Units",
}  # fmt: skip
_NONE = pa.scalar(None, pa.string())


class SomascanOptions(OmicsOptions):
    """Beside the options that all omics connectors share:

    sample: column of the sample's id (default SampleId). plate: column of the plate (default
    PlateId).
    """

    plate: str = _PLATE


@connector("somascan", options=SomascanOptions)
def read_somascan(job: FileJob) -> Iterator[Chunk | Counts]:
    """Chunks and counts of one file, some samples after another."""
    options = get_connector("somascan").check_options(job.source.options)
    if not isinstance(options, SomascanOptions):
        raise TypeError("the connector is registered with other options")
    file = AdatFile(job)
    try:
        reader = _Reader(job, options, file)
        yield Counts(keys_are_unique=True)
        yield reader.define()
        done = 0
        for block in file.blocks():
            counts = Counts(bytes_done=block.bytes_done - done)
            done = block.bytes_done
            yield from reader.block(block, counts)
            yield counts
    finally:
        file.close()


class _Reader:
    def __init__(self, job: FileJob, options: SomascanOptions, file: AdatFile) -> None:
        self._job, self._options, self._file = job, options, file
        given = options.sample or _SAMPLE
        self._sample = given if isinstance(given, list) else [given]
        where = f"{job.where}, line of names"
        missing = [c for c in self._sample if c not in file.sample_columns]
        if missing:
            raise SourceFileError(
                [missing_column(where, name, file.sample_columns) for name in missing]
            )
        if _KEY not in file.analytes:
            raise SourceFileError(
                Fault(job.where, f"the analytes have no line {_KEY}", "a line of SeqIds")
            )
        columns = {name: len(values) for name, values in file.analytes.items()}
        if len(set(columns.values())) > 1:
            raise SourceFileError(
                Fault(job.where, "the lines of the analytes are of different lengths", "equal ones")
            )
        keys = [key or "" for key in file.analytes[_KEY]]
        refuse_repeated(job.where, keys, "analytes")
        self._keys = pa.array(keys, pa.string())
        marks = {_SAMPLE_TYPE: [r"(?!(?i:sample)$).+"]} if self._has(_SAMPLE_TYPE) else {}
        used = [*self._sample, options.plate, _ROW_CHECK]
        self._desk = SampleDesk(job, options, file.sample_columns, used, marks)
        self._beside = FeatureTableBeside(job, options)
        self._names = self._beside.names(self._keys)
        self._hashes: U64 = feature_hashes(job, self._names)

    def define(self) -> Chunk:
        """The analytes."""
        given = {
            word: pa.array(self._file.analytes[line], pa.string())
            for word, line in _ATTRIBUTES.items()
            if line in self._file.analytes
        }
        given |= self._beside.texts(self._keys)
        if "Type" in self._file.analytes:
            kinds = pa.array(self._file.analytes["Type"], pa.string()).fill_null("Protein")
            given["role"] = pc.if_else(pc.equal(kinds, "Protein"), "analyte", "control")
        if "ColCheck" in self._file.analytes:
            check = pa.array(self._file.analytes["ColCheck"], pa.string())
            given["qc_flag"] = pc.if_else(pc.equal(check, "PASS"), _NONE, check)
        return definitions(self._job, self._options, self._names, given, "protein", "RFU")

    def block(self, block: AdatBlock, counts: Counts) -> Iterator[Chunk]:
        """The samples of a block and their values."""
        n_ragged = block.rejects.num_rows
        if n_ragged:
            counts.records_read += n_ragged
            counts.records_rejected += n_ragged
            yield Chunk("raw.reject", block.rejects)
        if not len(block.row_numbers):
            return
        names = sample_names([block.columns[name] for name in self._sample])
        admitted = self._desk.admit(names, block.columns, block.row_numbers, counts)
        yield from admitted.chunks
        kept = admitted.kept
        if not len(kept):
            return
        n_features = len(self._keys)
        cells = block.texts(kept)
        numbers = read_numbers(cells, self._options.absent, self._options.null_values)
        counts.facts_read += int((~numbers.is_empty).sum())
        sample = np.repeat(np.arange(len(kept)), n_features)
        bad = np.flatnonzero(numbers.is_bad)
        if len(bad):
            counts.facts_rejected += len(bad)
            found = block.row_numbers[kept[sample[bad]]]
            yield Chunk("raw.reject", reject_table(found, "invalid-number", A_NUMBER, ""))
        lands = numbers.lands
        if not lands.any():
            return
        sample, at = sample[lands], pa.array(kept[sample[lands]])
        out = numbers.columns(lands)
        plate = pa.nulls(len(sample), pa.string())
        if self._has(self._options.plate):
            plate = block.columns[self._options.plate].dictionary_encode().take(at)
            out["plate_id"] = plate
        if self._has(_ROW_CHECK):
            check = block.columns[_ROW_CHECK]
            said = flags(sample=pc.if_else(pc.equal(check, "PASS"), _NONE, check))
            if said is not None:
                out["qc_flag"] = said.dictionary_encode().take(at)
        feature = np.tile(np.arange(n_features), len(kept))[lands]
        yield value_rows(
            admitted.samples, sample, self._hashes, feature,
            runs=run_hashes(self._job, plate), **out,
        )  # fmt: skip

    def _has(self, column: str) -> bool:
        return column in self._file.sample_columns
