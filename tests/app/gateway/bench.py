"""A gateway before two fake servers, with the books of one tenant."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from decimal import Decimal

from sqlalchemy import text
from sqlalchemy.engine import Row

from app.gateway.chat import Completion, Message
from app.gateway.config import GatewayConfig, read_gateway_config
from app.gateway.gateway import Gateway, ModelSession
from app.gateway.metered import Purpose
from kb.ids import TenantId
from kb.postgres.database import Database
from kb.store.tenants import create_tenant
from kb.telemetry import Metrics
from tests.fakes.gateways import running_gateway
from tests.fakes.language_model import LyingLanguageModel

Servers = tuple[LyingLanguageModel, LyingLanguageModel]

PATIENCE_SECONDS = 30
"""For what happens at once, however busy the machine is."""

PROMPT = (
    Message(
        role="user",
        content="<<f00 source abc234>>\nTitle: Plans\n\nThe merger closes on 4 May.\n<<f00 end>>\n"
        "<<f00 question>>\nWhen does the merger close?\n<<f00 end>>",
    ),
)
SCHEMA: dict[str, object] = {"type": "object"}
PURPOSE = Purpose(feature="answer", prompt_name="answer", prompt_version=3)

# A call that reports 100 tokens read, 40 of them cached, and 20 written costs 60 + 4 + 40.
PRICE = "price = { input = 1, output = 2, cached = 0.1 }"
COST = 104

TEMPLATE = """
price_version = "2026-11"
answer_seconds = 60
breaker = {{ failures = 3, open_seconds = 300 }}

[providers.here]
base_url = "{first}"
residency = "eu"
key_variable = "KEY_OF_HERE"

[providers.there]
base_url = "{second}"
residency = "us"

[models.small]
provider = "here"
name = "small-1"
max_output_tokens = 100
{price}
retries = 1
first_token_seconds = {small_seconds}
total_seconds = {small_seconds}
max_concurrent = 2
wait_seconds = 0.1

[models.large]
provider = "there"
name = "large-1"
max_output_tokens = 100
{price}
retries = 0

[aliases.default]
targets = [{{ model = "small" }}, {{ model = "large" }}]

[aliases.tiered]
targets = [{{ model = "small" }}]
strong = [{{ model = "large" }}]

[aliases.weighted]
targets = [{{ model = "small", weight = 0 }}, {{ model = "large", weight = 1 }}]

[tenants.default]
aliases = ["default", "tiered", "weighted"]
"""


@dataclass(frozen=True, kw_only=True)
class Bench:
    """A tenant, its gateway, and the two servers behind it."""

    gateway: Gateway
    tenant_id: TenantId
    database: Database
    metrics: Metrics
    first: LyingLanguageModel
    second: LyingLanguageModel

    def session(self, alias: str | None = None, *, seconds: float | None = None) -> ModelSession:
        return self.gateway.session(self.tenant_id, alias=alias, seconds=seconds)

    async def ask(self, alias: str | None = None, *, seconds: float | None = None) -> Completion:
        model = self.session(alias, seconds=seconds).model(PURPOSE)
        return await model.complete(PROMPT, json_schema=SCHEMA)

    async def rows(self, table: str = "model_calls") -> list[Row[tuple[object, ...]]]:
        async with self.database.tenant(self.tenant_id, viewer=None) as scope:
            order = "ORDER BY created_at, attempt" if table == "model_calls" else ""
            rows = await scope.connection.execute(text(f"SELECT * FROM {table} {order}"))  # noqa: S608
            return list(rows)

    async def attempts(self) -> list[tuple[object, object, object]]:
        return [(row.model, row.attempt, row.outcome) for row in await self.rows()]

    def metric(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(name, labels)


@asynccontextmanager
async def opened(
    servers: Servers,
    database: Database,
    *,
    small_seconds: int = PATIENCE_SECONDS,
    **policy: object,
) -> AsyncIterator[Bench]:
    """With few `small_seconds` the first server is soon given up: for tests in which it hangs."""
    first, second = servers
    for server in servers:
        server.behave("truthful")
        server.requests.clear()
        server.hung_up_on.clear()
        server.received.clear()
    async with database.system() as system:
        tenant_id = (await create_tenant(system, f"gateway {time.time_ns()}")).id
    config = config_of(servers, small_seconds=small_seconds)
    everybody = replace(config.tenants["default"], **policy)  # type: ignore[arg-type]
    config = replace(config, tenants={"default": everybody})
    metrics = Metrics()
    async with running_gateway(config, database, metrics=metrics) as gateway:
        yield Bench(
            gateway=gateway,
            tenant_id=tenant_id,
            database=database,
            metrics=metrics,
            first=first,
            second=second,
        )


def config_of(servers: Servers, *, small_seconds: int = PATIENCE_SECONDS) -> GatewayConfig:
    first, second = servers
    written = TEMPLATE.format(
        first=first.base_url, second=second.base_url, price=PRICE, small_seconds=small_seconds
    )
    return read_gateway_config(written)


def dollars(microdollars: int) -> Decimal:
    return Decimal(microdollars) / 1_000_000
