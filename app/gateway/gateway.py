"""The gateway: every call of a language model goes through here.

A session is one answer: one tenant, one alias, one deadline, one budget. It has a model for each
purpose of the answer, which tries the targets of the alias in their order.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from time import monotonic

from pydantic import SecretStr

from app.gateway.config import GatewayConfig, resident_targets
from app.gateway.ledger import Ledger
from app.gateway.metered import Account, Purpose, Spending
from app.gateway.route import Tier, choose_alias, has_strong_tier, targets_in_order
from app.gateway.routed_model import RoutedModel
from app.gateway.target import Target, open_targets
from app.policy.model_access import ModelAccess
from kb.ids import TenantId, new_uuid
from kb.postgres.database import Database
from kb.telemetry import Metrics


@dataclass(frozen=True, kw_only=True)
class ModelSession:
    """The calls of one answer."""

    gateway: "Gateway"
    access: ModelAccess
    account: Account

    @property
    def alias(self) -> str:
        """The alias that was asked for, or the tenant's default."""
        return self.account.alias

    @property
    def spent_microdollars(self) -> int:
        """The cost of the calls so far; those without a price count nothing."""
        return self.account.spending.spent

    @property
    def cost_microdollars(self) -> int | None:
        """The same; None when a call had no price."""
        spending = self.account.spending
        return None if spending.has_unpriced else spending.spent

    @property
    def is_extractive_when_down(self) -> bool:
        """True when the tenant wants extractive answers while `LlmUnavailable` is raised."""
        return self.access.when_down == "extractive"

    @property
    def fails_when_unreadable(self) -> bool:
        """True when the tenant wants an error where no output of the model can be read."""
        return self.access.when_unreadable == "fail"

    @property
    def has_strong_tier(self) -> bool:
        """True when difficult questions may go to a stronger model."""
        return has_strong_tier(self.gateway.config, self.access, self.alias)

    @property
    def context_window(self) -> int | None:
        """Tokens that fit into every target of the alias; None when one does not tell."""
        config = self.gateway.config
        asked = config.aliases[self.alias]
        targets = resident_targets(config, self.access, (*asked.targets, *(asked.strong or ())))
        windows = [config.models[target.model].context_window for target in targets]
        known = [window for window in windows if window is not None]
        return min(known) if len(known) == len(windows) else None

    def model(self, purpose: Purpose, *, tier: Tier = "standard") -> RoutedModel:
        """A model for one purpose; a tier that the alias lacks is the standard one."""
        return self._routed(purpose, alias=self.alias, tier=tier)

    def _routed(self, purpose: Purpose, *, alias: str, tier: Tier) -> RoutedModel:
        gateway = self.gateway
        return RoutedModel(
            account=replace(self.account, alias=alias),
            purpose=purpose,
            targets=targets_in_order(
                gateway.config,
                self.access,
                alias,
                tier,
                targets=gateway.targets,
                draw=gateway.draw,
            ),
            draw=gateway.draw,
        )

    @property
    def seconds_for_aside(self) -> float:
        """The time for a call beside the answer: half of the time that is left for the answer."""
        return self.account.seconds_left / 2

    def judge(self, purpose: Purpose) -> RoutedModel | None:
        """The model that reads claims by the tenant's policy; None when the policy names none.

        Models that may have written the draft are left out, unless the policy lets them read their
        own drafts; None, too, when nothing is left.
        """
        alias = self.access.judge
        if alias is None:
            return None
        judge = self._routed(purpose, alias=alias, tier="standard")
        if self.access.judge_reads_own_drafts:
            return judge
        asked = self.gateway.config.aliases[self.alias]
        writers = {
            self.gateway.targets[target.model].identity
            for target in (*asked.targets, *(asked.strong or ()))
        }
        others = tuple(target for target in judge.targets if target.identity not in writers)
        return replace(judge, targets=others) if others else None

    def moderation(self) -> RoutedModel | None:
        """The model that moderates every text by the tenant's policy; None when it names none."""
        key = self.access.moderation
        if key is None:
            return None
        return RoutedModel(
            account=replace(self.account, alias=key),
            purpose=Purpose(feature="moderation", operation="moderation"),
            targets=(self.gateway.targets[key],),
            draw=self.gateway.draw,
        )


@dataclass(frozen=True, kw_only=True)
class Gateway:
    """The only way to language models; lives as long as the process."""

    config: GatewayConfig
    targets: Mapping[str, Target]
    ledger: Ledger
    draw: Callable[[], float]

    def aliases_for(self, tenant_id: TenantId) -> tuple[str, ...]:
        """The names that the tenant may give as `model`, its default first."""
        return self.config.access_of(tenant_id).aliases

    def session(
        self, tenant_id: TenantId, *, alias: str | None = None, seconds: float | None = None
    ) -> ModelSession:
        """The calls of one answer, which take at most `seconds` together (None: as configured).

        Raises:
            InvalidInput: there is no such alias for this tenant.
        """
        access = self.config.access_of(tenant_id)
        given = self.config.answer_seconds if seconds is None else seconds
        account = Account(
            tenant_id=tenant_id,
            session_id=new_uuid(),
            alias=choose_alias(access, alias),
            deadline=asyncio.get_running_loop().time() + given,
            microdollars_per_day=access.microdollars_per_day,
            spending=Spending(limit=access.microdollars_per_request),
            ledger=self.ledger,
            price_version=self.config.price_version,
        )
        return ModelSession(gateway=self, access=access, account=account)


@asynccontextmanager
async def open_gateway(
    config: GatewayConfig,
    *,
    secret: Callable[[str], SecretStr | None],
    database: Database,
    metrics: Metrics,
    clock: Callable[[], datetime],
    draw: Callable[[], float],
) -> AsyncIterator[Gateway]:
    """The gateway of a process.

    Args:
        config: the gateway file.
        secret: finds a key by the name of its variable.
        database: keeps reservations and calls.
        metrics: counts the calls.
        clock: gives the day that a call counts for.
        draw: gives 0 <= x < 1, for weights and jitter.

    Raises:
        Misconfigured: a key is missing, or an address is none.
    """
    ledger = Ledger(database=database, metrics=metrics, clock=clock)
    async with open_targets(
        config, secret=secret, clock=monotonic, on_breaker=metrics.set_breaker_state
    ) as targets:
        try:
            yield Gateway(config=config, targets=targets, ledger=ledger, draw=draw)
        finally:
            await ledger.finish()
