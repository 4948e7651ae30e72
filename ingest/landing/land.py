"""One source's files put in force, in the order of their names, as their readers finish."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from biobraid.core.errors import Fault, SourceFileError, UserError
from biobraid.core.files import disk_errors
from biobraid.core.home import Home
from biobraid.core.manifest import FileBooks, Manifest
from biobraid.ingest.landing.change import Change, discarded_on_error
from biobraid.ingest.landing.deliveries import Delivered, Delivery, check_columns, file_row
from biobraid.ingest.landing.memory import Share, scratch_duckdb
from biobraid.ingest.landing.modes import supersede
from biobraid.ingest.landing.results import BUG_EXIT_CODE, FileOutcome, Status, failure
from biobraid.ingest.landing.worker import Failed, Read

# Files are committed together until they hold this share of what is in force: comparing each
# of a thousand small files with all earlier ones would take quadratic time.
_GROUP_SHARE = 0.25


@dataclass(frozen=True)
class _Ready:
    file: Delivered
    read: Read
    number: int


def land_source(
    home: Home,
    manifest: Manifest,
    delivery: Delivery,
    results: Iterator[Read | Failed],
    share: Share,
    staging: Path | None,
    on_file: Callable[[], None],
) -> list[FileOutcome]:
    """Outcomes of one source's files; takes one result for each of `delivery.new`.

    A full delivery that replaces an earlier one is put in force as a whole or not at all; any
    other file for itself. staging: folder of a dry run, on which nothing is committed.
    """
    landing = _Landing(home, manifest, delivery, share, staging)
    outcomes = [
        FileOutcome(delivery.study.id, delivery.source_id, f.batch, f.path, "unchanged")
        for f in delivery.unchanged
    ]
    waiting: list[_Ready] = []
    failed = 0
    number = delivery.last_number
    for file in delivery.new:
        result = next(results)
        on_file()
        if isinstance(result, Failed):
            failed += 1
            outcomes.append(landing.fail(file, result))
            continue
        number = landing.number_after(number)
        waiting.append(_Ready(file, result, number))
        rows = sum(p.rows for r in waiting for p in r.read.parts)
        if not landing.is_together and rows >= _GROUP_SHARE * landing.rows_in_force:
            outcomes += landing.put_in_force(waiting)
            waiting = []
    if waiting and delivery.leaving and failed:
        outcomes += landing.hold_back(waiting)
    elif waiting:
        outcomes += landing.put_in_force(waiting)
    is_whole = staging is None and delivery.source.delivery == "full"
    if is_whole and any(o.status == "landed" for o in outcomes):
        # What is delivered is all there is: a failed file that no longer is has been replaced.
        # Where files add up, it stays in the books, because nothing says that its rows came.
        manifest.keep_failed(
            delivery.study.id,
            delivery.source_id,
            [f.batch for f in (*delivery.unchanged, *delivery.new)],
        )
    return outcomes


class _Landing:
    """What the files of one source have in common while they are landed."""

    def __init__(
        self,
        home: Home,
        manifest: Manifest,
        delivery: Delivery,
        share: Share,
        staging: Path | None,
    ) -> None:
        self._home, self._manifest, self._delivery = home, manifest, delivery
        self._share, self._staging = share, staging
        self._study, self._source = delivery.study.id, delivery.source_id
        # On a dry run later files could not see earlier ones in force.
        self.is_together = bool(delivery.leaving) or staging is not None
        parts = manifest.parts(study=self._study, source=self._source)
        self.rows_in_force = sum(p.rows for p in parts)

    def number_after(self, last: int) -> int:
        """Number of the delivery the next file belongs to.

        Files of one full delivery share a number, even if they come one after the other;
        otherwise each file is a delivery, in the order of names, killed or not.
        """
        delivery = self._delivery
        if delivery.source.delivery != "full":
            return last + 1
        if delivery.leaving or delivery.last_number == 0:
            return delivery.last_number + 1
        return delivery.last_number

    def put_in_force(self, ready: Sequence[_Ready]) -> list[FileOutcome]:
        """Commit files together with what they supersede, or say what a dry run would do."""
        delivery = self._delivery
        change = Change(self._home, self._manifest, self._study, self._source, self._staging)
        leaving = [b.row["batch"] for b in delivery.leaving]
        try:
            with discarded_on_error(change), disk_errors(f"{self._study}/{self._source}"):
                self._add(change, ready)
                if leaving:
                    columns = [(r.file.kind, r.read.tally.columns) for r in ready]
                    check_columns(delivery, columns, {f.batch for f in delivery.unchanged})
                    for batch in leaving:
                        change.supersede_file(batch)
                with scratch_duckdb(self._share) as con:
                    new = [r.file.batch for r in ready]
                    supersede(con, change, new, delivery.source.delivery, self._share)
                change.check()
                done = self._outcomes(change, ready)
                if self._staging is None:
                    change.commit(self._manifest)
                else:
                    change.discard()
        except UserError as error:
            return [
                failure(self._study, self._source, r.file.batch, r.file.path, error) for r in ready
            ]
        self.rows_in_force += sum(p.rows for r in ready for p in r.read.parts)
        return done

    def _add(self, change: Change, ready: Sequence[_Ready]) -> None:
        landed_at = datetime.now(UTC).isoformat(timespec="seconds")
        for r in ready:
            row = file_row(self._delivery, r.file, r.number, "active")
            row |= r.read.tally.row() | {"landed_at": landed_at}
            detail = r.read.tally.detail() | {"kind": r.file.kind}
            change.add_file(row, detail, r.read.parts, r.read.identities)

    def _outcomes(self, change: Change, ready: Sequence[_Ready]) -> list[FileOutcome]:
        """The new files with their books, and earlier ones with what they lose."""
        status: Status = "landed" if self._staging is None else "planned"
        new = {r.file.batch: r.file.path for r in ready}
        done = [
            FileOutcome(
                self._study, self._source, batch, path, status,
                _counts(change.books[batch]), disk_bytes=change.disk_bytes(batch),
            )
            for batch, path in new.items()
        ]  # fmt: skip
        if self._staging is None:
            status = "superseded"
        done += [
            FileOutcome(
                self._study, self._source, batch, None, status,
                change.lost(batch), disk_bytes=change.disk_bytes(batch),
            )
            for batch in sorted(change.touched - set(new))
        ]  # fmt: skip
        return done

    def fail(self, file: Delivered, result: Failed) -> FileOutcome:
        """Enter a failed file in the books, with its faults and without its path."""
        if result.error is not None:
            outcome = failure(self._study, self._source, file.batch, file.path, result.error)
        else:
            faults = (result.bug,) if result.bug else ()
            outcome = FileOutcome(
                self._study, self._source, file.batch, file.path, "failed",
                faults=faults, exit_code=BUG_EXIT_CODE,
            )  # fmt: skip
        if self._staging is None:
            row = file_row(self._delivery, file, 0, "failed")
            found: dict[str, Any] = {"faults": [f.found for f in outcome.faults]}
            with self._manifest.transaction():
                self._manifest.put_file(FileBooks(row, found | {"kind": file.kind}))
        return outcome

    def hold_back(self, ready: Sequence[_Ready]) -> list[FileOutcome]:
        """Give up the good files of a delivery that cannot replace the earlier one whole."""
        error = SourceFileError(
            Fault(
                f"{self._study}/{self._source}",
                "another file of this delivery could not be read",
                "a whole delivery to replace the last one by",
                "Nothing was changed. Mend the other file, then run the same command again.",
            )
        )
        for r in ready:
            for path in [p.path for p in r.read.parts] + [r.read.identities]:
                if path is not None:
                    path.unlink(missing_ok=True)
        return [failure(self._study, self._source, r.file.batch, r.file.path, error) for r in ready]


def _counts(row: dict[str, Any]) -> dict[str, int]:
    return {n: v for n, v in row.items() if n.startswith(("records_", "facts_"))}
