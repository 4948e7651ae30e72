"""`python -m tests.vocabulary.load_child HOME DOWNLOAD N`: a load that dies at its Nth renaming."""

from __future__ import annotations

import sys
from pathlib import Path

from biobraid.core.home import open_home
from biobraid.core.lock import writer
from biobraid.ingest.vocabulary.load import load
from tests.landing.child import kill_at_rename

if __name__ == "__main__":
    kill_at_rename(int(sys.argv[3]))
    home = open_home(Path(sys.argv[1]))
    with writer(home):
        load(home, Path(sys.argv[2]))
