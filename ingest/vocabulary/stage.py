"""Where a load keeps what it has finished, so that a killed one goes on where it was.

A folder of the home outside landing: nothing in it is ever in force. Every finished table
has its file and a note beside it, written after the file.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from biobraid.core.files import remove_partials, write_text
from biobraid.core.home import Home

_MARK = "download.json"


@dataclass(frozen=True)
class Stage:
    """What was read and prepared of one download."""

    folder: Path

    def path(self, name: str) -> Path:
        """File of a table: `read.<table>` as it came, `<table>` ready to be put in force."""
        return self.folder / f"{name}.parquet"

    def note(self, name: str) -> dict[str, Any] | None:
        """Note of a finished table whose file is there; None if it is still to be done."""
        note = self._note_path(name)
        if not note.is_file():
            return None
        found: dict[str, Any] = json.loads(note.read_text(encoding="utf-8"))
        moved = found.get("moved_to")
        there = self.path(name).is_file() or bool(moved and Path(moved).is_file())
        return found if there or found.get("is_dropped") else None

    def finish(self, name: str, **note: Any) -> None:
        """Say that the file of a table is whole."""
        write_text(self._note_path(name), json.dumps(note, sort_keys=True))

    def remember(self, name: str, **note: Any) -> None:
        """Keep a note that has no file."""
        self.finish(name, **note, is_dropped=True)

    def drop(self, name: str) -> None:
        """Remove a file that is needed no more; its table stays finished."""
        note = self.note(name)
        if note is not None and not note.get("is_dropped"):
            self.remember(name, **note)
        self.path(name).unlink(missing_ok=True)

    def finished(self) -> list[str]:
        """Names of finished tables, sorted."""
        return sorted(p.stem for p in self.folder.glob("*.json") if self.note(p.stem))

    def remove(self) -> None:
        """Forget everything."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _note_path(self, name: str) -> Path:
        # read.concept -> read.concept.json; the stem is the name again
        return self.folder / f"{name}.json"


def open_stage(home: Home, mark: str, name: str) -> Stage:
    """The stage of the download with this mark; what was kept of another one is removed."""
    stage = Stage(home.vocabulary_stage)
    known = staged_download(home)
    if known is None or known["mark"] != mark:
        stage.remove()
        stage.folder.mkdir(parents=True)
        write_text(stage.folder / _MARK, json.dumps({"mark": mark, "name": name}))
    remove_partials(stage.folder)
    return stage


def staged_download(home: Home) -> dict[str, Any] | None:
    """{mark, name} of a download that is being loaded or was, and was not put in force."""
    path = home.vocabulary_stage / _MARK
    if not path.is_file():
        return None
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found
