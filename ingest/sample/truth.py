"""The truth folder: who the sample's persons really are, and what was planted where."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from biobraid.ingest.sample.attendance import extract_ids, patient_ids, survey_ids
from biobraid.ingest.sample.cells import where
from biobraid.ingest.sample.draws import Flags
from biobraid.ingest.sample.identities import nhs_text
from biobraid.ingest.sample.illness import DISEASES
from biobraid.ingest.sample.links import ABSENT, PLACES, links
from biobraid.ingest.sample.omics.microbiome import kit_ids, sampled
from biobraid.ingest.sample.omics.proteomics import measured, sample_ids
from biobraid.ingest.sample.people import People
from biobraid.ingest.sample.planted import DEFECTS, EFFECTS, Planted
from biobraid.ingest.sample.riverside_identities import given_identities
from biobraid.ingest.sample.traits import ETHNICITIES
from biobraid.ingest.sample.ukdemo import has_nhs


def persons_table(block: People) -> pa.Table:
    """One row per true person: identifiers, memberships, true values, onset of each disease."""
    who, part, true = block.identity, block.part, block.traits
    linked, at, whole = expected_link(block), block.attends.at, links(block)
    columns: dict[str, Any] = {
        "person": block.draws.numbers,
        "eid": pa.array(who.eid, mask=~part.in_ukdemo),
        "riverside_id": where(part.in_riverside, who.riverside_id, None),
        "northgate_id": where(at["northgate"], patient_ids(block.draws, "northgate"), None),
        "southgate_id": where(at["southgate"], patient_ids(block.draws, "southgate"), None),
        "mindwell_id": where(at["mindwell"], survey_ids(block.draws), None),
        "valley_id": pa.array(extract_ids(block.draws), mask=~at["valley"]),
        "nhs_number": nhs_text(who.nhs),
        "first_name": who.first_name,
        "surname": who.surname,
        "birth_date": who.birth,
        "male": true.male,
        "postcode": who.postcode,
        "email": who.email,
        "phone": who.phone,
        "in_ukdemo": part.in_ukdemo,
        "in_riverside": part.in_riverside,
        "expected_link": pa.array(linked.tolist(), pa.string()),
        "withdrawn": part.withdrawn,
        "gp_linked": part.gp_linked,
        "death_date": part.death,
        "visit0": part.visits[0],
        "visit1": part.visits[1],
        "visit2": part.visits[2],
        "riverside_visit": part.riverside_visit,
        "ethnicity": pa.array([ETHNICITIES[i][0] for i in true.ethnicity], pa.string()),
        "age": true.age,
        "townsend": true.townsend,
        "education": true.education,
        "income": true.income,
        "smoking": true.smoking,
        "alcohol": true.alcohol,
        "refuses_alcohol": true.refuses_alcohol,
        "vegetables": true.vegetables,
        "height_cm": true.height_cm,
        "bmi": true.bmi,
        "cholesterol_mmol_l": true.cholesterol,
        "glucose_mmol_l": true.glucose,
        "hba1c_mmol_mol": true.hba1c,
        "systolic": true.systolic,
        "diastolic": true.diastolic,
        "crp_mg_l": true.crp,
        "proteomics_sample": where(measured(block), sample_ids(block.draws), None),
        "microbiome_sample": where(sampled(block), kit_ids(block.draws), None),
    }
    for i, place in enumerate(PLACES):
        label = whole.label[:, i]
        columns[f"cluster_{place}"] = pa.array(label, mask=label == ABSENT)
        columns[f"quarantined_{place}"] = whole.is_quarantined[:, i]
    for i, disease in enumerate(DISEASES):
        columns[f"onset_{disease.name}"] = block.illness.onset[:, i]
    return pa.table(columns)


def expected_link(block: People) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    """How the two cohorts' records of a person should be joined.

    'map' by the authoritative map; 'nhs' by a right NHS number with a corroborating birth date,
    or birth year and a name; 'missed' where neither is possible; None for one cohort only.
    """
    rows = np.flatnonzero(block.part.in_ukdemo & block.part.in_riverside)
    given = given_identities(block, rows)
    corroborated: Flags = given.birth_is_right | (given.birth_year_is_right & given.a_name_is_right)
    by_nhs = given.nhs_is_right & corroborated & has_nhs(block)[rows]
    out = np.full(len(block.draws.numbers), None, dtype=object)
    out[rows] = np.where(block.part.on_map[rows], "map", np.where(by_nhs, "nhs", "missed"))
    return out


class TruthWriter:
    """Writes persons.parquet block by block, then the small files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._writer: pq.ParquetWriter | None = None

    def write(self, block: People) -> None:
        """Append a block of true persons."""
        table = persons_table(block)
        if self._writer is None:
            self._writer = pq.ParquetWriter(self.folder / "persons.parquet", table.schema)
        self._writer.write_table(table, row_group_size=table.num_rows)

    def close(self) -> None:
        """Finish persons.parquet; safe to call more than once."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def finish(self, planted: Planted) -> None:
        """Write what was planted: defects.csv, canaries.csv, expected.csv, effects.json."""
        self.close()
        with (self.folder / "defects.csv").open("w", newline="", encoding="utf-8") as out:
            rows = csv.writer(out, lineterminator="\n")
            rows.writerow(["defect", "study", "file", "column", "unit", "n", "expected"])
            for (defect, study, file, column), n in sorted(planted.counts.items()):
                unit, expected = DEFECTS[defect]
                rows.writerow([defect, study, file, column, unit, n, expected])
        with (self.folder / "canaries.csv").open("w", newline="", encoding="utf-8") as out:
            rows = csv.writer(out, lineterminator="\n")
            rows.writerow(["type", "value", "plain", "study", "file", "column"])
            rows.writerows(sorted(set(planted.canaries)))
        with (self.folder / "expected.csv").open("w", newline="", encoding="utf-8") as out:
            rows = csv.writer(out, lineterminator="\n")
            rows.writerow(["study", "what", "state", "n"])
            rows.writerows([*key, n] for key, n in sorted(planted.expected.items()))
        effects = json.dumps(EFFECTS, indent=2, sort_keys=True) + "\n"
        (self.folder / "effects.json").write_text(effects, encoding="utf-8")
