"""Files of the study ukdemo, in the forms in which UK Biobank delivers them."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pyarrow as pa

from biobraid.ingest.sample import hospital, main_table, primary_care
from biobraid.ingest.sample.cells import DelimitedFile, date, number, pick, same
from biobraid.ingest.sample.draws import Flags, Ints
from biobraid.ingest.sample.identities import nhs_text
from biobraid.ingest.sample.illness import DISEASES
from biobraid.ingest.sample.main_table import cause_of_death
from biobraid.ingest.sample.people import People
from biobraid.ingest.sample.planted import CANARIES, Planted

STUDY = "ukdemo"
REGISTER = "enrolment/register.csv"
WITHDRAWALS = "withdrawals/w12345_20240115.csv"
DEATH = "eid ins_index dsource source date_of_death"
DEATH_CAUSE = "eid ins_index arr_index level cause_icd10"
SHARE_WITHOUT_NHS = 0.03
_REGISTER_COLUMNS = (
    "eid", "nhs_number", "first_name", "surname", "date_of_birth", "sex", "postcode", "email",
    "phone",
)  # fmt: skip
_RECORDS = {
    "hes/hesin.txt": hospital.HESIN,
    "hes/hesin_diag.txt": hospital.HESIN_DIAG,
    "hes/hesin_oper.txt": hospital.HESIN_OPER,
    "death/death.txt": DEATH,
    "death/death_cause.txt": DEATH_CAUSE,
    "gp/gp_clinical.txt": primary_care.GP_CLINICAL,
    "gp/gp_scripts.txt": primary_care.GP_SCRIPTS,
    "gp/gp_registrations.txt": primary_care.GP_REGISTRATIONS,
}


class UkdemoFiles:
    """All files of the study, open for writing; closed by the stack they were opened on."""

    def __init__(self, folder: Path, stack: ExitStack, planted: Planted) -> None:
        self.planted = planted
        self._main = stack.enter_context(
            DelimitedFile(folder / main_table.FILE, main_table.columns())
        )
        self._register = stack.enter_context(DelimitedFile(folder / REGISTER, _REGISTER_COLUMNS))
        self._withdrawals = stack.enter_context(
            DelimitedFile(folder / WITHDRAWALS, ["eid"], header=False)
        )
        self._records = {
            name: stack.enter_context(DelimitedFile(folder / name, columns.split(), "\t"))
            for name, columns in _RECORDS.items()
        }

    def write(self, block: People) -> None:
        """Append a block of persons to every file."""
        eid = number(block.identity.eid)
        adm = hospital.admissions(block)
        main_table.write_main(self._main, block, adm, self.planted)
        records = {
            "hes/hesin.txt": hospital.hesin_rows(adm, eid),
            "hes/hesin_diag.txt": hospital.diagnosis_rows(adm, eid),
            "hes/hesin_oper.txt": hospital.operation_rows(adm, eid),
            "gp/gp_scripts.txt": primary_care.script_rows(block, eid, self.planted),
            "gp/gp_registrations.txt": primary_care.registration_rows(block, eid),
            **_death_rows(block, eid),
        }
        for name, cells in records.items():
            self._records[name].write(cells)
        clinical, who = primary_care.clinical_rows(block, eid, self.planted)
        self._records["gp/gp_clinical.txt"].write(
            clinical, lambda lines: primary_care.spoil_clinical(lines, who, self.planted)
        )
        self._write_register(block, eid)
        gone = np.flatnonzero(block.part.withdrawn)
        self._withdrawals.write({"eid": eid.take(pa.array(gone))})

    def _write_register(self, block: People, eid: pa.Array) -> None:
        rows = np.flatnonzero(block.part.in_ukdemo)
        take = pa.array(rows)
        who = block.identity
        cells = {
            "eid": eid.take(take),
            "nhs_number": nhs_text(who.nhs[rows], spaced=True, absent=~has_nhs(block)[rows]),
            "first_name": who.first_name.take(take),
            "surname": who.surname.take(take),
            "date_of_birth": date(who.birth[rows], hospital.DMY),
            "sex": pick(["F", "M"], block.traits.male[rows].astype(np.int64)),
            "postcode": who.postcode.take(take),
            "email": who.email.take(take),
            "phone": who.phone.take(take),
        }
        self._register.write(cells)
        plant_canaries(
            self.planted, STUDY, REGISTER, block.draws.numbers[rows], cells, _CANARY_TYPES
        )


_CANARY_TYPES = {
    "eid": "native_id", "nhs_number": "nhs_number", "first_name": "first_name",
    "surname": "surname", "date_of_birth": "birth_date", "postcode": "postcode",
    "email": "email", "phone": "phone",
}  # fmt: skip


def plant_canaries(
    planted: Planted,
    study: str,
    file: str,
    numbers: Ints,
    cells: dict[str, pa.Array],
    kinds: dict[str, str],
) -> None:
    """Note every identifier of the canary persons as it stands in a file just written."""
    for row in np.flatnonzero(np.isin(numbers, CANARIES)):
        for column, kind in kinds.items():
            value = cells[column][int(row)].as_py()
            if value:
                planted.canary(kind, value, study, file, column)


def has_nhs(block: People) -> Flags:
    """Whose NHS number stands in ukdemo's register; the planted persons' always does."""
    gone = block.draws.chance("register-nhs", SHARE_WITHOUT_NHS)
    return ~gone | (block.draws.numbers < 30)


def _death_rows(block: People, eid: pa.Array) -> dict[str, dict[str, pa.Array]]:
    rows = np.flatnonzero(block.part.in_ukdemo & ~np.isnat(block.part.death))
    n, ids = len(rows), eid.take(pa.array(rows))
    common = {"eid": ids, "ins_index": same("0", n)}
    cause = cause_of_death(block)[rows]
    return {
        "death/death.txt": {
            **common,
            "dsource": same("E/W", n),
            "source": same("21", n),
            "date_of_death": date(block.part.death[rows], hospital.DMY),
        },
        "death/death_cause.txt": {
            **common,
            "arr_index": same("0", n),
            "level": same("1", n),
            "cause_icd10": pick([d.icd10 for d in DISEASES], cause),
        },
    }
