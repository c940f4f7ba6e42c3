"""A question that may be answered, and what it is answered with."""

from dataclasses import dataclass
from datetime import datetime

from app.answering.generate.drafting import EXTRACTIVE
from app.answering.prompts.prompt import Prompt
from app.answering.prompts.render import Turn
from app.answering.question.parts import QuestionReading, read_question
from app.answering.question.question import Question
from app.answering.review.grounding_model import GroundingModel
from app.answering.verify.profiles import ProfileName
from app.gateway.gateway import ModelSession
from app.identity import Caller
from app.policy.tenant_policy import TenantPolicy
from app.retrieve.conversation import Conversation


@dataclass(frozen=True, kw_only=True)
class Asking:
    """A question that may be answered, and what it is answered with."""

    caller: Caller
    question: Question
    told: tuple[Turn, ...]
    """Of the turns before the question, those that a model is shown."""

    conversation: Conversation | None
    policy: TenantPolicy
    session: ModelSession | None
    prompt: Prompt
    verify_profile: ProfileName
    grounding_model: GroundingModel | None
    now: datetime

    @property
    def in_context(self) -> str:
        """The question; one that leans on the question before it, with that."""
        is_follow_up = self.conversation is not None and self.conversation.bearing == "follow_up"
        return self.question.in_context if is_follow_up else self.question.text

    @property
    def reading(self) -> QuestionReading:
        """What the question says in its context."""
        return read_question(self.question.text, self.in_context)

    @property
    def model_name(self) -> str:
        """What the answer names as its model when none was asked in the end."""
        return self.session.alias if self.session else EXTRACTIVE
