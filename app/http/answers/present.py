"""From a judged answer to its wire form; a streamed claim gets the numbers it has in the end."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from app.answering.claims import VerifiedCitation, VerifiedClaim
from app.answering.confidence import confidence_reason
from app.answering.outcome import ShownConflict
from app.answering.pipeline import Answered
from app.answering.run import Retrieved
from app.http.answers.schemas import (
    Answer,
    AnswerRequest,
    Checks,
    Citation,
    CitationVerification,
    Claim,
    Conflict,
    ContextUse,
    DroppedPassage,
    Handover,
    PromptUse,
    Usage,
)
from app.http.location import location_out
from app.http.search.present import hit_out
from app.identity import Caller
from kb.ids import AnswerId

MICRODOLLARS: Final = 1_000_000

Quote = tuple[UUID, int, int, int, str | None]
"""Document, version, start, end and reader: what is cited alike has one number."""


class CitationNumbers:
    """Numbers the quotes of supported claims in the order of appearance, each once."""

    def __init__(self) -> None:
        """No claim yet."""
        self.citation_by_quote: dict[Quote, Citation] = {}
        """All of them, in order."""

    def cite(self, claim: VerifiedClaim) -> list[Citation]:
        """The claim's citations; none for a removed one, whose quotes prove nothing."""
        if claim.verdict != "supported":
            return []
        cited: dict[str, Citation] = {}
        for citation in claim.citations:
            known = self.citation_by_quote
            passage = citation.passage
            quote = (
                passage.document_id,
                passage.document_version,
                citation.char_start,
                citation.char_end,
                citation.reader,
            )
            if quote not in known:
                known[quote] = citation_out(citation, len(known) + 1)
            cited[known[quote].id] = known[quote]
        return list(cited.values())


def claim_out(claim: VerifiedClaim, citations: Sequence[Citation]) -> Claim:
    """The claim and the ids of what proves it; of a removed claim no word."""
    return Claim(
        text=claim.text if claim.verdict == "supported" else "",
        verdict=claim.verdict,
        score=round(claim.score, 4),
        wording=claim.wording,
        citations=[citation.id for citation in citations],
    )


@dataclass(frozen=True, kw_only=True)
class AcceptedRequest:
    """A request within the limits: whose it is, when it came, and the id of its answer."""

    caller: Caller
    request: AnswerRequest
    now: datetime
    answer_id: AnswerId


def answer_out(answered: Answered, accepted: AcceptedRequest) -> Answer:
    """The whole answer; in its prose the markers of its quotes follow each supported claim."""
    numbers = CitationNumbers()
    cited = [(claim, numbers.cite(claim)) for claim in answered.claims]
    outcome, report, retrieved = answered.outcome, answered.draft_report, answered.retrieved
    passages = retrieved.retrieval.passages if retrieved else ()
    prompt, cost = report.prompt, answered.cost_microdollars
    handover: Handover | None = None
    if outcome.handover:
        handover = Handover(
            reason=outcome.handover,
            question=accepted.request.question,
            history=[turn for turn in accepted.request.history or [] if turn.role == "user"],
            document_ids=list(dict.fromkeys(passage.document_id for passage in passages)),
        )
    prose = ""
    for claim, citations in cited:
        if claim.verdict == "supported":
            sentence = sentence_out(claim.text, [citation.marker for citation in citations])
            prose += joint(prose, sentence) + sentence
    return Answer(
        id=accepted.answer_id,
        status=outcome.status,
        reason=outcome.reason,
        answer=prose,
        claims=[claim_out(claim, citations) for claim, citations in cited],
        citations=list(numbers.citation_by_quote.values()),
        conflicts=[_conflict_out(outcome.conflict, numbers)] if outcome.conflict else [],
        clarifying_question=outcome.clarifying_question,
        handover=handover,
        confidence_reason=confidence_reason(answered),
        feedback=[],
        retrieved=[hit_out(each) for each in passages]
        if accepted.request.include_retrieved
        else None,
        context=context_out(retrieved),
        usage=Usage(
            input_tokens=report.input_tokens,
            output_tokens=report.output_tokens,
            cost_usd=None if cost is None else cost / MICRODOLLARS,
            cache=None,
        ),
        model=report.model,
        prompt=PromptUse(name=prompt.name, version=prompt.version) if prompt else None,
        generation=retrieved.retrieval.generation if retrieved else 0,
        timings_ms=dict(answered.timings_ms),
        created_at=accepted.now,
        request_id=accepted.caller.request_id,
    )


def context_out(retrieved: Retrieved | None) -> ContextUse:
    """The generator's context in tokens, and the passages that were left out."""
    if retrieved is None:
        return ContextUse(budget=0, used=0, dropped=[])
    context = retrieved.context
    return ContextUse(
        budget=context.budget,
        used=context.used,
        dropped=[DroppedPassage(**dropped) for dropped in context.dropped],
    )


def shown_documents(answered: Answered, answer: Answer) -> frozenset[UUID]:
    """Every document whose text may be in the response.

    Quoted, or listed as retrieved; all that the generator saw, once it wrote more than proved
    sentences, since nobody knows what a removed or replaced claim, or a question back, was made
    from.
    """
    shown = {citation.document_id for citation in answer.citations}
    shown |= {hit.document.id for hit in answer.retrieved or []}
    shown |= set(answer.handover.document_ids if answer.handover else [])
    is_more_than_proved = any(
        claim.verdict != "supported" or claim.draft is not None for claim in answered.claims
    )
    if answered.retrieved and (answer.clarifying_question or is_more_than_proved):
        sources = answered.retrieved.context.sources
        shown |= {source.passage.document_id for source in sources}
    return frozenset(shown)


def _conflict_out(conflict: ShownConflict, numbers: CitationNumbers) -> Conflict:
    sides = [(claim, numbers.cite(claim)) for claim in conflict.sides]
    said = [
        f"{citations[0].title or 'One source'}: \u201c{claim.text}\u201d"
        for claim, citations in sides
    ]
    newer = None if conflict.newer is None else sides[conflict.newer][1][0].id
    return Conflict(
        text=" / ".join(said),
        citations=[citation.id for _, citations in sides for citation in citations],
        newer=newer,
    )


def sentence_out(text: str, markers: Iterable[str]) -> str:
    """A claim as it stands in the answer: its text and the markers of its quotes."""
    return f"{text} {''.join(markers)}"


def joint(before: str, text: str, *, line: str = "\n") -> str:
    """The blank between an answer so far and its next claim.

    `line` once there are claims of several lines, such as lists and rows of tables.
    """
    if not before:
        return ""
    return line if "\n" in before or "\n" in text else " "


def citation_out(citation: VerifiedCitation, number: int) -> Citation:
    """The quote under its marker, `[number]`.

    Of a passage of several table rows, one a line, its row is the first one's of the quote. A blank
    line divides a heading from the rows and is none of them.
    """
    passage = citation.passage
    row = passage.location["row"]
    if row is not None:
        before = passage.text[: citation.char_start - passage.location["char_start"]]
        row += before.count("\n") - 2 * before.count("\n\n")
    return Citation(
        id=f"c{number}",
        marker=f"[{number}]",
        document_id=passage.document_id,
        document_version=passage.document_version,
        external_id=passage.external_id,
        title=passage.title or passage.filename,
        filename=passage.filename,
        source_uri=passage.source_uri,
        chunk_id=passage.chunk_id,
        quote=citation.quote,
        location=location_out(
            {
                **passage.location,
                "row": row,
                "char_start": citation.char_start,
                "char_end": citation.char_end,
            }
        ),
        content_sha256=passage.content_sha256,
        verification=CitationVerification(
            method=citation.method,
            checks=Checks(**citation.checks),
            reader=citation.reader,
        ),
    )
