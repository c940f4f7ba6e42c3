"""A search's query, and the limits of retrieval."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal

from app.retrieve.conversation import Conversation
from kb.store.filters import Filter
from kb.store.spaces import SpaceTuning

UNREAD_LEXICAL_WEIGHT: Final = 0.7
"""The weight of BM25 for a question in a language that the embedding model does not read.

nDCG@10 of xquad with .3, .7 and 1: ar .701 .892 .901, de .914 .932 .912, es .898 .948 .939,
ru .845 .931 .930, zh .905 .955 .951; of its English questions .976 .968 .948.
"""

SearchMode = Literal["hybrid", "lexical", "vector"]


@dataclass(frozen=True, kw_only=True)
class SearchQuery:
    """A question and the limits of its search; None: no limit.

    `conversation` is what the text leans on, see `in_conversation`. A text that a model has made
    stand alone is searched for without one.
    """

    text: str
    collections: tuple[str, ...] | None
    filter: Filter | None
    top_k: int
    mode: SearchMode
    as_of: datetime | None = None
    rerank: bool = False
    conversation: Conversation | None = None


@dataclass(frozen=True, kw_only=True)
class RetrievalLimits:
    """The number of candidates by BM25 and by vectors, and the weight of BM25 in the fused score.

    `languages_read` are those that the embedding model reads, None: all. What the weight hangs on
    differs with the embedding space: see `tuned`.
    """

    candidates: int
    lexical_weight: float
    languages_read: frozenset[str] | None = None

    def tuned(
        self, tuning: SpaceTuning, languages_read: frozenset[str] | None
    ) -> "RetrievalLimits":
        """The same with what an embedding space says, of a model that reads these languages."""
        weight = tuning.lexical_weight
        return replace(
            self,
            lexical_weight=self.lexical_weight if weight is None else weight,
            languages_read=languages_read,
        )

    def lexical_weight_in(self, language: str | None) -> float:
        """The weight for a question in the language; None where nobody knows it."""
        if language is None or self.languages_read is None or language in self.languages_read:
            return self.lexical_weight
        return max(self.lexical_weight, UNREAD_LEXICAL_WEIGHT)
