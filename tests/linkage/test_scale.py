"""A hundred thousand persons: memory, and the two kinds of links among them."""

from __future__ import annotations

import json
import random
import subprocess
import sys

import pytest

from tests.linkage.conftest import Bank, nhs

N_PERSONS = 100_000
# Measured in a process of its own: the test's process has a peak of its own.
MEASURE = """
import json, resource, sys
from pathlib import Path
from biobraid.core.home import open_home
from biobraid.linkage.link import link
result = link(open_home(Path(sys.argv[1])))
peak_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
print(json.dumps({"peak_gb": peak_gb, "totals": result.totals()}))
"""


@pytest.mark.slow
def test_a_hundred_thousand_persons_link_in_bounded_memory(bank: Bank) -> None:
    rng = random.Random(1)
    ehr, survey, gene = [], [], []
    for n in range(N_PERSONS):
        born = f"19{rng.randint(30, 69)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}"
        known = [("nhs_number", nhs(n)), ("birth_date", born), ("first_name", f"n{n % 997}")]
        ehr += [(str(n), "native_id", str(n)), *((str(n), k, v) for k, v in known)]
        if n % 2:
            survey += [(f"s{n}", "native_id", f"s{n}"), *((f"s{n}", k, v) for k, v in known)]
        if n % 10 == 0:
            key = bank.key("ehr", str(n))
            gene += [(f"g{n}", "native_id", f"g{n}"), (f"g{n}", "map_id", key)]
    bank.study("ehr", "survey", "gene")
    for study, rows in (("ehr", ehr), ("survey", survey), ("gene", gene)):
        bank.deliver_rows(study, rows)
    command = [sys.executable, "-c", MEASURE, str(bank.home.root)]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    totals = found["totals"]
    assert totals["n_source_persons"] == N_PERSONS * 1.6
    assert totals["n_persons"] == N_PERSONS
    assert totals["n_linked_strong_key"] == N_PERSONS / 2
    assert totals["n_linked_map"] == N_PERSONS / 10
    assert found["peak_gb"] < 1.5, found  # 0.6 GB when it was written
