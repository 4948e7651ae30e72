"""A person's samples can be taken out of landing, and the books say so."""

from __future__ import annotations

from biobraid.core.home import Home
from biobraid.core.keys import ingest_keys
from biobraid.core.manifest import Manifest
from biobraid.ingest.landing import check_books
from biobraid.ingest.landing.change import Change
from biobraid.ingest.landing.memory import Share, scratch_duckdb
from tests.landing.bank import run
from tests.wearable.bank import STUDY, counts, declare, deliver, landed


def test_one_person_leaves_a_file_of_many(home: Home) -> None:
    declare(home, "fitbit", options={"layout": "fitabase"})
    lines = [f"p{p},4/13/2016 12:{m:02d}:00 AM,{m}" for p in (1, 2) for m in range(30)]
    deliver(
        home, "minuteStepsNarrow_merged.csv", "\n".join(["Id,ActivityMinute,Steps", *lines, ""])
    )
    run(home)
    key = ingest_keys(home).person_key(STUDY, "p1")
    with Manifest(home) as manifest, scratch_duckdb(Share(0.5, 1, home.tmp)) as con:
        (books,) = manifest.files(STUDY, "w")
        batch = books.row["batch"]
        con.execute(
            "CREATE TABLE losers AS SELECT ? AS source_person_key, 'deleted' AS fate", [key]
        )
        change = Change(home, manifest, STUDY, "w")
        n = change.remove(con, batch, "losers", "source_person_key", "withdrawal")
        change.move(batch, "records", "deleted", n)  # here a sample is its own record
        change.check()
        change.commit(manifest)
        manifest.sweep()
    assert n == 30 and check_books(home) == []
    assert {k for (k,) in landed(home, "source_person_key")} == {
        ingest_keys(home).person_key(STUDY, "p2")
    }
    assert counts(home)["facts_deleted"] == 30
    assert key.encode() not in b"".join(p.read_bytes() for p in home.landing.rglob("*.parquet"))
