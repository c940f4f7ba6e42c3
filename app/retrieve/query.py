"""What is asked of a search."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from app.retrieve.conversation import Conversation
from kb.filters import Filter

SearchMode = Literal["hybrid", "lexical", "vector"]


@dataclass(frozen=True, kw_only=True)
class SearchQuery:
    """What is asked; None: no limit.

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
    """How widely to look: candidates of each leg, and the weight of BM25 in the fused score."""

    candidates: int
    lexical_weight: float
