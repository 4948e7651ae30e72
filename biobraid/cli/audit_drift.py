"""biobraid audit drift A B: releases, exports, and files from where a model is deployed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import click
import pyarrow.parquet as pq

from biobraid.cli.audit_subject import Subject, min_cell_of, opened
from biobraid.cli.main import Invocation
from biobraid.core.errors import DisclosureError, Fault, SettingsError, UserError, near_misses
from biobraid.core.home import Home
from biobraid.core.runs import code_version
from biobraid.export.release import MANIFEST, find_release
from biobraid.export.wide import DATA
from biobraid.export.wide_plan import Variable
from biobraid.quality.bias.audit import Asked, Audited
from biobraid.quality.bias.columns import (
    Column,
    frame_like,
    frame_of_columns,
    learn,
    read_deployment,
)
from biobraid.quality.bias.drift import drift
from biobraid.quality.bias.frame import Attribute, Frame
from biobraid.quality.bias.people import choose_people, read_people
from biobraid.quality.bias.reference import reference_of
from biobraid.quality.bias.sections_people import judged

FILES = (".csv", ".parquet")


@dataclass(frozen=True)
class Side:
    """A release, an export or a file; `name` as it was given."""

    name: str
    subject: Subject | None = None
    path: Path | None = None

    @property
    def kind(self) -> str:
        """release, export or file."""
        return self.subject.kind if self.subject else "file"

    def data(self, home: Home) -> Path:
        """The table of an export or a file."""
        return self.path or home.exports / self.name.removeprefix("export:") / DATA


def compare(
    call: Invocation, home: Home, run_id: str, a: str, b: str, columns: tuple[str, ...], seed: int
) -> bool:
    """How far B's people are from A's, attribute by attribute or column by column.

    Columns are compared where A is an export and B an export or a file, attributes otherwise.
    True if a verdict is fail.
    """
    first, second = _side(home, a), _side(home, b)
    if first.subject is None:
        raise click.UsageError("A is a release or an export; a file can be B only")
    if first.kind == "export" and second.kind in ("export", "file"):
        frames, left_out = _by_columns(home, first.subject, second, columns)
    else:
        frames, left_out = _by_attributes(home, first.subject, second, columns)
    sides = [s.subject for s in (first, second) if s.subject]
    min_cell = max(min_cell_of(home, s) for s in sides)
    for side, frame in zip((first, second), frames, strict=True):
        if frame.n < min_cell:
            raise DisclosureError(
                Fault(side.name, "holds fewer people than may be shown", f"at least {min_cell}")
            )
    done = Audited(Asked(run_id, f"drift {a} {b}", min_cell, code_version(), seed=seed), None)
    done.add("drift", [
        {"attribute": r.attribute, "scheme": r.scheme, "n": r.n_a, "n_b": r.n_b, "psi": r.psi,
         "auc": r.auc, **judged(r.verdict)}
        for r in drift(frames[0], frames[1], seed, min_cell=min_cell)
    ])  # fmt: skip
    rows = done.shown()["drift"]
    call.out.table(
        f"Drift from {a} to {b}", ["attribute", "scheme", "PSI", "AUC", "verdict", "reason"],
        [[r["attribute"], r["scheme"], r["psi"], r["auc"], r["verdict"], r["reason"]] for r in rows],
    )  # fmt: skip
    for name, why in left_out.items():
        call.out.say(f"Not compared: {name} ({why})")
    call.out.result({"a": a, "b": b, "drift": rows, "not_compared": left_out})
    return any(r["verdict"] == "fail" for r in rows)


def _side(home: Home, text: str) -> Side:
    """What a word of the command line means; `release:` and `export:` settle a doubt."""
    kind, colon, name = text.partition(":")
    if colon and kind in ("release", "export"):
        return Side(text, _known(home, Subject(kind, name)))
    path = Path(text)
    if path.suffix.lower() in FILES:
        if not path.is_file():
            raise SettingsError(Fault(text, "there is no such file", "a CSV or Parquet file"))
        return Side(path.name, path=path)
    is_export = text.count("/") == 1 and (home.exports / text / MANIFEST).is_file()
    try:
        find_release(home, text)
    except UserError:
        if not is_export:
            raise
        return Side(text, Subject("export", text))
    if is_export:
        raise SettingsError(
            Fault(text, "is both a release and an export", f"release:{text} or export:{text}")
        )
    return Side(text, Subject("release", text))


def _known(home: Home, subject: Subject) -> Subject:
    if subject.kind == "release":
        find_release(home, subject.name)
    elif not (home.exports / subject.name / MANIFEST).is_file():
        raise SettingsError(
            Fault(f"exports/{subject.name}", "there is no such export", "PROJECT/NAME",
                  "Run: biobraid export")
        )  # fmt: skip
    return subject


def _by_columns(
    home: Home, a: Subject, b: Side, names: tuple[str, ...]
) -> tuple[list[Frame], dict[str, str]]:
    """Both sides by the value columns of A's dataset; reasons, flags and ages are not compared."""
    columns, left_out = _columns(home.exports / a.name, names)
    wanted = [c.name for c in columns]
    mine = pq.read_table(home.exports / a.name / DATA, columns=wanted)
    theirs = read_deployment(b.data(home), wanted)
    known = learn(mine, columns)
    frames = [frame_of_columns(mine, known, a.name), frame_of_columns(theirs, known, b.name)]
    for frame in frames:
        for name in set(wanted) - {x.name for x in frame.attributes}:
            left_out[name] = "too many different texts"
    return frames, left_out


def _columns(folder: Path, names: tuple[str, ...]) -> tuple[list[Column], dict[str, str]]:
    """Value columns of a dataset by its plan; dates are not compared, and said to be so."""
    made = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    variables = [Variable.model_validate(v) for v in made["plan"]["variables"]]
    _refuse_unknown(names, [v.name for v in variables], folder.name)
    chosen = [v for v in variables if not names or v.name in names]
    left_out = {v.name: "a date" for v in chosen if v.kind == "date"}
    return [Column(v.name, v.kind) for v in chosen if v.kind != "date"], left_out


def _by_attributes(
    home: Home, a: Subject, b: Side, names: tuple[str, ...]
) -> tuple[list[Frame], dict[str, str]]:
    """Both sides by mart.person_attribute; of a file, by columns named like the attributes."""
    mine = _people(home, a, None)
    _refuse_unknown(names, [x.name for x in mine.attributes], a.title)
    if names:
        mine = mine.select([i for i, x in enumerate(mine.attributes) if x.name in names])
    if b.subject is not None:
        return [mine, _people(home, b.subject, mine)], {}
    shared = [x.name for x in mine.attributes]
    # One name in several schemes: the column says which, as 'ethnicity (ons-5)'.
    by_column: dict[str, Attribute] = {
        x.name if shared.count(x.name) == 1 else f"{x.name} ({x.scheme})": x
        for x in mine.attributes
    }
    table = read_deployment(b.data(home), list(by_column))
    return [mine, frame_like(table, by_column)], {}


def _people(home: Home, subject: Subject, like: Frame | None) -> Frame:
    """The people of a release or export; numbers cut as on the other side."""
    with opened(home, subject) as source:
        choose_people(source.con, source.person_id)
        return read_people(source.con, reference_of(like) if like else None)


def _refuse_unknown(names: tuple[str, ...], known: list[str], where: str) -> None:
    faults = [
        Fault("--column", f"{where} has no '{name}'", ", ".join(known),
              suggestions=near_misses(name, known))
        for name in names if name not in known
    ]  # fmt: skip
    if faults:
        raise SettingsError(faults)
