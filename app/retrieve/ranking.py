"""From candidates to the best passages: scores, the text of the best, and their last order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from app.retrieve.fusion import fuse_evidence, rescore_with_feedback
from app.retrieve.lexical_candidates import LexicalCandidates
from app.retrieve.phrases import READ_PASSAGES, score_texts, weigh_question
from app.retrieve.query_embedder import QueryVector
from app.retrieve.search_scope import Search
from app.retrieve.vector_candidates import VectorCandidates
from kb.index.held_passages import HeldPassage
from kb.passages import Passage


@dataclass(frozen=True, kw_only=True)
class Candidates:
    """The candidates by BM25 and by vectors; no question vector in a lexical search."""

    question: QueryVector | None
    lexical: LexicalCandidates
    vector: VectorCandidates


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """Scores by chunk, best first, before any text was read; `unread` are those to read."""

    score_by_chunk: Mapping[int, float]
    unread: Sequence[int]


@dataclass(frozen=True, kw_only=True)
class Found:
    """What was searched for and found; `generation` is the caller's."""

    search: Search
    candidates: Candidates
    passages: list[Passage]
    generation: int


def rank(search: Search, candidates: Candidates) -> Ranking:
    """The candidates by what the indexes say."""
    wanted = search.wanted
    match search.query.mode:
        case "hybrid":
            question, vectors = candidates.question, candidates.vector.vectors
            # A hybrid search has embedded its question, and has the vectors of all candidates.
            assert question is not None and vectors is not None  # noqa: S101, PT018
            score_by_chunk: Mapping[int, float] = fuse_evidence(
                candidates.lexical.bm25_by_chunk,
                vectors,
                question,
                lexical_weight=search.limits.lexical_weight_in(candidates.lexical.language),
            )
            wanted = max(wanted, READ_PASSAGES)
        case "lexical":
            score_by_chunk = candidates.lexical.bm25_by_chunk
        case "vector":
            score_by_chunk = candidates.vector.cosine_by_chunk
        case _:
            assert_never(search.query.mode)
    return Ranking(score_by_chunk=score_by_chunk, unread=list(score_by_chunk)[:wanted])


def rank_read(
    search: Search, candidates: Candidates, ranking: Ranking, read: Mapping[int, HeldPassage]
) -> Mapping[int, float]:
    """The scores, best first, with what the passages say that could be read."""
    vectors = candidates.vector.vectors
    if search.query.mode != "hybrid" or vectors is None:
        return ranking.score_by_chunk
    judged = [read[each] for each in ranking.unread[:READ_PASSAGES] if each in read]
    evidence_by_chunk = dict(ranking.score_by_chunk)
    for language in dict.fromkeys(held.passage.language for held in judged):
        weighed = weigh_question(search.query.text, language, candidates.lexical.idf_by_term)
        alike = [held for held in judged if held.passage.language == language]
        for held, score in zip(alike, score_texts(weighed, alike).tolist(), strict=True):
            evidence_by_chunk[held.passage.chunk_id] += score
    return rescore_with_feedback(evidence_by_chunk, vectors)


def best_passages(
    search: Search,
    candidates: Candidates,
    score_by_chunk: Mapping[int, float],
    read: Mapping[int, HeldPassage],
) -> list[Passage]:
    """Those wanted of what could be read, best first, with scores and ranks."""
    bm25_by_chunk = candidates.lexical.bm25_by_chunk
    cosine_by_chunk = candidates.vector.cosine_by_chunk
    lexical_rank = {chunk: rank for rank, chunk in enumerate(bm25_by_chunk, start=1)}
    vector_rank = {chunk: rank for rank, chunk in enumerate(cosine_by_chunk, start=1)}
    readable = [chunk_id for chunk_id in score_by_chunk if chunk_id in read]
    return [
        replace(
            read[chunk_id].passage,
            score=score_by_chunk[chunk_id],
            bm25=bm25_by_chunk.get(chunk_id),
            cosine=cosine_by_chunk.get(chunk_id),
            lexical_rank=lexical_rank.get(chunk_id),
            vector_rank=vector_rank.get(chunk_id),
        )
        for chunk_id in readable[: search.wanted]
    ]
