"""Files of the study stride, and the truth about its wearers (truth/wearables.csv)."""

from __future__ import annotations

import csv
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

from biobraid.ingest.sample.people import People
from biobraid.ingest.sample.planted import CANARIES, Planted
from biobraid.ingest.sample.wearables.exports import write_apple, write_fitbit
from biobraid.ingest.sample.wearables.wearers import (
    FIRST_DAY,
    N_DAYS,
    STUDY,
    Wearer,
    heart,
    is_worn,
    steps,
    wearers,
)

LINK = "link_to_ukdemo.csv"
TRUTH = "wearables.csv"
_TRUTH = (
    "person", "eid", "stride_id", "source", "date", "zone", "device", "is_worn", "steps",
    "mean_heart_rate",
)  # fmt: skip


class StrideFiles:
    """One export a wearer and device, and the map; closed by the stack they were opened on."""

    def __init__(self, folder: Path, truth: Path, stack: ExitStack, planted: Planted) -> None:
        self.folder, self.planted, self.n_members = folder, planted, 0
        folder.mkdir(parents=True, exist_ok=True)
        truth.mkdir(parents=True, exist_ok=True)
        link = stack.enter_context((folder / LINK).open("w", encoding="utf-8", newline=""))
        told = stack.enter_context((truth / TRUTH).open("w", encoding="utf-8", newline=""))
        self._link = csv.writer(link, lineterminator="\n")
        self._truth = csv.writer(told, lineterminator="\n")
        self._link.writerow(["account", "ukdemo_eid"])
        self._truth.writerow(_TRUTH)

    def write(self, block: People) -> None:
        """Append a block's wearers."""
        for wearer in wearers(block):
            self.n_members += 1
            eid = int(block.identity.eid[wearer.row])
            self._link.writerow([wearer.stride_id, eid])
            if wearer.has_apple:
                self._apple(block, wearer)
            if wearer.has_fitbit:
                write_fitbit(self.folder / wearer.stride_id / "takeout.zip", block.draws, wearer)
            for source in ("apple", "fitbit"):
                if wearer.has_apple if source == "apple" else wearer.has_fitbit:
                    self._tell(block, wearer, eid, source)

    def _apple(self, block: People, wearer: Wearer) -> None:
        who = block.identity
        name = str(who.surname[wearer.row].as_py())
        birth = str(who.birth[wearer.row])
        sex = "Male" if block.traits.male[wearer.row] else "Female"
        file = f"{wearer.stride_id}/export.zip"
        write_apple(self.folder / file, block.draws, wearer, name, birth, sex)
        if wearer.number in CANARIES:
            self.planted.canary("surname", name, STUDY, file, "sourceName")
            self.planted.canary("birth_date", birth, STUDY, file, "Me")

    def _tell(self, block: People, wearer: Wearer, eid: int, source: str) -> None:
        for day in range(N_DAYS):
            worn = is_worn(wearer, day)
            walked, beats = steps(block.draws, wearer, day), heart(block.draws, wearer, day)
            # The band sees half of an hour's steps at each half hour.
            total = sum(walked) if source == "apple" else sum(2 * (w // 2) for w in walked)
            zone = wearer.zone(day).key if source == "apple" else "Europe/London"
            device = (wearer.watch(day) or "") if source == "apple" else ""
            self._truth.writerow([
                wearer.number, eid, wearer.stride_id, source,
                f"{FIRST_DAY + timedelta(days=day):%Y-%m-%d}", zone, device, int(worn),
                total if worn else "", round(sum(beats) / len(beats), 4) if worn and source == "apple" else "",
            ])  # fmt: skip
