"""What is asked."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from app.answering.prompts.render import Turn
from kb.store.filters import Filter

MAX_TURN_CHARS: Final = 4_000
"""Of each earlier turn, from its start: more than a question can lean on, or a model is shown.

Without a bound one turn of 4 MB kept the service busy for 14 s.
"""


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked; None: the service's default. Turns have at most `MAX_TURN_CHARS`."""

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

    @property
    def in_context(self) -> str:
        """A follow-up such as 'And in Spain?' with the question before it."""
        earlier = [turn.content for turn in self.history if turn.role == "user"]
        return f"{earlier[-1]} {self.text}" if earlier else self.text
