"""A question with its conversation, and everything that is worked out of both once."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Final

from app.answering.question.parts import QuestionReading, read_question
from app.answering.window import Turn
from app.retrieve.conversation import Conversation, Said, in_conversation
from kb.store.filters import Filter

MAX_TURN_CHARS: Final = 4_000
"""Of each earlier turn, from its start: more than a question can lean on, or a model is shown.

Without a bound one turn of 4 MB kept the service busy for 14 s.
"""


@dataclass(frozen=True, kw_only=True)
class Question:
    """A question and its limits; None: the default. Turns have at most `MAX_TURN_CHARS`."""

    text: str
    history: tuple[Turn, ...] = ()
    collections: tuple[str, ...] | None = None
    filter: Filter | None = None
    top_k: int | None = None
    max_context_tokens: int | None = None
    max_output_tokens: int | None = None
    model: str | None = None
    prompt: str | None = None
    as_of: datetime | None = None
    is_streamed: bool = False

    @cached_property
    def conversation(self) -> Conversation | None:
        """The part of the history that is searched for beside the text; None without a history."""
        said = [Said(speaker=turn.role, text=turn.content) for turn in self.history]
        return in_conversation(self.text, said)

    @cached_property
    def reading(self) -> QuestionReading:
        """The question read once: its parts, and what an answer must be about.

        A follow-up such as 'And in Spain?' is read behind the question before it.
        """
        is_follow_up = self.conversation is not None and self.conversation.bearing == "follow_up"
        earlier = [turn.content for turn in self.history if turn.role == "user"]
        return read_question(self.text, earlier[-1] if is_follow_up and earlier else "")
