"""`biobraid run` on the shared wearable files: counts against readings that are not ours."""

from __future__ import annotations

import csv
import json
import re
import shutil
import struct
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from biobraid.cli.main import run
from biobraid.core.home import Home, create_home
from biobraid.core.keys import create_keys
from biobraid.core.warehouse import connect
from biobraid.ingest.landing import check_books

pytestmark = [pytest.mark.slow, pytest.mark.shared, pytest.mark.xdist_group("shared_wearables")]
PACK = Path(__file__).parent.parent / "shared_studies" / "wearables"
FOLDERS = ("apple_health", "fitbit_fitabase", "garmin_fit", "accelerometer_cwa", "openmhealth")


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Home:
    folder = tmp_path_factory.mktemp("wearables")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BIOBRAID_KEY_DIR", str(folder / "keys"))
        home = create_home(folder / "bank", memory_limit_gb=1.0, threads=2)
        create_keys(home)
        shutil.copytree(PACK, home.studies / PACK.name)
        delivery = home.deliveries / PACK.name
        delivery.mkdir(parents=True)
        for name in FOLDERS:
            (delivery / name).symlink_to(shared_data / name)
        assert run(["--home", str(home.root), "--quiet", "run"]) == 0
        assert check_books(home) == []
    return home


def ask(home: Home, sql: str) -> list[tuple[Any, ...]]:
    with connect(home, read_only=True) as con:
        return con.execute(sql).fetchall()


def books(home: Home) -> dict[str, tuple[int, ...]]:
    """Records read, landed, rejected and ignored of each source."""
    rows = ask(home, "SELECT source, sum(records_read), sum(records_landed), sum(records_rejected), sum(records_ignored) FROM raw.file GROUP BY ALL")  # fmt: skip
    return {r[0]: tuple(map(int, r[1:])) for r in rows}


def test_apple_records_are_those_a_tree_parser_finds(bank: Home, shared_data: Path) -> None:
    path = shared_data / "apple_health" / "export6s3sample.xml"
    text = re.sub(r"<!DOCTYPE.*?\]>", "", path.read_text(encoding="utf-8"), flags=re.S)
    root = ET.fromstring(text)
    kinds = Counter(e.tag for e in root)
    wanted = Counter(e.get("type") for e in root if e.tag == "Record")
    found = dict(ask(bank, "SELECT variable, count(*) FROM raw.wearable_sample WHERE source = 'apple' AND variable LIKE 'HKQ%' GROUP BY ALL"))  # fmt: skip
    assert found == dict(wanted)
    assert books(bank)["apple"][0] == sum(kinds.values())
    steps = sum(float(e.get("value", 0)) for e in root if e.get("type", "").endswith("StepCount"))
    assert ask(bank, "SELECT sum(value) FROM wearable.minute AS m JOIN wearable.series AS s USING (person_id, series_number) WHERE s.source = 'apple' AND stream = 'steps'") == [(steps,)]  # fmt: skip


def test_fitabase_days_are_the_file_s_with_the_later_of_two_halves(
    bank: Home, shared_data: Path
) -> None:
    with (shared_data / "fitbit_fitabase" / "dailyActivity_merged.csv").open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    last = {(r["Id"], tuple(map(int, r["ActivityDate"].split("/")))): r for r in rows}
    found = ask(bank, "SELECT count(*), sum(value) FROM wearable.day WHERE source = 'fitabase' AND stream = 'steps'")  # fmt: skip
    assert found == [(len(last), sum(float(r["TotalSteps"]) for r in last.values()))]
    idle = sum(1 for r in last.values() if float(r["TotalSteps"]) == 0)
    assert ask(bank, "SELECT count(*) FROM wearable.day WHERE source = 'fitabase' AND stream = 'steps' AND wear_state = 'not-worn'") == [(idle,)]  # fmt: skip
    read, landed, rejected, ignored = books(bank)["fitabase"]
    assert read == landed + rejected + ignored and read > len(rows)
    # A further row of a person and day (or minute, of weights) is a part of that record.
    n_further = 0
    for path in (shared_data / "fitbit_fitabase").glob("*.csv"):
        with path.open(newline="") as handle:
            n_further += sum(
                n - 1 for n in Counter(tuple(r[:2]) for r in csv.reader(handle)).values()
            )
    assert ignored == n_further > 0


def test_garmin_messages_are_those_the_file_s_definitions_count(bank: Home) -> None:
    (n,) = ask(bank, "SELECT count(*) FROM raw.wearable_sample WHERE source = 'garmin' AND variable = 'fit.record.heart_rate'")[0]  # fmt: skip
    # The three files hold 6,076 record messages; a strap drops out now and then.
    assert 5_500 < n < 6_000
    assert ask(bank, "SELECT count(*) FROM raw.wearable_sample WHERE variable LIKE '%position%'") == [(0,)]  # fmt: skip
    assert books(bank)["garmin"][2] == 0


def test_cwa_blocks_are_counted_by_their_checksums(bank: Home, shared_data: Path) -> None:
    damaged = 0
    for path in sorted((shared_data / "accelerometer_cwa").glob("*.cwa")):
        data = path.read_bytes()[1024:]
        for at in range(0, len(data), 512):
            words = struct.unpack("<256H", data[at : at + 512])
            damaged += data[at : at + 2] != b"AX" or sum(words) % 65_536 != 0
    assert books(bank)["cwa"][2] == damaged == 6
    enmo = ask(bank, "SELECT min(value), max(value) FROM raw.wearable_sample WHERE variable = 'cwa.enmo'")  # fmt: skip
    assert 0 <= enmo[0][0] <= enmo[0][1] < 2


def test_every_data_point_lands_or_says_that_it_has_no_time(bank: Home, shared_data: Path) -> None:
    files = list((shared_data / "openmhealth").glob("*-[0-9].*/*.json"))
    timed = sum("effective_time_frame" in json.loads(p.read_text()) for p in files)
    assert books(bank)["openmhealth"] == (len(files), timed, len(files) - timed, 0)


def test_facts_and_leftovers_of_the_warehouse_are_counted(bank: Home) -> None:
    rows = ask(bank, "SELECT n_rows - n_records - n_unused - n_unlinked FROM stem.books WHERE table_name = 'wearable_sample'")  # fmt: skip
    assert {r[0] for r in rows} == {0}
    assert ask(bank, "SELECT count(*) FROM cdm.measurement AS m JOIN cdm.person USING (person_id)")[0][0] > 0  # fmt: skip
