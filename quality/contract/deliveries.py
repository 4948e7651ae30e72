"""Which deliveries wait for a judgement: those in raw that were not accepted yet."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from biobraid.core.manifest import FileBooks, Manifest, Part
from biobraid.core.study import Source, Study
from biobraid.quality.contract.profile import Profile

NOTE = "contract:"  # key of a source's note in the manifest, followed by study/source
WITHDRAWALS = "@withdrawals"  # lists of persons are no delivery of data


@dataclass(frozen=True)
class Waiting:
    """One source with a delivery that was not accepted yet.

    files, parts: of what is to be judged. is_increment: true if the delivery only adds to what
    was accepted (append, delta). reference: profile of the last accepted delivery, None at first.
    """

    study: Study
    source_id: str
    files: tuple[FileBooks, ...]
    parts: tuple[Part, ...]
    is_increment: bool
    reference: Profile | None

    @property
    def source(self) -> Source:
        """The source as declared."""
        return self.study.sources[self.source_id]

    @property
    def name(self) -> str:
        """How the contract names the source."""
        return f"{self.study.id}/{self.source_id}"

    @property
    def batches(self) -> tuple[str, ...]:
        """Tokens of the files to be judged."""
        return tuple(sorted(str(f.row["batch"]) for f in self.files))


def waiting(
    manifest: Manifest, studies: Sequence[Study], everything: bool = False
) -> list[Waiting]:
    """Sources whose delivery in raw differs from the accepted one, by study and source.

    everything: those that were accepted as well, judged against the delivery before.
    """
    found = []
    for study in studies:
        for source_id, source in sorted(study.sources.items()):
            if source_id == WITHDRAWALS:
                continue
            note = read_note(manifest, study.id, source_id)
            active = [f for f in manifest.files(study.id, source_id) if f.row["status"] == "active"]
            chosen, reference = _to_judge(source, note, active, everything)
            if not chosen:
                continue
            batches = {f.row["batch"] for f in chosen}
            parts = [p for p in manifest.parts(None, study.id, source_id) if p.batch in batches]
            adds = source.delivery in ("append", "delta")
            found.append(
                Waiting(
                    study, source_id, tuple(chosen), tuple(parts),
                    adds and reference is not None, reference,
                )
            )  # fmt: skip
    return found


def _to_judge(
    source: Source, note: Mapping[str, Any], active: Sequence[FileBooks], everything: bool
) -> tuple[list[FileBooks], Profile | None]:
    """Files to be judged and the reference they are judged by; no files: nothing waits."""
    accepted: Collection[str] = set(note.get("batches", ()))
    adds = source.delivery in ("append", "delta")
    there = {f.row["batch"] for f in active}
    is_news = bool(there - set(accepted)) if adds else there != set(accepted)
    if is_news or not note:
        files = [f for f in active if not adds or f.row["batch"] not in accepted]
        return files, _profile(note.get("reference"))
    if not everything:
        return [], None
    last = set(note.get("last", ()))
    return [f for f in active if f.row["batch"] in last], _profile(note.get("before"))


def _profile(data: Mapping[str, Any] | None) -> Profile | None:
    return Profile.from_json(data) if data else None


def read_note(manifest: Manifest, study: str, source: str) -> dict[str, Any]:
    """What is remembered of a source: batches accepted, reference, the last judgement; or {}.

    batches: every file accepted and still there; last: files of the last accepted delivery.
    reference: profile of it; before: the reference it was judged by. judged: state (passed,
    accepted, refused), run_id, at, why, breaches and warnings of the last judgement.
    """
    return dict(manifest.note(f"{NOTE}{study}/{source}", {}))


def write_note(manifest: Manifest, study: str, source: str, note: Mapping[str, Any]) -> None:
    """Remember it; the caller opens the transaction."""
    manifest.set_note(f"{NOTE}{study}/{source}", note)
