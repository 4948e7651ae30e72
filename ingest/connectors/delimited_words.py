"""Which columns an option may not land: identifiers, and words that nobody said may land.

Codes, units, amounts and results are what the option says they are. Words (WORDS, each field of
`detail`, and the value of a note) land only where `free_text` allows the column, or where the
dictionary gives it codes or a type other than text.
"""

from __future__ import annotations

from collections.abc import Iterator

from biobraid.core.errors import Fault
from biobraid.ingest.connectors.contract import FileJob, Variable
from biobraid.ingest.connectors.delimited_options import EVENT_TEXT, DelimitedOptions
from biobraid.ingest.connectors.delimited_rules import EventText, FromColumn, names_in
from biobraid.ingest.connectors.guarded import TEXT, allowed_columns, rule_of

WORDS = ("text", "stop_reason", "qualifier_text", "label", "reason")
_RESULTS = ("value", "value_source")
Option = tuple[str, str]  # (name of an option, column it lands)


def landed_by(options: DelimitedOptions) -> list[Option]:
    """Options whose cells land as they are delivered, each with its column."""
    found: list[Option] = []
    for column, own in options.code_columns().items():
        found += [("code", column), *_event_text(own), *_plain("code_system", own.system)]
        found += _plain("kind", own.kind)
    found += _event_text(options)
    for name in ("variable", "admitted_from", "discharged_to", "label", "number", "reason"):
        found += [(name, column) for column in names_in(getattr(options, name))]
    for name in ("kind", "code_system", "position", "modality", "status", "level"):
        found += _plain(name, getattr(options, name))
    found += [(f"concepts.{name}", column) for name, column in options.concepts.items()]
    found += [(f"detail.{name}", column) for name, column in options.detail.items()]
    return list(dict.fromkeys(found))


def identifier_faults(job: FileJob, options: DelimitedOptions) -> list[Fault]:
    """Options that would land what study.yaml keeps out of landing."""
    source = job.source
    kept_out = {rule.variable: rule.rule for rule in source.free_text if rule.rule != "allow"}
    faults = []
    for name, column in landed_by(options):
        if column in source.identity:
            says = f"identity: {source.identity[column]}"
        elif column == source.person_id:
            says = "the person id"
        elif column in kept_out:
            says = f"free_text: {kept_out[column]}"
        else:
            continue
        faults.append(
            Fault(
                f"studies/{job.study.id}/study.yaml, source {job.source_id}, options.{name}",
                f"column '{column}' would land, and it is declared as {says}",
                "a column that may stand in the warehouse",
                f"Take '{column}' out of options.{name}, or out of the declaration if it names "
                "nobody.",
            )
        )
    return faults


def withheld(job: FileJob, options: DelimitedOptions) -> dict[Option, str]:
    """Options whose cells are dropped, with the rule they are counted under."""
    if options.layout not in ("event", "record"):
        return {}
    allowed, found = allowed_columns(job.source), dict[Option, str]()
    words = (*WORDS, *(_RESULTS if _has_notes(options) else ()))
    for name, column in landed_by(options):
        if name == "code" or column in allowed:
            continue
        is_detail = name.startswith("detail.")
        guard = rule_of(name.removeprefix("detail.")) if is_detail else None
        variable = job.variables.get(column)
        if guard is not None:
            found[name, column] = guard
        elif variable is not None:
            if is_free_text(variable):
                found[name, column] = TEXT
        elif is_detail or name in words:
            found[name, column] = TEXT
    return found


def is_free_text(variable: Variable) -> bool:
    """True for text without a list of allowed values."""
    return variable.is_free_text or (variable.value_type == "text" and not variable.codes)


def _has_notes(options: DelimitedOptions) -> bool:
    kinds = [options.kind, *(own.kind for own in options.code_columns().values())]
    return any(
        kind == "note"
        or (isinstance(kind, FromColumn) and (not kind.words or "note" in kind.words))
        for kind in kinds
    )


def _event_text(options: EventText) -> Iterator[Option]:
    for name in EVENT_TEXT:
        rule = getattr(options, name)
        if name.endswith("_system"):
            yield from _plain(name, rule)
        else:
            yield from ((name, column) for column in names_in(rule))


def _plain(name: str, rule: str | FromColumn | None) -> Iterator[Option]:
    """A column whose words land as they are: none of those that the option translates."""
    if isinstance(rule, FromColumn) and not rule.words:
        yield name, rule.column
