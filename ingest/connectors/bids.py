"""Connector `bids`: datasets in the Brain Imaging Data Structure, one folder each.

Records: rows of participants.tsv, images and signals of subjects, and all other files (ignored
by a rule). Facts: declared cells of participants.tsv (raw.value), one raw.asset per image or
signal, one procedure per session and modality; where a file lies goes to the vault. Geometry comes from NIfTI headers, the rest from
allow-listed fields of sidecars; what else sidecars say is dropped and counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from biobraid.core.errors import Fault, SourceFileError
from biobraid.ingest.connectors.bids_names import (
    SUFFIXES,
    DataFile,
    data_file,
    metadata_of,
    read_json,
    rule_of_file,
    sidecars_by_folder,
)
from biobraid.ingest.connectors.bids_options import BidsOptions, native_id
from biobraid.ingest.connectors.bids_tables import Participants, acquisition_times
from biobraid.ingest.connectors.contract import Chunk, Counts, FileJob, connector, get_connector
from biobraid.ingest.connectors.dicom import refuse_delta
from biobraid.ingest.connectors.dicom_tags import NOT_ALLOWED
from biobraid.ingest.connectors.dicom_terms import NOT_DEFINED, defined_term
from biobraid.ingest.connectors.imaging_group import prefix_of
from biobraid.ingest.connectors.imaging_rows import (
    Asset,
    Told,
    asset_chunks,
    asset_id,
    identity_chunks,
    keyed_uid,
    reject_chunk,
    study_record,
)
from biobraid.ingest.connectors.nifti import HEADER_BYTES, read_nifti_header
from biobraid.ingest.file_groups import GroupFile, files_below

# Field of a sidecar -> column of raw.asset, factor (BIDS gives times in seconds).
_NUMBERS = {
    "MagneticFieldStrength": ("field_strength_t", 1.0),
    "RepetitionTime": ("repetition_time_ms", 1000.0),
    "EchoTime": ("echo_time_ms", 1000.0),
    "SliceThickness": ("slice_thickness_mm", 1.0),
    "SamplingFrequency": ("sampling_hz", 1.0),
    "RecordingDuration": ("duration_s", 1.0),
}
_WORDS = {"Manufacturer": "manufacturer", "ManufacturersModelName": "device_model",
          "BodyPartExamined": "body_part"}  # fmt: skip
_CHANNELS = ("EEGChannelCount", "MEGChannelCount", "ECOGChannelCount", "SEEGChannelCount")
_PARTICIPANTS = "participants.tsv"
_FIRST_BYTES = 4096  # a header of 540 bytes, compressed


@connector("bids", options=BidsOptions, takes_folders=True)
def read_bids(job: FileJob) -> Iterator[Chunk | Counts]:
    """Chunks and counts of one dataset. Raises SourceFileError if the folder is none."""
    options = get_connector("bids").check_options(job.source.options)
    if not isinstance(options, BidsOptions):
        raise TypeError("the connector is registered with other options")
    refuse_delta(job)
    files = files_below(job.path) if job.path.is_dir() else []
    if not any(f.name == "dataset_description.json" for f in files):
        raise SourceFileError(
            Fault(
                job.where,
                "the delivery is no BIDS dataset",
                "a folder with dataset_description.json",
                "Let the source's glob match the folder of the dataset itself.",
            )
        )
    yield from _Dataset(job, options, files).read()


class _Dataset:
    def __init__(self, job: FileJob, options: BidsOptions, files: list[GroupFile]) -> None:
        self._job, self._options, self._files = job, options, files
        self._counts = Counts(keys_are_unique=True)
        self._rejects: list[tuple[int, str | None, str, str]] = []
        self._told = Told()
        self._prefix = prefix_of(job)
        self._sidecars: dict[str, dict[str, Any]] = {}
        self._times: dict[str, str] = {}

    def read(self) -> Iterator[Chunk | Counts]:
        counts = self._counts
        self._read_metadata()
        self._nearest = sidecars_by_folder(self._sidecars)
        participants = next((f for f in self._files if f.name == _PARTICIPANTS), None)
        if participants is not None:
            yield from Participants(self._job, participants.path, self._options).read(counts)
        assets: list[Asset] = []
        names: list[tuple[str, str, str, int | None]] = []
        for number, file in enumerate(self._files, start=1):
            counts.bytes_done += file.size
            if file.name == _PARTICIPANTS:
                continue
            counts.records_read += 1
            made = self._asset(number, file)
            if made is None:
                continue
            assets.append(made)
            native = self._native(file.name.partition("/")[0])
            names.append((made.person, "native_id", native, None))
            where = f"{self._prefix}{file.name}"
            names.append((made.person, "asset_location", where, made.asset_id))
            counts.facts_read += 1
            counts.facts_to_vault += 1
        yield from identity_chunks(names, self._told)
        for chunk in asset_chunks(self._job, assets, self._told):
            counts.facts_read += chunk.rows.num_rows
            yield chunk
        yield from reject_chunk(self._rejects)
        yield counts

    def _read_metadata(self) -> None:
        """Sidecars, and the times that scans.tsv and sessions.tsv give."""
        for file in self._files:
            if rule_of_file(file.name) in ("bids-metadata", "bids-companion"):
                if file.name.endswith(".json") and (found := read_json(file.path.read_bytes())):
                    self._sidecars[file.name] = found
                elif file.name.endswith(("_scans.tsv", "_sessions.tsv")):
                    self._times |= acquisition_times(self._job, file)

    def _asset(self, number: int, file: GroupFile) -> Asset | None:
        """The asset of a file; None if it is no record or was rejected."""
        counts = self._counts
        rule = rule_of_file(file.name)
        if rule is not None:
            counts.records_ignored += 1
            counts.ignored[rule] += 1
            self._count_fields(self._sidecars.get(file.name, {}))
            return None
        named = data_file(file.name)
        if named is None:
            self._reject(number, "invalid-name", "sub-<label>[_ses-<label>]_..._<suffix>")
            return None
        facts: dict[str, object] = {"n_instances": 1, "n_bytes": file.size}
        if named.suffix in SUFFIXES:
            facts["sequence_name"] = named.suffix
        if file.size == 0 and self._options.empty_files == "reject":
            self._reject(number, "empty-file", "a file of more than 0 bytes")
            return None
        if file.size and file.name.endswith((".nii", ".nii.gz")):
            geometry = _geometry(file)
            if geometry is None:
                self._reject(number, "damaged-header", "a NIfTI header")
                return None
            facts |= geometry
        facts |= self._of_sidecars(named)
        return self._made(named, facts)

    def _count_fields(self, sidecar: dict[str, Any]) -> None:
        """Fields of a sidecar that do not land, each once where it is written."""
        n_unread = sum(k not in (*_NUMBERS, *_WORDS, *_CHANNELS) for k in sidecar)
        body = sidecar.get("BodyPartExamined", "BRAIN")
        unread = {NOT_ALLOWED: n_unread, NOT_DEFINED: defined_term("body_part", str(body)) is None}
        for rule, n in unread.items():
            if n:
                self._counts.facts_read += n
                self._counts.facts_ignored += n
                self._counts.ignored[rule] += n

    def _native(self, subject: str) -> str:
        return native_id(self._options, self._job.path.name, subject)

    def _reject(self, number: int, reason: str, expected: str) -> None:
        self._counts.records_rejected += 1
        self._rejects.append((number, None, reason, expected))

    def _of_sidecars(self, named: DataFile) -> dict[str, object]:
        given = metadata_of(named, self._nearest)
        facts: dict[str, object] = {}
        for field, (column, factor) in _NUMBERS.items():
            value = given.get(field)
            if isinstance(value, int | float) and not isinstance(value, bool):
                facts[column] = value * factor
        for field, column in _WORDS.items():
            if isinstance(given.get(field), str) and given[field].strip():
                facts[column] = given[field].strip()[:64]
        channels = [given[c] for c in _CHANNELS if isinstance(given.get(c), int)]
        if channels:
            facts["n_channels"] = sum(channels)
        term = defined_term("body_part", str(facts.pop("body_part", "BRAIN")))
        return facts | ({"body_part": term} if named.kind == "volume" and term else {})

    def _made(self, named: DataFile, facts: dict[str, object]) -> Asset:
        job = self._job
        # The same path stands in many datasets, so the dataset's folder is part of the name.
        dataset = f"bids/{job.source_id}/{job.path.name}"
        session, own = f"{dataset}/{named.subject}/{named.session}", f"{dataset}/{named.name}"
        native = self._native(named.subject)
        person = job.keys.person_key(job.study.person_namespace, native)
        time = self._times.get(named.name) or self._times.get(
            f"{named.subject}/{named.session}", None
        )
        is_waveform = named.kind == "waveform"
        asset = Asset(
            asset_id(job, own), study_record(job, session), person, "", named.kind,
            "nifti" if named.kind == "volume" else "bids", time,
            keyed_uid(job.keys, session), keyed_uid(job.keys, own), named.modality, facts,
        )  # fmt: skip
        return replace(asset, facts={**facts, "n_frames": None}) if is_waveform else asset


def _geometry(file: GroupFile) -> dict[str, object] | None:
    with file.path.open("rb") as handle:
        header = read_nifti_header(handle.read(max(_FIRST_BYTES, HEADER_BYTES)))
    if header is None:
        return None
    found: dict[str, object] = {
        "n_columns": header.n_columns,
        "n_rows": header.n_rows,
        "n_slices": header.n_slices,
        "n_frames": header.n_volumes,
        "pixel_spacing_mm": round(header.row_spacing_mm, 4),
        "slice_thickness_mm": round(header.slice_spacing_mm, 4),
    }
    if header.repetition_s:
        found["repetition_time_ms"] = round(header.repetition_s * 1000, 3)
    return found
