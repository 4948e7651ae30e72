"""What the resources of one FHIR file have in common: keys, code systems, what was seen."""

from __future__ import annotations

import csv
import hmac
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.ingest.connectors.contract import Chunk, FileJob
from biobraid.ingest.connectors.fhir_frame import NONE, Frame
from biobraid.ingest.connectors.fhir_leaves import Paths
from biobraid.ingest.connectors.fhir_options import FhirOptions
from biobraid.ingest.connectors.fhir_tokens import Bools
from biobraid.ingest.hashing import U64, person_keys, positive
from biobraid.ingest.times import NormalisedTimes, normalise_times

_SYSTEMS = Path(__file__).parent.parent / "shipped" / "fhir" / "code_systems.csv"
_HL7 = ("http://terminology.hl7.org/CodeSystem/", "http://hl7.org/fhir/")
# The last Type/id of a relative or absolute URL, a version after it left out.
_LITERAL = (
    r"^(?:[a-z][^?#]*/)?(?P<type>[A-Z][A-Za-z]+)/(?P<key>[A-Za-z0-9.\-]{1,64})(?:/_history/.*)?$"
)
_CONDITIONAL = r"^(?P<type>[A-Z][A-Za-z]+)\?identifier=(?P<key>.+)$"
_URN = r"^urn:(?:uuid|oid):(?P<key>[A-Za-z0-9.\-]+)$"
_UUID = r"^(?:.*\|)?(?P<key>[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})$"


@cache
def known_systems() -> dict[str, str]:
    """URL of a code system -> OMOP vocabulary id, or fhir:name for HL7's own."""
    with _SYSTEMS.open(encoding="utf-8", newline="") as handle:
        return {row["url"]: row["system"] for row in csv.DictReader(handle)}


@dataclass(frozen=True)
class References:
    """Targets of references: resource type and key; both null where nothing is named."""

    type: pa.StringArray
    key: pa.StringArray


@dataclass
class FhirFile:
    """One file while it is read. Counts are those since they were last handed over."""

    job: FileJob
    options: FhirOptions
    paths: Paths = field(default_factory=Paths)
    named: set[str] = field(default_factory=set)  # persons already given to the vault
    ids: list[np.ndarray] = field(default_factory=list)  # record ids met
    warnings: Counter[str] = field(default_factory=Counter)
    last_number: int = 0  # of the records met so far

    def __post_init__(self) -> None:
        self.systems = known_systems() | self.options.code_systems
        scope = f"fhir/{self.job.study.id}/{self.job.source_id}"
        self._secret = hmac.digest(self.job.keys.row, scope.encode(), "sha256")
        self.local = f"{self.job.study.id}:{self.job.source_id}"
        self.is_delta = self.job.source.delivery == "delta"
        self.zone = self.job.source.time_zone or self.job.study.time_zone
        self.free_text = {f.variable: f.rule for f in self.job.source.free_text}

    def records(self, kind: pa.Array, key: pa.Array) -> U64:
        """64-bit record ids of resources: the same for a resource and what refers to it."""
        pairs = pc.binary_join_element_wise(kind, key, "/")
        return self._hashed(pairs.fill_null(""))

    def _hashed(self, names: pa.StringArray) -> U64:
        """Keyed hash of each `Type/id`; as a rule all differ, so keyed BLAKE2b (RFC 7693).

        0.8 us a name, most of it the hash; DuckDB's sha256 of the column took longer.
        """
        secret = self._secret
        hashes = [
            blake2b(n.encode(), key=secret, digest_size=8).digest() for n in names.to_pylist()
        ]
        return np.frombuffer(b"".join(hashes), dtype=">u8").astype(np.uint64)

    def record_ids(self, targets: References) -> pa.Int64Array:
        """record_id of the targets, null where there is none."""
        if targets.key.null_count == len(targets.key):
            return pa.nulls(len(targets.key), pa.int64())
        # Through the distinct targets: many events name one visit.
        pairs = pc.binary_join_element_wise(targets.type, targets.key, "/").dictionary_encode()
        return positive(self._hashed(pairs.dictionary)).take(pairs.indices)

    def persons(self, natives: pa.StringArray) -> pa.DictionaryArray:
        """source_person_key of native ids."""
        return person_keys(self.job.keys, self.job.study.person_namespace, natives)

    def name_persons(self, natives: pa.StringArray) -> list[Chunk]:
        """A native_id row for each person the file has not named before."""
        new = [n for n in pc.unique(natives).to_pylist() if n and n not in self.named]
        if not new:
            return []
        self.named.update(new)
        values = pa.array(new, pa.string())
        rows = {"source_person_key": self.persons(values), "type": ["native_id"] * len(new)}
        return [Chunk("identity", pa.table({**rows, "value": values}))]

    def times(self, values: pa.StringArray) -> NormalisedTimes:
        """Dates, partial dates and instants; offsets stay as delivered."""
        return normalise_times(values, "ymd", self.zone)

    def system(self, urls: pa.StringArray, is_coded: Bools) -> pa.StringArray:
        """Our names of code systems; what is not known becomes a local system, and counted."""
        encoded = urls.dictionary_encode()
        given = encoded.dictionary.to_pylist()
        names = pa.array([self._system(url.rstrip("/")) for url in given], pa.string())
        found = names.take(encoded.indices)
        for index, url in enumerate(given):
            if names[index].as_py() is None:
                same = pc.equal(encoded.indices, index).fill_null(False)
                n = int((same.to_numpy(zero_copy_only=False) & is_coded).sum())
                if n:
                    self.warnings[f"unknown-code-system:{url}"] += n
        local = pc.if_else(pa.array(is_coded), self.local, NONE)
        return pc.coalesce(found, local)

    def _system(self, url: str) -> str | None:
        found = self.systems.get(url)
        if found is None and url.startswith(_HL7):  # HL7's own, one name each
            found = f"fhir:{url.rpartition('/')[2]}"
        return found

    def is_known(self, urls: pa.StringArray) -> Bools:
        """Which systems are OMOP vocabularies."""
        known = [url for url, name in self.systems.items() if not name.startswith("fhir:")]
        found: Bools = pc.is_in(urls, pa.array(known)).to_numpy(zero_copy_only=False)
        return found

    def refer(self, frame: Frame, path: str, expected: str) -> References:
        """What a Reference element points to, by URL or else by identifier.

        expected: type of targets whose URL does not tell it. A contained resource is no target.
        """
        urls = frame.text(f"{path}.reference")
        value = frame.text(f"{path}.identifier.value", urls.is_null().to_numpy(False))
        if value.null_count < len(value):
            is_logical = value.is_valid().to_numpy(zero_copy_only=False)
            system = frame.text(f"{path}.identifier.system", is_logical).fill_null("")
            asked = pc.binary_join_element_wise(f"{expected}?identifier=", system, "|", "")
            urls = pc.coalesce(urls, pc.binary_join_element_wise(asked, value, ""))
        return parse_references(urls, expected)


def parse_references(urls: pa.StringArray, expected: str) -> References:
    """Targets of `Type/id`, absolute URLs, `Type?identifier=system|value` and `urn:uuid:`."""
    encoded = urls.dictionary_encode()
    distinct = encoded.dictionary
    kind, key = pa.nulls(len(distinct), pa.string()), pa.nulls(len(distinct), pa.string())
    for pattern in (_LITERAL, _CONDITIONAL, _URN):
        parts = pc.extract_regex(distinct, pattern)
        found = pc.struct_field(parts, "key")
        if found.null_count == len(found):
            continue
        types = (
            pc.struct_field(parts, "type")
            if pattern is not _URN
            else pa.array([expected] * len(found))
        )
        kind = pc.coalesce(kind, pc.if_else(found.is_valid(), types, NONE))
        key = pc.coalesce(key, found)
    key = natural_key(pc.replace_substring_regex(key, "%7[Cc]", "|"))
    return References(kind.take(encoded.indices), key.take(encoded.indices))


def natural_key(keys: pa.StringArray) -> pa.StringArray:
    """system|value as it is, but a UUID without its system: it is unique, and often the id."""
    uuid = pc.struct_field(pc.extract_regex(keys, _UUID), "key")
    return pc.coalesce(uuid, keys)
