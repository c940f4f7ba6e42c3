"""From a question to an answer whose every sentence is proved.

guard the question -> retrieve -> pack the context -> rank the evidence -> draft, verify and guard
each claim -> decide the outcome

Before a language model is paid, the evidence decides whether there is anything to answer from;
whatever a generator writes then, only what verification proves is shown.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from app.answering.abstention import evidence_probability, fitted_model
from app.answering.claims import VerifiedClaim
from app.answering.context import Context, build_context, random_source_id
from app.answering.disagreement import disagreement_in
from app.answering.drafts import VerifiedDraft, draft_and_verify
from app.answering.evidence.completing import Gap, complete_for, gaps_of
from app.answering.evidence.ranking import SentenceEvidence, rank_sentences
from app.answering.generate.draft_report import EXTRACTIVE, DraftReport
from app.answering.guard.checks import CheckResult, run_checks
from app.answering.guard.question import question_checks
from app.answering.outcome import Outcome, ask_which_is_meant, decide_outcome
from app.answering.prompts.library import PromptLibrary
from app.answering.prompts.prompt import Prompt
from app.answering.question.question import Question
from app.answering.release import Release
from app.answering.review.grounding_model import GroundingModel
from app.answering.review.moderation import moderate_question
from app.answering.run import AnswerRun, Retrieved
from app.answering.verify.profiles import ProfileName
from app.answering.window import budget_for, estimated_tokens, recent_turns
from app.gateway.gateway import Gateway, ModelSession
from app.identity import Caller
from app.limits import AnswerLimits
from app.policy.tenant_policy import TenantPolicies, escalation_reason
from app.retrieve.query import RetrievalLimits
from app.retrieve.query_embedder import QueryEmbedder
from app.retrieve.search import Retrieval, Retriever, SearchQuery
from app.retrieve.search_spaces import SearchSpaces
from kb.errors import InvalidInput
from kb.ids import TenantId
from kb.postgres.database import Database
from kb.store.answers import recent_statuses
from kb.telemetry import Stopwatch

NEWEST_PROMPT = "answer"
"""Unless a request names a version."""

HISTORY_TOKENS = 1_000
"""Of earlier turns that a model is shown: a question leans on the last few."""

USUAL_OUTPUT_TOKENS = 1_024
"""Room for an answer where nobody limits it: twelve claims with their quotes."""

OnEvent = Callable[[Retrieved | VerifiedClaim], Awaitable[None]]
"""Is told what happens while an answer is made; the answer goes on when it returns."""


async def ignore_event(_event: Retrieved | VerifiedClaim) -> None:
    """For callers who wait for the whole answer."""


@dataclass(frozen=True, kw_only=True)
class Refused:
    """A question that is not answered, and what its checks found."""

    outcome: Outcome
    checks: tuple[CheckResult, ...]


@dataclass(frozen=True, kw_only=True)
class Answered:
    """An answer with all that determined it; a refused question has no run."""

    outcome: Outcome
    draft_report: DraftReport
    checks: tuple[CheckResult, ...]
    timings_ms: Mapping[str, float]
    run: AnswerRun | None = None
    retrieved: Retrieved | None = None
    claims: tuple[VerifiedClaim, ...] = ()
    cost_microdollars: int | None = None

    @property
    def supported(self) -> Sequence[VerifiedClaim]:
        """The claims that make up the answer, in order."""
        return [claim for claim in self.claims if claim.verdict == "supported"]


@dataclass(frozen=True, kw_only=True)
class Answerer:
    """Answers questions; without a language model from the documents' own sentences."""

    database: Database
    retriever: Retriever
    spaces: SearchSpaces
    gateway: Gateway | None
    prompts: PromptLibrary
    policies: TenantPolicies
    limits: AnswerLimits
    retrieval_limits: RetrievalLimits
    verify_profile: ProfileName
    grounding_model: GroundingModel | None

    def models_for(self, tenant_id: TenantId) -> Sequence[str]:
        """The models that a request of this tenant may name, the default first."""
        return self.gateway.aliases_for(tenant_id) if self.gateway else (EXTRACTIVE,)

    def require_prompt(self, reference: str | None) -> Prompt:
        """The prompt that a request names, or the newest; InvalidInput when there is none."""
        return self.prompts.get(reference or NEWEST_PROMPT)

    async def answer(
        self,
        caller: Caller,
        question: Question,
        *,
        now: datetime,
        on_event: OnEvent = ignore_event,
    ) -> Answered:
        """The answer that this caller may get.

        `on_event` is told what was retrieved, then each claim once it is decided. Cancelled, or
        when `on_event` raises, it stops the language model.

        Raises LlmUnavailable or LlmTimedOut when the language model cannot be asked, unless the
        tenant wants the documents' own sentences then.
        """
        stopwatch = Stopwatch()
        with stopwatch.span("guard"):
            run = await self._guard(caller, question, now)
        if isinstance(run, Refused):
            return Answered(
                outcome=run.outcome,
                draft_report=DraftReport(status="unsupported", model=EXTRACTIVE),
                checks=run.checks,
                timings_ms=_milliseconds(stopwatch),
            )
        with stopwatch.span("retrieve"):
            retrieval = await self.retriever.search(
                caller.tenant_id, caller.viewer, self._query(run), now=now
            )
        # Another embedding space may have been activated since the guard.
        release = self._release(run.release.prompt, run.session, retrieval.embedder)
        run = replace(run, release=release)
        with stopwatch.span("evidence"):
            retrieved = await self._rank_evidence(run, retrieval, is_completed=run.session is None)
        await on_event(retrieved)

        disagreement = retrieved.disagreement
        outcome = await self._outcome_without_evidence(run, retrieved)
        if outcome is None and disagreement is not None and not disagreement.is_conflict:
            outcome = ask_which_is_meant(disagreement)
        draft = VerifiedDraft(report=DraftReport(status="unsupported", model=run.release.model))
        if outcome is None:
            with stopwatch.span("generate"):
                draft = await draft_and_verify(run, retrieved, on_event)
            outcome = decide_outcome(run.question, retrieved.context, draft, disagreement)
        if outcome.status == "unsupported":
            outcome = await self._escalate_failures(run) or outcome

        return Answered(
            outcome=outcome,
            draft_report=draft.report,
            checks=run.checks,
            timings_ms=_milliseconds(stopwatch),
            run=run,
            retrieved=retrieved,
            claims=draft.claims,
            cost_microdollars=run.session.cost_microdollars if run.session else None,
        )

    # --- Before retrieval ------------------------------------------------------------------------

    async def _guard(
        self, caller: Caller, question: Question, now: datetime
    ) -> AnswerRun | Refused:
        """The run that answers the question once it has passed its checks, else its refusal.

        Raises InvalidInput when nothing readable is left of it.
        """
        policy = self.policies.of(caller.tenant_id)
        guarded = run_checks(question.text, question_checks(policy))
        if not guarded.text.strip():
            raise InvalidInput("The question holds nothing that can be read.")
        session: ModelSession | None = None
        if guarded.refusal is None:
            handover = escalation_reason(policy, question.text, question.collections or ())
            if handover is not None:
                escalated = Outcome(status="escalate", reason="policy", handover=handover)
                return Refused(outcome=escalated, checks=guarded.results)
            if self.gateway is not None:
                session = self.gateway.session(caller.tenant_id, alias=question.model)
                guarded = await moderate_question(session, guarded)
        if guarded.refusal is not None:
            blocked = Outcome(status="blocked", reason=guarded.refusal)
            return Refused(outcome=blocked, checks=guarded.results)
        shown_history = recent_turns(
            question.history, budget_tokens=HISTORY_TOKENS, count_tokens=self._estimate_tokens
        )
        return AnswerRun(
            caller=caller,
            question=replace(question, text=guarded.text),
            shown_history=tuple(shown_history),
            checks=guarded.results,
            policy=policy,
            session=session,
            release=self._release(
                self.require_prompt(question.prompt), session, self.spaces.expected
            ),
            grounding_model=self.grounding_model,
            now=now,
        )

    def _release(
        self, prompt: Prompt, session: ModelSession | None, embedder: QueryEmbedder
    ) -> Release:
        reader = self.grounding_model
        return Release(
            prompt=prompt,
            model=session.alias if session else EXTRACTIVE,
            embedding_space=embedder.space.name,
            abstention=fitted_model(embedder.tuning)["data_sha256"],
            retrieval=self.retrieval_limits.tuned(embedder.tuning, embedder.languages),
            limits=self.limits.tuned(embedder.tuning.evidence_floor),
            verify_profile=self.verify_profile,
            grounding_model=reader.calibration.data_sha256 if reader else None,
        )

    def _estimate_tokens(self, texts: Sequence[str]) -> Sequence[int]:
        """Of whatever model; never too few."""
        return estimated_tokens(texts, self.spaces.expected.count_tokens)

    # --- Evidence --------------------------------------------------------------------------------

    def _query(self, run: AnswerRun) -> SearchQuery:
        question = run.question
        return SearchQuery(
            text=question.text,
            collections=question.collections,
            filter=question.filter,
            top_k=question.top_k or run.release.limits.passages,
            mode="hybrid",
            as_of=question.as_of,
            conversation=question.conversation,
        )

    async def _rank_evidence(
        self, run: AnswerRun, retrieval: Retrieval, *, is_completed: bool
    ) -> Retrieved:
        """The passages packed for the generator, and their pieces by how well they answer.

        As many tokens of passages as are asked for and as the model's window has room for.
        Completed, with the rest of the table or list that the answer is from.
        """
        question, prompt, embedder = run.question, run.release.prompt, retrieval.embedder
        limit = run.release.limits.context_tokens
        budget = min(question.max_context_tokens or limit, limit)
        window = run.session.context_window if run.session else None
        if window is not None:
            turns = (turn.content for turn in run.shown_history)
            output_tokens = question.max_output_tokens or prompt.settings.model.max_output_tokens
            room = budget_for(
                window,
                prompt_tokens=sum(self._estimate_tokens([*prompt.texts, question.text, *turns])),
                output_tokens=output_tokens or USUAL_OUTPUT_TOKENS,
            )
            budget = min(budget, room)

        # Read in threads, where it is kept: a hostile question takes longer to read.
        def weigh() -> tuple[Retrieved, list[Gap]]:
            context = build_context(
                retrieval.passages,
                budget_tokens=budget,
                count_tokens=self._estimate_tokens if run.session else embedder.count_tokens,
                new_source_id=random_source_id,
            )
            reading, scale = question.reading, embedder.tuning.cosines
            evidence = rank_sentences(reading, context, embedder, scale, embedder.sentence_vectors)
            gaps = gaps_of(reading, context, evidence) if is_completed else []
            return judge(context, evidence), gaps

        def judge(context: Context, evidence: Sequence[SentenceEvidence]) -> Retrieved:
            reading, tuning = question.reading, embedder.tuning
            return Retrieved(
                retrieval=retrieval,
                context=context,
                evidence=tuple(evidence),
                evidence_probability=evidence_probability(reading, context, evidence, tuning),
                disagreement=disagreement_in(reading, context, evidence, tuning.cosines),
            )

        retrieved, gaps = await asyncio.to_thread(weigh)
        if gaps:
            completed = await complete_for(
                run.caller, self.database, retrieved.context, retrieved.evidence, gaps
            )
            retrieved = await asyncio.to_thread(judge, completed.context, completed.evidence)
        return retrieved

    # --- Outcomes without a draft ----------------------------------------------------------------

    async def _outcome_without_evidence(
        self, run: AnswerRun, retrieved: Retrieved
    ) -> Outcome | None:
        """The outcome of evidence too weak to draft from; None when it may hold an answer."""
        if self._may_hold_answer(retrieved):
            return None
        if retrieved.retrieval.inadmissible:
            retrieval = await self.retriever.search(
                run.caller.tenant_id,
                run.caller.viewer,
                self._query(run),
                now=run.now,
                admissibility="inadmissible",
            )
            stale = await self._rank_evidence(run, retrieval, is_completed=False)
            if self._may_hold_answer(stale):
                return Outcome(status="unsupported", reason="stale_evidence")
        if not retrieved.context.sources:
            return Outcome(status="unsupported", reason="no_results")
        return Outcome(status="unsupported", reason="low_relevance")

    def _may_hold_answer(self, retrieved: Retrieved) -> bool:
        # Without evidence the probability is 0, which is no answer whatever the floor.
        tuning = retrieved.retrieval.embedder.tuning
        floor = self.limits.tuned(tuning.evidence_floor).evidence_floor
        return retrieved.evidence_probability > 0 and retrieved.evidence_probability >= floor

    async def _escalate_failures(self, run: AnswerRun) -> Outcome | None:
        """`escalate` where this failure is one too many in a row; else None."""
        limit = run.policy.escalate_after_failures
        if limit is None:
            return None
        caller = run.caller
        async with self.database.tenant(caller.tenant_id, viewer=caller.viewer) as scope:
            earlier = await recent_statuses(
                scope,
                subject=caller.subject,
                principals=caller.principals,
                limit=limit - 1,
            )
        if len(earlier) < limit - 1 or any(status != "unsupported" for status in earlier):
            return None
        handover = f"{limit} questions in a row found no answer"
        return Outcome(status="escalate", reason="policy", handover=handover)


def _milliseconds(stopwatch: Stopwatch) -> dict[str, float]:
    """Of each stage, and of all together."""
    seconds_by_stage = {**stopwatch.seconds_by_stage, "total": stopwatch.total_seconds}
    return {stage: round(seconds * 1000, 2) for stage, seconds in seconds_by_stage.items()}
