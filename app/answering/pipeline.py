"""From a question to an answer whose every sentence is proved.

guard the question -> retrieve -> pack the context -> weigh the evidence -> generate -> verify and
guard each claim -> outcome

Before a language model is paid, the evidence decides whether there is anything to answer from;
whatever a generator says then, only what verification proves is shown.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import datetime
from time import perf_counter

from app.answering.abstention import evidence_probability
from app.answering.asking import Asking
from app.answering.claims import VerifiedClaim
from app.answering.context import Context, build_context, random_source_id
from app.answering.disagreement import Disagreement, find_disagreement, side_of
from app.answering.drafts import Judged, judged_claims
from app.answering.evidence.completing import complete_for
from app.answering.evidence.ranking import SentenceEvidence, rank_sentences
from app.answering.generate.drafting import EXTRACTIVE, Generation
from app.answering.guard.checks import CheckResult, Guarded, run_checks
from app.answering.guard.question import question_checks
from app.answering.guard.question_back import may_ask_back
from app.answering.outcome import Outcome, conflict_of, question_back, settle
from app.answering.prompts.library import PromptLibrary
from app.answering.prompts.prompt import Prompt
from app.answering.question.question import Question
from app.answering.review.grounding_model import GroundingModel
from app.answering.review.moderation import moderate_question
from app.answering.verify.profiles import ProfileName
from app.answering.window import budget_for, estimated_tokens, recent_turns
from app.gateway.gateway import Gateway, ModelSession
from app.identity import Caller
from app.limits import AnswerLimits
from app.policy.tenant_policy import TenantPolicies, TenantPolicy, escalation_reason
from app.retrieve.conversation import Said, in_conversation
from app.retrieve.search import Retrieval, Retriever, SearchQuery
from kb.errors import InvalidInput
from kb.ids import TenantId
from kb.passages import Passage
from kb.postgres.database import Database
from kb.store.answers import recent_statuses
from models.embedding import Embedder

NEWEST_PROMPT = "answer"
"""Unless a request names a version."""

HISTORY_TOKENS = 1_000
"""Of earlier turns that a model is shown: a question leans on the last few."""

USUAL_OUTPUT_TOKENS = 1_024
"""Room for an answer where nobody limits it: twelve claims with their quotes."""

COMPARED_SENTENCES = 6
"""Of the best evidence, looked through for disagreement; what ranks lower answers less well."""

COMPARED_SHARE_OF_BEST = 0.6
"""Of the best sentence's score that a sentence needs to be compared."""


@dataclass(frozen=True, kw_only=True)
class Retrieved:
    """What was found and what of it the generator is shown."""

    retrieval: Retrieval
    context: Context


@dataclass(frozen=True, kw_only=True)
class Answered:
    """An answer with all that determined it; nothing was retrieved for a refused question."""

    outcome: Outcome
    claims: tuple[VerifiedClaim, ...]
    retrieved: Retrieved | None
    evidence: tuple[SentenceEvidence, ...]
    evidence_probability: float
    generation: Generation
    cost_microdollars: int | None
    checks: tuple[CheckResult, ...]
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

    database: Database
    retriever: Retriever
    embedder: Embedder
    gateway: Gateway | None
    prompts: PromptLibrary
    policies: TenantPolicies
    limits: AnswerLimits
    verify_profile: ProfileName
    grounding_model: GroundingModel | None

    def models_for(self, tenant_id: TenantId) -> Sequence[str]:
        """What a request of this tenant may name as its model, the default first."""
        return self.gateway.aliases_for(tenant_id) if self.gateway else (EXTRACTIVE,)

    def require_prompt(self, reference: str | None) -> Prompt:
        """The prompt that a request names, or the newest; InvalidInput when there is none."""
        return self.prompts.get(reference or NEWEST_PROMPT)

    async def answer(self, caller: Caller, question: Question, *, now: datetime) -> Answered:
        """The answer that this caller may get; raises what `events` raises."""
        async with aclosing(self.events(caller, question, now=now)) as events:
            async for event in events:
                if isinstance(event, Answered):
                    return event
        raise AssertionError("the last event is the answer")

    async def events(
        self, caller: Caller, question: Question, *, now: datetime
    ) -> AsyncGenerator[Retrieved | VerifiedClaim | Answered, None]:
        """What happens while the answer is made: each claim once it is judged, the answer last.

        Raises LlmUnavailable or LlmTimedOut when the language model cannot be asked, unless the
        tenant wants the documents' own sentences then.
        """
        clock = _Clock()
        policy = self.policies.of(caller.tenant_id)
        guarded = run_checks(question.text, question_checks(policy))
        if not guarded.text.strip():
            raise InvalidInput("The question holds nothing that can be read.")
        refused = self._refused(question, guarded, policy)
        if refused is not None:
            yield self._without_retrieval(refused, guarded, clock)
            return
        session = self._session(caller, question)
        moderated = None if session is None else await moderate_question(session, guarded)
        if moderated is not None:
            guarded = moderated
            if guarded.refusal is not None:
                refused = Outcome(status="blocked", reason=guarded.refusal)
                yield self._without_retrieval(refused, guarded, clock)
                return
        asking = Asking(
            caller=caller,
            question=replace(question, text=guarded.text),
            told=tuple(
                recent_turns(
                    question.history,
                    budget_tokens=HISTORY_TOKENS,
                    count_tokens=self._estimated_tokens,
                )
            ),
            conversation=in_conversation(
                guarded.text,
                [Said(speaker=turn.role, text=turn.content) for turn in question.history],
            ),
            policy=policy,
            session=session,
            prompt=self.require_prompt(question.prompt),
            verify_profile=self.verify_profile,
            grounding_model=self.grounding_model,
            now=now,
        )
        async with aclosing(self._answered(asking, guarded, clock)) as events:
            async for event in events:
                yield event

    async def _answered(
        self, asking: Asking, guarded: Guarded, clock: _Clock
    ) -> AsyncGenerator[Retrieved | VerifiedClaim | Answered, None]:
        retrieval = await self.retriever.search(
            asking.caller.tenant_id,
            asking.caller.viewer,
            self._query(asking),
            now=asking.now,
        )
        clock.mark("retrieve")
        retrieved, evidence = await self._weigh(asking, retrieval)
        if asking.session is None:
            completed = await complete_for(
                asking.caller, self.database, asking.reading, retrieved.context, evidence
            )
            retrieved = replace(retrieved, context=completed.context)
            evidence = completed.evidence
        yield retrieved
        clock.mark("evidence")
        probability = evidence_probability(asking.reading, retrieved.context, evidence)
        outcome = await self._outcome_before_generating(asking, retrieved, probability)
        disagreement = _disagreement(asking, retrieved.context, evidence)
        if outcome is None and disagreement is not None and not disagreement.is_conflict:
            outcome = Outcome(
                status="needs_clarification", clarifying_question=question_back(disagreement)
            )
        judged = Judged(generation=Generation(status="unsupported", model=asking.model_name))
        if outcome is None:
            judging = judged_claims(asking, retrieved.context, evidence, disagreement)
            async with aclosing(judging):
                async for event in judging:
                    if isinstance(event, Judged):
                        judged = event
                    else:
                        yield event
            clock.mark("generate")
            outcome = settle(
                judged.generation,
                judged.last_claims,
                conflict=conflict_of(disagreement, judged.claims),
                asked_back=_asked_back(judged.generation, asking, retrieved.context),
            )
        yield Answered(
            outcome=await self._handed_over(asking, outcome),
            claims=judged.claims,
            retrieved=retrieved,
            evidence=tuple(evidence),
            evidence_probability=probability,
            generation=judged.generation,
            cost_microdollars=asking.session.cost_microdollars if asking.session else None,
            checks=guarded.results,
            timings_ms=clock.timings_ms,
        )

    # --- Before retrieval ------------------------------------------------------------------------

    def _refused(
        self, question: Question, guarded: Guarded, policy: TenantPolicy
    ) -> Outcome | None:
        """The outcome of a question that is not to be answered; None when it may be."""
        if guarded.refusal is not None:
            return Outcome(status="blocked", reason=guarded.refusal)
        reason = escalation_reason(policy, question.text, question.collections or ())
        if reason is not None:
            return Outcome(status="escalate", reason="policy", handover=reason)
        return None

    def _without_retrieval(self, outcome: Outcome, guarded: Guarded, clock: _Clock) -> Answered:
        clock.mark("guard")
        return Answered(
            outcome=outcome,
            claims=(),
            retrieved=None,
            evidence=(),
            evidence_probability=0.0,
            generation=Generation(status="unsupported", model=EXTRACTIVE),
            cost_microdollars=None,
            checks=guarded.results,
            timings_ms=clock.timings_ms,
        )

    def _session(self, caller: Caller, question: Question) -> ModelSession | None:
        if self.gateway is None:
            return None
        return self.gateway.session(caller.tenant_id, alias=question.model)

    async def _handed_over(self, asking: Asking, outcome: Outcome) -> Outcome:
        """`escalate` instead of one failure too many in a row; else the outcome itself."""
        limit = asking.policy.escalate_after_failures
        if outcome.status != "unsupported" or limit is None:
            return outcome
        caller = asking.caller
        async with self.database.tenant(caller.tenant_id, viewer=caller.viewer) as scope:
            earlier = await recent_statuses(
                scope,
                credential_id=caller.credential_id,
                principals=caller.principals,
                limit=limit - 1,
            )
        if len(earlier) < limit - 1 or any(status != "unsupported" for status in earlier):
            return outcome
        reason = f"{limit} questions in a row found no answer"
        return Outcome(status="escalate", reason="policy", handover=reason)

    # --- Evidence --------------------------------------------------------------------------------

    def _query(self, asking: Asking) -> SearchQuery:
        question = asking.question
        return SearchQuery(
            text=question.text,
            collections=question.collections,
            filter=question.filter,
            top_k=question.top_k or self.limits.passages,
            mode="hybrid",
            as_of=question.as_of,
            conversation=asking.conversation,
        )

    async def _weigh(
        self, asking: Asking, retrieval: Retrieval
    ) -> tuple[Retrieved, list[SentenceEvidence]]:
        context = await asyncio.to_thread(self._pack, asking, retrieval.passages)
        question = asking.reading
        evidence = await asyncio.to_thread(rank_sentences, question, context, self.embedder)
        return Retrieved(retrieval=retrieval, context=context), evidence

    def _pack(self, asking: Asking, passages: Sequence[Passage]) -> Context:
        is_extractive = asking.session is None
        return build_context(
            passages,
            budget_tokens=self._budget(asking),
            count_tokens=self.embedder.count_tokens if is_extractive else self._estimated_tokens,
            new_source_id=random_source_id,
        )

    def _budget(self, asking: Asking) -> int:
        """Tokens for sources: what is asked for, and what the model's window has room for."""
        question = asking.question
        wanted = question.max_context_tokens or self.limits.context_tokens
        budget = min(wanted, self.limits.context_tokens)
        window = asking.session.context_window if asking.session else None
        if window is None:
            return budget
        said = [question.text, *(turn.content for turn in asking.told)]
        output_tokens = question.max_output_tokens or asking.prompt.settings.model.max_output_tokens
        room = budget_for(
            window,
            prompt_tokens=sum(self._estimated_tokens([*asking.prompt.texts, *said])),
            output_tokens=output_tokens or USUAL_OUTPUT_TOKENS,
        )
        return min(budget, room)

    def _estimated_tokens(self, texts: Sequence[str]) -> Sequence[int]:
        """Of whatever model; never too few."""
        return estimated_tokens(texts, self.embedder.count_tokens)

    async def _outcome_before_generating(
        self, asking: Asking, retrieved: Retrieved, probability: float
    ) -> Outcome | None:
        """Why nothing should be generated from this evidence; None when something may be."""
        if self._holds_answer(probability):
            return None
        if retrieved.retrieval.inadmissible and await self._is_stale(asking):
            return Outcome(status="unsupported", reason="stale_evidence")
        if not retrieved.context.sources:
            return Outcome(status="unsupported", reason="no_results")
        return Outcome(status="unsupported", reason="low_relevance")

    async def _is_stale(self, asking: Asking) -> bool:
        """True when documents out of force, which the caller may read, would have answered."""
        retrieval = await self.retriever.search_inadmissible(
            asking.caller.tenant_id,
            asking.caller.viewer,
            self._query(asking),
            now=asking.now,
        )
        retrieved, evidence = await self._weigh(asking, retrieval)
        probability = evidence_probability(asking.reading, retrieved.context, evidence)
        return self._holds_answer(probability)

    def _holds_answer(self, probability: float) -> bool:
        """True when an answer in the evidence is probable enough to look for it."""
        # Without evidence it is 0, which is no answer whatever the floor.
        return probability > 0 and probability >= self.limits.evidence_floor


def _disagreement(
    asking: Asking, context: Context, evidence: Sequence[SentenceEvidence]
) -> Disagreement | None:
    best = evidence[0].score if evidence else 0.0
    sides = []
    alike = [each for each in evidence if each.part == evidence[0].part]
    for each in alike[:COMPARED_SENTENCES]:
        source = context.source(each.source_id)
        if source is not None and each.score >= COMPARED_SHARE_OF_BEST * best:
            sides.append(side_of(each, source))
    found = find_disagreement(asking.in_context, sides)
    # Who asks two things at once is asked nothing back.
    is_told = found is None or found.is_conflict or not any(each.part for each in evidence)
    return found if is_told else None


def _asked_back(generation: Generation, asking: Asking, context: Context) -> str | None:
    """The model's clarifying question if it asks and does nothing else."""
    text = generation.clarifying_question
    if text is None:
        return None
    said = " ".join([*(turn.content for turn in asking.question.history), asking.question.text])
    sources = [source.passage.text for source in context.sources]
    return text if may_ask_back(text, question=said, sources=sources) else None
