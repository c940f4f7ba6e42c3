"""Puts the targets that a call may be sent to in order."""

from collections.abc import Callable, Mapping
from typing import Literal

from app.gateway.config import GatewayConfig, resident_targets
from app.gateway.target import Target
from app.policy.model_access import ModelAccess
from kb.errors import InvalidInput

Tier = Literal["standard", "strong"]
"""The tiers of an alias: for most questions, and for difficult ones."""


def choose_alias(access: ModelAccess, wanted: str | None) -> str:
    """The alias that is wanted, or the tenant's default.

    Raises:
        InvalidInput: there is no such alias for this tenant, whether or not others have it.
    """
    if wanted is None:
        return access.aliases[0]
    if wanted not in access.aliases:
        raise InvalidInput("There is no model of this name.")
    return wanted


def has_strong_tier(config: GatewayConfig, access: ModelAccess, alias: str) -> bool:
    """True when the alias has a stronger tier with a target that the tenant may use."""
    return bool(resident_targets(config, access, config.aliases[alias].strong or ()))


def targets_in_order(
    config: GatewayConfig,
    access: ModelAccess,
    alias: str,
    tier: Tier,
    *,
    targets: Mapping[str, Target],
    draw: Callable[[], float],
) -> list[Target]:
    """The target that the weights draw, then the others as they are written.

    A target outside the tenant's residency is never among them; a strong tier that is missing is
    the standard one. `draw` gives 0 <= x < 1.
    """
    asked = config.aliases[alias]
    strong = resident_targets(config, access, asked.strong or ()) if tier == "strong" else []
    written = strong or resident_targets(config, access, asked.targets)
    first = written[0]
    left = draw() * sum(each.weight for each in written)
    for each in written:
        if left < each.weight:
            first = each
            break
        left -= each.weight
    return [targets[each.model] for each in (first, *(each for each in written if each != first))]
