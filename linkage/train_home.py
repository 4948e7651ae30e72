"""`biobraid link train`: a model of the matcher from this home's own records."""

from __future__ import annotations

from dataclasses import dataclass

from biobraid.core.errors import Fault, LinkageError
from biobraid.core.home import Home
from biobraid.core.manifest import Manifest
from biobraid.linkage.candidates import add_rare, make_candidates
from biobraid.linkage.consent import load_consent
from biobraid.linkage.declared import declared_sources, make_many_of_one
from biobraid.linkage.match_model import MatchModel, write_home_model
from biobraid.linkage.training import train
from biobraid.linkage.vault import open_vault

FEWEST_RECORDS = 2_000  # fewer teach chance, not people


@dataclass(frozen=True)
class Trained:
    """levels: field, level, chance among matches, among non-matches, of the new model."""

    model: MatchModel
    n_records: int
    levels: list[tuple[str, str, float, float]]


def train_home(home: Home, *, seed: int = 1, dry_run: bool = False) -> Trained:
    """Train on what the vault holds now, without those who withdrew; in force unless dry_run."""
    with open_vault(home) as vault, Manifest(home) as manifest:
        con = vault.con
        load_consent(con, home, manifest)
        con.execute("CREATE TEMP TABLE set_aside AS SELECT source_person_key FROM withdrawn")
        con.execute(
            "CREATE TEMP TABLE known_study AS SELECT DISTINCT source_person_key, study FROM source_record"
        )
        make_many_of_one(con, declared_sources(home))
        make_candidates(con, "")
        add_rare(con)
        row = con.execute("SELECT count(*), count(DISTINCT study_group) FROM candidate").fetchone()
        n_records, n_groups = row or (0, 0)
        if n_records < FEWEST_RECORDS or n_groups < 2:
            raise LinkageError(
                Fault("vault", f"it holds {n_records} comparable records of {n_groups} studies",
                      f"at least {FEWEST_RECORDS} of two studies", "Keep the shipped model.")
            )  # fmt: skip
        model = MatchModel(
            "trained", f"{n_records} records of this home, seed {seed}", train(con, seed)
        )
        if not dry_run:
            write_home_model(home, model)
    levels = [
        (c["output_column_name"], lv["label_for_charts"], lv["m_probability"], lv["u_probability"])
        for c in model.settings["comparisons"]
        for lv in c["comparison_levels"]
        if not lv.get("is_null_level")
    ]
    return Trained(model, n_records, levels)
