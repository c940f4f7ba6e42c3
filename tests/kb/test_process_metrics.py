"""A process shows another's metrics among its own, as long as there is one that answers."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from kb.process_metrics import END, listening_socket, read_metrics, show_metrics
from kb.telemetry import Metrics


@pytest.fixture
def shown_at() -> Iterator[socket.socket]:
    with listening_socket() as listening:
        yield listening


@asynccontextmanager
async def shown(metrics: Metrics, shown_at: socket.socket) -> AsyncIterator[None]:
    """What a child does with the socket that it has inherited, which its parent keeps."""
    server = await show_metrics(metrics, shown_at.dup().detach())
    try:
        yield
    finally:
        server.close()
        await server.wait_closed()


def ingested(count: int) -> Metrics:
    metrics = Metrics()
    for _ in range(count):
        metrics.count_ingest(status="succeeded", code=None)
    return metrics


async def samples(shown_at: socket.socket) -> dict[str, list[tuple[dict[str, str], float]]]:
    families = await read_metrics(shown_at, process="worker")
    return {
        family.name: [(sample.labels, sample.value) for sample in family.samples]
        for family in families
    }


async def test_every_sample_says_whose_it_is_and_the_database_is_left_to_the_reader(
    shown_at: socket.socket,
) -> None:
    metrics = ingested(3)
    metrics.set_jobs_waiting(4)

    async with shown(metrics, shown_at):
        found = await samples(shown_at)

    assert found["footnote_ingest"] == [
        ({"status": "succeeded", "code": "", "process": "worker"}, 3.0)
    ]
    assert {labels["process"] for each in found.values() for labels, _ in each} == {"worker"}
    assert "footnote_jobs_waiting" not in found


async def test_who_starts_again_is_found_again_and_what_was_before_is_gone(
    shown_at: socket.socket,
) -> None:
    counts = []
    for metrics in (ingested(5), ingested(1)):
        async with shown(metrics, shown_at):
            ((_, count),) = (await samples(shown_at))["footnote_ingest"]
            counts.append(count)

    assert counts == [5.0, 1.0]


async def test_nobody_there_means_no_metrics_and_no_error(shown_at: socket.socket) -> None:
    assert await read_metrics(shown_at, process="worker", timeout_seconds=0.1) == []


@pytest.mark.parametrize(
    "text", [b"footnote_answers_total 12", b"", END[:-1]], ids=["half", "nothing", "half an end"]
)
async def test_a_text_that_was_cut_off_is_none(shown_at: socket.socket, text: bytes) -> None:
    async def cut_off(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(text)
        writer.close()

    async with await asyncio.start_server(cut_off, sock=shown_at.dup()):
        assert await read_metrics(shown_at, process="worker") == []
