"""The sample keeps its contract: a first delivery passes, a second one of more people does too."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from biobraid.core.study import read_study, study_packs
from biobraid.ingest.catalog_tables import publish_catalog
from biobraid.ingest.landing import ingest
from biobraid.ingest.sample import generate
from biobraid.quality.contract.judge import Judged, judge, remember
from tests.sample.test_ingest import new_home

AGAIN = ("mindwell", "riverside", "valley")  # the quick ones; each delivers in full


def _complaints(judged: list[Judged]) -> list[tuple[str, str, str]]:
    return sorted((c.study, c.source, c.rule) for one in judged for c in one.complaints)


@pytest.mark.slow
def test_two_deliveries_of_the_sample_pass(tmp_path: Path, key_dir: Path) -> None:
    """What is odd in the first is what was planted; of 60 more people nothing is refused."""
    home = new_home(tmp_path)
    for persons in (300, 360):
        folder = tmp_path / str(persons)
        generate(folder / "deliveries", home.studies, folder / "truth", persons=persons, seed=1)
        for study in AGAIN:
            shutil.rmtree(home.deliveries / study, ignore_errors=True)
            shutil.copytree(folder / "deliveries" / study, home.deliveries / study)
        studies = [read_study(p) for p in study_packs(home) if p.name in AGAIN]
        publish_catalog(home, studies)
        assert ingest(home, AGAIN).exit_code == 0
        judged = judge(home, studies)
        assert [one.study for one in judged] == list(AGAIN)
        assert [c.text for one in judged for c in one.breaches] == []
        if persons == 300:
            assert _complaints(judged) == [
                ("riverside", "baseline", "first_new_codes_share"),
                ("riverside", "microbiome", "first_rejected_share"),
            ]
        remember(home, judged, "run", "2024-01-01T00:00:00+00:00")
        assert judge(home, studies) == []
