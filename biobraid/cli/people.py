"""Whom a command means: a native id, or a file with one a line, of a study."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import click

from biobraid.core.errors import (
    Fault,
    LinkageError,
    SettingsError,
    SourceFileError,
    near_misses,
)
from biobraid.core.home import Home
from biobraid.core.keys import ingest_keys
from biobraid.core.study import Study, read_study, study_packs

STUDY = click.option("--study", required=True, help="Study that knows the person by this id.")


def today() -> date:
    """The day (UTC) that is written beside what a command does to a person's data."""
    return datetime.now(UTC).date()


def study_of(home: Home, name: str) -> Study:
    """The study called `name`; SettingsError with near misses if there is none."""
    packs = {p.name: p for p in study_packs(home)}
    if name not in packs:
        raise SettingsError(
            Fault(f"study '{name}'", "there is no such study in this home",
                  f"one of {', '.join(packs) or '(none yet)'}",
                  suggestions=near_misses(name, packs))
        )  # fmt: skip
    return read_study(packs[name])


def those_named(home: Home, study: Study, person_or_file: str) -> list[str]:
    """source_person_key of everybody named, sorted.

    A file is read as UK Biobank's lists are: one native id a line, no header; blank lines
    count for nothing.
    """
    path = Path(person_or_file)
    if path.is_file():
        try:
            lines = path.read_text(encoding="utf-8-sig").splitlines()
        except UnicodeDecodeError:
            raise SourceFileError(
                Fault(path.name, "is not UTF-8 text", "one native id a line, no header")
            ) from None
        natives = [line.strip() for line in lines if line.strip()]
        bad = [n for n, line in enumerate(lines, 1) if any(c in line for c in ",;\t\"'")]
        if bad:
            raise SourceFileError(
                Fault(f"{path.name}, line {bad[0]}", "holds more than an id",
                      "one native id a line, without commas, tabs or quotes")
            )  # fmt: skip
    else:
        natives = [person_or_file.strip()]
    keys = ingest_keys(home)
    return sorted({keys.person_key(study.person_namespace, native) for native in natives})


def one_person(home: Home, study: str, person: str) -> str:
    """The source person; LinkageError if the vault does not know them."""
    from biobraid.linkage.rights import vault_report

    (key,) = those_named(home, study_of(home, study), person)[:1]
    if not vault_report(home, [key])["source_record"]:
        raise LinkageError(
            Fault(f"study {study}", "nobody is known there by this id", "a native id of the study",
                  "Check the id; whoever withdrew from all use is not known any more.")
        )  # fmt: skip
    return key
