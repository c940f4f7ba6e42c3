"""Clients for addresses that others chose, with what the operator allows."""

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, closing

from kb.errors import Misconfigured, SourceUriRefused
from kb.outbound import BlockingOutboundClient, OutboundClient, certificate_context
from kb.public_addresses import PublicAddresses
from kb.settings import Settings
from kb.source_uris import parse_prefixes


def source_prefixes(settings: Settings) -> tuple[str, ...]:
    """The addresses below which tenants may name sources; Misconfigured by one that is none."""
    try:
        return parse_prefixes(settings.source_uri_prefixes or "")
    except SourceUriRefused as error:
        raise Misconfigured(f"FOOTNOTE_SOURCE_URI_PREFIXES: {error.message}") from error


@asynccontextmanager
async def open_web(settings: Settings) -> AsyncIterator[BlockingOutboundClient]:
    """The client that reads sources of the web: from public addresses, and those allowed."""
    with (
        closing(PublicAddresses(private_networks=settings.private_networks)) as addresses,
        closing(BlockingOutboundClient(addresses, certificates=certificate_context())) as client,
    ):
        yield client


@asynccontextmanager
async def open_outbound(settings: Settings) -> AsyncIterator[OutboundClient]:
    """The client for addresses that others chose."""
    addresses = PublicAddresses(private_networks=settings.private_networks)
    try:
        async with aclosing(
            OutboundClient(addresses, certificates=certificate_context())
        ) as client:
            yield client
    finally:
        addresses.close()
