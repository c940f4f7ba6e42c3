"""One run of the answer flow: a question with what answers it, and the passages found for it."""

from dataclasses import dataclass
from datetime import datetime

from app.answering.context import Context
from app.answering.disagreement import Disagreement
from app.answering.evidence.ranking import SentenceEvidence
from app.answering.guard.checks import CheckResult
from app.answering.question.question import Question
from app.answering.release import Release
from app.answering.review.grounding_model import GroundingModel
from app.answering.window import Turn
from app.gateway.gateway import ModelSession
from app.identity import Caller
from app.policy.tenant_policy import TenantPolicy
from app.retrieve.retrieval import Retrieval


@dataclass(frozen=True, kw_only=True)
class AnswerRun:
    """A question that may be answered, and what it is answered with.

    Attributes:
        question: as the guardrails left it.
        shown_history: the turns before it that a model is shown.
        checks: what the guardrails found in the question.
        session: None: no language model is configured, and answers are extractive.
    """

    caller: Caller
    question: Question
    shown_history: tuple[Turn, ...]
    checks: tuple[CheckResult, ...]
    policy: TenantPolicy
    session: ModelSession | None
    release: Release
    grounding_model: GroundingModel | None
    now: datetime


@dataclass(frozen=True, kw_only=True)
class Retrieved:
    """The passages found, those of them that a generator is shown, and how well they answer.

    Attributes:
        evidence: the pieces of the context that may answer, best first.
        evidence_probability: that an answer is among them, 0 to 1; 0 without evidence.
        disagreement: of the best of the evidence; None: it agrees.
    """

    retrieval: Retrieval
    context: Context
    evidence: tuple[SentenceEvidence, ...]
    evidence_probability: float
    disagreement: Disagreement | None
