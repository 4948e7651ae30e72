"""`ingest`: delivered files → landing Parquet, identities → the vault's inbox."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from biobraid.core.errors import Fault, SettingsError, UserError, near_misses
from biobraid.core.files import PARTIAL, remove_partials
from biobraid.core.home import Home
from biobraid.core.keys import IngestKeys, ingest_keys
from biobraid.core.manifest import Manifest
from biobraid.core.study import Study, delivery_folder, read_study, study_packs
from biobraid.core.suppress import Suppressed
from biobraid.ingest.connectors.contract import FileJob, Variable
from biobraid.ingest.landing.books import ensure_empty_parts
from biobraid.ingest.landing.deliveries import Delivered, Delivery, look
from biobraid.ingest.landing.land import land_source
from biobraid.ingest.landing.memory import Share, scratch_duckdb
from biobraid.ingest.landing.pool import reading
from biobraid.ingest.landing.reporter import Reporter
from biobraid.ingest.landing.results import (
    FileOutcome,
    IngestResult,
    OnProgress,
    failure,
)
from biobraid.ingest.landing.settle import settle_row_ids
from biobraid.ingest.landing.worker import POSITIVE_BITS, Task
from biobraid.ingest.unit_tables import publish_units
from biobraid.ingest.withdrawals import SOURCE_ID, with_withdrawals

LoadVariables = Callable[[Home, Study, str], Mapping[str, Variable]]
_LEAST_WORKER_GB = 0.4
_WORTH_WORKERS = 8 << 20  # bytes; less is read sooner than worker processes start


def ingest(
    home: Home,
    study_ids: Sequence[str] | None = None,
    *,
    dry_run: bool = False,
    workers: int | None = None,
    on_progress: OnProgress | None = None,
    load_variables: LoadVariables | None = None,
    id_bits: int = POSITIVE_BITS,
) -> IngestResult:
    """Land what is new in the delivery folders of the studies (None: all).

    The caller holds core.lock.writer. A file lands whole or not at all; a bad one stops no
    other. A run without news changes nothing, one after a kill goes on where it stopped.
    workers: processes that read (None: as many as threads and memory allow, or none beside this
    one for a small delivery). id_bits: width of row ids, to be lowered only by tests that plant
    clashes.
    """
    keys = ingest_keys(home)
    studies, outcomes = _studies(home, study_ids)
    progress = Reporter(on_progress)
    without_files: list[tuple[str, str]] = []
    with Manifest(home) as manifest, _swept_on_error(home, manifest):
        if not dry_run:
            manifest.sweep()
            ensure_empty_parts(home)
        deliveries = []
        progress.expect(home, studies)
        for study in studies:
            for source_id in study.sources:
                try:
                    found = look(home, keys, manifest, study, source_id, progress.hashed)
                except UserError as error:
                    outcomes.append(failure(study.id, source_id, "", None, error))
                    continue
                if found.new or found.unchanged:
                    deliveries.append(found)
                else:
                    without_files.append((study.id, source_id))
        load = load_variables or _load_variables
        barred = Suppressed.of(keys, manifest.suppressed())
        run = _Run(home, keys, dry_run, load, id_bits, _namespaces(home), barred)
        outcomes += run.land(manifest, deliveries, workers, progress)
        if not dry_run:
            progress.stage("settle")
            settle_row_ids(home, manifest, run.parent_share(1), id_bits)
            with scratch_duckdb(run.parent_share(1)) as con:
                publish_units(home, manifest, con)
            manifest.sweep()
            _remove_empty_folders(home.landing)
    outcomes.sort(key=lambda o: (o.study, o.source, str(o.path or ""), o.batch))
    return IngestResult(tuple(outcomes), tuple(without_files))


def _studies(home: Home, study_ids: Sequence[str] | None) -> tuple[list[Study], list[FileOutcome]]:
    packs = {p.name: p for p in study_packs(home)}
    if unknown := [s for s in study_ids or () if s not in packs]:
        raise SettingsError(
            [
                Fault(
                    f"study '{s}'",
                    "there is no such study in this home",
                    f"one of {', '.join(packs) or '(none yet)'}",
                    suggestions=near_misses(s, packs),
                )
                for s in unknown
            ]
        )
    studies, outcomes = [], []
    for name in sorted(packs if study_ids is None else set(study_ids)):
        try:
            studies.append(with_withdrawals(read_study(packs[name])))
        except UserError as error:
            outcomes.append(failure(name, "", "", None, error))
    return studies, outcomes


@contextmanager
def _swept_on_error(home: Home, manifest: Manifest) -> Iterator[None]:
    """Leave nothing staged if the run is broken off by an error or from the keyboard."""
    try:
        yield
    except BaseException:
        manifest.sweep()
        remove_partials(home.inbox)
        raise


def _remove_empty_folders(root: Path) -> None:
    for folder in sorted((p for p in root.rglob("*") if p.is_dir()), reverse=True):
        with suppress(OSError):  # not empty
            folder.rmdir()


def _namespaces(home: Home) -> dict[str, str]:
    """Study id -> namespace of its person ids, of every study pack that can be read."""
    found = {}
    for pack in study_packs(home):
        with suppress(UserError):  # reported where that study is ingested
            study = read_study(pack)
            found[study.id] = study.person_namespace
    return found


def _load_variables(home: Home, study: Study, source_id: str) -> Mapping[str, Variable]:
    from biobraid.ingest.dictionaries import load_variables

    return load_variables(home, study, source_id)


@dataclass(frozen=True)
class _Run:
    home: Home
    keys: IngestKeys
    dry_run: bool
    load_variables: LoadVariables
    id_bits: int
    namespaces: Mapping[str, str]
    suppressed: Suppressed

    def land(
        self,
        manifest: Manifest,
        deliveries: Sequence[Delivery],
        workers: int | None,
        progress: Reporter,
    ) -> list[FileOutcome]:
        """Read all new files in one pool and commit them source by source."""
        outcomes = []
        ready: list[Delivery] = []
        variables: dict[tuple[str, str], Mapping[str, Variable]] = {}
        for delivery in deliveries:
            study, source = delivery.study, delivery.source_id
            try:
                if delivery.new and source != SOURCE_ID:
                    variables[(study.id, source)] = self.load_variables(self.home, study, source)
                ready.append(delivery)
            except UserError as error:
                outcomes.append(failure(study.id, source, "", None, error))
        n_workers = self._n_workers([f for d in ready for f in d.new], workers)
        share = self.worker_share(n_workers)
        with self._staging() as staging:
            tasks = []
            for delivery in ready:
                known = variables.get((delivery.study.id, delivery.source_id), {})
                tasks += [self._task(delivery, f, known, share, staging) for f in delivery.new]
            progress.begin_reading(tasks)
            with reading(tasks, n_workers, progress.read) as results:
                for delivery in ready:
                    outcomes += land_source(
                        self.home,
                        manifest,
                        delivery,
                        results,
                        self.parent_share(n_workers),
                        staging,
                        progress.file_done,
                    )
        return outcomes

    def _n_workers(self, files: Sequence[Delivered], wanted: int | None) -> int:
        settings = self.home.settings
        by_memory = int(settings.memory_limit_gb / _LEAST_WORKER_GB) - 1
        if wanted is None and sum(f.size for f in files) < _WORTH_WORKERS:
            return 1
        most = wanted if wanted is not None else min(settings.threads, by_memory)
        return max(1, min(most, len(files)))

    def worker_share(self, n_workers: int) -> Share:
        """Memory and threads of one reader; the parent keeps a share as well."""
        settings = self.home.settings
        if n_workers == 1:
            return Share(settings.memory_limit_gb, settings.threads, self.home.tmp)
        return Share(settings.memory_limit_gb / (n_workers + 1), 1, self.home.tmp)

    def parent_share(self, n_workers: int) -> Share:
        """What the parent may use while so many workers run."""
        memory_gb = self.worker_share(n_workers).memory_gb
        threads = self.home.settings.threads if n_workers == 1 else 1
        return Share(memory_gb, threads, self.home.tmp)

    def _task(
        self,
        delivery: Delivery,
        file: Delivered,
        variables: Mapping[str, Variable],
        share: Share,
        staging: Path | None,
    ) -> Task:
        job = FileJob(
            path=file.path,
            study=delivery.study,
            source_id=delivery.source_id,
            batch=file.batch,
            keys=self.keys,
            variables=variables,
            memory_gb=share.memory_gb,
            threads=share.threads,
            study_keys=self.namespaces,
            previous_columns=delivery.previous_columns(file.kind),
            tmp=self.home.tmp,
            delivered_as=file.path.relative_to(
                delivery_folder(self.home, delivery.study.id)
            ).as_posix(),
            suppressed=self.suppressed or None,
        )
        return Task(
            job,
            root=staging or self.home.landing,
            inbox=None if self.dry_run else self.home.inbox,
            tmp=self.home.tmp,
            size=file.size,
            modified_ns=file.modified_ns,
            id_bits=self.id_bits,
        )

    @contextmanager
    def _staging(self) -> Iterator[Path | None]:
        """A throwaway folder on a dry run; otherwise None, and parts are staged in place."""
        if not self.dry_run:
            yield None
            return
        folder = self.home.tmp / f"dry-run{PARTIAL}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
