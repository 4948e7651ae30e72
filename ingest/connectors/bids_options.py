"""Options of the connectors `bids` and `wfdb`."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, field_validator


class BidsOptions(BaseModel):
    """person_id: the participant_id as it stands (sub-01), its `label` (01), or the name of the
    dataset's folder before it (`dataset`: ds001/sub-01), where a study has several datasets:
    sub-01 of one is not sub-01 of the next.

    empty_files: what a file of 0 bytes is. `reject` (default): a damaged delivery. `land`: the
    dataset was published without its images (as a skeleton); what names and sidecars say lands,
    geometry stays unknown.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    person_id: Literal["participant_id", "label", "dataset"] = "participant_id"

    empty_files: Literal["reject", "land"] = "reject"


def native_id(options: BidsOptions, dataset: str, participant: str) -> str:
    """The person's id under which a participant of a dataset is known."""
    if options.person_id == "label":
        return participant.removeprefix("sub-")
    return f"{dataset}/{participant}" if options.person_id == "dataset" else participant


class WfdbOptions(BaseModel):
    """person_pattern: finds the person (a group `person`) in a record's path below the group.

    Default: the folder the record lies in, or the record's name where it lies in none.
    modality: DICOM modality code of the records.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    person_pattern: str = r"^(?:.*/)?(?P<person>[^/]+)/[^/]+$|^(?P<name>[^/]+)$"
    modality: str = "ECG"

    @field_validator("person_pattern")
    @classmethod
    def _has_group(cls, value: str) -> str:
        try:
            groups = re.compile(value).groupindex
        except re.error:
            raise ValueError("is no regular expression") from None
        if "person" not in groups:
            raise ValueError("needs a group (?P<person>...)")
        return value
