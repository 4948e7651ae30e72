"""What a release is to be made of, and what it then holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from biobraid.export.project import DatePolicy
from biobraid.export.pseudonyms import ProjectKeys
from biobraid.export.table_plan import Scope


@dataclass
class Contents:
    """What a release holds: rows per table, and the tables left out with the reason."""

    n_persons: int = 0
    tables: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """What a release is to be made of."""

    modalities: tuple[str, ...]
    policy: DatePolicy
    keys: ProjectKeys | None  # None: an internal release, with the warehouse's own ids
    key_version: int = 1

    @property
    def scope(self) -> Scope:
        """What happens to ids and dates."""
        return Scope(self.keys is not None, self.effective_policy.kind)

    @property
    def effective_policy(self) -> DatePolicy:
        """The policy, which is none for an internal release."""
        return self.policy if self.keys else DatePolicy(kind="exact")

    def entries(self) -> dict[str, Any]:
        """What the manifest says of it."""
        policy = self.policy.model_dump(mode="json") if self.keys else {"kind": "exact"}
        return {
            "modalities": list(self.modalities),
            "key_version": self.key_version if self.keys else None,
            "key_id": self.keys.key_id if self.keys else None,
            "date_policy": policy,
        }
