"""The two deliveries of a hospital: a bulk export, and the delta three months later."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pyarrow as pa

from biobraid.ingest.sample.cells import where
from biobraid.ingest.sample.fhir import delta, events, papers, treatments
from biobraid.ingest.sample.fhir.observations import laboratory_lines
from biobraid.ingest.sample.fhir.paths import CHANGING, DELTA, RESOURCES, path
from biobraid.ingest.sample.fhir.patients import patient_lines
from biobraid.ingest.sample.fhir.places import place_lines
from biobraid.ingest.sample.fhir.ward import Hospital, Ward, ward
from biobraid.ingest.sample.identities import CANARY_KIN, CANARY_SURNAMES
from biobraid.ingest.sample.json_lines import JsonLinesFile, after_last, by_person
from biobraid.ingest.sample.people import People
from biobraid.ingest.sample.planted import CANARIES, CUT_LINE, OF_NOBODY, Planted

NOBODY = "n-000000000000"  # a Patient that is not there


class HospitalFiles:
    """All files of one hospital, open for writing; closed by the stack they were opened on."""

    def __init__(
        self, hospital: Hospital, folder: Path, stack: ExitStack, planted: Planted
    ) -> None:
        self.hospital, self.planted = hospital, planted
        self._first = {
            kind: stack.enter_context(JsonLinesFile(folder / path(kind))) for kind in RESOURCES
        }
        self._delta = {
            kind: stack.enter_context(JsonLinesFile(folder / path(kind, DELTA)))
            for kind in CHANGING
        }
        for kind, lines in place_lines(hospital, planted).items():
            self._first[kind].write(lines)
            planted.expect(hospital.name, kind, "delivered", len(lines))
        planted.count("canary-in-file-name", hospital.name, path("DocumentReference"), "")
        planted.canary("surname", CANARY_SURNAMES[0], hospital.name, path("DocumentReference"), "")

    def write(self, block: People) -> None:
        """Append a block of persons to every file."""
        here = ward(self.hospital, block)
        first, again = patient_lines(here, self.planted)
        self._first["Patient"].write(first)
        self._delta["Patient"].write(again)
        self._write_observations(here)
        conditions = events.condition_lines(here)
        in_error = delta.conditions_in_error(here, conditions, self.planted)
        self._write_conditions(here, conditions, in_error)
        devices, serials = treatments.device_lines(here)
        for serial in serials:
            self.planted.canary(
                "device_serial", serial, self.hospital.name, path("Device"), "serial"
            )
        others = {
            "Encounter": events.encounter_lines(here),
            "Procedure": events.procedure_lines(here),
            "MedicationRequest": treatments.medication_lines(here),
            "Immunization": treatments.vaccination_lines(here),
            "AllergyIntolerance": treatments.allergy_lines(here),
            "Device": devices,
            **laboratory_lines(here, self._conclusions(here)),
            **papers.paper_lines(here),
        }
        for kind, found in others.items():
            self._write(kind, found)
            self.planted.expect(self.hospital.name, kind, "delivered", len(found.lines))
            self.planted.expect(self.hospital.name, kind, "current", len(found.lines))
        self._count_remarks(others["QuestionnaireResponse"])

    def _count_remarks(self, found: events.Lines) -> None:
        """Every answered questionnaire ends in free text."""
        kind, study = "QuestionnaireResponse", self.hospital.name
        n_late = int(found.is_late.sum())
        for file, n in ((path(kind), len(found.lines) - n_late), (path(kind, DELTA), n_late)):
            self.planted.count("undeclared-free-text", study, file, "remark", n)

    def _write(self, kind: str, found: events.Lines) -> None:
        self._first[kind].write(found.where(~found.is_late).lines)
        if found.is_late.any():
            self._delta[kind].write(found.where(found.is_late).lines)

    def _write_observations(self, here: Ward) -> None:
        found, changed, deletions = delta.observations(here, self.planted)
        first, late = found.where(~found.is_late), found.where(found.is_late)
        before, numbers = first.lines, here.block.draws.numbers[first.row]
        if self.hospital.name == "northgate":
            before = self._spoilt(before, numbers)
        self._first["Observation"].write(before)
        self._delta["Observation"].write(
            by_person([(late.lines, late.row), (changed.lines, changed.row)])
        )
        self._delta["deleted"].write(deletions)

    def _spoilt(
        self, lines: pa.Array, numbers: np.ndarray[tuple[int], np.dtype[np.int64]]
    ) -> pa.Array:
        """A line that breaks off, and an observation of a patient who is not there."""
        file, study = path("Observation"), self.hospital.name
        for person, defect in ((OF_NOBODY, "reference-to-nobody"), (CUT_LINE, "malformed-line")):
            is_theirs = numbers == person
            at = np.flatnonzero(is_theirs)
            if not len(at):
                continue
            line = lines[int(at[-1])].as_py()
            if defect == "malformed-line":
                extra = line[: len(line) // 2]
            else:
                own = line.partition('"Patient/')[2].partition('"')[0]
                for element in ('"id":"', '"Patient/'):
                    line = line.replace(f"{element}{own}", f"{element}{NOBODY}")
                extra = line
            lines = after_last(lines, is_theirs, [extra])
            # The extra line is nobody's: later insertions must not count it.
            numbers = np.insert(numbers, int(at[-1]) + 1, -1)
            self.planted.count(defect, study, file, "")
            self.planted.expect(study, "Observation", "delivered")
        return lines

    def _write_conditions(self, here: Ward, found: events.Lines, in_error: events.Lines) -> None:
        first, late = found.where(~found.is_late), found.where(found.is_late)
        before, numbers = first.lines, here.block.draws.numbers[first.row]
        at = np.flatnonzero(numbers == OF_NOBODY)
        if self.hospital.name == "northgate" and len(at):
            line = before[int(at[0])].as_py()
            own = line.partition('"id":"')[2].partition('"')[0]
            odd = line.replace(own, own + "0").replace("http://snomed.info/sct", "urn:oid:1.2.3.4")
            before = after_last(before, numbers == OF_NOBODY, [odd.replace("icd-10", "nowhere")])
            self.planted.count("unknown-code-system", "northgate", path("Condition"), "code")
            self.planted.expect("northgate", "Condition", "delivered")
            self.planted.expect("northgate", "Condition", "current")
        self._first["Condition"].write(before)
        self._delta["Condition"].write(
            by_person([(late.lines, late.row), (in_error.lines, in_error.row)])
        )

    def _conclusions(self, here: Ward) -> pa.Array:
        """Free text of the canary persons' reports, with names in it; null for the others."""
        is_canary = np.isin(here.block.draws.numbers, CANARIES)
        n = int(is_canary[here.rows].sum())
        if n:
            for name in (CANARY_KIN, CANARY_SURNAMES[0]):
                self.planted.canary(
                    "surname", name, self.hospital.name,
                    path("DiagnosticReport"), "conclusion",
                )  # fmt: skip
            self.planted.count(
                "canary-in-text", self.hospital.name, path("DiagnosticReport"),
                "conclusion", n,
            )  # fmt: skip
        return where(is_canary, f"Discussed with {CANARY_KIN} and {CANARY_SURNAMES[0]}", None)
