"""Savings and costs of routing by difficulty: one alias as configured, and each tier alone."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from app.answering.pipeline import Answerer
from app.gateway.config import Alias
from kb.ids import TenantId
from kb.telemetry import Metrics

MICRODOLLARS: Final = 1_000_000

ALONE: Final = ("standard alone", "strong alone")
"""The names of the tiers' variants, behind the alias."""


@dataclass(frozen=True, kw_only=True)
class Spent:
    """All calls of language models of this process so far, each attempt."""

    calls: int
    input_tokens: int
    output_tokens: int
    microdollars: int

    def since(self, earlier: "Spent") -> "Spent":
        """The spending after `earlier`."""
        return Spent(
            calls=self.calls - earlier.calls,
            input_tokens=self.input_tokens - earlier.input_tokens,
            output_tokens=self.output_tokens - earlier.output_tokens,
            microdollars=self.microdollars - earlier.microdollars,
        )


def spent_so_far(metrics: Metrics) -> Spent:
    """The spending up to now, as the service's own metrics count it."""
    return Spent(
        calls=round(_sum(metrics, "footnote_llm_calls_total")),
        input_tokens=round(_sum(metrics, "footnote_llm_tokens_total", kind="input")),
        output_tokens=round(_sum(metrics, "footnote_llm_tokens_total", kind="output")),
        microdollars=round(_sum(metrics, "footnote_llm_cost_dollars_total") * MICRODOLLARS),
    )


def answerers_by_tier(
    answerer: Answerer, tenant_id: TenantId, alias: str
) -> Sequence[tuple[str, Answerer]]:
    """The answerer with the alias as configured, then with each of its tiers alone.

    Only the first where the alias has one tier, or no language model is configured.
    """
    gateway = answerer.gateway
    if gateway is None or not gateway.session(tenant_id, alias=alias).has_strong_tier:
        return [(alias, answerer)]
    configured = gateway.config.aliases[alias]
    tiers = (configured.targets, configured.strong or configured.targets)
    alone = [
        (
            f"{alias} {name}",
            replace(
                answerer,
                gateway=replace(
                    gateway,
                    config=replace(
                        gateway.config,
                        aliases={**gateway.config.aliases, alias: Alias(targets=targets)},
                    ),
                ),
            ),
        )
        for name, targets in zip(ALONE, tiers, strict=True)
    ]
    return [(alias, answerer), *alone]


def _sum(metrics: Metrics, name: str, **labels: str) -> float:
    return sum(
        sample.value
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )
