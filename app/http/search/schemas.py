"""Search."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, JsonValue

from app.http.fields import Collections
from app.http.filter_schema import DescribedAsFilter
from app.http.location import Location
from app.http.schemas import Count, Filename, RequestModel, ResponseModel, Time, Words
from kb.store.filters import Filter, parse_filter

SearchMode = Literal["hybrid", "lexical", "vector"]

MAX_TOP_K = 1000
"""No setting allows more; what this service allows is checked where the settings are known."""

DEFAULT_TOP_K = 10


def _check_filter(raw: dict[str, JsonValue]) -> dict[str, JsonValue]:
    parse_filter(raw)
    return raw


RawFilter = Annotated[dict[str, JsonValue], AfterValidator(_check_filter), DescribedAsFilter()]
"""A filter as it was sent, known to be good; a bad one raises InvalidFilter, which says why."""

TopK = Annotated[int, Field(ge=1, le=MAX_TOP_K)]


class FilteredRequest(RequestModel):
    """A request that looks at some of the documents only."""

    collections: Collections | None = None
    filter: RawFilter | None = None
    as_of: Time | None = None

    def parsed_filter(self) -> Filter | None:
        """The filter as a tree; None when it was left out."""
        return None if self.filter is None else parse_filter(self.filter)


class SearchRequest(FilteredRequest):
    """A question to the index."""

    query: Words
    top_k: TopK = DEFAULT_TOP_K
    mode: SearchMode = "hybrid"
    rerank: bool = False
    explain: bool = False


class FoundDocument(ResponseModel):
    """The document that a hit belongs to."""

    id: UUID
    external_id: str | None
    version: Count
    title: str | None
    filename: Filename | None
    source_uri: str | None
    updated_at: Time


class Scores(ResponseModel):
    """The scores of a hit; null where that search did not find it or was not made."""

    fused: float
    bm25: float | None
    cosine: float | None
    rerank: float | None


class Ranks(ResponseModel):
    """The hit's place in each search, counted from 1."""

    lexical: int | None
    vector: int | None


class SearchHit(ResponseModel):
    """A chunk that was found."""

    chunk_id: int
    document: FoundDocument
    text: str
    location: Location
    scores: Scores
    ranks: Ranks


class SearchTimings(ResponseModel):
    """Milliseconds."""

    embed: float
    lexical: float
    vector: float
    fetch: float
    total: float


class CandidateCounts(ResponseModel):
    """The number of candidates that each search gave to the fusion."""

    lexical: Count
    vector: Count


class StaleHits(ResponseModel):
    """Hits among the best that were left out: expired, not yet effective or superseded.

    Only documents that the caller may see are counted and named.
    """

    count: Count
    document_ids: list[UUID]


class SearchExplanation(ResponseModel):
    """The way to the hits: the analysed query, the plan of the vector search, the weights.

    fused = 1 - (best - told) / 8, at least 0;  told = seen + 0.2 * z(likeness)
    seen = evidence + pairs + coverage + length + 0.5 * start
    evidence = lexical_weight * z(bm25) + (1 - lexical_weight) * z(cosine)

    z: standard deviations from the mean of the candidates. likeness: cosine with the best
    candidates. Of the 40 hits of most evidence: pairs and coverage: shares of the query's pairs of
    neighbouring terms and of its terms (by idf squared) that the hit holds; length: its letters up
    to 400, as a share; start: 1 / (1 + letters of the document before it / 1000).

    `missing` names a search that could not be made: the hits are those of the other one.
    `reranked` counts the hits put into the order of the reranker.
    """

    terms: list[str]
    candidates: CandidateCounts
    vector_plan: Literal["shortlist", "exact", "signs", "hnsw"] | None
    lexical_weight: float
    missing: list[Literal["lexical"]]
    reranked: Count
    stale: StaleHits


class SearchResponse(ResponseModel):
    """Hits, best first, and the state they come from of what the caller may read."""

    data: list[SearchHit]
    generation: Count
    timings_ms: SearchTimings
    explanation: SearchExplanation | None
    request_id: str
