"""What pooled 95 % intervals of each method were worth, by why values are missing.

Measured by `python -m benchmarks rubin --replicates 500 --seed 1` and, for the draws of decay,
`rubin_draws` (a third of y is missing; its mean and its slope on x are estimated). A method whose coverage leaves 93 to 97 % for either is no
default for that design; figures and reasons stand in docs/how-to/imputation.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Design = Literal["mcar", "mar", "mnar"]
Method = Literal["complete_cases", "forests", "decay"]
ACCEPTED = (0.93, 0.97)
_WORDS = {
    "mcar": "completely at random",
    "mar": "by what was observed",
    "mnar": "by the missing value itself",
}


@dataclass(frozen=True)
class Measured:
    """Coverage of a nominal 95 % interval for a mean and for a slope."""

    method: str
    design: str
    mean: float
    slope: float

    @property
    def holds(self) -> bool:
        """Whether the method is a default for the design."""
        return all(ACCEPTED[0] <= x <= ACCEPTED[1] for x in (self.mean, self.slope))

    @property
    def text(self) -> str:
        """What a researcher should know before using it."""
        return (
            f"{self.method.replace('_', ' ')} are no default where values are missing "
            f"{_WORDS[self.design]}: of pooled 95 % intervals {self.mean:.1%} of a mean and "
            f"{self.slope:.1%} of a slope held (docs/how-to/imputation.md)."
        )


_MEASURED = (
    Measured("complete_cases", "mcar", 0.93, 0.97),
    Measured("forests", "mcar", 0.97, 0.93),
    Measured("complete_cases", "mar", 0.22, 0.95),
    Measured("forests", "mar", 0.92, 0.88),
    Measured("complete_cases", "mnar", 0.00, 0.68),
    Measured("forests", "mnar", 0.05, 0.70),
)


def measured(method: Method, design: Design) -> Measured:
    """The figures of a method under a design."""
    return next(m for m in _MEASURED if (m.method, m.design) == (method, design))


def defaults(design: Design) -> tuple[str, ...]:
    """Methods that hold under a design; none for values missing because of what they are."""
    return tuple(m.method for m in _MEASURED if m.design == design and m.holds)
