"""Gateways before fake model servers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from pydantic import SecretStr

from app.gateway.config import GatewayConfig, Model, Provider, single_model_config
from app.gateway.gateway import Gateway, open_gateway
from kb.postgres.database import Database
from kb.telemetry import Metrics

SECRET_KEY = "sk-secret"


def one_model(
    base_url: str, *, seconds: float = 30, context_window: int | None = None
) -> GatewayConfig:
    """The server's model for everybody, tried once."""
    return single_model_config(
        Provider(base_url=base_url),
        Model(
            provider="default",
            name="liar",
            context_window=context_window,
            max_output_tokens=500,
            retries=0,
            total_seconds=seconds,
            first_token_seconds=seconds,
        ),
        answer_seconds=seconds,
    )


def find_key(_variable: str) -> SecretStr:
    return SecretStr(SECRET_KEY)


def no_jitter() -> float:
    """Draws the first target that has a weight, and no pause."""
    return 0.0


@asynccontextmanager
async def running_gateway(
    config: GatewayConfig, database: Database, *, metrics: Metrics | None = None
) -> AsyncIterator[Gateway]:
    async with open_gateway(
        config,
        secret=find_key,
        database=database,
        metrics=metrics or Metrics(),
        clock=lambda: datetime.now(UTC),
        draw=no_jitter,
    ) as gateway:
        yield gateway
