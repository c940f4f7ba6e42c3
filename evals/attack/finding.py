"""A probe's finding, and whether the service held."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from evals.attack.target import Target

Number = int | float


@dataclass(frozen=True, kw_only=True)
class Finding:
    """`has_held` is None for a channel that is known to remain; figures as JSON takes them."""

    limit: str
    has_held: bool | None
    figures: Mapping[str, object] = field(default_factory=dict)


Probe = Callable[[Target], Finding]
"""Attacks a running service; its name and docstring are those of the report."""


def judge(
    figures: Mapping[str, Number],
    limits: Mapping[str, Number],
    *,
    also: Mapping[str, object] | None = None,
    faults: Sequence[str] = (),
) -> Finding:
    """Held when no figure exceeds its limit and there is no fault of another kind.

    KeyError for a limit on a figure that was not measured.
    """
    exceeded = [name for name, most in limits.items() if figures[name] > most]
    return Finding(
        limit=", ".join(f"{name} <= {most:g}" for name, most in limits.items()) or "no fault",
        has_held=not exceeded and not faults,
        figures={**figures, **(also or {}), "over": exceeded, "faults": list(faults)[:MOST_FAULTS]},
    )


MOST_FAULTS = 20
"""A report is read by people."""
