"""The cost of events: for who has no webhook, and until they arrive."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from datetime import UTC, datetime
from ipaddress import ip_network
from random import Random
from time import perf_counter
from typing import Final
from uuid import uuid4

from evals.bench.footnote_process import Instance
from evals.bench.record import Outcome, spread
from ingest.deliveries import WebhookTools, deliver_due, keep_delivering
from kb.ids import TenantId
from kb.logs import configure_logging
from kb.outbound import OutboundClient, certificate_context
from kb.postgres.database import Database
from kb.postgres.embedded_postgres import database_url
from kb.public_addresses import PublicAddresses
from kb.store.choices import EVENT_TYPES
from kb.store.tenants import create_tenant, current_generation
from kb.store.webhook_events import Event, emit
from kb.store.webhooks import create_webhook, new_secret
from kb.telemetry import Metrics
from migrations.run import upgrade

EVENTS: Final = 500
TIMED_ARRIVALS: Final = 40
WARM_UP: Final = 20
ENDPOINTS: Final = 8
LOCAL: Final = "127.0.0.1"
MOST_MILLISECONDS, MOST_SECONDS, FEWEST_A_SECOND = 1.0, 2.0, 50.0
AWAY: Final = f"http://{LOCAL}:65535/"
"""Nobody listens there."""

SEED: Final = 7
EVENT: Final = Event(type="document.deleted", data={"id": str(uuid4())})


class Receiver:
    """Answers everything with 204; counts what arrives, and tells when."""

    def __init__(self) -> None:
        """Nothing has arrived."""
        self.count = 0
        self.arrived = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """The requests of one connection."""
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while head := (await reader.readuntil(b"\r\n\r\n")).lower():
                await reader.readexactly(int(head.partition(b"content-length: ")[2].split()[0]))
                self.count += 1
                self.arrived.set()
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        writer.close()


def measure_webhooks(instance: Instance, *, events: int) -> Outcome:
    """What an event costs its transaction, and how soon and how fast events arrive."""
    configure_logging("error")
    with database_url(instance.settings) as url:
        upgrade(url)
        numbers = asyncio.run(_measure(url, events))
    added = numbers["milliseconds_added_without_webhook"]
    seconds = numbers["seconds_until_arrival"]
    rates = numbers["events_a_second"]
    assert isinstance(added, float)  # noqa: S101  # of one dict with several types
    assert isinstance(seconds, dict)  # noqa: S101
    assert isinstance(rates, dict)  # noqa: S101
    return Outcome(
        question="What does an event cost its transaction, and when does it arrive?",
        target=f"at most {MOST_MILLISECONDS} ms more without a webhook (p50), arrival within "
        f"{MOST_SECONDS} s (p95) beside an endpoint that is away, {FEWEST_A_SECOND} events a "
        "second to one endpoint",
        has_met_target=added <= MOST_MILLISECONDS
        and seconds["p95"] <= MOST_SECONDS
        and rates["to one endpoint"] >= FEWEST_A_SECOND,
        numbers=numbers,
        seed=SEED,
        warm_up=WARM_UP,
    )


async def _measure(url: str, events: int) -> dict[str, object]:
    addresses = PublicAddresses(private_networks=[ip_network(LOCAL)])
    database = Database(url, pool_size=10)
    async with aclosing(OutboundClient(addresses, certificates=certificate_context())) as client:
        tools = WebhookTools(
            database=database,
            client=client,
            metrics=Metrics(),
            clock=lambda: datetime.now(UTC),
            draw=lambda: 0.0,
        )
        costs = await _costs(tools, events)
        rates = {
            "to one endpoint": await _rate(tools, events, endpoints=1),
            f"to {ENDPOINTS} endpoints": await _rate(tools, events, endpoints=ENDPOINTS),
        }
        arrivals = await _arrivals(tools)
        await database.close()
        return {
            "milliseconds": {name: spread(values) for name, values in costs.items()},
            "milliseconds_added_without_webhook": round(
                spread(costs["event, no webhook"])["p50"] - spread(costs["no event"])["p50"], 4
            ),
            "events_a_second": rates,
            "seconds_until_arrival": spread(arrivals),
        }


async def _costs(tools: WebhookTools, events: int) -> dict[str, list[float]]:
    """Milliseconds of transactions, the kinds in turn."""
    without, with_one = await _tenant(tools, []), await _tenant(tools, [AWAY])
    kinds: dict[str, tuple[TenantId, bool]] = {
        "no event": (without, False),
        "event, no webhook": (without, True),
        "event, one webhook": (with_one, True),
    }
    costs: dict[str, list[float]] = {name: [] for name in kinds}
    for number in range(events + WARM_UP):
        for name, (tenant, is_told) in kinds.items():
            began = perf_counter()
            async with tools.database.tenant(tenant, viewer=None) as scope:
                await current_generation(scope)
                if is_told:
                    await emit(scope, EVENT, now=tools.clock())
            if number >= WARM_UP:
                costs[name].append((perf_counter() - began) * 1000)
    return costs


async def _rate(tools: WebhookTools, events: int, *, endpoints: int) -> float:
    """Events a second that arrive at all endpoints together."""
    async with _receiving() as (receiver, url):
        tenant = await _tenant(tools, [url] * endpoints)
        await _emit(tools, tenant, events // endpoints)
        began = perf_counter()
        await deliver_due(tools)
        return round(receiver.count / (perf_counter() - began), 1)


async def _arrivals(tools: WebhookTools) -> list[float]:
    """Seconds from the start of the transaction to the arrival, at any time between two looks."""
    seconds, generator = [], Random(SEED)  # noqa: S311  # no secret
    working = asyncio.create_task(keep_delivering(tools))
    async with _receiving() as (receiver, url):
        tenant = await _tenant(tools, [url, AWAY])
        for _ in range(TIMED_ARRIVALS):
            await asyncio.sleep(generator.uniform(0.5, 1.5))
            receiver.arrived.clear()
            began = perf_counter()
            await _emit(tools, tenant, 1)
            await receiver.arrived.wait()
            seconds.append(perf_counter() - began)
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    return seconds


async def _emit(tools: WebhookTools, tenant: TenantId, events: int) -> None:
    async with tools.database.tenant(tenant, viewer=None) as scope:
        await emit(scope, *[EVENT] * events, now=tools.clock())


async def _tenant(tools: WebhookTools, urls: list[str]) -> TenantId:
    """A new tenant with webhooks to these."""
    async with tools.database.system() as system:
        tenant = await create_tenant(system, str(uuid4()))
    async with tools.database.tenant(tenant.id, viewer=None) as scope:
        for url in urls:
            await create_webhook(
                scope, url=url, events=EVENT_TYPES, secret=new_secret(), now=tools.clock()
            )
    return tenant.id


@asynccontextmanager
async def _receiving() -> AsyncIterator[tuple[Receiver, str]]:
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, LOCAL, 0)
    try:
        yield receiver, f"http://{LOCAL}:{server.sockets[0].getsockname()[1]}/"
    finally:
        server.close()
