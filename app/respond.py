"""One request in, one response out: what the HTTP routes and the command line share."""

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from app.answer import Answered, Question
from app.auth import Caller
from app.claims import VerifiedCitation, VerifiedClaim
from app.prompts.render import Turn
from app.resources import Resources
from app.retrieve.search import SearchQuery
from app.schemas.answers import (
    Answer,
    AnswerRequest,
    Citation,
    Claim,
    ContextUse,
    DroppedPassage,
    PromptUse,
    Usage,
    require_known_model,
)
from app.schemas.search import SearchRequest, SearchResponse
from app.wire import citation_out, explanation_out, hit_out, timings_out
from kb.answers import AnswerRecord, insert_answer
from kb.audit import record_event
from kb.errors import InvalidInput, TextTooLong
from kb.ids import AnswerId, new_uuid


async def respond_search(
    resources: Resources, caller: Caller, request: SearchRequest
) -> SearchResponse:
    """The passages this caller may read; TextTooLong or InvalidInput beyond the limits."""
    _check_limits(resources, request.query, request.top_k)
    retrieval = await resources.retriever.search(
        caller.tenant_id,
        caller.reading_eyes,
        SearchQuery(
            text=request.query,
            collections=tuple(request.collections) if request.collections else None,
            filter=request.parsed_filter(),
            top_k=request.top_k,
            mode=request.mode,
        ),
        now=resources.clock(),
    )
    resources.metrics.observe_stage("search", seconds=retrieval.timings.total / 1000)
    return SearchResponse(
        data=[hit_out(passage) for passage in retrieval.passages],
        generation=retrieval.generation,
        timings_ms=timings_out(retrieval),
        explanation=explanation_out(retrieval) if request.explain else None,
        request_id=caller.request_id,
    )


async def respond_answer(resources: Resources, caller: Caller, request: AnswerRequest) -> Answer:
    """The answer this caller may get, stored.

    Raises TextTooLong or InvalidInput beyond the limits, LlmUnavailable when the language model
    cannot be asked.
    """
    _check_limits(resources, request.question, request.top_k or 1)
    require_known_model(request.model, configured=[resources.answerer.model_name])
    now = resources.clock()
    answered = await resources.answerer.answer(caller, _question(request), now=now)
    answer = _answer_out(answered, caller, request, now)
    await _store(resources, caller, request, answer, _shown_documents(answered, answer))
    resources.metrics.count_answer(status=answer.status, reason=answer.reason)
    for stage, milliseconds in answered.timings_ms.items():
        resources.metrics.observe_stage(f"answer_{stage}", seconds=milliseconds / 1000)
    return answer


def _check_limits(resources: Resources, text: str, top_k: int) -> None:
    limits = resources.request_limits
    if len(text) > limits.max_question_chars:
        raise TextTooLong(f"At most {limits.max_question_chars} characters are accepted.")
    if top_k > limits.max_top_k:
        raise InvalidInput(f"top_k is at most {limits.max_top_k}.")


def _question(request: AnswerRequest) -> Question:
    return Question(
        text=request.question,
        history=tuple(Turn(role=turn.role, content=turn.content) for turn in request.history or []),
        collections=tuple(request.collections) if request.collections else None,
        filter=request.parsed_filter(),
        top_k=request.top_k,
        max_context_tokens=request.max_context_tokens,
        max_output_tokens=request.max_output_tokens,
    )


def _answer_out(
    answered: Answered, caller: Caller, request: AnswerRequest, now: datetime
) -> Answer:
    numbered = list(_number(answered))
    citations = [citation_out(citation, number) for number, citation in numbered]
    id_by_key = {
        _key(citation): wire.id for (_, citation), wire in zip(numbered, citations, strict=True)
    }
    prompt = answered.generation.prompt
    return Answer(
        id=new_uuid(),
        status=answered.status,
        reason=answered.reason,
        answer=_prose(answered, id_by_key, citations),
        claims=[_claim_out(claim, id_by_key) for claim in answered.claims],
        citations=citations,
        conflicts=[],
        clarifying_question=answered.clarifying_question,
        retrieved=[hit_out(passage) for passage in answered.retrieval.passages]
        if request.include_retrieved
        else None,
        context=ContextUse(
            budget=answered.context.budget,
            used=answered.context.used,
            dropped=[DroppedPassage(**dropped) for dropped in answered.context.dropped],
        ),
        usage=Usage(
            input_tokens=answered.generation.input_tokens,
            output_tokens=answered.generation.output_tokens,
            cost_usd=None,
            cache=None,
        ),
        model=answered.generation.model,
        prompt=PromptUse(name=prompt.name, version=prompt.version) if prompt else None,
        generation=answered.retrieval.generation,
        timings_ms=dict(answered.timings_ms),
        created_at=now,
        request_id=caller.request_id,
    )


def _number(answered: Answered) -> Iterator[tuple[int, VerifiedCitation]]:
    """Each quote of a supported claim once, numbered in the order of appearance."""
    seen: set[tuple[UUID, int, int, int]] = set()
    for claim in answered.supported:
        for citation in claim.citations:
            if _key(citation) not in seen:
                seen.add(_key(citation))
                yield len(seen), citation


def _key(citation: VerifiedCitation) -> tuple[UUID, int, int, int]:
    passage = citation.passage
    return (
        passage.document_id,
        passage.document_version,
        citation.char_start,
        citation.char_end,
    )


def _prose(
    answered: Answered,
    id_by_key: dict[tuple[UUID, int, int, int], str],
    citations: list[Citation],
) -> str:
    """The supported claims, each followed by the markers of its quotes."""
    marker_by_id = {citation.id: citation.marker for citation in citations}
    sentences = []
    for claim in answered.supported:
        ids = dict.fromkeys(id_by_key[_key(citation)] for citation in claim.citations)
        markers = "".join(marker_by_id[citation_id] for citation_id in ids)
        sentences.append(f"{claim.text} {markers}")
    return " ".join(sentences)


def _claim_out(claim: VerifiedClaim, id_by_key: dict[tuple[UUID, int, int, int], str]) -> Claim:
    """A removed claim names no citation: its quotes prove nothing."""
    ids = [id_by_key[_key(citation)] for citation in claim.citations if _key(citation) in id_by_key]
    return Claim(
        text=claim.text,
        verdict=claim.verdict,
        score=round(claim.score, 4),
        citations=list(dict.fromkeys(ids)) if claim.verdict == "supported" else [],
    )


async def _store(
    resources: Resources,
    caller: Caller,
    request: AnswerRequest,
    answer: Answer,
    shown_documents: frozenset[UUID],
) -> None:
    record = AnswerRecord(
        id=AnswerId(answer.id),
        credential_id=caller.credential_id,
        principals=caller.principals,
        request=request.model_dump(mode="json"),
        response=answer.model_dump(mode="json"),
        status=answer.status,
        generation=answer.generation,
        created_at=answer.created_at,
        cited_document_ids=shown_documents,
    )
    async with resources.database.tenant(caller.tenant_id, eyes=caller.reading_eyes) as scope:
        await insert_answer(scope, record)
        await record_event(
            scope, caller.actor, "answer.create", str(answer.id), {"status": answer.status}
        )


def _shown_documents(answered: Answered, answer: Answer) -> frozenset[UUID]:
    """Every document whose text may be in the response.

    Quoted, or listed as retrieved; all that the generator saw, once it wrote more than proved
    sentences, since nobody knows what a removed claim or a question back was made from.
    """
    shown = {citation.document_id for citation in answer.citations}
    shown |= {hit.document.id for hit in answer.retrieved or []}
    if answer.clarifying_question or len(answered.supported) < len(answered.claims):
        shown |= {source.passage.document_id for source in answered.context.sources}
    return frozenset(shown)
