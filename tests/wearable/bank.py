"""A home with one study of wearables, its files, and what landed of them."""

from __future__ import annotations

import json
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from biobraid.core.errors import Fault
from biobraid.core.home import Home
from biobraid.core.keys import ingest_keys
from biobraid.core.manifest import Manifest
from biobraid.ingest.inbox import read_identities
from tests.landing.bank import rows, run, write_pack

STUDY = "band"
SAMPLES = "raw.wearable_sample"


def declare(
    home: Home, connector: str, pattern: str = "**/*", zone: str = "Europe/London", **given: Any
) -> None:
    """One source `w` of the connector over all files."""
    source = {
        "connector": connector, "files": [pattern], "modality": "wearable", "origin": "device",
        **given,
    }  # fmt: skip
    write_pack(home, STUDY, time_zone=zone, sources={"w": source})


def deliver(home: Home, name: str, content: str | bytes) -> Path:
    """Write a file below the study's delivery folder."""
    path = home.deliveries / STUDY / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def deliver_json(home: Home, name: str, content: object) -> Path:
    """The same, of a JSON document."""
    return deliver(home, name, json.dumps(content))


def deliver_zip(home: Home, name: str, members: dict[str, str | bytes]) -> Path:
    """A zip of some members."""
    path = deliver(home, name, b"")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in members.items():
            archive.writestr(member, content)
    return path


def landed(home: Home, columns: str) -> list[tuple[Any, ...]]:
    """Sorted rows of raw.wearable_sample in force."""
    return rows(home, columns, SAMPLES)


def counts(home: Home) -> dict[str, Any]:
    """Books of all files in force together, and what was ignored, rejected and warned of."""
    total: dict[str, Any] = {"ignored": {}, "warnings": {}, "rejects": {}}
    with Manifest(home) as manifest:
        for file in manifest.files():
            for name, n in file.row.items():
                if name.startswith(("records_", "facts_")):
                    total[name] = total.get(name, 0) + n
            for part in ("ignored", "warnings"):
                for rule, n in file.detail.get(part, {}).items():
                    total[part][rule] = total[part].get(rule, 0) + n
            for reject in file.detail.get("rejects", ()):
                key = reject["reason"]
                total["rejects"][key] = total["rejects"].get(key, 0) + reject["n"]
    return total


def faults_of(home: Home) -> list[Fault]:
    """Faults of the files that failed in one ingest, nothing of which may have landed."""
    result = run(home)
    assert {o.status for o in result.outcomes} == {"failed"} and result.exit_code == 11
    with Manifest(home) as manifest:
        assert not [p for p in manifest.parts() if p.rows]
    assert not list(home.landing.rglob("*.partial"))
    return [fault for outcome in result.outcomes for fault in outcome.faults]


def identities(home: Home) -> set[tuple[str, str]]:
    """(type, value) on their way to the vault."""
    key = ingest_keys(home).inbox
    tables = [read_identities(p, key) for p in sorted(home.inbox.glob("*.enc"))]
    return {(r["type"], r["value"]) for t in tables for r in t.to_pylist()}


def export_xml(body: str, head: str = "", exported: str = "2022-01-01 00:00:00 +0000") -> str:
    """An export.xml with these elements and this document type definition."""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n{head}<HealthData locale="en_GB">\n'
        f' <ExportDate value="{exported}"/>\n{body}\n</HealthData>\n'
    )


def record(
    kind: str,
    start: str,
    end: str | None = None,
    value: str | None = None,
    unit: str | None = None,
    source: str = "Ana&#8217;s Watch",
    device: str = "&lt;&lt;HKDevice: 0x1&gt;, name:Ana, manufacturer:Apple Inc., model:Watch, hardware:Watch6,2&gt;",
    inner: str = "",
) -> str:
    """One Record element."""
    more = "".join(f' {k}="{v}"' for k, v in (("unit", unit), ("value", value)) if v is not None)
    close = f">{inner}</Record>" if inner else "/>"
    return (
        f' <Record type="{kind}" sourceName="{source}" device="{device}"{more} '
        f'startDate="{start}" endDate="{end or start}"{close}\n'
    )


def cwa_block(second: int, xyz: np.ndarray, rate_code: int = 0x4A, sequence: int = 0) -> bytes:
    """A data block of an AX3 (80 samples of int16 triples, 1/256 g), as openmovement describes it."""
    day, rest = divmod(second, 86_400)
    date = (np.datetime64("1970-01-01") + day).astype(object)
    stamp = (
        ((date.year - 2000) << 26) | (date.month << 22) | (date.day << 17)
        | ((rest // 3600) << 12) | ((rest // 60 % 60) << 6) | (rest % 60)
    )  # fmt: skip
    raw = np.round(xyz * 256).astype("<i2").tobytes().ljust(480, b"\0")
    head = struct.pack("<2sHHIIIHHBBBBhH", b"AX", 508, 0, 1, sequence, stamp, 0, 0, 0, 0,
                       rate_code, 0x32, 0, len(xyz))  # fmt: skip
    block = head + raw
    words = np.frombuffer(block, "<u2").astype(np.int64).sum()
    return block + struct.pack("<H", int(-words) & 0xFFFF)


def cwa_header(device: int = 4711, annotation: bytes = b"") -> bytes:
    """The 1,024 bytes a recording begins with."""
    head = struct.pack("<2sHBHIH", b"MD", 1020, 0x17, device, 1, 0)
    return (head.ljust(64, b"\xff") + annotation).ljust(1024, b"\xff")
