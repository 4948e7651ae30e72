"""Connector `wfdb`: waveform records (ECGs) by their .hea headers; signals stay where they are.

Records: .hea files, and all other files (ignored by a rule). Facts: one raw.asset and one
procedure per record; age and sex where the comments say so in the words of PhysioNet; all other
comments are free text, dropped and counted. Source: WFDB header format, physionet.org.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from biobraid.ingest.connectors.bids_options import WfdbOptions
from biobraid.ingest.connectors.contract import Chunk, Counts, FileJob, connector, get_connector
from biobraid.ingest.connectors.dicom import refuse_delta
from biobraid.ingest.connectors.dicom_tags import TEXT
from biobraid.ingest.connectors.imaging_group import Member, members, prefix_of
from biobraid.ingest.connectors.imaging_rows import (
    Asset,
    StudyFact,
    Told,
    asset_chunks,
    asset_id,
    identity_chunks,
    keyed_uid,
    reject_chunk,
    study_record,
    value_chunks,
)

_RECORD = re.compile(
    r"^(?P<name>[\w.-]+)(?:/(?P<segments>\d+))?\s+(?P<channels>\d+)"
    r"(?:\s+(?P<hertz>[\d.eE+-]+)(?:/[\d.]+)?(?:\([\d.-]+\))?"
    r"(?:\s+(?P<samples>\d+)(?:\s+(?P<time>[\d:.]+)(?:\s+(?P<date>\d{1,2}/\d{1,2}/\d{4}))?)?)?)?$"
)
_COMMENT = re.compile(r"^\s*<?(age|sex|ecg date)>?:\s*(\S+)", re.I)
_SHORT = re.compile(r"^\s*(\d{1,3})\s+([MF])\b")  # MIT-BIH: # 69 M 1085 1629 x1
_MOST_CHANNELS = 10_000
_SEX = {"male": "M", "female": "F", "m": "M", "f": "F"}


@dataclass
class _Header:
    n_channels: int
    hertz: float
    n_samples: int
    time: str | None
    age: str | None = None
    sex: str | None = None
    n_comments: int = 0  # lines that were dropped
    signals: set[str] = field(default_factory=set)


@connector("wfdb", options=WfdbOptions, takes_folders=True)
def read_wfdb(job: FileJob) -> Iterator[Chunk | Counts]:
    """Chunks and counts of one delivery."""
    options = get_connector("wfdb").check_options(job.source.options)
    if not isinstance(options, WfdbOptions):
        raise TypeError("the connector is registered with other options")
    refuse_delta(job)
    yield from _Reader(job, options).read()


class _Reader:
    def __init__(self, job: FileJob, options: WfdbOptions) -> None:
        self._job, self._options = job, options
        self._pattern = re.compile(options.person_pattern)
        self._prefix, self._told = prefix_of(job), Told()
        self._assets: list[Asset] = []
        self._values: list[StudyFact] = []
        self._identities: list[tuple[str, str, str, int | None]] = []

    def read(self) -> Iterator[Chunk | Counts]:
        counts, rejects = Counts(keys_are_unique=True), []
        every = list(members(self._job.path, self._job.where))
        sizes = {m.name: m.size for m in every}
        ignored: Counter[str] = Counter()
        for number, member in enumerate(every, start=1):
            counts.records_read += 1
            counts.bytes_done += member.size
            if not member.name.endswith(".hea"):
                ignored["signal-or-other-file"] += 1
                continue
            header = read_wfdb_header(member.read())
            native = self._native(member)
            if header is None or not native:
                reason = "missing-person-id" if header else "damaged-header"
                expected = "a path that names the person" if header else "a WFDB header"
                rejects.append((number, None, reason, expected))
                counts.records_rejected += 1
                continue
            self._take(member, header, native, sizes)
            counts.facts_read += header.n_comments
            counts.facts_ignored += header.n_comments
            counts.ignored[TEXT] += header.n_comments
        counts.records_ignored += ignored.total()
        counts.ignored.update(ignored)
        yield from identity_chunks(self._identities, self._told)
        for chunks in (
            asset_chunks(self._job, self._assets, self._told),
            value_chunks(self._job, self._values, self._told),
        ):
            for chunk in chunks:
                counts.facts_read += chunk.rows.num_rows
                yield chunk
        yield from reject_chunk(rejects)
        yield counts

    def _native(self, member: Member) -> str:
        found = self._pattern.search(member.name.removesuffix(".hea"))
        if found is None:
            return ""
        return found["person"] or found.groupdict().get("name") or ""

    def _take(self, member: Member, header: _Header, native: str, sizes: dict[str, int]) -> None:
        job, name = self._job, f"wfdb/{self._job.source_id}/{member.name}"
        person = job.keys.person_key(job.study.person_namespace, native)
        record = study_record(job, name)
        folder = member.name[: member.name.rfind("/") + 1]
        facts: dict[str, object] = {
            "n_instances": 1,
            "n_bytes": member.size + sum(sizes.get(folder + s, 0) for s in header.signals),
            "n_channels": header.n_channels,
            "sampling_hz": header.hertz,
        }
        if header.n_samples:
            facts["duration_s"] = header.n_samples / header.hertz
        asset = Asset(
            asset_id(job, name), record, person, "", "waveform", "wfdb", header.time,
            keyed_uid(job.keys, name), keyed_uid(job.keys, f"{name}/series"),
            self._options.modality, facts,
        )  # fmt: skip
        self._assets.append(asset)
        for variable, value in (("PatientAge", header.age), ("PatientSex", header.sex)):
            if value:
                self._values.append(StudyFact(record, person, variable, value, header.time))
        where = f"{self._prefix}{member.name}"
        self._identities += [
            (person, "native_id", native, None),
            (person, "asset_location", where, asset.asset_id),
        ]


def read_wfdb_header(data: bytes) -> _Header | None:
    """What a .hea file says; None if it is none."""
    try:
        return _header(data)
    except ValueError:  # what should be a number is none
        return None


def _header(data: bytes) -> _Header | None:
    try:
        lines = data.decode("utf-8").splitlines()
    except UnicodeDecodeError:
        lines = data.decode("latin-1").splitlines()
    comments = [line.lstrip("# ") for line in lines if line.lstrip().startswith("#")]
    plain = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    match = _RECORD.match(plain[0]) if plain else None
    if match is None:
        return None
    hertz = float(match["hertz"] or 250)  # the format's own default
    if not 0 < hertz < 1e9 or int(match["channels"]) > _MOST_CHANNELS:
        return None
    header = _Header(
        int(match["channels"]), hertz, int(match["samples"] or 0),
        _iso(match["date"], match["time"]),
    )  # fmt: skip
    header.signals = {line.split()[0] for line in plain[1:]}
    for comment in comments:
        if not comment.strip():
            continue
        _take_comment(header, comment)
    return header


def _take_comment(header: _Header, comment: str) -> None:
    if found := _COMMENT.match(comment):
        word, value = found[1].lower(), found[2]
        if word == "age" and value.isdigit() and len(value) <= 3:
            header.age = value
            return
        if word == "sex" and value.lower() in _SEX:
            header.sex = _SEX[value.lower()]
            return
        if word == "ecg date" and header.time is None and (iso := _iso(value, None)):
            header.time = iso
            return
    elif found := _SHORT.match(comment):
        header.age, header.sex = found[1], found[2]
    header.n_comments += 1


def _iso(date: str | None, time: str | None) -> str | None:
    """dd/mm/yyyy and hh:mm:ss as ISO; None without a date."""
    if date is None or not re.fullmatch(r"\d{1,2}/\d{1,2}/\d{4}", date):
        return None
    day, month, year = (int(part) for part in date.split("/"))
    iso = f"{year:04}-{month:02}-{day:02}"
    if time is None or time.count(":") != 2:
        return iso
    hours, minutes, seconds = time.split(":")
    return f"{iso}T{int(hours):02}:{int(minutes):02}:{float(seconds):09.6f}"
