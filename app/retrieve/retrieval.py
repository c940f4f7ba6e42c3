"""The result of a search."""

from dataclasses import dataclass

from app.retrieve.conversation import Conversation
from app.retrieve.query_embedder import QueryEmbedder
from kb.ids import DocumentId
from kb.index.vector_search import Plan
from kb.passages import Passage


@dataclass(frozen=True, kw_only=True)
class Timings:
    """Milliseconds."""

    embed: float
    lexical: float
    vector: float
    fetch: float
    total: float


@dataclass(frozen=True, kw_only=True)
class Stale:
    """Hits left out because their documents are expired, not yet effective or superseded.

    `hits` of the `top_k` best would have been such; the documents are those the caller may see.
    """

    hits: int
    document_ids: tuple[DocumentId, ...]


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """The way the passages were found; no plan when no vectors were searched.

    `is_lexical_missing`: the lexical index could not be asked, the passages are the vectors' own.
    """

    terms: tuple[str, ...]
    lexical_candidates: int
    vector_candidates: int
    vector_plan: Plan | None
    lexical_weight: float
    is_lexical_missing: bool = False
    reranked: int = 0
    conversation: Conversation | None = None


@dataclass(frozen=True, kw_only=True)
class Retrieval:
    """Passages, best first, and the state they come from of what the caller may read.

    Their cosines are those of `embedder`'s space.

    `inadmissible` are the documents the caller may see that are no evidence at the time, whether
    or not they match.
    """

    passages: tuple[Passage, ...]
    embedder: QueryEmbedder
    generation: int
    timings: Timings
    explanation: Explanation
    inadmissible: frozenset[DocumentId] = frozenset()
