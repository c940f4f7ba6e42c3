"""Two embedding spaces over the same stored documents: which one finds better.

questions -> a search in each space -> documents, each where its best passage stands -> measures
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Final, TypedDict

import numpy as np
from pydantic import ConfigDict, Field, TypeAdapter

from app.retrieve.query import SearchMode, SearchQuery
from app.retrieve.search import Retriever
from footnote.evals.case_files import read_case_file
from footnote.evals.metrics import ndcg_at, recall_at
from footnote.evals.significance import difference_interval, randomisation_p_value
from kb.errors import InvalidInput
from kb.ids import TenantId
from kb.passages import Passage
from kb.postgres.database import Viewer

PASSAGES: Final = 100

MEASURES: Final[Mapping[str, Callable[[Sequence[str], Mapping[str, int]], float]]] = {
    "ndcg@10": lambda ranked, relevance: ndcg_at(ranked, relevance, 10),
    "recall@10": lambda ranked, relevance: recall_at(ranked, relevance, 10),
    "first hit": lambda ranked, relevance: float(bool(ranked) and ranked[0] in relevance),
}


@dataclass(frozen=True, kw_only=True)
class SpaceCase:
    """A question, and the documents that answer it, by external id or by id."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    question: str
    relevant: tuple[str, ...] = Field(min_length=1)

    @property
    def relevance(self) -> Mapping[str, int]:
        """The documents, all equally relevant."""
        return dict.fromkeys(self.relevant, 1)


@dataclass(frozen=True, kw_only=True)
class SpaceQuestion:
    """A question with the relevance of documents, 1 or more, by external id or id."""

    text: str
    relevance: Mapping[str, int]


class SpaceDifference(TypedDict):
    """`difference` is second minus first, with its 95 % interval; `p_value` that of no difference.

    `n` questions were asked in both spaces.
    """

    measure: str
    first: float
    second: float
    difference: float
    low: float
    high: float
    p_value: float
    n: int


_FILE: Final = TypeAdapter(dict[str, tuple[SpaceCase, ...]])


def read_questions(path: Path) -> list[SpaceQuestion]:
    """The `[[case]]`s of a TOML file; Misconfigured when it has another form."""
    content = read_case_file(path, _FILE)
    if content.keys() != {"case"}:
        raise InvalidInput(f"{path.name!r} must hold [[case]]s, each with 'question', 'relevant'.")
    return [SpaceQuestion(text=each.question, relevance=each.relevance) for each in content["case"]]


async def compare_spaces(
    retrievers: tuple[Retriever, Retriever],
    tenant_id: TenantId,
    viewer: Viewer,
    questions: Sequence[SpaceQuestion],
    *,
    mode: SearchMode,
    now: datetime,
) -> list[SpaceDifference]:
    """Every measure in both spaces. Each retriever stays in its space."""
    scores: list[dict[str, list[float]]] = []
    for retriever in retrievers:
        of_space: dict[str, list[float]] = {measure: [] for measure in MEASURES}
        for question in questions:
            query = SearchQuery(
                text=question.text, collections=None, filter=None, top_k=PASSAGES, mode=mode
            )
            retrieval = await retriever.search(tenant_id, viewer, query, now=now)
            ranked = _ranked(retrieval.passages, question.relevance)
            for name, measure in MEASURES.items():
                of_space[name].append(measure(ranked, question.relevance))
        scores.append(of_space)
    differences: list[SpaceDifference] = []
    for name in MEASURES:
        first, second = (np.asarray(each[name]) for each in scores)
        low, high = difference_interval(second - first)
        differences.append(
            {
                "measure": name,
                "first": float(first.mean()),
                "second": float(second.mean()),
                "difference": float((second - first).mean()),
                "low": low,
                "high": high,
                "p_value": randomisation_p_value(second - first),
                "n": len(first),
            }
        )
    return differences


def _ranked(passages: Sequence[Passage], relevance: Mapping[str, int]) -> list[str]:
    """The documents, each at the place of its first passage, by the name that is judged."""
    names = []
    for passage in passages:
        by_external_id = passage.external_id is not None and passage.external_id in relevance
        names.append(str(passage.external_id if by_external_id else passage.document_id))
    return list(dict.fromkeys(names))
