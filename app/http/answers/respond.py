"""A question in, an answer out, whole or event by event: the HTTP routes and the command line."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import assert_never
from uuid import UUID

from pydantic import BaseModel, Field, JsonValue

from app.answering.claims import VerifiedClaim
from app.answering.question.question import MAX_TURN_CHARS, Question
from app.answering.run import Retrieved
from app.answering.window import Turn
from app.http.answers.events import ClaimRejected, ClaimVerified, RetrievalCompleted
from app.http.answers.feedback import shown_feedback
from app.http.answers.present import AcceptedRequest, CitationNumbers, claim_out, context_out
from app.http.answers.records import NO_DOCUMENTS, answer_record
from app.http.answers.schemas import Answer, AnswerRequest, require_known_model
from app.http.masking import shown_body
from app.http.search.respond import check_question
from app.identity import Caller
from app.resources import Resources
from kb.errors import AnswerNotFound
from kb.ids import AnswerId, new_uuid
from kb.store.answers import AnswerRecord, insert_answer, read_answer


@dataclass(frozen=True, kw_only=True)
class AnswerEvent:
    """One event of a streamed answer, and the documents whose words it shows."""

    name: str
    data: Mapping[str, object]
    document_ids: frozenset[UUID] = NO_DOCUMENTS


OnAnswerEvent = Callable[[AnswerEvent], Awaitable[None]]
"""Is told each event of a streamed answer; the answer goes on when it returns."""


def accept_question(
    resources: Resources, caller: Caller, request: AnswerRequest
) -> AcceptedRequest:
    """The request under an id; TextTooLong or InvalidInput beyond the limits."""
    check_question(resources, request.question, request.top_k or 1)
    resources.answerer.require_prompt(request.prompt)
    require_known_model(request.model, configured=resources.answerer.models_for(caller.tenant_id))
    return AcceptedRequest(
        caller=caller, request=request, now=resources.clock(), answer_id=AnswerId(new_uuid())
    )


async def respond_answer(resources: Resources, caller: Caller, request: AnswerRequest) -> Answer:
    """The answer this caller may get, stored.

    Raises TextTooLong or InvalidInput beyond the limits, LlmUnavailable when the language model
    cannot be accepted, AnswerNotFound when the caller may no longer read what it quotes.
    """
    record = await make_answer(resources, accept_question(resources, caller, request))
    scope = resources.database.at_once(caller.tenant_id, viewer=caller.viewer)
    is_readable = await insert_answer(scope, record, caller.actor)
    if not is_readable:
        # A document that it quotes was taken from the caller while it was made.
        raise AnswerNotFound
    return _shown(resources, caller, record.response)


async def read_stored(resources: Resources, caller: Caller, answer_id: AnswerId) -> Answer:
    """A stored answer as it was given; AnswerNotFound unless the caller could get it today."""
    async with resources.database.tenant(caller.tenant_id, viewer=caller.viewer) as scope:
        stored = await read_answer(scope, answer_id)
    return _shown(resources, caller, stored.response)


async def read_record(resources: Resources, caller: Caller, answer_id: AnswerId) -> Answer:
    """The same with all that the generator wrote, removed and replaced claims too, and feedback."""
    async with resources.database.tenant(caller.tenant_id, viewer=caller.viewer) as scope:
        stored = await read_answer(scope, answer_id)
        feedback = await shown_feedback(scope, caller, answer_id, stored)
    shown = _Claims.model_validate(stored.response).claims
    # An answer stored before there were such records has the words of its claims in the response.
    written = _Claims.model_validate(stored.trace).claims or [{} for _ in shown]
    claims = [{**claim, **record} for claim, record in zip(shown, written, strict=True)]
    record = {
        **stored.response,
        "claims": claims,
        "feedback": [each.model_dump(mode="json") for each in feedback],
    }
    return _shown(resources, caller, record)


class _Claims(BaseModel):
    """The claims of a stored response, or what its trace holds of them."""

    claims: list[dict[str, JsonValue]] = Field(default_factory=list)


class _Response(BaseModel):
    """The fields of a stored response that grew since the first ones were stored."""

    claims: list[dict[str, JsonValue]]
    citations: list[dict[str, JsonValue]]
    retrieved: list[dict[str, JsonValue]] | None


class _Citation(BaseModel):
    """The field of a stored citation that grew."""

    verification: dict[str, JsonValue]


class _Hit(BaseModel):
    """The field of a stored hit that grew."""

    document: dict[str, JsonValue]


def _shown(resources: Resources, caller: Caller, response: Mapping[str, object]) -> Answer:
    """The stored response with the fields of today, masked where the policy wants it."""
    stored = _Response.model_validate(response)
    # Before claims named their wording, rules had agreed with a model's words; nobody had read.
    claims = [{"wording": "model", **claim} for claim in stored.claims]
    citations = [
        {
            "filename": None,
            **citation,
            "verification": {"reader": None, **_Citation.model_validate(citation).verification},
        }
        for citation in stored.citations
    ]
    retrieved = stored.retrieved and [
        {**hit, "document": {"filename": None, **_Hit.model_validate(hit).document}}
        for hit in stored.retrieved
    ]
    body = {
        "feedback": [],
        **response,
        "claims": claims,
        "citations": citations,
        "retrieved": retrieved,
    }
    return Answer.model_validate(shown_body(resources, caller.tenant_id, body))


async def make_answer(
    resources: Resources, accepted: AcceptedRequest, on_event: OnAnswerEvent | None = None
) -> AnswerRecord:
    """The record of the answer, not stored yet; `on_event` is told what happens meanwhile.

    Raises what `Answerer.answer` and `on_event` raise.
    """
    request = accepted.request
    question = Question(
        text=request.question,
        history=tuple(
            Turn(role=turn.role, content=turn.content[:MAX_TURN_CHARS])
            for turn in request.history or []
        ),
        collections=tuple(request.collections) if request.collections else None,
        filter=request.parsed_filter(),
        top_k=request.top_k,
        max_context_tokens=request.max_context_tokens,
        max_output_tokens=request.max_output_tokens,
        prompt=request.prompt,
        as_of=request.as_of,
        model=request.model,
        is_streamed=request.stream,
    )
    numbers = CitationNumbers()
    indexes = count()

    async def tell(event: Retrieved | VerifiedClaim) -> None:
        if on_event is not None:
            await on_event(_event_out(event, numbers, indexes))

    answered = await resources.answerer.answer(
        accepted.caller, question, now=accepted.now, on_event=tell
    )
    return answer_record(resources, accepted, answered)


def _event_out(
    event: Retrieved | VerifiedClaim, numbers: CitationNumbers, indexes: Iterator[int]
) -> AnswerEvent:
    """Text leaves with a supported claim only; of a removed one, that it was removed."""
    match event:
        case Retrieved():
            completed = RetrievalCompleted(
                passages=len(event.retrieval.passages),
                generation=event.retrieval.generation,
                context=context_out(event),
            )
            return AnswerEvent(name="retrieval.completed", data=completed.model_dump(mode="json"))
        case VerifiedClaim():
            citations, index = numbers.cite(event), next(indexes)
            wire = claim_out(event, citations)
            if event.verdict != "supported":
                rejected = ClaimRejected(index=index, verdict=wire.verdict, score=wire.score)
                return AnswerEvent(name="claim.rejected", data=rejected.model_dump(mode="json"))
            verified = ClaimVerified(index=index, claim=wire, citations=citations)
            return AnswerEvent(
                name="claim.verified",
                data=verified.model_dump(mode="json"),
                document_ids=frozenset(citation.document_id for citation in citations),
            )
        case _:
            assert_never(event)
