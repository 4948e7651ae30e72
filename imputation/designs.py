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
_NAMES = {"complete_cases": "Complete cases", "forests": "Forests", "decay": "Draws of decay"}
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
            f"{_NAMES[self.method]} are no default where values are missing "
            f"{_WORDS[self.design]}: of pooled 95 % intervals {self.mean:.1%} of a mean and "
            f"{self.slope:.1%} of a slope held (docs/how-to/imputation.md)."
        )


_MEASURED = (
    Measured("complete_cases", "mcar", 0.954, 0.962),
    Measured("forests", "mcar", 0.952, 0.944),
    Measured("decay", "mcar", 0.972, 0.970),
    Measured("complete_cases", "mar", 0.180, 0.960),
    Measured("forests", "mar", 0.948, 0.926),
    Measured("decay", "mar", 0.930, 0.914),
    Measured("complete_cases", "mnar", 0.000, 0.724),
    Measured("forests", "mnar", 0.078, 0.828),
    Measured("decay", "mnar", 0.026, 0.666),
)


def measured(method: Method, design: Design) -> Measured:
    """The figures of a method under a design."""
    return next(m for m in _MEASURED if (m.method, m.design) == (method, design))


def refused_designs(method: Method) -> tuple[str, ...]:
    """Designs for which the method is no default."""
    return tuple(m.design for m in _MEASURED if m.method == method and not m.holds)


def defaults(design: Design) -> tuple[str, ...]:
    """Methods that hold under a design; none for values missing because of what they are."""
    return tuple(m.method for m in _MEASURED if m.design == design and m.holds)
