"""Connectors are found by name, each imported when a source asks for it."""

import subprocess
import sys

from biobraid.ingest.connectors import NAMES
from biobraid.ingest.connectors.contract import get_connector

_ASK = """
import sys
from biobraid.ingest.connectors.contract import connector_names, get_connector, takes_folders
assert takes_folders("dicom") and "vcf" in connector_names()
print(*sorted(m for m in sys.modules if m in ("polars", "h5py", "cyvcf2", "bgen", "pgenlib")))
"""


def test_every_module_registers_itself_under_its_own_name():
    assert [get_connector(name).name for name in NAMES] == sorted(NAMES)


def test_asking_for_one_connector_does_not_import_the_libraries_of_others():
    asked = subprocess.run(
        [sys.executable, "-c", _ASK], capture_output=True, text=True, check=True, timeout=60
    )
    assert asked.stdout.strip() == ""
