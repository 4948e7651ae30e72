"""What happens to each column of a REDCap export, decided once from its header."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from biobraid.core.errors import Fault, SettingsError, SourceFileError, near_misses
from biobraid.core.study import Source
from biobraid.ingest.connectors.contract import FileJob, Variable
from biobraid.ingest.connectors.redcap_options import RedcapOptions
from biobraid.ingest.connectors.redcap_project import (
    ACCESS_GROUP,
    EVENT,
    KEYS,
    SURVEY_IDENTIFIER,
    SYSTEM_TYPES,
    Project,
)
from biobraid.ingest.dictionaries.redcap_fields import column_suffix

_LABELS = ("Event Name", "Repeat Instrument", "Repeat Instance", "Complete?",
           "Data Access Group", "Survey Identifier", "Survey Timestamp")  # fmt: skip
_RAW = "Export the data as raw, coded data with variable names, not labels."


class Fate(IntEnum):
    """Fate of a cell; every cell has exactly one."""

    LAND = 0
    IGNORED = 1  # by the rule that the plan names
    VAULT = 2
    SEX = 3  # lands, and goes to the vault
    BIRTH_DATE = 4  # lands at the declared precision, and goes to the vault
    DETAIL = 5  # stands with the record's surveys in raw.detail


@dataclass(frozen=True)
class RedcapPlan:
    """Columns of one file under their variables' names, with their fates."""

    file_names: dict[str, str]  # variable -> as in the header
    fates: dict[str, Fate]
    rules: dict[str, str]  # of the ignored variables
    identity: dict[str, str]  # identity type of what goes to the vault
    absent_variables: tuple[str, ...]  # promised by the dictionary, not in the file
    unknown_codes: tuple[str, ...]  # checkboxes with a column for a code they do not have

    @property
    def names(self) -> tuple[str, ...]:
        """Variables in the file's order."""
        return tuple(self.file_names)

    @property
    def keys(self) -> frozenset[str]:
        """Variables that only say which record it is."""
        return frozenset(name for name, rule in self.rules.items() if rule == "record-key")


def make_plan(
    job: FileJob, options: RedcapOptions, project: Project, header: Sequence[str]
) -> RedcapPlan:
    """Decide each column's fate; all faults of header and settings at once."""
    spellings = _spellings(project)
    names = [spellings.get(column.lower(), column) for column in header]
    faults = settings_faults(job, options, project)
    if faults:
        raise SettingsError(faults)
    if project.record_id not in names:
        raise SourceFileError(_no_record_id(job, options, project, header))
    faults = [
        Fault(f"{job.where}, row 1", f"{n} columns hold '{name}'", "each variable once")
        for name, n in sorted(Counter(names).items())
        if n > 1
    ]
    if EVENT in names and not project.events and job.source.delivery != "full":
        faults.append(
            Fault(
                f"studies/{job.study.id}/study.yaml, sources.{job.source_id}.dictionary",
                f"the order of the events is not declared, and the delivery is "
                f"{job.source.delivery}",
                "the project's list of events under dictionary.codings",
                "Without it, events are numbered as they appear in the file.",
            )
        )
    if faults:
        raise SourceFileError(faults)
    fates: dict[str, Fate] = {}
    rules: dict[str, str] = {}
    for name in names:
        fates[name], rule = _fate(job.source, options, project, name)
        if fates[name] == Fate.IGNORED:
            rules[name] = rule
    promised = (n for n in project.variables if project.kind_of(n) not in SYSTEM_TYPES)
    return RedcapPlan(
        file_names=dict(zip(names, header, strict=True)),
        fates=fates,
        rules=rules,
        identity={n: _identity_type(job.source, project, n) for n, f in fates.items()
                  if f in (Fate.VAULT, Fate.SEX, Fate.BIRTH_DATE)},
        absent_variables=tuple(sorted(set(promised) - set(names))),
        unknown_codes=tuple(n for n in names if _is_unknown_checkbox(project, n)),
    )  # fmt: skip


def settings_faults(job: FileJob, options: RedcapOptions, project: Project) -> list[Fault]:
    """What study.yaml says of the source that the project's dictionary contradicts."""
    source = job.source
    where = f"studies/{job.study.id}/study.yaml, sources.{job.source_id}"
    faults = []
    if source.person_id not in (None, project.record_id):
        faults.append(
            Fault(f"{where}.person_id", f"'{source.person_id}' is not the record id of the project",
                  f"'{project.record_id}', or no person_id")
        )  # fmt: skip
    if source.record_key:
        faults.append(Fault(f"{where}.record_key", "a REDCap export needs none", "no record_key",
                            "A record is told by its id, event, instrument and instance."))  # fmt: skip
    for rule in source.free_text:
        if rule.rule == "allow" and not _may_be_allowed(project, rule.variable):
            text = f"'{rule.variable}' is an identifier of the project and cannot be allowed"
            faults.append(Fault(f"{where}.free_text", text, "rule vault or drop"))
    for key, field in options.dates.items():
        if key != "*" and key not in project.forms and not _may_be_event(project, key):
            near = near_misses(key, [*project.forms, *project.events])
            text = f"'{key}' is no instrument and no event of the project"
            faults.append(Fault(f"{where}.options.dates", text, suggestions=near))
        event, _, name = field.rpartition(".")
        if name not in project.variables:
            near = near_misses(name, project.variables)
            text = f"there is no field '{name}' in the dictionary"
            faults.append(Fault(f"{where}.options.dates", text, suggestions=near))
        if event and project.events and event not in project.events:
            near = near_misses(event, project.events)
            text = f"there is no event '{event}'"
            faults.append(Fault(f"{where}.options.dates", text, suggestions=near))
    return faults


def label_fault(job: FileJob, header: Sequence[str], project: Project) -> Fault | None:
    """A fault if the header holds labels instead of names."""
    labels = {v.label for v in project.variables.values() if v.label} - set(project.variables)
    n_labels = sum(name in labels or name in _LABELS for name in header)
    if project.record_id in header or n_labels < 2:
        return None
    return Fault(
        f"{job.where}, row 1",
        f"{n_labels} of {len(header)} columns are headed by labels",
        "the names of variables",
        _RAW,
    )


def labelled_values(job: FileJob, column: str) -> SourceFileError:
    """The error where cells hold the labels of codes."""
    return SourceFileError(
        Fault(job.where, f"column '{column}' holds labels", "codes (0, 1, 2)", _RAW)
    )


def _no_record_id(
    job: FileJob, options: RedcapOptions, project: Project, header: Sequence[str]
) -> Fault:
    where = f"{job.where}, row 1"
    name = project.record_id
    if len(header) == 1:
        text = f"the header is one column when cut at '{options.delimiter}'"
        return Fault(where, text, f"'{name}' and others", "Declare the source's delimiter.")
    text = f"there is no column '{name}', the first field of the dictionary"
    return Fault(where, text, "an export of the project of this dictionary",
                 suggestions=near_misses(name, header))  # fmt: skip


def _spellings(project: Project) -> dict[str, str]:
    """Column as an export may write it -> variable; negative codes have several spellings."""
    found = {name: name for name in project.variables}
    for name in project.variables:
        code = project.told(name, "code").lower()
        if project.kind_of(name) != "checkbox" or code == column_suffix(code):
            continue
        field = project.told(name, "field")
        for other in (code, re.sub(r"^-", "neg", code), re.sub(r"[^a-z0-9_]", "", code)):
            found.setdefault(f"{field}___{other}", name)
    return found


def _fate(source: Source, options: RedcapOptions, project: Project, name: str) -> tuple[Fate, str]:
    if name == EVENT:
        return Fate.DETAIL, ""
    is_key = name in (*KEYS, project.record_id, source.version) or name in source.deleted
    if is_key and name not in source.identity:
        return Fate.IGNORED, "record-key"
    if name == SURVEY_IDENTIFIER and options.survey_identifier == "drop":
        return Fate.IGNORED, "survey-identifier-dropped"
    if name == ACCESS_GROUP:
        fates = {"value": Fate.LAND, "detail": Fate.DETAIL, "ignore": Fate.IGNORED}
        return fates[options.data_access_group], "data-access-group"
    variable = project.variables.get(name)
    if variable is None:
        return Fate.IGNORED, "undeclared-column"
    if project.kind_of(name) == "file":
        return Fate.IGNORED, "file-field"
    text = next((f.rule for f in source.free_text if f.variable == name), None)
    if name not in source.identity and text is not None:
        return {"allow": Fate.LAND, "vault": Fate.VAULT, "drop": Fate.IGNORED}[
            text
        ], "free-text-dropped"
    kind = _identity_type(source, project, name)
    if kind:
        return {"birth_date": Fate.BIRTH_DATE, "sex": Fate.SEX}.get(kind, Fate.VAULT), ""
    if variable.is_free_text:
        return Fate.IGNORED, "free-text-undeclared"
    return Fate.LAND, ""


def _identity_type(source: Source, project: Project, name: str) -> str:
    """As study.yaml declares it, or else as the dictionary lets one guess; '' if it is none."""
    if name in source.identity:
        return source.identity[name]
    if any(f.variable == name and f.rule == "vault" for f in source.free_text):
        return "free_text"
    if name == SURVEY_IDENTIFIER:
        return "other"
    return project.told(name, "identity")


def _may_be_allowed(project: Project, name: str) -> bool:
    """Flagged dates, numbers and codes may, with a reason; names, contacts and births may not."""
    kind, variable = project.told(name, "identity"), project.variables.get(name)
    return not kind or (kind == "other" and variable is not None and variable.value_type != "text")


def _is_unknown_checkbox(project: Project, name: str) -> bool:
    field, found, _ = name.partition("___")
    variables: Mapping[str, Variable] = project.variables
    return (
        bool(found)
        and name not in variables
        and any(v.attributes.get("field") == field for v in variables.values())
    )


def _may_be_event(project: Project, name: str) -> bool:
    return name in project.events or (not project.events and "_arm_" in name)
