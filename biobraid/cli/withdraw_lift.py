"""Lifting a withdrawal: the person may be landed again, from the next delivery on."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import date

from biobraid.core.home import Home
from biobraid.core.keys import ingest_keys
from biobraid.core.manifest import Manifest
from biobraid.core.orders import Order
from biobraid.core.suppress import suppress_token
from biobraid.ingest.erasure import put_statement


def lift(home: Home, named: Sequence[str], study: str, modality: str, day: date) -> int:
    """Drop the tokens of these source persons and land a consent; returns how many had one.

    What was erased stays erased until it is delivered again. The consent counts from `day`.
    """
    keys = ingest_keys(home)
    with Manifest(home) as manifest:
        lifted = []
        with manifest.transaction():
            for key in named:
                if manifest.drop_suppressed(suppress_token(keys, key)):
                    lifted.append(key)
        if lifted:
            said = Order(secrets.token_hex(6), "no_contact", study, modality, day.isoformat(),
                         day.isoformat(), tuple(lifted))  # fmt: skip
            put_statement(home, manifest, keys, said, is_given=True)
    return len(lifted)
