"""One field of a REDCap project as variables, with its type, its codes and how it identifies.

A checkbox field is one variable for each of its choices, named like the column of an export:
`gym___0`, and `check____1` for the code -1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from biobraid.core.errors import Fault, near_misses
from biobraid.ingest.dictionaries.rows import CodeRow, VariableRow

CHECKED, UNCHECKED = "1", "0"
FIELD_TYPES = (
    "text", "notes", "calc", "dropdown", "radio", "checkbox", "yesno", "truefalse", "file",
    "slider", "descriptive", "sql",
)  # fmt: skip
_OTHER_TYPES = {"select": "dropdown", "textarea": "notes", "signature": "file"}
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_TAG = re.compile(r"<[^>]+>")
_CHOICES = {
    "yesno": "1, Yes | 0, No",
    "truefalse": "1, True | 0, False",
}
_CODED = ("dropdown", "radio", "checkbox")
_NUMBER = re.compile(r"number(_\ddp)?(_comma_decimal)?|float")
_COMMA = re.compile(r"number.*_comma_decimal")
_TIME = re.compile(r"time(_.*)?")
# Validation types that are identifiers by themselves; the dictionary need not flag them.
_IDENTIFYING = (
    (re.compile(r"email"), "email"),
    (re.compile(r"phone.*"), "phone"),
    (re.compile(r"v?mrn.*"), "mrn"),
    (re.compile(r"ssn"), "national_id"),
    (re.compile(r"zipcode|postalcode.*"), "postcode"),
)
# Names of flagged fields that say what they hold, most specific first.
_NAMED = (
    (re.compile(r"nhs"), "nhs_number"),
    (re.compile(r"(^|_)(mrn|medical_record)"), "mrn"),
    (re.compile(r"(^|_)ssn(_|$)|social_security"), "national_id"),
    (re.compile(r"first_?name|name_?first|fname|given_?name|forename"), "first_name"),
    (re.compile(r"last_?name|name_?last|lname|sur_?name|family_?name"), "surname"),
    (re.compile(r"^(full_?|patient_?|participant_?)?name$"), "full_name"),
    (re.compile(r"e_?mail"), "email"),
    (re.compile(r"phone|mobile"), "phone"),
    (re.compile(r"zip|post_?code|postal"), "postcode"),
    (re.compile(r"addr|street"), "address"),
)
_BIRTH = re.compile(r"(^|_)(dob|born|birth|birthday|birth_?date|date_?of_?birth)($|_)")
_OWN_BIRTH = re.compile(r"dob|birth_?date|birthday|date_?of_?birth|date_?birth")


@dataclass(frozen=True)
class Field:
    """A row of a REDCap data dictionary."""

    name: str
    form: str
    field_type: str
    label: str = ""
    choices: str = ""
    validation: str = ""
    identifier: str = ""
    branching: str = ""
    low: str = ""  # least and greatest value that the form accepts, as text
    high: str = ""

    @property
    def plain_type(self) -> str:
        """Field type under the name that the data dictionary uses."""
        kind = self.field_type.strip().lower()
        return _OTHER_TYPES.get(kind, kind)

    @property
    def is_identifier(self) -> bool:
        """Flagged as an identifier."""
        return self.identifier.strip().lower() in ("y", "yes", "1", "true")


def field_faults(field: Field, place: str) -> list[Fault]:
    """What is wrong with one row of the dictionary."""
    faults = []
    if not _NAME.fullmatch(field.name):
        faults.append(Fault(place, f"'{field.name}' is no field name", "a-z, 0-9 and _"))
    if not field.form:
        faults.append(Fault(place, f"field '{field.name}' stands on no form"))
    if field.plain_type not in FIELD_TYPES:
        near = near_misses(field.plain_type, FIELD_TYPES)
        found = f"there is no field type '{field.field_type}'"
        faults.append(Fault(place, found, f"one of {', '.join(FIELD_TYPES)}", suggestions=near))
    if field.plain_type not in _CODED:
        return faults
    codes = [code for code, _ in parse_choices(field.choices)]
    expected = "code, label | code, label"
    if not codes:
        faults.append(Fault(place, f"field '{field.name}' has no choices", expected))
    if "" in codes:
        faults.append(Fault(place, f"a choice of '{field.name}' has no code", expected))
    same = [column_suffix(c) for c in codes] if field.plain_type == "checkbox" else codes
    for code in sorted({c for c in same if c and same.count(c) > 1}):
        faults.append(Fault(place, f"choices of '{field.name}' repeat the code '{code}'"))
    return faults


def parse_choices(text: str) -> list[tuple[str, str]]:
    """(code, label) of `1, one | 2, two, or more`; a choice without a comma is its own label."""
    found = []
    for part in re.split(r"\||\n|\\n", text):
        code, comma, label = part.strip().partition(",")
        if part.strip():
            found.append((code.strip(), plain_text(label if comma else code)))
    return found


def plain_text(label: str) -> str:
    """A label without HTML, in one line."""
    return " ".join(_TAG.sub(" ", label).split())


def column_suffix(code: str) -> str:
    """A checkbox code as the columns of an export write it (`-1` becomes `_1`)."""
    return re.sub(r"[^a-z0-9_]", "_", code.lower())


def variables_of(
    field: Field, missing: Sequence[CodeRow]
) -> tuple[list[VariableRow], list[CodeRow]]:
    """Variables and codes of a field without faults; none for a descriptive field.

    missing: the project's missing data codes, without a variable; every field may hold them.
    """
    kind = field.plain_type
    if kind == "descriptive":
        return [], []
    attributes = {
        "form": field.form,
        "field": field.name,
        "field_type": kind,
        "validation": field.validation,
        "branching": " ".join(field.branching.split()),
        "identity": _identity(field),
        "decimal": "," if _COMMA.fullmatch(field.validation) else "",
    }
    attributes = {name: value for name, value in attributes.items() if value}
    label = plain_text(field.label)
    if kind == "checkbox":
        return _checkbox(field, label, attributes, missing)
    choices = parse_choices(_CHOICES.get(kind, field.choices if kind in _CODED else ""))
    value_type = _value_type(kind, field.validation)
    row = VariableRow(
        variable=field.name,
        label=label,
        value_type=value_type or "text",
        is_free_text=value_type is None and "identity" not in attributes,
        attributes=attributes,
        low=_limit(field.low, value_type),
        high=_limit(field.high, value_type),
    )
    codes = [CodeRow(field.name, code, meaning or None) for code, meaning in choices]
    return [row], codes + _missing_rows(field.name, missing, {code for code, _ in choices})


def _limit(text: str, value_type: str | None) -> float | None:
    """A limit of a number; None for a date's, which is no number, and for a formula."""
    if value_type not in ("number", "integer"):
        return None
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return None


def _checkbox(
    field: Field, label: str, attributes: Mapping[str, str], missing: Sequence[CodeRow]
) -> tuple[list[VariableRow], list[CodeRow]]:
    variables, codes = [], []
    choices = parse_choices(field.choices)
    choices += [
        (m.code, f"missing: {m.meaning or m.code}")
        for m in missing
        if column_suffix(m.code) not in {column_suffix(c) for c, _ in choices}
    ]
    for code, meaning in choices:
        name = f"{field.name}___{column_suffix(code)}"
        variables.append(
            VariableRow(
                variable=name,
                label=f"{label}: {meaning}" if label else meaning,
                value_type="boolean",
                attributes={**attributes, "code": code},
            )
        )
        codes += [CodeRow(name, CHECKED, "Checked"), CodeRow(name, UNCHECKED, "Unchecked")]
    return variables, codes


def _missing_rows(name: str, missing: Sequence[CodeRow], taken: set[str]) -> list[CodeRow]:
    return [
        CodeRow(name, row.code, row.meaning, row.absent_reason)
        for row in missing
        if row.code not in taken
    ]


def _value_type(kind: str, validation: str) -> str | None:
    """Type as in vocab.variable; None for free text."""
    fixed = {
        "calc": "number", "slider": "integer", "dropdown": "code", "radio": "code",
        "sql": "code", "yesno": "boolean", "truefalse": "boolean", "file": "text",
    }.get(kind)  # fmt: skip
    if fixed is not None or kind == "notes":
        return fixed
    if validation in ("integer", "int"):
        return "integer"
    if _NUMBER.fullmatch(validation):
        return "number"
    if validation.startswith("datetime"):
        return "datetime"
    if validation.startswith("date"):
        return "date"
    if _TIME.fullmatch(validation):
        return "time"
    return "text" if _by_validation(validation) else None


def _by_validation(validation: str) -> str:
    return next((kind for pattern, kind in _IDENTIFYING if pattern.fullmatch(validation)), "")


def _identity(field: Field) -> str:
    """Identity type of a field that identifies; '' for the others.

    A field that is not flagged may be about somebody else (the telephone of a next of kin), so
    that its validation type sends it to the vault, but not as the person's own.
    """
    validated = _by_validation(field.validation)
    is_date = field.validation.startswith("date")
    if not field.is_identifier:
        if is_date and _OWN_BIRTH.fullmatch(field.name):
            return "birth_date"
        return "other" if validated else ""
    if validated:
        return validated
    if is_date:
        words = f"{field.name}_{'_'.join(field.label.lower().split())}"
        return "birth_date" if _BIRTH.search(words) else "other"
    if field.plain_type in ("notes", "text"):
        label = "_".join(field.label.lower().split())
        named = next((k for p, k in _NAMED if p.search(field.name) or p.search(label)), None)
        return named or ("free_text" if field.plain_type == "notes" else "other")
    is_sex = field.plain_type in ("radio", "dropdown") and field.name in ("sex", "gender")
    return "sex" if is_sex else "other"
