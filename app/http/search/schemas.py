"""Search."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field, JsonValue

from app.http.fields import Collections
from app.http.filter_schema import DescribedAsFilter
from app.http.location import Location
from app.http.response_fields import (
    DOCUMENT_ID,
    LATER,
    QUESTION,
    ChunkIdField,
    ChunkTextField,
    DocumentIdField,
    ExternalIdField,
    FilenameField,
    GenerationField,
    RequestIdField,
    SourceUriField,
    TitleField,
    UpdatedAtField,
    VersionField,
)
from app.http.schemas import Count, RequestModel, ResponseModel, Time, Words, WrittenAsFloat
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

TopK = Annotated[int, Field(ge=1, le=MAX_TOP_K), WrittenAsFloat]


class FilteredRequest(RequestModel):
    """A request that looks at some of the documents only."""

    collections: Collections | None = Field(
        default=None,
        description="The collections to look in; unset: all.",
        examples=[["default"]],
    )
    filter: RawFilter | None = Field(
        default=None,
        description="A condition on the documents to look at.",
        examples=[{"metadata.department": {"$in": ["hr", "legal"]}, "language": "en"}],
    )
    as_of: Time | None = Field(
        default=None,
        description="The time at which a document must be in force; unset: now.",
        examples=[LATER],
    )

    def parsed_filter(self) -> Filter | None:
        """The filter as a tree; None when it was left out."""
        return None if self.filter is None else parse_filter(self.filter)


class SearchRequest(FilteredRequest):
    """A question to the index."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"query": QUESTION, "collections": ["default"], "top_k": 5}]
        }
    )

    query: Words = Field(description="What to search for.", examples=[QUESTION])
    top_k: TopK = Field(
        default=DEFAULT_TOP_K,
        description="Most hits; this service may allow fewer.",
        examples=[DEFAULT_TOP_K],
    )
    mode: SearchMode = Field(
        default="hybrid",
        description="By words and meaning, by words alone, or by meaning alone.",
        examples=["hybrid"],
    )
    rerank: bool = Field(
        default=False,
        description="Let the reranker put the best hits in order, if one is configured.",
        examples=[False],
    )
    explain: bool = Field(
        default=False, description="Tell how the hits were found.", examples=[False]
    )


class FoundDocument(ResponseModel):
    """The document that a hit belongs to."""

    id: DocumentIdField
    external_id: ExternalIdField
    version: VersionField
    title: TitleField
    filename: FilenameField
    source_uri: SourceUriField
    updated_at: UpdatedAtField


class Scores(ResponseModel):
    """The scores of a hit; null where that search did not find it or was not made."""

    fused: float = Field(description="The score that hits are ordered by.", examples=[0.97])
    bm25: float | None = Field(description="The score of the words.", examples=[7.2])
    cosine: float | None = Field(description="The likeness of the meanings.", examples=[0.83])
    rerank: float | None = Field(description="The reranker's score.", examples=[None])


class Ranks(ResponseModel):
    """The hit's place in each search, counted from 1."""

    lexical: int | None = Field(description="In the search by words.", examples=[1])
    vector: int | None = Field(description="In the search by meaning.", examples=[2])


class SearchHit(ResponseModel):
    """A chunk that was found."""

    chunk_id: ChunkIdField
    document: FoundDocument = Field(description="The document that the chunk is of.")
    text: ChunkTextField
    location: Location = Field(description="The chunk's place in its document.")
    scores: Scores = Field(description="How well the chunk fits.")
    ranks: Ranks = Field(description="The chunk's place in each search.")


class SearchTimings(ResponseModel):
    """Milliseconds."""

    embed: float = Field(description="To embed the query, in ms.", examples=[3.1])
    lexical: float = Field(description="To search by words, in ms.", examples=[1.4])
    vector: float = Field(description="To search by meaning, in ms.", examples=[2.6])
    fetch: float = Field(description="To fetch the hits, in ms.", examples=[1.9])
    total: float = Field(description="All of it, in ms; stages may overlap.", examples=[7.8])


class CandidateCounts(ResponseModel):
    """The number of candidates that each search gave to the fusion."""

    lexical: Count = Field(description="Of the search by words.", examples=[40])
    vector: Count = Field(description="Of the search by meaning.", examples=[40])


class StaleHits(ResponseModel):
    """Hits among the best that were left out: expired, not yet effective or superseded.

    Only documents that the caller may see are counted and named.
    """

    count: Count = Field(description="Hits left out.", examples=[1])
    document_ids: list[UUID] = Field(description="Their documents.", examples=[[DOCUMENT_ID]])


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

    terms: list[str] = Field(
        description="The terms that the search by words looked for.",
        examples=[["long", "parent", "leav"]],
    )
    candidates: CandidateCounts = Field(description="The candidates of each search.")
    vector_plan: Literal["shortlist", "exact", "signs", "hnsw"] | None = Field(
        description="How vectors were searched; null when they were not.", examples=["shortlist"]
    )
    lexical_weight: float = Field(
        description="The weight of the words against the meaning, 0 to 1.", examples=[0.5]
    )
    missing: list[Literal["lexical"]] = Field(
        description="Searches that could not be made.", examples=[[]]
    )
    reranked: Count = Field(description="Hits that the reranker put in order.", examples=[0])
    stale: StaleHits = Field(description="Hits left out because they are out of force.")


class SearchResponse(ResponseModel):
    """Hits, best first, and the state they come from of what the caller may read."""

    data: list[SearchHit] = Field(description="The hits, best first.")
    generation: GenerationField
    timings_ms: SearchTimings = Field(description="How long each stage took.")
    explanation: SearchExplanation | None = Field(
        description="How the hits were found; null unless `explain` was sent."
    )
    request_id: RequestIdField
