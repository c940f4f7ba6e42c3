"""Reranking with a cross-encoder made here: small, random, and always the same."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import CrossEncoder
from transformers import BertConfig, BertForSequenceClassification, BertTokenizer

from app.retrieve.query_embedder import QueryEmbedder
from app.retrieve.rerank import RERANKED_PASSAGES
from app.retrieve.search import NodeIndexes, RetrievalLimits, Retriever
from app.retrieve.search_spaces import SearchSpaces
from footnote.embedding_model import open_space
from kb.errors import ModelUnavailable
from kb.postgres.database import Database
from models.embedding import SentenceTransformerEmbedder
from models.reranking import CrossEncoderScorer
from tests.service import Person, Service

NOTES = 60
WORDS = ("harbour", "opens", "at", "six", "pilot", "crane", "ferry", "tide", "rope", "anchor")


def save_cross_encoder(folder: Path, *, labels: int = 1) -> Path:
    """A BERT of one layer that has learnt nothing."""
    torch.manual_seed(7)
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS, *map(str, range(NOTES))]
    config = BertConfig.from_dict(
        {
            "vocab_size": len(tokens),
            "hidden_size": 16,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "intermediate_size": 32,
            "max_position_embeddings": 64,
            "num_labels": labels,
            "initializer_range": 1.0,
        }
    )
    network = BertForSequenceClassification(config)  # type: ignore[no-untyped-call]  # theirs
    network.save_pretrained(folder)
    vocabulary = {token: number for number, token in enumerate(tokens)}
    BertTokenizer(vocab=vocabulary).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_cross_encoder(tmp_path_factory.mktemp("reranker") / "small")


@pytest.fixture(scope="module")
async def reader(
    service: Service, database: Database, embedder: SentenceTransformerEmbedder, model: Path
) -> AsyncIterator[Person]:
    """Somebody with many notes, at a service with a reranker."""
    resources = service.resources
    retriever = Retriever(
        database,
        NodeIndexes(lexical=resources.lexical),
        SearchSpaces(QueryEmbedder(embedder, await open_space(database, embedder))),
        RetrievalLimits(candidates=100, lexical_weight=0.5),
        scorer=CrossEncoderScorer(str(model)),
    )
    reranking = replace(resources, retriever=retriever)
    async with service.with_resources(reranking) as with_reranker:
        person = await with_reranker.person(await with_reranker.new_tenant(), "user:ana")
        # Sections are chunks of their own.
        await person.upload(
            "\n\n".join(
                f"# {number}\n\nharbour {WORDS[number % len(WORDS)]} {number}"
                for number in range(NOTES)
            ),
            title="harbour tide",
        )
        yield person


async def found(person: Person, **body: object) -> list[dict[str, dict[str, float]]]:
    response = await person.search("the harbour opens at night", **body)
    assert response.status_code == 200, response.text
    data: list[dict[str, dict[str, float]]] = response.json()["data"]
    return data


async def test_hits_come_in_the_order_of_the_model(reader: Person, model: Path) -> None:
    hits = await found(reader, rerank=True, top_k=20)

    library = CrossEncoder(str(model), device="cpu")
    pairs = [
        ("the harbour opens at night", f"{hit['document']['title']}\n{hit['text']}") for hit in hits
    ]
    scores = [hit["scores"]["rerank"] for hit in hits]
    assert scores == pytest.approx(library.predict(pairs).tolist(), abs=1e-5)
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) > 10


async def test_the_first_candidates_are_read_again_and_the_rest_keep_their_place(
    reader: Person,
) -> None:
    plain = await found(reader, top_k=NOTES)
    reranked = await found(reader, top_k=NOTES, rerank=True)

    def ids(hits: list[dict[str, dict[str, float]]]) -> list[dict[str, float]]:
        return [hit["chunk_id"] for hit in hits]

    assert len(plain) == NOTES
    assert sorted(map(str, ids(plain)[:RERANKED_PASSAGES])) == sorted(
        map(str, ids(reranked)[:RERANKED_PASSAGES])
    )
    assert ids(plain)[:RERANKED_PASSAGES] != ids(reranked)[:RERANKED_PASSAGES]
    assert ids(plain)[RERANKED_PASSAGES:] == ids(reranked)[RERANKED_PASSAGES:]
    assert [hit["scores"]["rerank"] is None for hit in reranked] == [False] * RERANKED_PASSAGES + [
        True
    ] * (NOTES - RERANKED_PASSAGES)


async def test_the_best_of_many_candidates_come_up(reader: Person) -> None:
    many = await found(reader, top_k=RERANKED_PASSAGES, rerank=True)
    few = await found(reader, top_k=3, rerank=True)

    assert few == many[:3]


async def test_the_explanation_counts_what_was_read_again(reader: Person) -> None:
    for rerank, count in ((True, RERANKED_PASSAGES), (False, 0)):
        response = await reader.search("harbour", explain=True, rerank=rerank)
        assert response.json()["explanation"]["reranked"] == count


async def test_without_a_reranker_asking_for_one_is_refused(service: Service) -> None:
    person = await service.person(await service.new_tenant(), "user:ana")

    response = await person.search("harbour", rerank=True)

    assert response.status_code == 422
    assert response.json()["code"] == "invalid_request"
    assert "FOOTNOTE_RERANK_MODEL" in response.json()["detail"]


def test_no_texts_have_no_scores(model: Path) -> None:
    assert CrossEncoderScorer(str(model)).scores("harbour", []).tolist() == []


def test_what_is_beyond_the_window_is_cut_off(model: Path) -> None:
    scores = CrossEncoderScorer(str(model)).scores("harbour", ["tide " * 1_000, "tide " * 2_000])

    assert np.isfinite(scores).all()
    assert scores[0] == pytest.approx(scores[1])


def test_a_model_that_does_not_rank_is_refused(tmp_path: Path) -> None:
    folder = save_cross_encoder(tmp_path / "classifier", labels=3)

    with pytest.raises(ModelUnavailable, match="FOOTNOTE_RERANK_MODEL"):
        CrossEncoderScorer(str(folder))


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="FOOTNOTE_RERANK_MODEL"):
        CrossEncoderScorer(str(tmp_path))
