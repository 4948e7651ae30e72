"""Keyed CLK tokens: for a source that refuses to hand over clear identifiers.

The source and the linkage share a token key. Each turns a person's names, birth date, sex and
postcode into one cryptographic long-term key: a Bloom filter of keyed bigrams (Schnell et al.
2011), 1,024 bits as 256 hex digits. Similar people have similar bits, so a slip of the keyboard
does not part them. Such filters can be attacked by their frequencies (Christen et al. 2018) and
explain nothing, so they are for sources that would otherwise send nothing; the threshold is set
high, a rival ends a match, and the best that a token gives without doubt is still listed with
its similarity.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterable, Mapping
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from biobraid.core.errors import Fault, KeyFileError
from biobraid.core.home import Home

BITS, HASHES = 1024, 12
FIELDS = ("first_name", "surname", "birth_date", "sex", "postcode")
TOKEN_KEY = "token.key"
# Dice similarity. From 5,000 x 5,000 records (linkage.md 2.1): F1 .995 at the best threshold,
# falling fast around it; these lie on the side of precision.
ACCEPT_DICE, REVIEW_DICE = 0.87, 0.75
_CHUNK = 2_000
_BYTES = BITS // 8
Bits = npt.NDArray[np.float32]


def token(person: Mapping[str, str | None], key: bytes) -> str | None:
    """The CLK of one person's normalised FIELDS as hex digits; None with fewer than three."""
    given = {f: person.get(f) for f in FIELDS}
    if sum(v is not None for v in given.values()) < 3:
        return None
    bits = bytearray(_BYTES)
    for field, value in given.items():
        if value is None:
            continue
        padded = f"_{value}_" if len(value) > 1 else value
        for at in range(max(len(padded) - 1, 1)):
            # Positions tell digits of a date apart: 12-01 and 01-12 share no bigram.
            place = str(at) if field == "birth_date" else ""
            gram = f"{field}:{place}:{padded[at : at + 2]}".encode()
            digest = hmac.digest(key, gram, "sha512")
            for n in range(HASHES):
                bit = int.from_bytes(digest[4 * n : 4 * n + 4], "big") % BITS
                bits[bit // 8] |= 1 << (bit % 8)
    return bits.hex()


def read_token_key(home: Home) -> bytes | None:
    """The key shared with the sources, from the role keys' folder; None where there is none."""
    path = home.key_dir / TOKEN_KEY
    return decode_token_key(path) if path.is_file() else None


def decode_token_key(path: Path) -> bytes:
    """A token key file; KeyFileError if others can read it or it holds no key."""
    if path.stat().st_mode & 0o077:
        raise KeyFileError(
            Fault(path.name, "others can read it", "mode 0600", f"Run: chmod 600 {path.name}")
        )
    try:
        key = base64.b64decode(path.read_text(encoding="ascii").strip(), validate=True)
    except ValueError:
        key = b""
    if len(key) < 32:
        raise KeyFileError(Fault(path.name, "it is no token key", "32 bytes in base64"))
    return key


def add_token_pairs(con: duckdb.DuckDBPyConnection, home: Home) -> None:
    """Make `token_pair` (key_l, key_r, dice) of source persons with a token and all others.

    Needs `candidate`, `known_study`, `set_aside` and `many_of_one`.
    """
    con.execute("CREATE TEMP TABLE token_pair (key_l VARCHAR, key_r VARCHAR, dice DOUBLE)")
    given = con.execute("""
        SELECT i.source_person_key, min(i.norm_value), min(s.study)
        FROM identifier AS i INNER JOIN known_study AS s USING (source_person_key)
        WHERE split_part(i.type, ':', 1) = 'clk' AND i.is_valid
          AND i.source_person_key NOT IN (SELECT source_person_key FROM set_aside)
        GROUP BY 1 ORDER BY 1""").fetchall()
    if not given:
        return
    key = read_token_key(home)
    if key is None:
        raise KeyFileError(
            Fault(
                TOKEN_KEY,
                "a source sends tokens, but the key they were made with is not there",
                "the token key in the folder of the role keys",
                "Put it there, or make one for both sides: biobraid link tokens --new-key FILE",
            )
        )
    clear = _clear_tokens(con, key)
    _compare(con, given, clear)
    for study in sorted({s for _, _, s in given}):  # sources with tokens among themselves
        of_study = [g for g in given if g[2] == study]
        _compare(con, of_study, [g for g in given if g[2] > study])


def _clear_tokens(con: duckdb.DuckDBPyConnection, key: bytes) -> list[tuple[str, str, str]]:
    """Tokens of the records with clear identifiers, made here with the same key."""
    columns = ", ".join(FIELDS)
    rows = con.execute(
        f"SELECT source_person_key, study_group, {columns} FROM candidate ORDER BY 1"  # noqa: S608  constants
    ).fetchall()
    made = ((k, token(dict(zip(FIELDS, values, strict=True)), key), s) for k, s, *values in rows)
    return [(k, t, s) for k, t, s in made if t is not None]


def _compare(
    con: duckdb.DuckDBPyConnection,
    left: list[tuple[str, str, str]],
    right: list[tuple[str, str, str]],
) -> None:
    """Every pair of different studies above REVIEW_DICE, by one matrix product a chunk."""
    if not left or not right:
        return
    bits_r = _bits(t for _, t, _ in right)
    n_r, studies_r = bits_r.sum(axis=1), np.array([s for _, _, s in right])
    found: list[tuple[str, str, float]] = []
    for start in range(0, len(left), _CHUNK):
        part = left[start : start + _CHUNK]
        bits_l = _bits(t for _, t, _ in part)
        dice = 2 * (bits_l @ bits_r.T) / (bits_l.sum(axis=1)[:, None] + n_r[None, :])
        dice[np.array([s for _, _, s in part])[:, None] == studies_r[None, :]] = 0
        for i, j in zip(*np.nonzero(dice >= REVIEW_DICE), strict=True):
            a, b = sorted((part[i][0], right[j][0]))
            found.append((a, b, float(dice[i, j])))
    if found:
        names = ("key_l", "key_r", "dice")
        con.register("alike", pa.table(dict(zip(names, map(list, zip(*found, strict=True)), strict=True))))  # fmt: skip
        con.execute("INSERT INTO token_pair SELECT key_l, key_r, max(dice) FROM alike GROUP BY ALL")
        con.unregister("alike")


def _bits(tokens: Iterable[str]) -> Bits:
    packed = np.frombuffer(b"".join(bytes.fromhex(t) for t in tokens), np.uint8)
    bits: Bits = np.unpackbits(packed.reshape(-1, _BYTES), axis=1).astype(np.float32)
    return bits
