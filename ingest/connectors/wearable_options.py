"""Whose a file is, where the format itself does not say: an export of one person's account."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from pydantic import BaseModel, ConfigDict, field_validator

from biobraid.core.errors import Fault, SourceFileError
from biobraid.ingest.connectors.contract import FileJob


class PersonFromPath(BaseModel):
    """Options of connectors whose files belong to one person each.

    person_pattern: regular expression with one group, searched in the file's path below the
    delivery folder; the group is the native person id. By default that is the name of the first
    folder (`ab12/export.zip`), or of the file without its endings where it lies in none.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    person_pattern: str | None = None

    @field_validator("person_pattern")
    @classmethod
    def _has_one_group(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                groups = re.compile(value).groups
            except re.error as error:
                raise ValueError(f"is no regular expression: {error}") from None
            if groups != 1:
                raise ValueError("needs exactly one group, the person id")
        return value


def person_of_path(job: FileJob, options: PersonFromPath) -> str:
    """The native id that the file's path names; SourceFileError if it names none."""
    below = PurePosixPath(job.delivered_as).parts if job.delivered_as else job.path.parts[-2:]
    if options.person_pattern is None:
        return below[0] if len(below) > 1 else below[0].partition(".")[0]
    found = re.search(options.person_pattern, "/".join(below))
    if found is None or not found.group(1):
        raise SourceFileError(
            Fault(
                job.where,
                "the file's path does not fit options.person_pattern",
                "a path that names the person",
                "Correct the pattern, or move the file into a folder named by the person's id.",
            )
        )
    return found.group(1)
