"""One DICOM file as clean values: scanned, or by pydicom where the scanner passes."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

from biobraid.ingest.connectors.dicom_scan import Header, NeedMore, Unusual, scan_header
from biobraid.ingest.connectors.dicom_tags import VAULT
from biobraid.ingest.connectors.dicom_terms import NOT_DEFINED, SEXES, defined_term
from biobraid.ingest.connectors.imaging_group import Member

FIRST_BYTES = 16 << 10
_UID = re.compile(r"[0-9][0-9.]{0,63}")
_DATE = re.compile(r"(\d{4})[.-]?(\d{2})[.-]?(\d{2})")
_TIME = re.compile(r"(\d{2}):?(\d{2})?:?(\d{2})?(\.\d{1,6})?")
_OFFSET = re.compile(r"[+-]\d{4}")
_AGE = re.compile(r"(\d{1,3})([DWMY])")
_PER_YEAR = {"D": 365.25, "W": 365.25 / 7, "M": 12.0, "Y": 1.0}
_NUMBERS = (
    "slice_thickness_mm", "tube_voltage_kv", "repetition_time_ms", "echo_time_ms",
    "field_strength_t",
)  # fmt: skip
_INTEGERS = ("n_frames", "n_rows", "n_columns")
_DATES = ("series_date", "acquisition_date", "content_date", "study_date")
_IMAGE_WORDS = frozenset(
    ("ORIGINAL", "DERIVED", "PRIMARY", "SECONDARY", "AXIAL", "LOCALIZER", "REFORMATTED", "M", "P",
     "NORM", "MPR", "MIP", "MOSAIC", "OTHER", "DIFFUSION", "PERFUSION", "FIELD_MAP", "LEFT",
     "RIGHT")
)  # fmt: skip
REASONS = {
    "not-dicom": "a DICOM file (PS3.10)",
    "damaged-header": "a header that can be read to its end",
    "truncated-file": "pixel data of the stated length",
    "missing-uid": "study, series and SOP instance UID",
    "missing-person-id": "an id of the person",
    "conflicting-person": "one person per study and series",
    "duplicate-key": "each SOP instance once",
    "empty-file": "a file of more than 0 bytes",
}


class Rejected(Exception):
    """The file cannot land; the reason is one of REASONS."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass
class Instance:
    """One image, SR or waveform object. Values that were not given are missing from `facts`."""

    member: Member
    study_uid: str
    series_uid: str
    sop_uid: str
    patient_id: str
    sop_class: str
    modality: str | None
    time: str | None  # ISO, of the series
    study_time: str | None
    facts: dict[str, object] = field(default_factory=dict)
    identities: list[tuple[str, str]] = field(default_factory=list)  # type, value
    person: dict[str, str] = field(default_factory=dict)  # sex, birth_date, age as delivered
    dropped: Counter[str] = field(default_factory=Counter)
    bad_cells: list[tuple[str, str]] = field(default_factory=list)  # attribute, expected
    n_to_vault: int = 0


def read_instance(member: Member) -> Instance:
    """What the file says. Raises Rejected."""
    if member.size == 0:
        raise Rejected("empty-file")
    header = _header(member)
    if header.pixels_end > member.size:
        raise Rejected("truncated-file")
    return _Reading(member, header).instance()


def _header(member: Member) -> Header:
    n_bytes = FIRST_BYTES
    while True:
        data = member.read(n_bytes)
        try:
            return scan_header(data, member.size)
        except NeedMore:
            if len(data) >= member.size:
                break
            n_bytes *= 8
        except Unusual:
            break
    from biobraid.ingest.connectors import dicom_pydicom

    try:
        with member.open() as file:
            return dicom_pydicom.read_header(file)
    except dicom_pydicom.NotDicom:
        raise Rejected("not-dicom") from None
    except dicom_pydicom.Damaged:
        raise Rejected("damaged-header") from None


class _Reading:
    def __init__(self, member: Member, header: Header) -> None:
        self._member, self._raw = member, header.values
        self._dropped = header.dropped
        self._bad: list[tuple[str, str]] = []

    def instance(self) -> Instance:
        uids = [self._text(n) for n in ("study_uid", "series_uid", "sop_uid")]
        if any(uid is None or not _UID.fullmatch(uid) for uid in uids):
            raise Rejected("missing-uid")
        identities = [
            (kind, text) for tag, kind in VAULT.items() if (text := self._decoded(f"{tag:08x}"))
        ]
        patient_id = next((t for kind, t in identities if kind == "patient_id"), "")
        person = {n: t for n in ("sex", "birth_date", "age") if (t := self._text(n))}
        offset = self._offset()
        series = self._first_date()
        made = Instance(
            self._member, uids[0] or "", uids[1] or "", uids[2] or "", patient_id,
            sop_class=self._sop_class(),
            modality=self._code("modality"),
            time=series and series + offset if series and "T" in series else series,
            study_time=self._when("study_date", "study_time"),
        )  # fmt: skip
        made.facts = self._facts()
        made.identities = [(k, t) for k, t in identities if k != "patient_id"]
        made.person = self._person(person)
        made.n_to_vault = len(identities) + sum(n in made.person for n in ("birth_date", "sex"))
        made.dropped, made.bad_cells = self._dropped, self._bad
        made.dropped["record-key"] += 3
        return made

    def _text(self, name: str) -> str | None:
        value = self._raw.get(name)
        return value.decode("latin-1").strip(" \0") or None if value is not None else None

    def _decoded(self, name: str) -> str:
        """Text in which any script may stand."""
        value = self._raw.get(name)
        if value is None:
            return ""
        if value.isascii() and b"\x1b" not in value:
            return value.decode("ascii").strip(" \0")
        sets = self._raw.get("character_set", b"").strip()
        if sets == b"ISO_IR 100":
            return value.decode("latin-1").strip(" \0")
        if sets == b"ISO_IR 192":
            return value.decode("utf-8", "replace").strip(" \0")
        from biobraid.ingest.connectors.dicom_pydicom import decoded

        return decoded(value, sets).strip(" \0")

    def _code(self, name: str, attribute: str = "") -> str | None:
        """A defined term; anything else may be prose or a name and is withheld."""
        text = self._text(name)
        if text is None:
            return None
        term = defined_term(attribute or name, text.partition("\\")[0])
        if term is None:
            self._dropped[NOT_DEFINED] += 1
        return term

    def _sop_class(self) -> str:
        text = self._text("sop_class") or ""
        if not text or _UID.fullmatch(text):
            return text
        self._dropped[NOT_DEFINED] += 1
        return ""

    def _number(self, name: str, is_whole: bool = False) -> float | int | None:
        text = self._text(name)
        if text is None:
            return None
        try:
            number = float(text.partition("\\")[0])
            if not abs(number) < 1e9:
                raise ValueError
        except ValueError:
            self._bad.append((name, "a number"))
            return None
        return int(number) if is_whole else number

    def _facts(self) -> dict[str, object]:
        words = (self._text("image_type") or "").upper().split("\\")
        burned = {"YES": True, "NO": False}.get(self._text("burned_in") or "")
        side = self._code("laterality") or self._code("laterality_of_image", "laterality")
        spacing = self._raw.get("pixel_spacing")
        facts: dict[str, object] = {
            "body_part": self._code("body_part"),
            "laterality": side,
            "view_position": self._code("view_position"),
            "sequence_name": "\\".join(w for w in words if w in _IMAGE_WORDS) or None,
            "manufacturer": self._decoded("manufacturer")[:64] or None,
            "device_model": self._decoded("device_model")[:64] or None,
            "pixel_spacing_mm": self._number("pixel_spacing") if spacing else None,
            "has_burned_in_annotation": burned,
            **{name: self._number(name) for name in _NUMBERS},
            **{name: self._number(name, is_whole=True) for name in _INTEGERS},
        }
        return {name: value for name, value in facts.items() if value is not None}

    def _person(self, given: dict[str, str]) -> dict[str, str]:
        found = {}
        if (sex := given.get("sex", "").upper()) in SEXES:
            found["sex"] = sex
        elif sex:
            self._dropped[NOT_DEFINED] += 1
        if "birth_date" in given:
            if match := _DATE.fullmatch(given["birth_date"]):
                found["birth_date"] = "-".join(match.groups())
            else:
                self._bad.append(("birth_date", "YYYYMMDD"))
        if "age" in given:
            if match := _AGE.fullmatch(given["age"]):
                found["age"] = f"{int(match[1]) / _PER_YEAR[match[2]]:.4g}"
            else:
                self._bad.append(("age", "nnnD, nnnW, nnnM or nnnY"))
        return found

    def _first_date(self) -> str | None:
        for name in _DATES:
            if found := self._when(name, name.replace("date", "time")):
                return found
        text = self._text("acquisition_datetime")
        return self._joined(text[:8], text[8:].partition("+")[0]) if text else None

    def _when(self, date: str, time: str) -> str | None:
        text = self._text(date)
        if text is None:
            return None
        found = self._joined(text, self._text(time) or "")
        if found is None and (date, "YYYYMMDD") not in self._bad:
            self._bad.append((date, "YYYYMMDD"))
        return found

    def _joined(self, date: str, time: str) -> str | None:
        day = _DATE.fullmatch(date)
        if day is None:
            return None
        clock = _TIME.fullmatch(time.strip())
        if clock is None or clock[2] is None:
            return "-".join(day.groups())
        seconds = f"{clock[3] or '00'}{clock[4] or ''}"
        return f"{'-'.join(day.groups())}T{clock[1]}:{clock[2]}:{seconds}"

    def _offset(self) -> str:
        text = self._text("offset") or ""
        return text if _OFFSET.fullmatch(text) else ""
