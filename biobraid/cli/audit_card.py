"""croissant.json beside an audit: the release's or export's description with its RAI fields."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from biobraid.cli.audit_subject import Subject
from biobraid.core.files import write_text
from biobraid.core.home import Home
from biobraid.export.croissant import (
    CROISSANT,
    moved,
    release_croissant,
    text_of,
    with_file,
)
from biobraid.export.release import MANIFEST, file_sha256, find_release
from biobraid.quality.bias.sentences import AUDIT_WORDS, rai_fields
from biobraid.quality.bias.store import AUDIT_JSON


def write_card(
    home: Home, subject: Subject, folder: Path, content: Mapping[str, Any]
) -> list[Path]:
    """Write croissant.json into the folder of an audit; nothing for what is no dataset.

    The dataset itself never changes: its own description is taken over, links lead to its
    files, and the RAI fields and audit.json are this audit's.
    """
    if subject.kind == "release":
        origin = find_release(home, subject.name)
        manifest = json.loads((origin / MANIFEST).read_text(encoding="utf-8"))
        made = release_croissant(manifest, {})
    elif subject.kind == "export":
        origin = home.exports / subject.name
        if not (origin / CROISSANT).is_file():  # made by an older version
            return []
        made = json.loads((origin / CROISSANT).read_text(encoding="utf-8"))
        files = [f for f in made["distribution"] if f["@id"] != AUDIT_JSON]
        made["distribution"] = files
    else:
        return []
    made = with_file(
        moved(made, origin, folder), AUDIT_JSON, file_sha256(folder / AUDIT_JSON), AUDIT_WORDS
    )
    path = folder / CROISSANT
    write_text(path, text_of({**made, **rai_fields(content)}))
    return [path]
