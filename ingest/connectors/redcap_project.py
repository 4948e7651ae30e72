"""A REDCap project as its dictionary describes it: fields, forms, events, branching."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from biobraid.core.errors import Fault, SettingsError
from biobraid.ingest.connectors.contract import Variable
from biobraid.ingest.connectors.redcap_logic import LogicError, Node, Opaque, Ref, parse_logic
from biobraid.ingest.dictionaries.redcap import (
    ACCESS_GROUP,
    EVENT,
    INSTANCE,
    INSTRUMENT,
    SURVEY_IDENTIFIER,
)
from biobraid.ingest.dictionaries.redcap_fields import column_suffix

KEYS = (EVENT, INSTRUMENT, INSTANCE)
SYSTEM_TYPES = ("status", "timestamp", "event", "instrument", "instance", "access_group",
                "identifier")  # fmt: skip


@dataclass(frozen=True)
class Project:
    """The dictionary's variables, with what only REDCap says about them."""

    variables: Mapping[str, Variable]
    record_id: str
    forms: tuple[str, ...]
    events: tuple[str, ...]  # in their order; empty: not declared
    forms_of: Mapping[str, frozenset[str]]  # of an event; empty: not declared
    branching: Mapping[str, Node]  # by variable; what cannot be parsed is Opaque

    def told(self, variable: str, name: str) -> str:
        """An attribute of a variable, '' if it has none."""
        found = self.variables.get(variable)
        return "" if found is None else found.attributes.get(name, "")

    def form_of(self, variable: str) -> str:
        """Form a variable stands on; '' for what belongs to the whole record."""
        return self.told(variable, "form")

    def kind_of(self, variable: str) -> str:
        """Field type, or what kind of column of REDCap's own it is."""
        return self.told(variable, "field_type")

    def variable_of(self, ref: Ref) -> str | None:
        """Variable that a reference of the branching logic means; None if there is none."""
        name = ref.name if ref.code is None else f"{ref.name}___{column_suffix(ref.code)}"
        return name if name in self.variables else None


def make_project(variables: Mapping[str, Variable], where: str) -> Project:
    """The project; SettingsError where the dictionary is none of REDCap."""
    record_id = [n for n, v in variables.items() if v.attributes.get("field_type") == "record_id"]
    if len(record_id) != 1:
        raise SettingsError(
            Fault(
                where,
                "the source has no REDCap dictionary"
                if not record_id
                else f"several fields name the record: {', '.join(record_id)}",
                "dictionary: {format: redcap, fields: [...]} of the source or the study",
                "Add the project's data dictionary to study.yaml.",
            )
        )
    event = variables.get(EVENT)
    stated = {} if event is None else event.attributes
    trees: dict[str, Node] = {}
    for name, variable in variables.items():
        text = variable.attributes.get("branching")
        if text:
            trees[name] = _tree(text)
    forms = dict.fromkeys(v.attributes.get("form", "") for v in variables.values())
    return Project(
        variables=variables,
        record_id=record_id[0],
        forms=tuple(form for form in forms if form),
        events=() if event is None else tuple(event.codes),
        forms_of={
            name.removeprefix("forms:"): frozenset(listed.split())
            for name, listed in stated.items()
            if name.startswith("forms:")
        },
        branching=trees,
    )


def _tree(text: str) -> Node:
    try:
        return parse_logic(text)
    except LogicError:
        return Opaque()


__all__ = [
    "ACCESS_GROUP", "EVENT", "INSTANCE", "INSTRUMENT", "KEYS", "SURVEY_IDENTIFIER",
    "SYSTEM_TYPES", "Project", "make_project",
]  # fmt: skip
