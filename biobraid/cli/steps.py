"""The steps of the pipeline as the commands `ingest`, `link`, `build`, `run` and `demo` use them.

Each step holds the home's writer lock, is written into the journal and the log, reports in
text or JSON, and returns its exit code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from biobraid.cli.log import bug_lines, open_log
from biobraid.cli.main import Invocation
from biobraid.core.errors import Fault, SettingsError, UserError
from biobraid.core.home import Home, open_home
from biobraid.core.lock import writer
from biobraid.core.runs import Run, journal
from biobraid.core.study import Study, read_study, study_packs

Step = Callable[..., int]


@contextmanager
def writing(call: Invocation, verb: str) -> Iterator[tuple[Home, Run]]:
    """The home, locked for this command, with the run journalled and logged."""
    home = open_home(call.home)
    with writer(home):
        log = open_log(home)
        with journal(home, verb) as run:
            log.info("%s %s started", verb, run.run_id)
            try:
                yield home, run
            except UserError as error:
                log.warning("%s %s failed: %s", verb, run.run_id, type(error).__name__)
                raise
            except BaseException as error:
                log.error("%s %s broke: %s", verb, run.run_id, " < ".join(bug_lines(error)))
                raise
            log.info("%s %s ended", verb, run.run_id)


def load_studies(home: Home, study_ids: Sequence[str] | None) -> list[Study]:
    """The studies asked for, or all; faults of all study packs at once."""
    packs = study_packs(home)
    known = [p.name for p in packs]
    faults: list[Fault] = []
    if not packs:
        faults.append(
            Fault("studies/", "holds no study pack", "a folder with a study.yaml",
                  "See the README: your first own study.")
        )  # fmt: skip
    for name in study_ids or []:
        if name not in known:
            faults.append(Fault(f"study '{name}'", "there is no such study", ", ".join(known)))
    studies = []
    for pack in packs:
        try:
            studies.append(read_study(pack))
        except SettingsError as error:
            faults += error.faults
    if faults:
        raise SettingsError(faults)
    return [s for s in studies if not study_ids or s.id in study_ids]


def worst(codes: Sequence[int]) -> int:
    """The exit code of a command made of several steps: the first that is not 0."""
    return next((c for c in codes if c), 0)


def counts_text(counts: dict[str, Any]) -> str:
    """'a 1, b 2' of the counts that are not zero."""
    return ", ".join(f"{k.replace('_', ' ')} {v:,}" for k, v in counts.items() if v)
