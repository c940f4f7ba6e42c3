"""The language models that the settings name, behind the gateway."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from random import SystemRandom

from app.gateway.config import (
    EVERYBODY,
    GatewayConfig,
    Model,
    Provider,
    load_gateway_file,
    single_model_config,
)
from app.gateway.gateway import Gateway, open_gateway
from app.policy.tenant_policy import TenantPolicies
from kb.errors import Misconfigured
from kb.postgres.database import Database
from kb.settings import Settings, secret_named
from kb.telemetry import Metrics

ONE_KEY = "FOOTNOTE_LLM_API_KEY"
"""The key of the one model that is configured without a gateway file."""


@asynccontextmanager
async def open_configured_gateway(
    settings: Settings,
    policies: TenantPolicies,
    database: Database,
    metrics: Metrics,
    *,
    clock: Callable[[], datetime],
) -> AsyncIterator[Gateway | None]:
    """The gateway to the configured language models; None: answers are extractive."""
    config = gateway_config(settings, policies)
    if config is None:
        yield None
        return
    async with open_gateway(
        config,
        secret=lambda name: settings.llm_api_key if name == ONE_KEY else secret_named(name),
        database=database,
        metrics=metrics,
        clock=clock,
        draw=SystemRandom().random,
    ) as gateway:
        yield gateway


def gateway_config(settings: Settings, policies: TenantPolicies) -> GatewayConfig | None:
    """The gateway file, else the one model of the settings; None without either.

    Raises:
        Misconfigured: the file is wrong, or policy.toml names models and there is no file.
    """
    if settings.gateway_file is not None:
        return load_gateway_file(settings.gateway_file, policies)
    if policies.model_access():
        raise Misconfigured("policy.toml names models: set FOOTNOTE_GATEWAY_FILE, which has them.")
    if settings.llm_base_url is None or settings.llm_model is None:
        return None
    return single_model_config(
        Provider(
            base_url=settings.llm_base_url,
            key_variable=ONE_KEY if settings.llm_api_key else None,
        ),
        Model(
            provider=EVERYBODY,
            name=settings.llm_model,
            max_output_tokens=settings.llm_max_output_tokens,
            structured_output="json_schema" if settings.llm_json_schema else "text",
            total_seconds=settings.llm_timeout_seconds,
            first_token_seconds=settings.llm_timeout_seconds,
        ),
        answer_seconds=settings.llm_timeout_seconds,
    )
