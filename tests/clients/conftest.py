"""Both clients behind one face, so that each test runs with the one and with the other."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import pytest

from footnote_client import Answer, AsyncClient, Client, Document, Retries, VerifiedClaim
from kb.store.choices import SCOPES
from tests.service import Person, Service

QUICK = Retries(attempts=4, first_pause_seconds=0.001)
"""No test waits."""


@dataclass(frozen=True, kw_only=True)
class Caller:
    """A client of either kind: what it gives is awaited."""

    client: Client | AsyncClient

    def __getattr__(self, name: str) -> Callable[..., Coroutine[Any, Any, Any]]:
        """The method of that name; any of them."""
        method = getattr(self.client, name)
        if isinstance(self.client, AsyncClient):
            return method  # type: ignore[no-any-return]  # by name

        async def in_a_thread(*given: object, **named: object) -> object:
            return await asyncio.to_thread(method, *given, **named)

        return in_a_thread

    async def listed(self, **listing: Any) -> list[Document]:  # noqa: ANN401  # by name
        """All documents."""
        if isinstance(self.client, AsyncClient):
            return [document async for document in self.client.list_documents(**listing)]
        listed = self.client.list_documents(**listing)
        return await asyncio.to_thread(list, listed)

    async def collect(
        self,
        claims: list[VerifiedClaim],
        question: str,
        **options: Any,  # noqa: ANN401  # by name
    ) -> Answer:
        """The answer, whose claims are collected as they come."""
        if isinstance(self.client, AsyncClient):
            async with self.client.stream(question, **options) as stream:
                async for claim in stream:
                    claims += [claim]
                return await stream.answer()
        with self.client.stream(question, **options) as verified:
            await asyncio.to_thread(claims.extend, verified)
            return await asyncio.to_thread(verified.answer)

    async def streamed(
        self,
        question: str,
        **options: Any,  # noqa: ANN401  # by name
    ) -> tuple[list[VerifiedClaim], Answer]:
        """The claims and the answer that they make up."""
        claims: list[VerifiedClaim] = []
        answer = await self.collect(claims, question, **options)
        return claims, answer


def url_of(service: Service) -> str:
    """Where the service listens."""
    return str(service.http.base_url).rstrip("/")


async def new_person(service: Service, *principals: str) -> Person:
    """Somebody of a tenant of their own, whose key may do anything."""
    return await service.person(await service.new_tenant(), *principals, scopes=SCOPES)


Connect: TypeAlias = Callable[..., AbstractAsyncContextManager[Caller]]


@pytest.fixture(params=["sync", "async"])
def connect(request: pytest.FixtureRequest) -> Connect:
    """Opens a client for a URL and a key."""

    @asynccontextmanager
    async def connected(
        url: str, key: str = "fn_secret", *, retries: Retries = QUICK
    ) -> AsyncIterator[Caller]:
        if request.param == "async":
            async with AsyncClient(url, key, retries=retries) as asynchronous:
                yield Caller(client=asynchronous)
        else:
            with Client(url, key, retries=retries) as synchronous:
                yield Caller(client=synchronous)

    return connected
