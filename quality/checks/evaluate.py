"""From counts to states: passed, failed, error or not_applicable, with honest denominators."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from biobraid.quality.checks.rules import Rule
from biobraid.quality.checks.scan import Count

STATES = ("passed", "failed", "error", "not_applicable")


@dataclass(frozen=True)
class Result:
    """One check with what it counted and what that means.

    n_violated, n_denominator: null where the state is error or not_applicable. reason: the
    error, why the check does not apply, else empty. n_violated_before: of the run compared
    with; null if there is none.
    """

    rule: Rule
    state: str
    n_violated: int | None
    n_denominator: int | None
    reason: str = ""
    n_violated_before: int | None = None

    @property
    def severity(self) -> str:
        """The rule's own severity, else its type's."""
        return self.rule.severity or self.rule.type.severity

    @property
    def category(self) -> str:
        """The rule's own category, else its type's."""
        return self.rule.category or self.rule.type.category

    @property
    def violated_share(self) -> float | None:
        """n_violated / n_denominator (0-1); null where nothing was counted."""
        if self.n_violated is None or not self.n_denominator:
            return None
        return self.n_violated / self.n_denominator

    @property
    def growth(self) -> int | None:
        """Violations more than before; null if not comparable."""
        if self.n_violated is None or self.n_violated_before is None:
            return None
        return self.n_violated - self.n_violated_before


def evaluate(rule: Rule, count: Count | None) -> Result:
    """State of one check; an error comes first, then not applicable, then the threshold.

    A check that nothing counted is an error, never a pass.
    """
    if count is None:
        return Result(rule, "error", None, None, "not counted")
    if count.error:
        return Result(rule, "error", None, None, count.error)
    if count.not_applicable:
        return Result(rule, "not_applicable", None, None, count.not_applicable)
    violated, total = count.n_violated or 0, count.n_denominator or 0
    if not total:
        return Result(rule, "not_applicable", None, None, f"no {rule.type.counts} to judge")
    state = "failed" if is_over(violated, total, rule.threshold) else "passed"
    return Result(rule, state, violated, total)


def is_over(n_violated: int, n_denominator: int, threshold: float) -> bool:
    """True if the share of violations is above the threshold; at 0, one violation is."""
    if threshold == 0:
        return n_violated > 0
    return n_violated / n_denominator > threshold


def totals(results: Iterable[Result]) -> dict[str, int]:
    """Number of checks, by state, and of fatal failures."""
    results = list(results)
    by_state = Counter(r.state for r in results)
    return {
        "n_checks": len(results),
        **{f"n_{state}": by_state[state] for state in STATES},
        "n_fatal_failed": len(fatal(results)),
        "n_grown": sum(1 for r in results if (r.growth or 0) > 0),
    }


def fatal(results: Iterable[Result]) -> Sequence[Result]:
    """The failed checks that close the gate."""
    return [r for r in results if r.state == "failed" and r.severity == "fatal"]
