"""Texts of several documents are embedded together, and each gets its own vectors back."""

import asyncio
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

import numpy as np
import pytest
from typing_extensions import override

from ingest.embed import MAX_TEXTS_AT_ONCE, batch_passages
from kb.unit_vectors import Vectors
from models.batching import Turn
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


async def test_a_full_call_takes_no_more_and_everybody_gets_all_his_vectors() -> None:
    embedder = WaitingEmbedder()
    texts = [f"text {number}" for number in range(MAX_TEXTS_AT_ONCE + 6)]

    async with batch_passages(embedder) as batching:
        vectors = batching.submit(texts)
        embedder.may_end.set()
        rows = await vectors

    assert [len(call) for call in embedder.calls] == [MAX_TEXTS_AT_ONCE, 6]
    np.testing.assert_array_equal(rows, SmallEmbedder().embed_passages(texts))


async def test_a_call_takes_texts_of_similar_length() -> None:
    texts = ["word " * (number * 37 % 100) for number in range(100)]

    [first, second] = await calls_for([(texts, Turn())])

    assert min(map(len, first)) >= max(map(len, second))


async def test_the_higher_class_is_embedded_first_and_the_oldest_a_little() -> None:
    bulk, single = many("bulk"), many("single")

    [first, *_] = await calls_for([(bulk, Turn(priority=10)), (single, Turn(priority=20))])

    assert counts(first) == {"bulk": MAX_TEXTS_AT_ONCE // 8, "single": MAX_TEXTS_AT_ONCE * 7 // 8}


async def test_tenants_share_a_call_whatever_they_have_in_hand() -> None:
    """56 places beside the oldest's 8: one wants 4, and two share the other 52."""
    many_of_a = [(many(f"a{number}"), Turn(tenant_id=UUID(int=1))) for number in range(8)]

    [first, *_] = await calls_for(
        [
            (many("old"), Turn(priority=-1)),
            *many_of_a,
            (many("b"), Turn(tenant_id=UUID(int=2))),
            (["c 1", "c 2", "c 3", "c 4"], Turn(tenant_id=UUID(int=3), remaining=1)),
        ]
    )

    assert counts(first) == {"old": 8, "a0": 26, "b": 26, "c": 4}


async def test_a_document_that_is_done_with_a_call_does_not_wait_for_a_large_one() -> None:
    """16 places: two for the oldest, one for the last text, the others for what comes next."""
    long = (many("long"), Turn(priority=20, remaining=1_000))

    [first, second, *_] = await calls_for(
        [(many("old"), Turn()), long, (["short 1"], Turn(priority=20))]
    )

    assert counts(first) == {"old": 2, "short": 1, "long": 13}
    assert counts(second) == {"old": 8, "long": 56}


async def test_the_document_that_wants_least_is_done_first() -> None:
    long, short = (many("long"), Turn(remaining=1_000)), (many("short"), Turn(remaining=10))

    [first, *_] = await calls_for([(many("old"), Turn(priority=-1)), long, short])

    assert counts(first) == {"old": 8, "short": 56}


async def test_what_waits_longest_is_done_at_last_however_much_comes_before_it() -> None:
    embedder = WaitingEmbedder()
    embedder.may_end.set()

    async with batch_passages(embedder) as batching:
        background = batching.submit(many("background"), Turn(priority=0))
        while not background.done():
            await batching.submit(many("single"), Turn(priority=20))

    assert background.done()
    assert len(embedder.calls) <= 2 * 100 // (MAX_TEXTS_AT_ONCE // 8)


def many(name: str) -> list[str]:
    return [f"{name} {number:03}" for number in range(100)]


def counts(call: Sequence[str]) -> Counter[str]:
    return Counter(text.split()[0] for text in call)


async def calls_for(requests: Sequence[tuple[Sequence[str], Turn]]) -> list[list[str]]:
    """The calls of the model after one that was busy when all of these came."""
    embedder = WaitingEmbedder()
    async with batch_passages(embedder) as batching:
        first = batching.submit(["first"])
        await asyncio.to_thread(embedder.has_begun.wait, 30)
        later = [batching.submit(texts, turn) for texts, turn in requests]
        await asyncio.sleep(0)
        embedder.may_end.set()
        for (texts, _), vectors in zip(requests, await asyncio.gather(*later), strict=True):
            np.testing.assert_array_equal(vectors, SmallEmbedder().embed_passages(texts))
        await first
    return embedder.calls[1:]


@pytest.mark.parametrize("error", [ValueError("too long"), RuntimeError("no"), KeyError("no")])
async def test_a_failure_reaches_who_asked_and_nobody_later(error: Exception) -> None:
    async with batch_passages(FailingEmbedder(errors=[error])) as batching:
        with pytest.raises(type(error)):
            await asyncio.wait_for(batching.submit(["one"]), 30)
        vectors = await asyncio.wait_for(batching.submit(["two"]), 30)

    assert vectors.shape == (1, 8)


@dataclass(frozen=True, kw_only=True)
class ChoosyEmbedder(WaitingEmbedder):
    """Fails on each call with a certain text."""

    @override
    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        vectors = super().embed_passages(texts)
        if "poison" in texts:
            raise RuntimeError("This text does not go through the model.")
        return vectors


async def test_a_text_that_the_model_fails_on_spoils_no_other_document() -> None:
    embedder = ChoosyEmbedder()
    batches = batch_passages(embedder)

    first = batches.submit(["busy"])
    await asyncio.to_thread(embedder.has_begun.wait, 30)
    others = [batches.submit([f"document {number}"]) for number in range(3)]
    poisoned = batches.submit(["poison", "its neighbour"])
    embedder.may_end.set()
    outcomes = await asyncio.gather(first, *others, poisoned, return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [np.ndarray] * 4 + [RuntimeError]
    assert np.array_equal(others[1].result(), embedder.embed_passages(["document 1"]))


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
