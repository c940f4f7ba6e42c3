"""From a question to an answer whose every sentence is proved.

retrieve -> pack the context -> weigh the evidence -> generate -> verify each claim -> status

Before a language model is paid, the evidence floor decides whether there is anything to answer
from; whatever a generator says then, only what verification proves is shown.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from time import perf_counter
from typing import Literal

from app.auth import Caller
from app.claims import Draft, Verification, VerifiedClaim
from app.context import Context, build_context, random_source_id
from app.gateway.language_model import LanguageModel
from app.generate.evidence import SentenceEvidence, evidence_score, rank_sentences
from app.generate.extractive import extract
from app.generate.llm import DraftGivenUp, generate
from app.limits import AnswerLimits
from app.prompts.prompt import Prompt
from app.prompts.render import Turn
from app.retrieve.search import Retrieval, Retriever, SearchQuery
from app.verify.verify import verify
from kb.embedding import Embedder
from kb.filters import Filter
from kb.passages import Passage

Status = Literal["answered", "partially_supported", "unsupported", "needs_clarification"]
Reason = Literal["no_results", "low_relevance", "insufficient_evidence", "verification_failed"]

EXTRACTIVE = "extractive"
"""What the answer names as its model when no language model is configured."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked; None: the service's default."""

    text: str
    history: tuple[Turn, ...]
    collections: tuple[str, ...] | None
    filter: Filter | None
    top_k: int | None
    max_context_tokens: int | None
    max_output_tokens: int | None

    @property
    def search_text(self) -> str:
        """A follow-up such as 'And in Spain?' is searched with the question before it."""
        earlier = [turn.content for turn in self.history if turn.role == "user"]
        return f"{earlier[-1]} {self.text}" if earlier else self.text


@dataclass(frozen=True, kw_only=True)
class Generation:
    """What generating gave and cost; `draft` None: no output had the agreed shape."""

    draft: Draft | None
    model: str
    prompt: Prompt | None = None
    input_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True, kw_only=True)
class Answered:
    """An answer with all that determined it."""

    status: Status
    reason: Reason | None
    claims: tuple[VerifiedClaim, ...]
    clarifying_question: str | None
    retrieval: Retrieval
    context: Context
    generation: Generation
    timings_ms: Mapping[str, float]

    @property
    def supported(self) -> Sequence[VerifiedClaim]:
        """The claims that make up the answer, in order."""
        return [claim for claim in self.claims if claim.verdict == "supported"]


@dataclass(kw_only=True)
class _Clock:
    """Milliseconds of each stage."""

    started: float = field(default_factory=perf_counter)
    timings_ms: dict[str, float] = field(default_factory=dict)
    last: float = field(default_factory=perf_counter)

    def mark(self, stage: str) -> None:
        now = perf_counter()
        self.timings_ms[stage] = round((now - self.last) * 1000, 2)
        self.timings_ms["total"] = round((now - self.started) * 1000, 2)
        self.last = now


@dataclass(frozen=True, kw_only=True)
class Answerer:
    """Answers questions; without a language model from the documents' own sentences."""

    retriever: Retriever
    embedder: Embedder
    language_model: LanguageModel | None
    prompt: Prompt
    limits: AnswerLimits

    async def answer(self, caller: Caller, question: Question, *, now: datetime) -> Answered:
        """The answer that this caller may get.

        Raises LlmUnavailable or LlmTimedOut when the language model cannot be asked: an answer
        that was not generated as configured is not replaced by another kind.
        """
        clock = _Clock()
        retrieval = await self._retrieve(caller, question, now)
        clock.mark("retrieve")
        context = await asyncio.to_thread(self._pack, question, retrieval.passages)
        evidence = await asyncio.to_thread(
            rank_sentences, question.search_text, context, self.embedder
        )
        clock.mark("evidence")
        reason = self._refusal(context, evidence)
        if reason is not None:
            generation = Generation(draft=None, model=self.model_name)
            verification = Verification(status="unsupported", reason=None, claims=())
        else:
            generation = await self._generate(question, context, evidence)
            clock.mark("generate")
            verification = await asyncio.to_thread(_verified, generation.draft, context)
            clock.mark("verify")
        return Answered(
            status=verification.status,
            reason=reason or verification.reason,
            claims=verification.claims,
            clarifying_question=verification.clarifying_question,
            retrieval=retrieval,
            context=context,
            generation=generation,
            timings_ms=clock.timings_ms,
        )

    @property
    def model_name(self) -> str:
        """What answers name as their model."""
        return self.language_model.name if self.language_model else EXTRACTIVE

    async def _retrieve(self, caller: Caller, question: Question, now: datetime) -> Retrieval:
        return await self.retriever.search(
            caller.tenant_id,
            caller.reading_eyes,
            SearchQuery(
                text=question.search_text,
                collections=question.collections,
                filter=question.filter,
                top_k=question.top_k or self.limits.passages,
                mode="hybrid",
            ),
            now=now,
        )

    def _pack(self, question: Question, passages: Sequence[Passage]) -> Context:
        wanted = question.max_context_tokens or self.limits.context_tokens
        return build_context(
            passages,
            budget_tokens=min(wanted, self.limits.context_tokens),
            count_tokens=self.embedder.count_tokens,
            new_source_id=random_source_id,
        )

    def _refusal(self, context: Context, evidence: Sequence[SentenceEvidence]) -> Reason | None:
        """Why nothing should be generated from this evidence; None when something may be."""
        if not context.sources:
            return "no_results"
        if evidence_score(evidence) < self.limits.evidence_floor:
            return "low_relevance"
        return None

    async def _generate(
        self, question: Question, context: Context, evidence: Sequence[SentenceEvidence]
    ) -> Generation:
        if self.language_model is None:
            return Generation(draft=extract(question.text, evidence), model=EXTRACTIVE)
        try:
            drafted = await generate(
                question.text,
                question.history,
                context,
                model=self.language_model,
                prompt=self.prompt,
                max_output_tokens=question.max_output_tokens,
            )
        except DraftGivenUp as error:
            return Generation(
                draft=None,
                model=self.model_name,
                prompt=self.prompt,
                input_tokens=error.input_tokens or 0,
                output_tokens=error.output_tokens or 0,
            )
        return Generation(
            draft=drafted.draft,
            model=drafted.model,
            prompt=self.prompt,
            input_tokens=drafted.input_tokens or 0,
            output_tokens=drafted.output_tokens or 0,
        )


def _verified(draft: Draft | None, context: Context) -> Verification:
    if draft is None:
        return Verification(status="unsupported", reason="verification_failed", claims=())
    verification = verify(draft, context)
    if verification.status == "unsupported":
        # What was rejected is in the claims; an unsupported answer shows no prose.
        return replace(verification, clarifying_question=None)
    return verification
