"""A REDCap project's own dictionary: the 18-column data dictionary, or its project.xml.

Beside it may stand, each told by its header: the list of events (event_name, arm_num,
unique_event_name), the instruments of each event (arm_num, unique_event_name, form), the
project's missing data codes (code, meaning, absent_reason), and the list of arms.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path

from biobraid.core.errors import Fault, near_misses
from biobraid.ingest.dictionaries.dictionary_csv import DictionaryRows
from biobraid.ingest.dictionaries.redcap_beside import Beside, read_beside
from biobraid.ingest.dictionaries.redcap_fields import Field, field_faults, variables_of
from biobraid.ingest.dictionaries.redcap_odm import read_odm
from biobraid.ingest.dictionaries.rows import CodeRow, VariableRow

EVENT, ACCESS_GROUP = "redcap_event_name", "redcap_data_access_group"
INSTRUMENT, INSTANCE = "redcap_repeat_instrument", "redcap_repeat_instance"
SURVEY_IDENTIFIER = "redcap_survey_identifier"
NOT_COMPLETED = "[not completed]"
_STATUS = (("0", "Incomplete"), ("1", "Unverified"), ("2", "Complete"))
# Column of the data dictionary -> field of Field: heading as downloaded, name as in the API.
_COLUMNS = {
    "name": ("variablefieldname", "fieldname"),
    "form": ("formname",),
    "field_type": ("fieldtype",),
    "label": ("fieldlabel",),
    "choices": ("choicescalculationsorsliderlabels", "selectchoicesorcalculations"),
    "validation": ("textvalidationtypeorshowslidernumber",),
    "low": ("textvalidationmin",),
    "high": ("textvalidationmax",),
    "identifier": ("identifier",),
    "branching": ("branchinglogicshowfieldonlyif", "branchinglogic"),
}
_NEEDED = ("name", "form", "field_type", "label", "choices")


@dataclass(frozen=True)
class _Placed:
    """A field and where it stands in the file."""

    place: str
    field: Field


def read_redcap(fields: Sequence[Path], codings: Sequence[Path]) -> DictionaryRows:
    """Variables and codes of a project, with all faults of its files.

    The first field is the record id. Further variables are what an export adds to the
    fields: `<form>_complete`, `<form>_timestamp`, redcap_event_name (its codes are the events
    in their order), redcap_data_access_group and the columns that tell repeats apart.
    """
    out = DictionaryRows()
    beside = Beside()
    placed: list[_Placed] = []
    for path in fields:
        if path.suffix.lower() == ".xml":
            project = read_odm(path)
            out.faults += project.faults
            beside = replace(
                beside.with_missing(project.missing),
                events={**beside.events, **project.events},
                forms={**beside.forms, **project.forms},
                forms_file=path.name,
            )
            placed += [_Placed(path.name, field) for field in project.fields]
        else:
            found, faults = _read_csv(path)
            placed += found
            out.faults += faults
    for path in codings:
        beside = read_beside(path, beside)
    out.faults += beside.faults
    good = list(_checked(placed, out.faults))
    for i, field in enumerate(good):
        variables, codes = variables_of(field, beside.missing if i else ())
        if i == 0:
            variables = [_record_id(row) for row in variables]
        out.variables += variables
        out.codes += codes
    _add_system(out, list(dict.fromkeys(field.form for field in good)), beside)
    return out


def _checked(placed: Iterable[_Placed], faults: list[Fault]) -> Iterable[Field]:
    """Fields without a fault, each name once."""
    first: dict[str, str] = {}
    for row in placed:
        found = field_faults(row.field, row.place)
        if row.field.name in first:
            same = f"field '{row.field.name}' already stands at {first[row.field.name]}"
            found.append(Fault(row.place, same))
        first.setdefault(row.field.name, row.place.rpartition(", ")[2])
        faults += found
        if not found:
            yield row.field


def _record_id(row: VariableRow) -> VariableRow:
    """The first field: it names the record, whatever its type."""
    attributes = {name: row.attributes[name] for name in ("form", "field")}
    return VariableRow(
        row.variable, row.label, "text", attributes={**attributes, "field_type": "record_id"}
    )


def _add_system(out: DictionaryRows, forms: Sequence[str], beside: Beside) -> None:
    known = {row.variable for row in out.variables}

    def add(row: VariableRow, codes: Iterable[CodeRow] = ()) -> None:
        if row.variable not in known:
            out.variables.append(row)
            out.codes += codes

    for form in forms:
        name, stamp = f"{form}_complete", f"{form}_timestamp"
        status = {"form": form, "field": name, "field_type": "status"}
        add(
            VariableRow(name, f"{form}: status of the form", "code", attributes=status),
            [CodeRow(name, code, meaning) for code, meaning in _STATUS],
        )
        when = {"form": form, "field": stamp, "field_type": "timestamp"}
        add(
            VariableRow(stamp, f"{form}: when the survey was completed", "datetime",
                        attributes=when),
            [CodeRow(stamp, NOT_COMPLETED, "begun, not completed", "temp-unknown")],
        )  # fmt: skip
    attributes = {"field_type": "event"} | {
        f"forms:{event}": " ".join(names) for event, names in beside.forms.items()
    }
    add(
        VariableRow(EVENT, "Event", "code", attributes=attributes),
        [CodeRow(EVENT, event, label) for event, label in beside.events.items()],
    )
    for name, label, kind, value_type in (
        (INSTRUMENT, "Repeating instrument", "instrument", "code"),
        (INSTANCE, "Instance of the repeating instrument or event", "instance", "integer"),
        (ACCESS_GROUP, "Data access group", "access_group", "code"),
        (SURVEY_IDENTIFIER, "Participant identifier of the survey", "identifier", "text"),
    ):
        add(VariableRow(name, label, value_type, attributes={"field_type": kind}))
    for event, names in beside.forms.items():
        for form in names:
            if form not in forms:
                near = near_misses(form, forms)
                text = f"event '{event}' has the form '{form}', which the dictionary lacks"
                out.faults.append(Fault(beside.forms_file, text, suggestions=near))


def _read_csv(path: Path) -> tuple[list[_Placed], list[Fault]]:
    """Fields of a data dictionary, and faults of its form."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        return [], [Fault(path.name, "is not UTF-8", "a CSV file in UTF-8")]
    reader = csv.reader(StringIO(text, newline=""))
    header = ["".join(c for c in name.lower() if c.isalnum()) for name in next(reader, [])]
    at = {
        name: header.index(heading)
        for name, headings in _COLUMNS.items()
        for heading in headings
        if heading in header
    }
    if any(name not in at for name in _NEEDED):
        return [], [
            Fault(
                f"{path.name}, header",
                "this is no data dictionary of REDCap",
                "Variable / Field Name, Form Name, Field Type, Field Label, Choices, ... "
                "or the API's field_name, form_name, field_type, ...",
                "Download the data dictionary of the project again, as CSV.",
            )
        ]
    placed, faults = [], []
    line = reader.line_num
    for cells in reader:
        place, line = f"{path.name}, line {line + 1}", reader.line_num
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            faults.append(
                Fault(
                    place,
                    f"has {len(cells)} cells",
                    f"{len(header)}, as the header has",
                    "Put a cell that holds a comma in double quotes.",
                )
            )
            continue
        given = {name: cells[i].strip() for name, i in at.items()}
        given["name"] = given["name"].lower()
        placed.append(_Placed(place, Field(**given)))
    if not placed and not faults:
        faults.append(Fault(path.name, "the dictionary has no field"))
    return placed, faults
