"""A model that calls can be sent to, with the state that the calls of the process share."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from pydantic import SecretStr

from app.gateway.breaker import Breaker, BreakerState
from app.gateway.config import GatewayConfig, Model, Provider
from app.gateway.endpoint import ModelEndpoint
from app.gateway.not_now import NotAdmitted
from kb.errors import Misconfigured

if TYPE_CHECKING:
    from app.gateway.language_model import LanguageModel

_THIS_MACHINE: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, kw_only=True)
class Target:
    """A model with its connections, its breaker and its free places."""

    key: str
    model: Model
    provider: Provider
    endpoint: ModelEndpoint
    language_model: "LanguageModel"
    breaker: Breaker
    places: asyncio.Semaphore

    @property
    def identity(self) -> tuple[str, str]:
        """The same for two entries of the file that are one model at one server.

        Of a server's names only those of this machine are known to be the same one.
        """
        url = urlsplit(self.provider.base_url)
        host = (url.hostname or "").casefold()
        port = url.port or _PORTS.get(url.scheme)
        server = f"{'localhost' if host in _THIS_MACHINE else host}:{port}{url.path.rstrip('/')}"
        return (server, self.model.name)

    @asynccontextmanager
    async def admission(self, *, seconds: float) -> AsyncIterator[None]:
        """A place for one call; its outcome must be recorded by the breaker inside the block.

        Raises:
            NotAdmitted: the breaker is open, or no place became free in time.
        """
        try:
            async with asyncio.timeout(min(seconds, self.model.wait_seconds)):
                await self.places.acquire()
        except TimeoutError:
            raise NotAdmitted("Too many calls of the language model are running.") from None
        try:
            if not self.breaker.admits():
                raise NotAdmitted(
                    "The language model has failed too often and is left alone for a while.",
                    retry_after_seconds=self.breaker.closed_to_calls_seconds,
                )
            yield
        finally:
            self.places.release()


@asynccontextmanager
async def open_targets(
    config: GatewayConfig,
    *,
    secret: Callable[[str], SecretStr | None],
    clock: Callable[[], float],
    on_breaker: Callable[[str, BreakerState], None],
) -> AsyncIterator[Mapping[str, Target]]:
    """The models of the file by key; their connections are closed at the end.

    Args:
        config: the file.
        secret: finds a provider's key by the name of its variable.
        clock: for the breakers.
        on_breaker: is called with a model's key and its breaker's state.

    Raises:
        Misconfigured: a key is missing.
    """
    # openai takes .2 s of a start, which an API without a language model does without.
    from app.gateway.language_model import LanguageModel

    async with AsyncExitStack() as stack:
        targets: dict[str, Target] = {}
        for key, model in config.models.items():
            endpoint = _endpoint(config, model, secret)
            targets[key] = Target(
                key=key,
                model=model,
                provider=config.providers[model.provider],
                endpoint=endpoint,
                language_model=await stack.enter_async_context(LanguageModel(endpoint)),
                breaker=Breaker(config.breaker, clock=clock, on_change=partial(on_breaker, key)),
                places=asyncio.Semaphore(model.max_concurrent),
            )
        yield targets


def _endpoint(
    config: GatewayConfig, model: Model, secret: Callable[[str], SecretStr | None]
) -> ModelEndpoint:
    provider = config.providers[model.provider]
    api_key = secret(provider.key_variable) if provider.key_variable else None
    if provider.key_variable and api_key is None:
        raise Misconfigured(
            f"providers.{model.provider}.key_variable: {provider.key_variable} is not set."
        )
    return ModelEndpoint(
        base_url=provider.base_url,
        model=model.name,
        api_key=api_key,
        timeout_seconds=model.total_seconds,
        first_token_seconds=model.first_token_seconds,
        connect_seconds=provider.connect_seconds,
        max_output_tokens=model.max_output_tokens,
        structured_output=model.structured_output,
        output_limit_field=model.output_limit_field,
        temperature=model.temperature,
        has_logprobs=model.logprobs,
        reports_stream_usage=model.stream_usage,
        key_header=provider.key_header,
        headers=provider.headers,
        query=provider.query,
    )
