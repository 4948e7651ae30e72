"""Builds in a child process that is killed, or whose files may not grow."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from biobraid.cli import build_sqlmesh
from biobraid.core.home import Home

CHILD = """
import sys
from pathlib import Path
from biobraid.cli import build_sqlmesh
from biobraid.cli.build import build
from biobraid.core.home import open_home
build_sqlmesh.PROJECT = Path(sys.argv[2])
print("ready", flush=True)
build(open_home(Path(sys.argv[1])), on_progress=lambda model, share: print(model, flush=True))
"""
LIMIT = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), int(sys.argv[3])))
"""


def kill_after(home: Home, n_models: int) -> None:
    """Build in a child and kill it when it has said so many models."""
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(home.root), str(build_sqlmesh.PROJECT)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout
    for _ in range(n_models + 1):
        assert child.stdout.readline()
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    child.stdout.close()
