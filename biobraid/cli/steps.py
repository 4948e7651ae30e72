"""The steps of the pipeline as the commands `ingest`, `link`, `build`, `run` and `demo` use them.

Each step holds the home's writer lock, is written into the journal and the log, reports in
text or JSON, and returns its exit code.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from biobraid.cli.log import bug_lines, open_log
from biobraid.cli.main import Invocation
from biobraid.cli.reports import report_ingest
from biobraid.core.errors import Fault, SettingsError, SourceFileError, UserError
from biobraid.core.home import Home, open_home
from biobraid.core.lock import writer
from biobraid.core.runs import Run, journal
from biobraid.core.study import Study, read_study, study_packs


@contextmanager
def recorded(call: Invocation, verb: str) -> Iterator[tuple[Home, Run]]:
    """The home, with the run journalled and logged; the step itself takes the locks it needs."""
    home = open_home(call.home)
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


@contextmanager
def writing(call: Invocation, verb: str) -> Iterator[tuple[Home, Run]]:
    """Like `recorded`, and this command is the home's only writer."""
    with writer(open_home(call.home)), recorded(call, verb) as opened:
        yield opened


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


def run_steps(
    call: Invocation,
    home: Home,
    run: Run,
    study_ids: Sequence[str] = (),
    *,
    go_on: bool = False,
    dry_run: bool = False,
    scores: Sequence[Path] = (),
    accept: str = "",
) -> int:
    """ingest, judge the deliveries, link (again if genotypes contradict it), build, check.

    Stops before link if a file failed, unless told to go on, or if a delivery breaks its
    contract, unless that is accepted with a reason. scores: scoring files by which everybody
    genotyped is scored before the build.
    """
    code = ingest_step(call, home, run, study_ids, dry_run)
    if dry_run:
        return code
    if code and not go_on:
        call.out.warn("\nStopped before link, because of the faults above (--continue goes on).")
        return code
    refused = contract_step(call, home, run, study_ids, accept)
    if refused:
        call.out.warn(
            '\nStopped before link: send the sentences back, or go on with --accept "why".'
        )
        return worst([code, refused])
    codes = [code, link_step(call, home, run)]
    if genotype_qc_step(call, home, run):  # whose sample is whose is known better now
        codes.append(link_step(call, home, run))
    for file in scores:
        codes.append(score_step(call, home, run, file))
    codes.append(build_step(call, home, run))
    codes.append(check_step(call, home, run))
    audit_step(call, home, run)
    return worst(codes)


def ingest_step(
    call: Invocation,
    home: Home,
    run: Run,
    study_ids: Sequence[str] = (),
    dry_run: bool = False,
    workers: int | None = None,
) -> int:
    """Publish the studies' catalogue, land their files, write the receipts."""
    from biobraid.ingest.catalog_tables import publish_catalog
    from biobraid.ingest.landing import Progress, ingest
    from biobraid.ingest.receipts import write_receipts

    studies = load_studies(home, study_ids or None)
    if not dry_run:
        publish_catalog(home, load_studies(home, None))
    with call.out.progress("ingest") as update:

        def on_progress(p: Progress) -> None:
            share = p.bytes_done / p.bytes_total if p.bytes_total else None
            update(f"{p.stage} {p.study}/{p.source} ({p.files_done} of {p.files_total})", share)

        result = ingest(
            home,
            [s.id for s in studies],
            dry_run=dry_run,
            workers=workers,
            on_progress=on_progress,
        )
    receipts = [] if dry_run else write_receipts(home, result)
    report_ingest(call.out, result, receipts)
    run.detail["files"] = {
        s: result.count(s) for s in ("landed", "unchanged", "superseded", "failed", "planned")
    }
    return result.exit_code


def contract_step(
    call: Invocation, home: Home, run: Run, study_ids: Sequence[str] = (), accept: str = ""
) -> int:
    """Judge deliveries that are not accepted yet by their contract; 13 if one is refused."""
    from biobraid.cli.contract_run import judge_deliveries

    return judge_deliveries(call, home, run, load_studies(home, study_ids or None), accept)


def link_step(call: Invocation, home: Home, run: Run, dry_run: bool = False) -> int:
    """Link source persons to person ids."""
    from biobraid.linkage.link import link

    with call.out.progress("link") as update:

        def on_progress(what: str, done: int, total: int) -> None:
            update(what, done / total if total else None)

        result = link(home, dry_run=dry_run, on_progress=on_progress)
    totals = run.detail["persons"] = result.totals()
    metrics = [m for m, n in totals.items() if n]
    by_study = {**result.by_study, "*": totals}
    rows = [[study, *(c.get(m, 0) for m in metrics)] for study, c in by_study.items()]
    header = ["study", *(m.removeprefix("n_").replace("_", " ") for m in metrics)]
    call.out.table("Linkage (* = all studies)", header, rows)
    call.out.result({"link": by_study, "dry_run": dry_run})
    return 0


def score_step(
    call: Invocation,
    home: Home,
    run: Run,
    file: Path,
    *,
    keep_ambiguous: bool = False,
    min_coverage: float | None = None,
    dry_run: bool = False,
) -> int:
    """Score everybody who is genotyped by a scoring file; the build carries it on.

    Returns 11, the exit code of a broken file, if the files of some source cannot be read.
    """
    from biobraid.cli.reports import report_score
    from biobraid.export.scores.run import MIN_COVERAGE, score_file

    with call.out.progress("score") as update:
        result = score_file(
            home,
            file,
            keep_ambiguous=keep_ambiguous,
            min_coverage=MIN_COVERAGE if min_coverage is None else min_coverage,
            dry_run=dry_run,
            on_progress=update,
        )
    run.detail["score"] = {"score_name": result.score_name, "samples": result.n_samples}
    report_score(call.out, result, dry_run)
    return SourceFileError.exit_code if result.unread else 0


def genotype_qc_step(call: Invocation, home: Home, run: Run) -> bool:
    """Count the quality of genotypes that are new or whose people withdrew, for the models.

    True if linkage is told something new by it, so that it is to be repeated.
    """
    from biobraid.core.manifest import Manifest

    with Manifest(home) as manifest:
        has_genotypes = any(part.study for part in manifest.parts("raw.variant"))
        has_genotypes |= bool(manifest.note("genotype_qc"))
    if not has_genotypes:
        return False
    from biobraid.quality.genotypes import publish_evidence, refresh_qc

    with call.out.progress("genotypes") as update:
        result = refresh_qc(home, on_progress=update)
        update("samples compared", None)
        is_news = publish_evidence(home)
    run.detail["genotype_qc"] = {"counted": list(result.counted)}
    if result.counted:
        call.out.say(
            f"\nGenotypes: {result.n_variants:,} variants and {result.n_samples:,} samples "
            f"in force, {len(result.counted)} source(s) counted anew"
        )
    return is_news


def build_step(call: Invocation, home: Home, run: Run, dry_run: bool = False) -> int:
    """Build the models downstream of what changed."""
    from biobraid.cli.build import build

    if not dry_run and genotype_qc_step(call, home, run):
        call.out.warn(
            "\nGenotypes tell something new of whose sample is whose: run `biobraid link`, "
            "then build again."
        )
    with call.out.progress("build") as update:
        result = build(home, dry_run=dry_run, on_progress=update)
    run.detail["models"] = {"built": len(result.built), "skipped": len(result.skipped)}
    call.out.say(f"\nBuild: {len(result.built)} models built, {len(result.skipped)} unchanged")
    return 0


def check_step(call: Invocation, home: Home, run: Run) -> int:
    """Check what was built; 13 if a fatal check failed. Your own and OHDSI's, as `check` does."""
    from biobraid.cli.check_run import NOTHING_SPECIAL, check_built

    return check_built(call, home, run, NOTHING_SPECIAL)


def audit_step(call: Invocation, home: Home, run: Run) -> None:
    """Audit what was built, where the settings name margins; verdicts never stop a run."""
    from biobraid.cli.audit_step import audit_built

    audit_built(call, home, run)
