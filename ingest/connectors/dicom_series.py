"""Instances of a DICOM delivery gathered into series, and where these lie."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b

from biobraid.ingest.connectors.contract import Chunk, FileJob
from biobraid.ingest.connectors.dicom_header import Instance, Rejected
from biobraid.ingest.connectors.imaging_rows import (
    Asset,
    StudyFact,
    Told,
    asset_chunks,
    asset_id,
    birth_as_landed,
    identity_chunks,
    keyed_uid,
    study_record,
    value_chunks,
)

_WAVEFORM = "1.2.840.10008.5.1.4.1.1.9."
_REPORTS = ("1.2.840.10008.5.1.4.1.1.88.", "1.2.840.10008.5.1.4.1.1.104.")
_NO_IMAGES = ("1.2.840.10008.5.1.4.1.1.481.", "1.2.840.10008.5.1.4.1.1.11.",
              "1.2.840.10008.5.1.4.1.1.66", "1.2.840.10008.5.1.4.1.1.67")  # fmt: skip
_IDENTITIES = {"birth_date": "birth_date", "sex": "sex"}
_VARIABLES = {"birth_date": "PatientBirthDate", "sex": "PatientSex", "age": "PatientAge"}


def kind_of(sop_class: str) -> str:
    """What sort of object a SOP class is; one of ASSET_KINDS."""
    if sop_class.startswith(_WAVEFORM):
        return "waveform"
    if sop_class.startswith(_REPORTS):
        return "report"
    return "other" if sop_class.startswith(_NO_IMAGES) else "image_series"


@dataclass
class _Series:
    first: Instance
    person: str
    record_id: int
    asset_id: int
    part: str  # smallest SOP instance UID
    n_instances: int = 0
    n_frames: int = 0
    n_bytes: int = 0


@dataclass
class Gathering:
    """Series of one delivery; `told`: what of it was handed over already."""

    job: FileJob
    prefix: str  # path of the delivered group below the study's deliveries
    series: dict[str, _Series] = field(default_factory=dict)
    told: Told = field(default_factory=Told)
    _values: list[StudyFact] = field(default_factory=list)
    _identities: list[tuple[str, str, str, int | None]] = field(default_factory=list)
    _instances: set[bytes] = field(default_factory=set)
    _owners: dict[str, str] = field(default_factory=dict)  # study UID -> person key
    _persons: dict[str, str] = field(default_factory=dict)  # native id -> person key
    _folder: str | None = None
    _files: dict[int, list[str]] = field(default_factory=dict)  # of that folder, by asset
    _asset_person: dict[int, str] = field(default_factory=dict)

    def add(self, instance: Instance, native_id: str) -> None:
        """Take one instance of a person. Raises Rejected."""
        if not native_id:
            raise Rejected("missing-person-id")
        person = self._person_of(native_id)
        owner = self._owners.setdefault(instance.study_uid, person)
        begun = self.series.get(instance.series_uid)
        if owner != person or (begun is not None and begun.person != person):
            raise Rejected("conflicting-person")
        mark = blake2b(instance.sop_uid.encode(), digest_size=8).digest()
        if mark in self._instances:
            raise Rejected("duplicate-key")
        self._instances.add(mark)
        series = self._series_of(instance, person)
        series.n_instances += 1
        frames = instance.facts.get("n_frames", 1)
        series.n_frames += frames if isinstance(frames, int) else 1
        series.n_bytes += instance.member.size
        series.part = min(series.part, instance.sop_uid)
        self._locate(instance, series)
        self._identities += [(person, kind, text, None) for kind, text in instance.identities]
        self._identities += [
            (person, kind, instance.person[name], None)
            for name, kind in _IDENTITIES.items()
            if name in instance.person
        ]

    def _person_of(self, native_id: str) -> str:
        if native_id not in self._persons:
            key = self.job.keys.person_key(self.job.study.person_namespace, native_id)
            self._persons[native_id] = key
            self._identities.append((key, "native_id", native_id, None))
        return self._persons[native_id]

    def _series_of(self, instance: Instance, person: str) -> _Series:
        found = self.series.get(instance.series_uid)
        if found is None:
            found = _Series(
                instance,
                person,
                study_record(self.job, instance.study_uid),
                asset_id(self.job, instance.series_uid),
                instance.sop_uid,
            )
            self.series[instance.series_uid] = found
            self._values += self._facts_of(instance, found)
        return found

    def _facts_of(self, instance: Instance, series: _Series) -> Iterator[StudyFact]:
        for name, variable in _VARIABLES.items():
            if name == "age" and "birth_date" in instance.person:
                continue
            if value := instance.person.get(name):
                value = birth_as_landed(self.job, value) if name == "birth_date" else value
                when = instance.study_time or instance.time
                yield StudyFact(series.record_id, series.person, variable, value, when)

    def _locate(self, instance: Instance, series: _Series) -> None:
        folder = instance.member.folder
        if folder != self._folder:
            self._close_folder()
            self._folder = folder
        self._files.setdefault(series.asset_id, []).append(instance.member.name)
        self._asset_person[series.asset_id] = series.person

    def _close_folder(self) -> None:
        """Where the series of the folder lie: the folder, or each file where it holds several."""
        if self._folder is None:
            return
        for asset, names in self._files.items():
            person = self._asset_person[asset]
            places = [self._folder] if len(self._files) == 1 and self._folder else names
            self._identities += [
                (person, "asset_location", f"{self.prefix}{place}", asset) for place in places
            ]
        self._files, self._asset_person, self._folder = {}, {}, None

    def identities(self) -> Iterable[Chunk]:
        """Identity rows gathered since the last call."""
        found, self._identities = self._identities, []
        return identity_chunks(found, self.told)

    def hand_over(self) -> Iterable[Chunk]:
        """Everything gathered so far; instances of the same series that follow make a new part."""
        self._close_folder()
        yield from self.identities()
        yield from asset_chunks(self.job, [self._asset(s) for s in self.series.values()], self.told)
        yield from value_chunks(self.job, self._values, self.told)
        self.series, self._values = {}, []

    def _asset(self, series: _Series) -> Asset:
        instance = series.first
        kind = kind_of(instance.sop_class)
        facts = {
            **instance.facts,
            "sop_class": instance.sop_class or None,
            "n_instances": series.n_instances,
            "n_frames": series.n_frames if kind == "image_series" else None,
            "n_bytes": series.n_bytes,
        }
        if kind == "waveform":
            facts |= _waveform(instance)
        return Asset(
            series.asset_id,
            series.record_id,
            series.person,
            series.part,
            kind,
            "dicom",
            instance.time,
            keyed_uid(self.job.keys, instance.study_uid),
            keyed_uid(self.job.keys, instance.series_uid),
            instance.modality,
            facts,
        )


def _waveform(instance: Instance) -> dict[str, object]:
    from biobraid.ingest.connectors.dicom_pydicom import waveform_of

    with instance.member.open() as file:
        n_channels, hertz, seconds = waveform_of(file)
    if not hertz:
        return {}
    return {"n_channels": n_channels, "sampling_hz": hertz, "duration_s": seconds}
