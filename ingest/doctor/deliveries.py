"""What is wrong with the delivered files: missing, claimed twice, claimed by nobody."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from biobraid.core.errors import Fault, near_misses
from biobraid.core.home import Home
from biobraid.core.study import Study, delivery_folder
from biobraid.ingest.connectors.contract import companions_of
from biobraid.ingest.doctor.finding import Finding


def examine_deliveries(home: Home, study: Study) -> tuple[dict[str, list[Path]], list[Finding]]:
    """Files of every source, and the findings. Files are named by glob and by kind, not by name.

    A file's name may hold an identifier, so messages give the glob that was declared and how
    many files of which ending it is about.
    """
    folder = delivery_folder(home, study.id)
    where = f"studies/{study.id}/study.yaml"
    if not folder.is_dir():
        fault = Fault(
            where,
            "the delivery folder is missing",
            f"a folder '{study.id}' in the home's deliveries folder",
            "Put the delivered files there.",
        )
        return {}, [Finding("error", fault)]
    present = [p for p in folder.rglob("*") if p.is_file() and not p.name.startswith(".")]
    files: dict[str, list[Path]] = {}
    claims: dict[Path, list[str]] = {}
    found = []
    for source_id, source in study.sources.items():
        files[source_id] = []
        for glob in source.files:
            place = f"{where}, sources.{source_id}.files"
            if _leads_out(glob):
                expected = "a pattern below the study's delivery folder"
                fault = Fault(place, f"'{glob}' leads out of the delivery folder", expected)
                found.append(Finding("error", fault))
                continue
            matched = sorted(p for p in folder.glob(glob) if p.is_file())
            if not matched:
                near = _near_patterns(glob, present, folder)
                fault = Fault(place, f"no delivered file matches '{glob}'", suggestions=near)
                found.append(Finding("error", fault))
            for path in matched:
                claims.setdefault(path, [])
                for part in companions_of(source, path):  # read with it, claimed by nobody
                    claims.setdefault(part, [])
                if source_id not in claims[path]:
                    claims[path].append(source_id)
                    files[source_id].append(path)
    found += _withdrawals(study, folder, where, claims)
    found += _claimed_twice(study, claims, where)
    found += _unclaimed(home, study, present, claims, where)
    return files, found


def _withdrawals(
    study: Study, folder: Path, where: str, claims: dict[Path, list[str]]
) -> list[Finding]:
    found = []
    for glob in study.withdrawals.files if study.withdrawals else []:
        matched = [] if _leads_out(glob) else sorted(folder.glob(glob))
        for path in matched:
            claims.setdefault(path, []).append("withdrawals")
        if not matched:
            fault = Fault(f"{where}, withdrawals.files", f"no delivered file matches '{glob}'")
            found.append(Finding("warning", fault))
    return found


def _claimed_twice(study: Study, claims: dict[Path, list[str]], where: str) -> list[Finding]:
    alone = (_not_shared(study, sources) for sources in claims.values())
    pairs = Counter(tuple(sorted(sources)) for sources in alone if len(sources) > 1)
    return [
        Finding(
            "error",
            Fault(
                f"{where}, sources",
                f"files are claimed by {' and '.join(sources)}",
                "each file in one source",
                "Narrow the globs: the rows would land twice. If the sources take other facts "
                "from the same rows, say so with shares_files.",
            ),
            count,
        )
        for sources, count in sorted(pairs.items())
    ]


def _not_shared(study: Study, claimants: list[str]) -> list[str]:
    """Claimants of a file without those that say they share it with one of the others."""
    return [
        name
        for name in claimants
        if name not in study.sources
        or not {*study.sources[name].shares_files} & {c for c in claimants if c != name}
    ]


def _unclaimed(
    home: Home, study: Study, present: Iterable[Path], claims: dict[Path, list[str]], where: str
) -> list[Finding]:
    folders = (home.studies / study.id, delivery_folder(home, study.id))
    of_dictionary = {
        path
        for declared in study.dictionaries.values()
        for glob in (*declared.fields, *declared.codings, *declared.missing_codes)
        if not _leads_out(glob)
        for folder in folders
        if folder.is_dir()
        for path in folder.glob(glob)
    }
    ignored = [p for p in present if p not in claims and p not in of_dictionary]
    if not ignored:
        return []
    endings = Counter("".join(p.suffixes[-2:]) or "no ending" for p in ignored)
    listed = ", ".join(f"{ending} ({n})" for ending, n in endings.most_common(5))
    fault = Fault(f"{where}, sources", f"delivered files that no glob matches: {listed}",
                  todo="Add a source for them, or take them out of the folder.")  # fmt: skip
    return [Finding("note", fault, len(ignored))]


def _near_patterns(glob: str, present: Iterable[Path], folder: Path) -> tuple[str, ...]:
    """Globs over the endings that are there, where only the ending is wrong, or case is."""
    names = {p.relative_to(folder).as_posix() for p in present}
    if not any(sign in glob for sign in "*?["):
        return near_misses(glob, names)
    stem = glob.rpartition("*")[0]
    endings = sorted({"".join(p.suffixes) for p in present})
    return tuple(f"{stem}*{ending}" for ending in endings if any(folder.glob(f"{stem}*{ending}")))[
        :3
    ]


def _leads_out(glob: str) -> bool:
    return PurePosixPath(glob).is_absolute() or ".." in PurePosixPath(glob).parts
