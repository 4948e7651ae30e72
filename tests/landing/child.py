"""`python -m tests.landing.child HOME WORKERS [--limit BYTES | --kill-at N]`: one ingest.

--limit: largest file it may write. --kill-at: SIGKILL itself before the Nth renaming of a
file, which is where a commit is under way.
"""

from __future__ import annotations

import itertools
import os
import resource
import signal
import sys
from pathlib import Path

from biobraid.core.errors import UserError
from biobraid.core.home import open_home
from biobraid.core.lock import writer
from biobraid.ingest.landing import ingest
from tests.landing.toy_connector import toy_variables


def kill_at_rename(n: int) -> None:
    replace, done = Path.replace, itertools.count(1)

    def counted(self: Path, target: Path) -> Path:
        if next(done) == n:
            os.kill(os.getpid(), signal.SIGKILL)
        return replace(self, target)

    Path.replace = counted  # type: ignore[method-assign,assignment]


def main() -> int:
    home = open_home(Path(sys.argv[1]))
    if "--limit" in sys.argv:
        limit = int(sys.argv[-1])
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    if "--kill-at" in sys.argv:
        kill_at_rename(int(sys.argv[-1]))
    try:
        with writer(home):
            result = ingest(home, workers=int(sys.argv[2]), load_variables=toy_variables)
    except UserError as error:
        print(error)
        return error.exit_code
    for outcome in result.outcomes:
        print(outcome.status, *outcome.faults)
    return result.exit_code


if __name__ == "__main__":
    sys.exit(main())
