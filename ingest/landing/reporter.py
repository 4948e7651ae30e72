"""Progress of one ingest, added up over its files and readers."""

from __future__ import annotations

from collections.abc import Sequence

from biobraid.core.errors import UserError
from biobraid.core.home import Home
from biobraid.core.study import Study
from biobraid.ingest.file_groups import state_of
from biobraid.ingest.landing.deliveries import match_files
from biobraid.ingest.landing.results import OnProgress, Progress
from biobraid.ingest.landing.worker import Task


class Reporter:
    """Adds up what was read and calls the caller's function."""

    def __init__(self, on_progress: OnProgress | None) -> None:
        self._call = on_progress
        self._tasks: Sequence[Task] = ()
        self._bytes: list[int] = []
        self._now = Progress("", "", "", 0, 0, 0, 0, "hash")

    def expect(self, home: Home, studies: Sequence[Study]) -> None:
        """Find out how many bytes there are to hash."""
        if self._call is None:
            return
        total = 0
        for study in studies:
            for source_id in study.sources:
                try:
                    total += sum(state_of(p)[0] for p, _ in match_files(home, study, source_id))
                except (UserError, OSError):
                    continue  # reported when the source is looked at
        self._tell(bytes_total=total)

    def hashed(self, n_bytes: int) -> None:
        """Some bytes were hashed."""
        self._tell(bytes_done=self._now.bytes_done + n_bytes)

    def begin_reading(self, tasks: Sequence[Task]) -> None:
        """These files will be read, and be done in this order."""
        self._tasks = tasks
        self._bytes = [0] * len(tasks)
        total = sum(t.size for t in tasks)
        self._tell(stage="read", bytes_done=0, bytes_total=total, files_total=len(tasks))

    def read(self, index: int, n_bytes: int) -> None:
        """A reader went on by so many bytes."""
        task = self._tasks[index]
        self._bytes[index] = min(self._bytes[index] + n_bytes, task.size)
        self._tell_of(task, "read")

    def file_done(self) -> None:
        """The next file was read, or could not be."""
        index = self._now.files_done
        self._bytes[index] = self._tasks[index].size
        self._tell(files_done=index + 1)
        self._tell_of(self._tasks[index], "commit")

    def _tell_of(self, task: Task, stage: str) -> None:
        job = task.job
        self._tell(
            study=job.study.id,
            source=job.source_id,
            batch=job.batch,
            bytes_done=sum(self._bytes),
            stage=stage,
        )

    def stage(self, name: str) -> None:
        """The run is at another stage."""
        self._tell(stage=name)

    def _tell(self, **news: object) -> None:
        self._now = Progress(**{**vars(self._now), **news})
        if self._call is not None:
            self._call(self._now)
