"""Vectors of questions: made together while the model is busy, remembered, and their asker's."""

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from typing_extensions import override

from app.retrieve.query_embedder import MAX_TEXTS_A_CALL, QueryEmbedder
from kb.unit_vectors import Vectors
from models.embedding import SentenceTransformerEmbedder
from tests.footnote.small_embedder import SmallEmbedder
from tests.service import Service

PATIENCE_SECONDS = 30
SPACE = SmallEmbedder().space


class ModelBrokeError(Exception):
    """What a model may raise."""


@dataclass(frozen=True, kw_only=True)
class HeldEmbedder(SmallEmbedder):
    """Embeds once `gate` is open, and tells what it was asked for at once."""

    gate: threading.Event = field(default_factory=threading.Event)
    called: threading.Event = field(default_factory=threading.Event)
    calls: list[list[str]] = field(default_factory=list)
    breaks_at: str = ""

    @override
    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        self.calls.append(list(texts))
        self.called.set()
        assert self.gate.wait(PATIENCE_SECONDS)
        if self.breaks_at in texts:
            raise ModelBrokeError
        return super().embed_queries(texts)


async def until_called(embedder: HeldEmbedder) -> None:
    assert await asyncio.to_thread(embedder.called.wait, PATIENCE_SECONDS)


async def test_a_question_alone_is_embedded_at_once() -> None:
    embedder = HeldEmbedder()
    embedder.gate.set()
    vectors = QueryEmbedder(embedder, SPACE)

    vector = await vectors.embed("Where?")

    assert embedder.calls == [["Where?"]]
    assert np.array_equal(vector, SmallEmbedder().embed_queries(["Where?"])[0])
    assert not vectors.is_busy


async def test_what_waits_for_the_model_is_embedded_together() -> None:
    embedder = HeldEmbedder()
    vectors = QueryEmbedder(embedder, SPACE)
    first = asyncio.create_task(vectors.embed("first"))
    await until_called(embedder)
    names = [f"question {number}" for number in range(MAX_TEXTS_A_CALL + 1)]
    others = [asyncio.create_task(vectors.embed(name)) for name in names]
    await asyncio.sleep(0)

    assert vectors.is_busy
    embedder.gate.set()
    await first
    found = await asyncio.gather(*others)

    assert embedder.calls == [["first"], names[:-1], names[-1:]]
    assert np.array_equal(np.stack(found), SmallEmbedder().embed_queries(names))


async def test_a_question_is_embedded_once_however_often_it_is_asked() -> None:
    embedder = HeldEmbedder()
    vectors = QueryEmbedder(embedder, SPACE)
    first = asyncio.create_task(vectors.embed("other"))
    await until_called(embedder)
    together = [asyncio.create_task(vectors.embed("same")) for _ in range(5)]
    await asyncio.sleep(0)
    embedder.gate.set()
    await asyncio.gather(first, *together)

    await vectors.embed("same")

    assert embedder.calls == [["other"], ["same"]]


async def test_an_answer_does_not_embed_the_question_of_its_search_again() -> None:
    embedder = HeldEmbedder()
    embedder.gate.set()
    vectors = QueryEmbedder(embedder, SPACE)
    searched_for = await vectors.embed("same")

    rows = vectors.embed_queries(["other", "same", "other"])
    await vectors.embed("other")

    assert embedder.calls == [["same"], ["other"]]
    assert np.array_equal(rows, SmallEmbedder().embed_queries(["other", "same", "other"]))
    assert np.array_equal(rows[1], searched_for)
    assert vectors.embed_queries([]).shape == (0, 8)


async def test_spaces_and_case_make_another_question() -> None:
    embedder = HeldEmbedder()
    embedder.gate.set()
    vectors = QueryEmbedder(embedder, SPACE)

    for text in ("Where?", "where?", "Where? "):
        await vectors.embed(text)

    assert embedder.calls == [["Where?"], ["where?"], ["Where? "]]


async def test_who_no_longer_waits_takes_nothing_from_the_others() -> None:
    embedder = HeldEmbedder()
    vectors = QueryEmbedder(embedder, SPACE)
    first = asyncio.create_task(vectors.embed("other"))
    await until_called(embedder)
    impatient, patient = [asyncio.create_task(vectors.embed("same")) for _ in range(2)]
    await asyncio.sleep(0)

    impatient.cancel()
    embedder.gate.set()

    assert (await patient).shape == (8,)
    assert (await asyncio.gather(impatient, return_exceptions=True))[0].__class__ is (
        asyncio.CancelledError
    )
    await first


async def test_a_failure_reaches_those_who_asked_and_nobody_after_them() -> None:
    embedder = HeldEmbedder(breaks_at="bad")
    embedder.gate.set()
    vectors = QueryEmbedder(embedder, SPACE)

    with pytest.raises(ModelBrokeError):
        await vectors.embed("bad")

    assert (await vectors.embed("good")).shape == (8,)
    with pytest.raises(ModelBrokeError):
        await vectors.embed("bad")


async def test_together_or_alone_a_question_gets_the_same_vector(
    embedder: SentenceTransformerEmbedder,
) -> None:
    questions = ["Where is the harbour?", "A much longer question about the harbour's two cranes."]

    together = QueryEmbedder(embedder, SPACE)
    both = await asyncio.gather(*(together.embed(question) for question in questions))

    for question, vector in zip(questions, both, strict=True):
        assert vector @ embedder.embed_queries([question])[0] > 0.9999


async def test_a_remembered_question_shows_nothing_of_those_who_asked_before(
    service: Service,
) -> None:
    tenant_id, other_tenant = await service.new_tenant(), await service.new_tenant()
    ana = await service.person(tenant_id, "user:ana")
    hr = await service.person(tenant_id, "group:hr")
    stranger = await service.person(other_tenant, "user:ana")
    await hr.upload("The lighthouse salary list.", "salaries.txt", principals=["group:hr"])
    await ana.upload("The lighthouse opening times.", "times.txt", principals=["user:ana"])
    question = {"query": "What is known of the lighthouse?", "mode": "vector"}

    found = [(await person.search(**question)).json()["data"] for person in (hr, ana, stranger, hr)]

    assert [[hit["text"] for hit in hits] for hits in found] == [
        ["The lighthouse salary list."],
        ["The lighthouse opening times."],
        [],
        ["The lighthouse salary list."],
    ]
