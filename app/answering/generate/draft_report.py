"""The end of a draft, whoever wrote it."""

from dataclasses import dataclass
from typing import Final

from app.answering.claims import DraftStatus
from app.answering.prompts.prompt import Prompt
from app.answering.prompts.render import LeftOut
from app.gateway.route import Tier

EXTRACTIVE: Final = "extractive"
"""Named as its model by an answer that no language model wrote."""


@dataclass(frozen=True, kw_only=True)
class DraftReport:
    """The end of a draft and its cost.

    Attributes:
        status: None when no output had the agreed shape.
        model: as the server names it, else the alias.
        input_tokens: of all attempts; 0 where one does not tell, as with the output tokens.
        attempts: outputs that were asked for.
        lost: claims, or pieces of the output, that could not be read after others had been given.
        left_out: what of the sources and the conversation the model was not shown.
        mean_logprob: of the last output's tokens; None where the server offers none.
    """

    status: DraftStatus | None
    model: str
    clarifying_question: str | None = None
    prompt: Prompt | None = None
    tier: Tier | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    attempts: int = 0
    lost: int = 0
    left_out: tuple[LeftOut, ...] = ()
    mean_logprob: float | None = None

    @property
    def failure(self) -> str | None:
        """The code of what the model did wrong besides its claims, for the record; often None."""
        if self.status is None:
            return "draft_unreadable"
        return "draft_incomplete" if self.lost else None
