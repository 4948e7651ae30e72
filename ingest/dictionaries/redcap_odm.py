"""A REDCap project.xml (CDISC ODM 1.3 with REDCap's extensions): its fields, never its data."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from biobraid.core.errors import Fault
from biobraid.ingest.dictionaries.redcap_beside import missing_code
from biobraid.ingest.dictionaries.redcap_fields import Field, parse_choices
from biobraid.ingest.dictionaries.rows import CodeRow

_ODM = "{http://www.cdisc.org/ns/odm/v1.3}"
_REDCAP = "{https://projectredcap.org}"
_SYSTEM = ("_complete", "_timestamp")


@dataclass
class Project:
    """Fields, events and missing data codes of a project, and what is wrong with its file."""

    fields: list[Field] = field(default_factory=list)
    events: dict[str, str] = field(default_factory=dict)  # unique name -> label, in order
    forms: dict[str, list[str]] = field(default_factory=dict)  # of each event
    missing: list[CodeRow] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


def read_odm(path: Path) -> Project:
    """The project's fields in the order of their forms; ClinicalData is skipped unread."""
    out = Project()
    groups: dict[str, list[str]] = {}
    forms: list[tuple[str, list[str]]] = []
    items: dict[str, ElementTree.Element] = {}
    choices: dict[str, str] = {}
    try:
        for _, element in ElementTree.iterparse(path, events=("end",)):
            tag = element.tag
            if tag == f"{_REDCAP}MissingDataCodes":
                listed = parse_choices(element.text or "")
                out.missing = [missing_code(code, label) for code, label in listed]
            elif tag == f"{_ODM}StudyEventDef":
                event = element.get(f"{_REDCAP}UniqueEventName") or ""
                out.events[event] = element.get("Name") or ""
                out.forms[event] = [r.get(f"{_REDCAP}FormName") or "" for r in element]
            elif tag == f"{_ODM}FormDef":
                name = element.get(f"{_REDCAP}FormName") or element.get("Name") or ""
                refs = [r.get("ItemGroupOID") or "" for r in element]
                forms.append((name, refs))
            elif tag == f"{_ODM}ItemGroupDef":
                refs = [r.get(f"{_REDCAP}Variable") or r.get("ItemOID") or "" for r in element]
                groups[element.get("OID") or ""] = refs
            elif tag == f"{_ODM}ItemDef":
                items.setdefault(element.get(f"{_REDCAP}Variable") or "", element)
            elif tag == f"{_ODM}CodeList":
                name = element.get(f"{_REDCAP}Variable") or ""
                choices.setdefault(name, _choices(element))
            elif tag == f"{_ODM}MetaDataVersion":
                break  # what follows is participants' data
    except ElementTree.ParseError as error:
        line, _ = error.position
        out.faults.append(Fault(f"{path.name}, line {line}", "is not well-formed XML"))
        return out
    for form, refs in forms:
        for name in dict.fromkeys(n for ref in refs for n in groups.get(ref, [])):
            if name in items and name not in {form + ending for ending in _SYSTEM}:
                out.fields.append(_field(name, form, items[name], choices.get(name, "")))
    if not out.fields:
        expected = "project.xml as REDCap exports it"
        out.faults.append(Fault(path.name, "the project has no field", expected))
    return out


def _field(name: str, form: str, item: ElementTree.Element, choices: str) -> Field:
    label = item.find(f"{_ODM}Question/{_ODM}TranslatedText")

    def told(attribute: str) -> str:
        return item.get(f"{_REDCAP}{attribute}") or ""

    kind = told("FieldType")
    return Field(
        name=name,
        form=form,
        field_type=kind,
        label="" if label is None else label.text or "",
        choices=choices or told("CheckboxChoices"),
        validation=told("TextValidationType"),
        identifier=told("Identifier"),
        branching=told("BranchingLogic"),
    )


def _choices(element: ElementTree.Element) -> str:
    """Choices of a CodeList as the data dictionary writes them."""
    packed = element.get(f"{_REDCAP}CheckboxChoices")
    if packed:
        return packed
    parts = []
    for item in element.iter(f"{_ODM}CodeListItem"):
        label = item.find(f"{_ODM}Decode/{_ODM}TranslatedText")
        text = "" if label is None else label.text or ""
        parts.append(f"{item.get('CodedValue')}, {text}")
    return " | ".join(parts)
