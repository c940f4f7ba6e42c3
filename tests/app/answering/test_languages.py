"""A question in another language than the document, with a model that reads both."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import pytest

from app.retrieve.query_embedder import QueryEmbedder
from app.retrieve.search import NodeIndexes, RetrievalLimits, Retriever
from app.retrieve.search_spaces import SearchSpaces
from footnote.embedding_model import open_space
from kb.postgres.database import Database
from kb.unit_vectors import Vectors
from models.embedding import SentenceTransformerEmbedder
from tests.service import Service

HANDBOOK: Final = """# Staff handbook

## Leave

Every full-time employee has 28 days of annual leave. Leave is booked with the line manager.

Employees with at least one year of service receive 18 weeks of parental leave at full pay.

## Equipment

A lost laptop must be reported to the service desk within two hours.

## Emergencies

The assembly point for the Fenbridge building is the boat yard opposite gate B.
"""

ASKED: Final = {
    "Wie viele Wochen Elternzeit bekommen Beschäftigte?": (
        "How many weeks of parental leave do employees receive?",
        "18 weeks of parental leave",
    ),
    "Combien de jours de congé annuel a un employé à plein temps ?": (
        "How many days of annual leave does a full-time employee have?",
        "28 days of annual leave",
    ),
    "Dans quel délai faut-il signaler un ordinateur portable perdu ?": (
        "Within what time must a lost laptop be reported?",
        "within two hours",
    ),
    "Wo ist der Sammelplatz für das Gebäude in Fenbridge?": (
        "Where is the assembly point for the Fenbridge building?",
        "the boat yard opposite gate B",
    ),
}
"""What is asked: in English, and what the answer says."""


@dataclass(frozen=True)
class EmbedderOfSeveralLanguages:
    """Gives a question the vector of its English; everything else is the model's."""

    model: SentenceTransformerEmbedder
    english: Mapping[str, str]

    @property
    def languages(self) -> frozenset[str] | None:
        return None

    @property
    def dimension(self) -> int:
        return self.model.dimension

    @property
    def max_tokens(self) -> int:
        return self.model.max_tokens

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return self.model.count_tokens(texts)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        return self.model.embed_queries([self.english.get(text, text) for text in texts])

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        return self.model.embed_passages(texts)


@pytest.mark.parametrize(("question", "english", "told"), [(q, *a) for q, a in ASKED.items()])
async def test_the_documents_own_sentence_answers(
    service: Service,
    database: Database,
    embedder: SentenceTransformerEmbedder,
    question: str,
    english: str,
    told: str,
) -> None:
    model = EmbedderOfSeveralLanguages(embedder, {question: english})
    retriever = Retriever(
        database,
        NodeIndexes(lexical=service.resources.lexical),
        SearchSpaces(QueryEmbedder(model, await open_space(database, embedder))),
        RetrievalLimits(candidates=100, lexical_weight=0.5, languages_read=None),
    )
    answerer = replace(service.resources.answerer, retriever=retriever, spaces=retriever.spaces)
    resources = replace(service.resources, retriever=retriever, answerer=answerer)
    async with service.with_resources(resources) as other:
        person = await other.person(await other.new_tenant(), "user:ana")
        await person.upload(HANDBOOK)

        answer = (await person.ask(question)).json()

    assert answer["status"] == "answered"
    assert told in answer["answer"]
