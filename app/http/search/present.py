"""The results of a search as callers see them."""

from app.http.location import location_out
from app.http.search.schemas import (
    CandidateCounts,
    FoundDocument,
    Ranks,
    Scores,
    SearchExplanation,
    SearchHit,
    StaleHits,
)
from app.retrieve.retrieval import Retrieval, Stale
from kb.passages import Passage


def hit_out(passage: Passage) -> SearchHit:
    """The passage as a search hit."""
    return SearchHit(
        chunk_id=passage.chunk_id,
        document=FoundDocument(
            id=passage.document_id,
            external_id=passage.external_id,
            version=passage.document_version,
            title=passage.title or passage.filename,
            filename=passage.filename,
            source_uri=passage.source_uri,
            updated_at=passage.updated_at,
        ),
        text=passage.text,
        location=location_out(passage.location),
        scores=Scores(
            fused=passage.score,
            bm25=passage.bm25,
            cosine=passage.cosine,
            rerank=passage.rerank,
        ),
        ranks=Ranks(lexical=passage.lexical_rank, vector=passage.vector_rank),
    )


def explanation_out(retrieval: Retrieval, stale: Stale) -> SearchExplanation:
    """The way the hits were found."""
    explanation = retrieval.explanation
    return SearchExplanation(
        terms=list(explanation.terms),
        candidates=CandidateCounts(
            lexical=explanation.lexical_candidates, vector=explanation.vector_candidates
        ),
        vector_plan=explanation.vector_plan,
        lexical_weight=explanation.lexical_weight,
        missing=["lexical"] if explanation.is_lexical_missing else [],
        reranked=explanation.reranked,
        stale=stale_out(stale),
    )


def stale_out(stale: Stale) -> StaleHits:
    """The hits that were left out."""
    return StaleHits(count=stale.hits, document_ids=list(stale.document_ids))
