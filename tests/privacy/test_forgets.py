"""No table of the vault that speaks of persons is forgotten when a person is."""

from __future__ import annotations

from biobraid.linkage.vault_tables import VAULT_TABLES
from biobraid.linkage.withdrawal import _FORGETS

PERSONAL = {"source_person_key", "key_l", "key_r", "person_id"}


def test_a_withdrawal_reaches_every_vault_table_that_names_persons() -> None:
    personal = {t.name for t in VAULT_TABLES.values() if PERSONAL & set(t.schema.names)}
    assert {name for name, _ in _FORGETS} == personal
