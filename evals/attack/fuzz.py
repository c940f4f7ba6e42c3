"""To be written."""

from evals.attack.finding import Probe

PROBES: tuple[Probe, ...] = ()
