"""The study valley: an extract in OMOP CDM 5.4, with ids that are 64-bit hashes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.ingest.sample.attendance import EXTRACT, extract_ids, hashed, record_numbers
from biobraid.ingest.sample.cells import DelimitedFile, date, number, pick, same, where
from biobraid.ingest.sample.draws import Ints
from biobraid.ingest.sample.fhir.ward import Hospital, Ward, end_of_records, ward
from biobraid.ingest.sample.identities import CANARY_KIN, CANARY_SURNAMES
from biobraid.ingest.sample.json_lines import after_last
from biobraid.ingest.sample.people import LAST_DAY, People
from biobraid.ingest.sample.planted import CANARIES, DANGLING, NO_PERSON, Planted
from biobraid.ingest.sample.valley_events import EVENT_COLUMNS, ISO, event_rows
from biobraid.ingest.sample.valley_places import PLACES

STUDY = EXTRACT
VALLEY = Hospital(STUDY, "", lives=3_000_017)
LINK = "link_to_cohorts.csv"
COLUMNS = {
    "person": "person_id gender_concept_id year_of_birth month_of_birth day_of_birth "
    "birth_datetime race_concept_id ethnicity_concept_id location_id provider_id care_site_id "
    "person_source_value gender_source_value gender_source_concept_id race_source_value "
    "race_source_concept_id ethnicity_source_value ethnicity_source_concept_id",
    "observation_period": "observation_period_id person_id observation_period_start_date "
    "observation_period_end_date period_type_concept_id",
    "death": "person_id death_date death_datetime death_type_concept_id cause_concept_id "
    "cause_source_value cause_source_concept_id",
    "note": "note_id person_id note_date note_datetime note_type_concept_id "
    "note_class_concept_id note_title note_text encoding_concept_id language_concept_id "
    "provider_id visit_occurrence_id visit_detail_id note_source_value note_event_id "
    "note_event_field_concept_id",
    **EVENT_COLUMNS,
}
# OMOP's race of each of ETHNICITIES; 0 where it has none.
_RACE = ("8527", "8527", "8527", "0", "38003574", "38003589", "38003603", "38003600", "38003579",
         "8522", "0", "0")  # fmt: skip
_GENDER = ("8532", "8507")
START = np.datetime64("2012-01-01", "D")


class ValleyFiles:
    """All tables of the extract, open for writing; closed by the stack they were opened on."""

    def __init__(self, folder: Path, stack: ExitStack, planted: Planted) -> None:
        self.planted = planted
        self._tables = {
            name: stack.enter_context(DelimitedFile(folder / f"{name}.csv", columns.split()))
            for name, columns in COLUMNS.items()
        }
        self._link = stack.enter_context(
            DelimitedFile(folder / LINK, ["person_id", "ukdemo_eid", "riverside_id"])
        )
        for name, rows in PLACES.items():
            cells = {column: pa.array(values, pa.string()) for column, values in rows.items()}
            with DelimitedFile(folder / f"{name}.csv", list(rows)) as out:
                out.write(cells)
        planted.canary("surname", PLACES["provider"]["provider_name"][-1], STUDY, "provider.csv",
                       "provider_name")  # fmt: skip

    def write(self, block: People) -> None:
        """Append a block of persons to every table."""
        here = ward(VALLEY, block)
        ids = extract_ids(block.draws)
        persons = pc.cast(pa.array(ids), pa.string())
        tables = {
            "person": self._persons(here, persons),
            "observation_period": _periods(here, ids, persons),
            "death": _deaths(here, persons),
            "note": self._notes(here, ids, persons),
            **event_rows(here, ids, persons),
        }
        for name, cells in tables.items():
            self._tables[name].write(cells, self._spoiler(name, cells, here, persons))
            self.planted.expect(STUDY, name, "delivered", len(next(iter(cells.values()))))
        self._write_link(block, persons)

    def _spoiler(
        self, name: str, cells: dict[str, pa.Array], here: Ward, persons: pa.Array
    ) -> Callable[[list[str]], list[str]] | None:
        """What spoils the lines of a table: foreign keys that lead nowhere."""
        wanted = {"measurement": DANGLING, "condition_occurrence": NO_PERSON}.get(name, -1)
        row = np.flatnonzero(here.block.draws.numbers == wanted)
        if not len(row):
            return None
        person = persons[int(row[0])].as_py()
        is_theirs = np.asarray(pc.equal(cells["person_id"], person))

        def spoil(lines: list[str]) -> list[str]:
            at = np.flatnonzero(is_theirs)
            if not len(at):
                return lines
            columns = COLUMNS[name].split()
            line = lines[int(at[-1])].split(",")
            line[0] = str(int(line[0]) ^ 1)
            if name == "measurement":
                line[columns.index("visit_occurrence_id")] = "-4242424242424242424"
                self.planted.count("dangling-visit", STUDY, f"{name}.csv", "visit_occurrence_id")
            else:
                line[columns.index("person_id")] = "-1313131313131313131"
                line[columns.index("visit_occurrence_id")] = ""
                self.planted.count("dangling-person", STUDY, f"{name}.csv", "person_id")
            self.planted.expect(STUDY, name, "delivered")
            spoilt: list[str] = after_last(pa.array(lines), is_theirs, [",".join(line)]).to_pylist()
            return spoilt

        return spoil

    def _persons(self, here: Ward, persons: pa.Array) -> dict[str, pa.Array]:
        block, rows, at = here.block, here.rows, pa.array(here.rows)
        birth, male = block.identity.birth[rows], block.traits.male[rows].astype(np.int64)
        numbers = record_numbers(block.draws, STUDY).take(at)
        for row in np.flatnonzero(np.isin(block.draws.numbers[rows], CANARIES)):
            native, born = persons[int(rows[row])].as_py(), str(birth[row])
            for kind, value, column in (
                ("native_id", native, "person_id"),
                ("mrn", numbers[int(row)].as_py(), "person_source_value"),
                ("birth_date", born, "birth_datetime"),
            ):
                self.planted.canary(kind, value, STUDY, "person.csv", column)
        month = birth.astype("datetime64[M]")
        return {
            "person_id": persons.take(at),
            "gender_concept_id": pick(_GENDER, male),
            "year_of_birth": date(birth, "%Y"),
            "month_of_birth": number(month.astype(np.int64) % 12 + 1),
            "day_of_birth": number((birth - month.astype("datetime64[D]")).astype(np.int64) + 1),
            "birth_datetime": date(birth, "%Y-%m-%d 00:00:00"),
            "race_concept_id": pick(_RACE, block.traits.ethnicity[rows]),
            "ethnicity_concept_id": same("38003564", len(rows)),
            "location_id": pick(
                PLACES["location"]["location_id"], here.draws(rows).below("town", 3)
            ),
            "provider_id": pick(
                PLACES["provider"]["provider_id"], here.draws(rows).below("doctor", 3)
            ),
            "care_site_id": pick(
                PLACES["care_site"]["care_site_id"], here.draws(rows).below("site", 2)
            ),
            "person_source_value": numbers,
            "gender_source_value": pick(["F", "M"], male),
            "gender_source_concept_id": same("0", len(rows)),
            "race_source_concept_id": same("0", len(rows)),
            "ethnicity_source_concept_id": same("0", len(rows)),
        }

    def _notes(self, here: Ward, ids: Ints, persons: pa.Array) -> dict[str, pa.Array]:
        """Letters; those about the canary persons name them."""
        is_canary = np.isin(here.block.draws.numbers[here.rows], CANARIES)
        chosen = is_canary | here.draws(here.rows).chance("note", 0.1)
        rows, n = here.rows[chosen], int(chosen.sum())
        day = np.datetime64("2016-02-01", "D") + here.draws(rows).below("note-day", 1500)
        text = f"{CANARY_SURNAMES[1]} came with {CANARY_KIN}"
        if is_canary.any():
            for name in (CANARY_SURNAMES[1], CANARY_KIN):
                self.planted.canary("surname", name, STUDY, "note.csv", "note_text")
            self.planted.count("canary-in-text", STUDY, "note.csv", "note_text",
                               int(is_canary.sum()))  # fmt: skip
        self.planted.count("undeclared-free-text", STUDY, "note.csv", "note_text", n)
        return {
            "note_id": pc.cast(pa.array(hashed(ids[rows] ^ 16)), pa.string()),
            "person_id": persons.take(pa.array(rows)),
            "note_date": date(day, ISO),
            "note_type_concept_id": same("32831", n),
            "note_class_concept_id": same("0", n),
            "note_text": where(is_canary[chosen], text, "Seen in clinic"),
            "encoding_concept_id": same("0", n),
            "language_concept_id": same("4180186", n),
        }

    def _write_link(self, block: People, persons: pa.Array) -> None:
        rows = np.flatnonzero(block.attends.on_valley_map)
        at = pa.array(rows)
        in_ukdemo = block.part.in_ukdemo[rows]
        self._link.write(
            {
                "person_id": persons.take(at),
                "ukdemo_eid": number(block.identity.eid[rows], absent=~in_ukdemo),
                "riverside_id": where(in_ukdemo, None, block.identity.riverside_id.take(at)),
            }
        )


def _periods(here: Ward, ids: Ints, persons: pa.Array) -> dict[str, pa.Array]:
    end = end_of_records(here.block)[here.rows]
    at = here.rows[end > START]
    return {
        "observation_period_id": pc.cast(pa.array(hashed(ids[at] ^ 32)), pa.string()),
        "person_id": persons.take(pa.array(at)),
        "observation_period_start_date": same(str(START), len(at)),
        "observation_period_end_date": date(end[end > START], ISO),
        "period_type_concept_id": same("32880", len(at)),
    }


def _deaths(here: Ward, persons: pa.Array) -> dict[str, pa.Array]:
    death = here.block.part.death
    at = here.rows[~np.isnat(death[here.rows]) & (death[here.rows] <= LAST_DAY)]
    return {
        "person_id": persons.take(pa.array(at)),
        "death_date": date(death[at], ISO),
        "death_type_concept_id": same("32817", len(at)),
        "cause_concept_id": same("0", len(at)),
    }
