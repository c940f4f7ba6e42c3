"""The gateway's file: the models, their prices, and the tenants that may use them.

TOML becomes frozen dataclasses. Every fault raises `Misconfigured`, which names the key.
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Final
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from app.gateway.breaker import BreakerLimits
from app.gateway.endpoint import OutputLimitField, StructuredOutput
from app.gateway.prices import Price
from app.policy.model_access import ModelAccess
from app.policy.tenant_policy import EVERYTHING_ALLOWED, TenantPolicies
from kb.errors import Misconfigured

EVERYBODY: Final = "default"
"""The policy of every tenant that has none of its own; also the alias and names without a file."""

MAX_PROBLEMS: Final = 5
"""More than these have one cause."""

_Label = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
"""Providers and models are labels of metrics."""

_AliasName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_.-]{0,63}$")]
_Seconds = Annotated[float, Field(gt=0, le=3600)]


@dataclass(frozen=True, kw_only=True)
class Provider:
    """A server. The key is read from the variable of that name, never from the file."""

    base_url: str
    key_variable: str | None = None
    key_header: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    residency: str | None = None
    connect_seconds: _Seconds = 5.0


@dataclass(frozen=True, kw_only=True)
class Model:
    """A model of a provider, and how much of it one process uses.

    Attributes:
        name: as the provider calls it.
        context_window: tokens of prompt and output together.
        max_concurrent: calls at a time; the others wait `wait_seconds`, then go elsewhere.
        retries: second tries at this target before the next one of the alias.
    """

    provider: str
    name: str
    context_window: Annotated[int, Field(gt=0)] | None = None
    max_output_tokens: Annotated[int, Field(ge=16)] = 1024
    price: Price | None = None
    structured_output: StructuredOutput = "json_schema"
    output_limit_field: OutputLimitField = "max_tokens"
    temperature: Annotated[float, Field(ge=0, le=2)] | None = 0.0
    logprobs: bool = False
    stream_usage: bool = True
    first_token_seconds: _Seconds = 30.0
    total_seconds: _Seconds = 60.0
    max_concurrent: Annotated[int, Field(ge=1, le=10_000)] = 16
    wait_seconds: Annotated[float, Field(ge=0, le=3600)] = 5.0
    retries: Annotated[int, Field(ge=0, le=10)] = 1


@dataclass(frozen=True, kw_only=True)
class AliasTarget:
    """A model of an alias. Targets with a weight share the first tries; all stand in for others."""

    model: str
    weight: Annotated[int, Field(ge=0)] = 0


_Targets = Annotated[tuple[AliasTarget, ...], Field(min_length=1)]


@dataclass(frozen=True, kw_only=True)
class Alias:
    """A name that callers may ask for. `strong` is the tier for what is difficult."""

    targets: _Targets
    strong: _Targets | None = None


@dataclass(frozen=True, kw_only=True)
class GatewayConfig:
    """The whole file, and the models that each tenant may use.

    Attributes:
        tenants: by tenant id or `default`; written here, or as `models` of a tenant in policy.toml.
        price_version: of the prices below; stands beside each cost.
        answer_seconds: the time of all model calls of one answer together.
    """

    providers: dict[_Label, Provider]
    models: dict[_Label, Model]
    aliases: dict[_AliasName, Alias]
    tenants: dict[str, ModelAccess] = field(default_factory=dict)
    price_version: str | None = None
    allow_unknown_price: bool = False
    answer_seconds: _Seconds = 120.0
    breaker: BreakerLimits = field(default_factory=BreakerLimits)

    __pydantic_config__ = ConfigDict(extra="forbid")

    def access_of(self, tenant_id: UUID) -> ModelAccess:
        """The tenant's own, else everybody's."""
        return self.tenants.get(str(tenant_id), self.tenants[EVERYBODY])


def resident_targets(
    config: GatewayConfig, policy: ModelAccess, targets: Sequence[AliasTarget]
) -> list[AliasTarget]:
    """The targets whose providers are where the tenant's data may go."""
    return [
        target
        for target in targets
        if policy.residency is None
        or config.providers[config.models[target.model].provider].residency in policy.residency
    ]


def load_gateway_file(path: Path, policies: TenantPolicies = EVERYTHING_ALLOWED) -> GatewayConfig:
    """The gateway of the file; `policies` has the models of tenants that the file does not name.

    Raises:
        Misconfigured: it cannot be read, or something in it is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise Misconfigured("The file of FOOTNOTE_GATEWAY_FILE cannot be read.") from None
    return read_gateway_config(text, policies)


def read_gateway_config(toml: str, policies: TenantPolicies = EVERYTHING_ALLOWED) -> GatewayConfig:
    """The same from the file's text."""
    try:
        raw = tomllib.loads(toml, parse_float=Decimal)
        config = _CONFIG.validate_python(raw)
    except tomllib.TOMLDecodeError as error:
        raise Misconfigured(f"The gateway file is not TOML: {error}.") from None
    except ValidationError as error:
        # Not chained, and without the values: they may be secrets written into a header.
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        shown = "; ".join(
            f"{'.'.join(str(step) for step in fault['loc'])}: {fault['msg']}"
            for fault in faults[:MAX_PROBLEMS]
        )
        raise Misconfigured(f"The gateway file is wrong: {shown}.") from None
    access = policies.model_access()
    problems = [
        f"tenants.{key}: policy.toml says which models this tenant may use, too"
        for key in sorted(config.tenants.keys() & access.keys())
    ]
    config = replace(config, tenants={**config.tenants, **access})
    # The tenants' models are looked up only when the file's own parts fit together.
    problems = (
        problems
        or list(_problems(config))
        or [
            *_policy_problems(config),
            *_moderation_problems(config),
        ]
    )
    if problems:
        raise Misconfigured(f"The gateway file is wrong: {'; '.join(problems[:MAX_PROBLEMS])}.")
    return config


def single_model_config(
    provider: Provider, model: Model, *, answer_seconds: float
) -> GatewayConfig:
    """One model for everybody, as the FOOTNOTE_LLM_* settings describe it; it has no price."""
    return GatewayConfig(
        providers={EVERYBODY: provider},
        models={EVERYBODY: model},
        aliases={EVERYBODY: Alias(targets=(AliasTarget(model=EVERYBODY),))},
        tenants={EVERYBODY: ModelAccess(aliases=(EVERYBODY,))},
        allow_unknown_price=True,
        answer_seconds=answer_seconds,
    )


_CONFIG: Final = TypeAdapter(GatewayConfig)


def _problems(config: GatewayConfig) -> Iterator[str]:
    """Faults that show when providers, models and aliases are compared."""
    for key, model in config.models.items():
        if model.provider not in config.providers:
            yield f"models.{key}.provider: there is no provider {model.provider!r}"
        if model.price is None and not config.allow_unknown_price:
            yield f"models.{key}.price: missing, and allow_unknown_price is not set"
        if model.price is not None and config.price_version is None:
            yield "price_version: missing, although models have prices"
    for key, alias in config.aliases.items():
        for target in (*alias.targets, *(alias.strong or ())):
            if target.model not in config.models:
                yield f"aliases.{key}: there is no model {target.model!r}"


def _policy_problems(config: GatewayConfig) -> Iterator[str]:
    """Faults in the aliases that tenants may use, and in those that judge for them."""
    if EVERYBODY not in config.tenants:
        yield f"tenants.{EVERYBODY}: missing; it is for every tenant without a policy of its own"
    for key, policy in config.tenants.items():
        if key != EVERYBODY and not _is_uuid(key):
            yield f"tenants.{key}: must be a tenant's id, as `footnote tenant create` prints it"
        named = [("aliases", name) for name in policy.aliases]
        named += [("judge", policy.judge)] if policy.judge is not None else []
        for place, name in named:
            path = f"tenants.{key}.{place}"
            alias = config.aliases.get(name)
            if alias is None:
                yield f"{path}: there is no alias {name!r}"
                continue
            if not resident_targets(config, policy, alias.targets):
                yield f"{path}: no model of {name!r} is within the tenant's residency"
            targets = (*alias.targets, *(alias.strong or ()))
            is_priced = all(config.models[target.model].price is not None for target in targets)
            if policy.has_budget and not is_priced:
                yield f"{path}: models of {name!r} have no price, but the tenant has a budget"


def _moderation_problems(config: GatewayConfig) -> Iterator[str]:
    """Faults in the models that moderate for tenants."""
    for key, policy in config.tenants.items():
        if policy.moderation is None:
            continue
        path = f"tenants.{key}.moderation"
        model = config.models.get(policy.moderation)
        if model is None:
            yield f"{path}: there is no model {policy.moderation!r}"
            continue
        if not resident_targets(config, policy, [AliasTarget(model=policy.moderation)]):
            yield f"{path}: {policy.moderation!r} is not within the tenant's residency"
        if policy.has_budget and model.price is None:
            yield f"{path}: {policy.moderation!r} has no price, but the tenant has a budget"


def _is_uuid(written: str) -> bool:
    try:
        return str(UUID(written)) == written
    except ValueError:
        return False
