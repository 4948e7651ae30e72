"""Project ids and date shifts: keyed, one way, and different in every project.

Persons: HMAC-SHA256 of the 8 bytes of person_id under a key of the project; the first 16
bytes in hex for people, the first 8 without the sign bit as the integer that OMOP needs.
All other ids: one AES-256 block per id under another key of the project, cut to 63 bits.
One key for every kind of id, because OMOP refers to "an event" without saying of which
table (measurement_event_id): equal ids must stay equal wherever they stand.
Keys are derived from the release role's secret and never reach SQL text or a file.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from biobraid.core.keys import derive, key_id
from biobraid.export.project import DatePolicy

POSITIVE = 0x7FFF_FFFF_FFFF_FFFF
Ids = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ProjectKeys:
    """Subkeys of one project."""

    person: bytes
    fact: bytes
    token: bytes
    shift: bytes

    def __repr__(self) -> str:
        return "ProjectKeys(…)"

    @property
    def key_id(self) -> str:
        """Public name of the project's key: says which releases have ids in common."""
        return key_id(self.person)


def project_keys(secret: bytes, project: str, version: int = 1) -> ProjectKeys:
    """Subkeys of `project`, derived from the release role's secret.

    version: of the project's key. Each rotation gives other ids and shifts throughout.
    """
    root = f"project/{project}" if version == 1 else f"project/{project}/v{version}"
    return ProjectKeys(
        *(derive(secret, f"{root}/{use}") for use in ("person", "fact", "token", "shift"))
    )


def person_table(keys: ProjectKeys, person_ids: pa.Array, policy: DatePolicy) -> pa.Table:
    """One row per distinct person: person_id, project_person_id, person_token, shift_days.

    project_person_id: positive, unique. person_token: 32 hex digits, for people.
    shift_days: 0 unless the policy shifts, else negative and the same for all a person's dates.
    """
    persons = np.unique(np.asarray(person_ids, dtype=np.int64))
    digests = [person_digest(keys.person, int(p)) for p in persons]
    numbers = np.array([int.from_bytes(d[:8], "big") & POSITIVE for d in digests], dtype=np.int64)
    for n in clashing(persons, numbers):  # the larger person_id of a pair is hashed again
        digests[n] = _hashed_again(keys.person, int(persons[n]), set(numbers.tolist()))
        numbers[n] = int.from_bytes(digests[n][:8], "big") & POSITIVE
    shifts = [shift_days(keys.shift, int(p), policy) for p in persons]
    return pa.table(
        {
            "person_id": pa.array(persons, pa.int64()),
            "project_person_id": pa.array(numbers, pa.int64()),
            "person_token": pa.array([d.hex() for d in digests], pa.string()),
            "shift_days": pa.array(shifts, pa.int32()),
        }
    )


def person_digest(key: bytes, person_id: int, counter: int = 0) -> bytes:
    """16 keyed bytes of a person; the counter is only used where two persons clash."""
    message = person_id.to_bytes(8, "big") + (bytes([counter]) if counter else b"")
    return hmac.digest(key, message, "sha256")[:16]


def shift_days(key: bytes, person_id: int, policy: DatePolicy) -> int:
    """Days to add to all dates of a person: -(1 + PRF mod W), in steps of `multiple_of`."""
    if policy.kind != "shift":
        return 0
    n_steps = policy.window_days // policy.multiple_of
    drawn = int.from_bytes(hmac.digest(key, person_id.to_bytes(8, "big"), "sha256")[:8], "big")
    return -policy.multiple_of * (1 + drawn % n_steps)


def fact_ids(keys: ProjectKeys, ids: Ids, counter: int = 0) -> Ids:
    """Project ids of visits, conditions and all else that is not a person; 1 to 2^63 - 1.

    ECB is sound here: every block is one id, no id is encrypted twice with a meaning of its own.
    """
    blocks = np.zeros((len(ids), 2), dtype=">u8")
    blocks[:, 0] = ids.astype(np.uint64)
    blocks[:, 1] = counter
    cipher = Cipher(algorithms.AES(keys.fact), modes.ECB()).encryptor()
    sealed = np.frombuffer(cipher.update(blocks.tobytes()), dtype=">u8").reshape(-1, 2)
    out = (sealed[:, 0] & np.uint64(POSITIVE)).astype(np.int64)
    zero = out == 0
    if zero.any():
        out[zero] = fact_ids(keys, ids[zero], counter + 1)
    return out


def clashing(originals: Ids, made: Ids) -> list[int]:
    """Positions whose made id is also that of a smaller original (distinct originals)."""
    order = np.lexsort((originals, made))
    again = np.flatnonzero(made[order][1:] == made[order][:-1]) + 1
    return sorted(int(n) for n in order[again])


class FactIds:
    """Project ids of facts, with the few that had to be made again because two clashed."""

    def __init__(self, keys: ProjectKeys) -> None:
        self._keys = keys
        self._remade: dict[int, int] = {}

    def __call__(self, ids: pa.Array) -> pa.Array:
        """Project ids of an Arrow array of ids; null stays null."""
        flat = ids.combine_chunks() if isinstance(ids, pa.ChunkedArray) else ids
        numbers = np.asarray(pc.fill_null(flat, 0), dtype=np.int64)
        made = fact_ids(self._keys, numbers)
        for original, remade in self._remade.items():
            made[numbers == original] = remade
        return pa.array(made, pa.int64(), mask=np.asarray(pc.is_null(flat)))

    def settle(self, originals: Ids) -> int:
        """Make ids again for the larger ids of each clash; returns how many."""
        made = np.asarray(self(pa.array(originals, pa.int64())), dtype=np.int64)
        taken = set(made.tolist())
        again = clashing(originals, made)
        for n in again:
            counter = 1
            while (new := int(fact_ids(self._keys, originals[n : n + 1], counter)[0])) in taken:
                counter += 1
            taken.add(new)
            self._remade[int(originals[n])] = new
        return len(again)


def token_of(keys: ProjectKeys) -> Callable[[pa.Array], pa.Array]:
    """Function from an array of text ids (device, series) to 32 hex digits; null stays null."""

    def tokens(values: pa.Array) -> pa.Array:
        flat = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
        coded = flat.dictionary_encode()
        made = [
            hmac.digest(keys.token, str(value).encode(), "sha256")[:16].hex()
            for value in coded.dictionary.to_pylist()
        ]
        return pa.array(made, pa.string()).take(coded.indices)

    return tokens


def _hashed_again(key: bytes, person_id: int, taken: set[int]) -> bytes:
    counter = 1
    while True:
        digest = person_digest(key, person_id, counter)
        if (int.from_bytes(digest[:8], "big") & POSITIVE) not in taken:
            return digest
        counter += 1
