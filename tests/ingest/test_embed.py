"""Texts of several documents are embedded together, and each gets its own vectors back."""

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from typing_extensions import override

from ingest.embed import MAX_TEXTS_A_CALL, batch_passages
from kb.unit_vectors import Vectors
from tests.footnote.small_embedder import SmallEmbedder


@dataclass(frozen=True, kw_only=True)
class WaitingEmbedder(SmallEmbedder):
    """Remembers its calls, and waits in each of them until it may go on."""

    calls: list[list[str]] = field(default_factory=list)
    has_begun: threading.Event = field(default_factory=threading.Event)
    may_end: threading.Event = field(default_factory=threading.Event)

    @override
    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        self.calls.append(list(texts))
        self.has_begun.set()
        assert self.may_end.wait(30)
        return super().embed_passages(texts)


@dataclass(frozen=True, kw_only=True)
class FailingEmbedder(SmallEmbedder):
    """Fails once with the error, then works."""

    errors: list[Exception]

    @override
    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        if self.errors:
            raise self.errors.pop()
        return super().embed_passages(texts)


async def test_a_text_gets_the_vector_that_the_embedder_gives_it() -> None:
    embedder = SmallEmbedder()

    async with batch_passages(embedder) as batching:
        vectors = await batching.submit(["one", "two"])

    np.testing.assert_array_equal(vectors, embedder.embed_passages(["one", "two"]))


async def test_what_comes_while_the_model_is_busy_is_embedded_together() -> None:
    embedder = WaitingEmbedder()

    async with batch_passages(embedder) as batching:
        first = batching.submit(["first"])
        await asyncio.to_thread(embedder.has_begun.wait, 30)
        later = [batching.submit([f"{name} 1", f"{name} 2"]) for name in ("b", "c")]
        # Both have put down what they want when they are next asked to go on.
        await asyncio.sleep(0)
        embedder.may_end.set()
        vectors = await asyncio.gather(first, *later)

    assert embedder.calls == [["first"], ["b 1", "b 2", "c 1", "c 2"]]
    np.testing.assert_array_equal(vectors[2], SmallEmbedder().embed_passages(["c 1", "c 2"]))


async def test_a_full_call_takes_no_more() -> None:
    embedder = WaitingEmbedder()
    full = [f"text {number}" for number in range(MAX_TEXTS_A_CALL)]

    async with batch_passages(embedder) as batching:
        first = batching.submit(["first"])
        await asyncio.to_thread(embedder.has_begun.wait, 30)
        later = [batching.submit(full) for _ in range(2)]
        await asyncio.sleep(0)
        embedder.may_end.set()
        await asyncio.gather(first, *later)

    assert [len(call) for call in embedder.calls] == [1, MAX_TEXTS_A_CALL, MAX_TEXTS_A_CALL]


@pytest.mark.parametrize("error", [ValueError("too long"), RuntimeError("no"), KeyError("no")])
async def test_a_failure_reaches_who_asked_and_nobody_later(error: Exception) -> None:
    async with batch_passages(FailingEmbedder(errors=[error])) as batching:
        with pytest.raises(type(error)):
            await asyncio.wait_for(batching.submit(["one"]), 30)
        vectors = await asyncio.wait_for(batching.submit(["two"]), 30)

    assert vectors.shape == (1, 8)


async def test_who_goes_away_does_not_disturb_the_others() -> None:
    embedder = WaitingEmbedder()

    async with batch_passages(embedder) as batching:
        first = batching.submit(["first"])
        await asyncio.to_thread(embedder.has_begun.wait, 30)
        gone, staying = (batching.submit([name]) for name in ("gone", "here"))
        await asyncio.sleep(0)
        first.cancel()
        gone.cancel()
        embedder.may_end.set()
        vectors = await asyncio.wait_for(staying, 30)

    np.testing.assert_array_equal(vectors, SmallEmbedder().embed_passages(["here"]))


async def test_who_still_waits_at_the_end_is_told() -> None:
    embedder = WaitingEmbedder()

    async with batch_passages(embedder) as batching:
        running = batching.submit(["running"])
        await asyncio.to_thread(embedder.has_begun.wait, 30)
        waiting = batching.submit(["waiting"])
        await asyncio.sleep(0)
    embedder.may_end.set()

    ended, _ = await asyncio.wait([running, waiting], timeout=30)
    assert ended == {running, waiting}
    assert running.cancelled()
    assert waiting.cancelled()
