"""Writes the images of the sample into the deliveries of the two cohorts, and the truth of them."""

from __future__ import annotations

import csv
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from biobraid.ingest.sample.imaging import beside, dicom_zips
from biobraid.ingest.sample.imaging.dicom_zips import BONE, MR, XRAY, Patient, series_uid
from biobraid.ingest.sample.imaging.scans import Scans, rows_of, scans
from biobraid.ingest.sample.people import People
from biobraid.ingest.sample.planted import CANARIES, Planted

BULK = "imaging/bulk"
BIDS = "imaging/rest_bids"
PHENOTYPES = "imaging/phenotypes.csv"
ECGS = "ecg"
ALGORITHM = "example-pipeline 4.2"
_PHENOTYPES = ("eid", "SeriesInstanceUID", "scan_date", "grey_matter_ml", "radius_t_score",
               "pipeline")  # fmt: skip
_TRUTH = ("person", "study", "source", "modality", "day", "n_instances", "grey_matter_ml",
          "radius_t_score")  # fmt: skip


class ImagingFiles:
    """Folders of images and the open tables beside them."""

    def __init__(
        self, ukdemo: Path, riverside: Path, truth: Path, stack: ExitStack, planted: Planted
    ) -> None:
        self.planted = planted
        self._ukdemo, self._riverside = ukdemo, riverside
        beside.write_dataset(ukdemo / BIDS)
        (ukdemo / BULK).mkdir(parents=True, exist_ok=True)
        (riverside / ECGS).mkdir(parents=True, exist_ok=True)
        self._phenotypes = self._table(ukdemo / PHENOTYPES, _PHENOTYPES, stack)
        truth.mkdir(parents=True, exist_ok=True)
        self._truth = self._table(truth / "images.csv", _TRUTH, stack)

    @staticmethod
    def _table(path: Path, header: tuple[str, ...], stack: ExitStack) -> Any:
        out = stack.enter_context(path.open("w", newline="", encoding="utf-8"))
        table = csv.writer(out, lineterminator="\n")
        table.writerow(header)
        return table

    def write(self, block: People) -> None:
        """Append a block of persons."""
        found = scans(block)
        # Person by person, so that the size of the blocks does not show.
        for row in rows_of(~np.isnat(found.day) | ~np.isnat(found.ecg_day)).tolist():
            if not np.isnat(found.day[row]):
                self._write_scan(block, found, row)
            if not np.isnat(found.ecg_day[row]):
                self._write_ecg(block, found, row)

    def _write_scan(self, block: People, found: Scans, row: int) -> None:
        patient = _patient(block, found, row)
        grey = f"{found.grey_matter_ml[row]:.1f}"
        bone = f"{found.bone_t_score[row]:.2f}"
        for series, values in ((MR, (grey, "")), (BONE, ("", bone))):
            uid = series_uid(patient, series)
            line = (patient.eid, uid, patient.day, *values, ALGORITHM)
            self._phenotypes.writerow(line)
        self.planted.expect("ukdemo", "imaging_phenotypes", "delivered", 2)
        truth = (patient.number, "ukdemo", "imaging_phenotypes", "", patient.day, "", grey, bone)
        self._truth.writerow(truth)
        if found.has_files[row]:
            for series in (MR, BONE, XRAY) if patient.number % 3 == 0 else (MR, BONE):
                dicom_zips.write_zip(self._ukdemo / BULK, patient, series)
                n = dicom_zips.n_instances(patient, series)
                self.planted.count(
                    "undeclared-free-text", "ukdemo", BULK, "", n * dicom_zips.N_FREE_TEXTS
                )
                self._truth.writerow(
                    (patient.number, "ukdemo", "images", series.modality, patient.day, n, "", "")
                )
            self._plant(patient)
        if found.in_bids[row]:
            age = int((patient.day - patient.birth).astype(int) / 365.25)
            beside.write_subject(self._ukdemo / BIDS, patient.eid, age, patient.male, patient.day)
            self._truth.writerow(
                (patient.number, "ukdemo", "rest_bids", "MR", patient.day, 1, "", "")
            )

    def _plant(self, patient: Patient) -> None:
        """Every identifier of a canary person in a header or a file's name."""
        if patient.number not in CANARIES:
            return
        file = f"{BULK}/{patient.eid}_{MR.field}_2_0.zip"
        for kind, value, column in (
            ("full_name", f"{patient.surname}^{patient.first_name}", "PatientName"),
            ("birth_date", str(patient.birth).replace("-", ""), "PatientBirthDate"),
            ("device_serial", f"SN-{patient.eid}", "DeviceSerialNumber"),
            ("address", f"1 Long Lane, {patient.postcode}", "PatientAddress"),
            ("other", series_uid(patient, MR), "SeriesInstanceUID"),
            ("asset_location", f"{patient.eid}_{MR.field}_2_0.zip", ""),
        ):
            self.planted.canary(kind, value, "ukdemo", file, column)
        self.planted.count("canary-in-text", "ukdemo", BULK, "PatientComments")
        self.planted.count("canary-in-file-name", "ukdemo", BULK, "")

    def _write_ecg(self, block: People, found: Scans, row: int) -> None:
        who, day = block.identity, found.ecg_day[row]
        number = int(block.draws.numbers[row])
        person = str(who.riverside_id[row].as_py())
        age = int((day - who.birth[row]).astype(int) / 365.25)
        name = f"{who.first_name[row].as_py()} {who.surname[row].as_py()}"
        year, month, date = str(day).split("-")
        beside.write_ecg(
            self._riverside / ECGS, person, age, bool(block.traits.male[row]), name,
            f"{date}/{month}/{year}",
        )  # fmt: skip
        self._truth.writerow((number, "riverside", "ecg", "ECG", day, 1, "", ""))
        self.planted.count("undeclared-free-text", "riverside", ECGS, "")
        if number in CANARIES:
            header = f"{ECGS}/{person}/rest.hea"
            self.planted.canary("full_name", name, "riverside", header, "Reason")
            self.planted.count("canary-in-text", "riverside", ECGS, "Reason")


def _patient(block: People, found: Scans, row: int) -> Patient:
    who = block.identity
    return Patient(
        number=int(block.draws.numbers[row]),
        seed=block.draws.seed,
        eid=str(int(who.eid[row])),
        first_name=who.first_name[row].as_py(),
        surname=who.surname[row].as_py(),
        birth=who.birth[row],
        male=bool(block.traits.male[row]),
        postcode=who.postcode[row].as_py(),
        phone=who.phone[row].as_py(),
        day=found.day[row],
    )
