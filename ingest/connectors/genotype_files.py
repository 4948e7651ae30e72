"""Files that make up one genotype set, and what is said when one is missing or broken."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import zstandard
from pydantic import ValidationError

from biobraid.core.errors import Fault, SourceFileError
from biobraid.ingest.connectors.contract import FileJob
from biobraid.ingest.connectors.genotype_options import (
    BgenOptions,
    GenotypeOptions,
    PgenOptions,
    PlinkOptions,
    VcfOptions,
)

_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


def stem_of(path: Path) -> str:
    """Name without its endings: cohort.vcf.gz -> cohort, chr1.v2.bed -> chr1.v2."""
    name = path.name
    for ending in (".gz", ".zst", ".bgz"):
        name = name.removesuffix(ending)
    return name.rpartition(".")[0] or name


def beside(path: Path, pattern: str) -> list[Path]:
    """Files in the folder of `path` that match; {stem} and {name} stand for its own."""
    wanted = pattern.replace("{stem}", _escaped(stem_of(path)))
    wanted = wanted.replace("{name}", _escaped(path.name))
    return sorted(p for p in path.parent.glob(wanted) if p.is_file())


def _escaped(name: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)


def the_one_beside(job: FileJob, pattern: str, what: str, option: str) -> Path:
    """The one file that matches; SourceFileError if there is none or several."""
    found = beside(job.path, pattern)
    if len(found) == 1:
        return found[0]
    ending = pattern.replace("{stem}", "…").replace("{name}", "…")
    raise SourceFileError(
        Fault(
            job.where,
            f"{len(found)} files beside it match '{ending}'" if found else f"no {what} beside it",
            f"one {what}, matching '{ending}'",
            f"Deliver it in the same folder, or name it in the source's options.{option}.",
        )
    )


def companions(model: type[GenotypeOptions], path: Path, options: Mapping[str, Any]) -> list[Path]:
    """Files beside a genotype file that are part of it, as far as they are there."""
    try:
        patterns = model.model_validate(options).companion_patterns()
    except ValidationError:
        return []  # said where the file is read
    return [found for pattern in patterns for found in beside(path, pattern)]


def plink_companions(path: Path, options: Mapping[str, Any]) -> list[Path]:
    """.bim and .fam of a .bed."""
    return companions(PlinkOptions, path, options)


def pgen_companions(path: Path, options: Mapping[str, Any]) -> list[Path]:
    """.pvar and .psam of a .pgen."""
    return companions(PgenOptions, path, options)


def bgen_companions(path: Path, options: Mapping[str, Any]) -> list[Path]:
    """.sample of a .bgen."""
    return companions(BgenOptions, path, options)


def vcf_companions(path: Path, options: Mapping[str, Any]) -> list[Path]:
    """The sample map of a VCF, if it has one."""
    return companions(VcfOptions, path, options)


def read_text(job: FileJob, path: Path, what: str) -> bytes:
    """Bytes of a companion file, unpacked if it is .gz or .zst."""
    data = path.read_bytes()
    try:
        if data[:2] == _GZIP:
            return gzip.decompress(data)
        if data[:4] == _ZSTD:
            with zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True) as text:
                return bytes(text.read())
    except (OSError, EOFError, zlib.error, zstandard.ZstdError):
        raise broken(job, f"the {what} cannot be unpacked: it is cut off or damaged") from None
    return data


def broken(job: FileJob, found: str, expected: str = "a whole file") -> SourceFileError:
    """The error of a file that is cut off, damaged or no such file."""
    return SourceFileError(
        Fault(job.where, found, expected, "Nothing of the file was landed. Ask for the file again.")
    )
