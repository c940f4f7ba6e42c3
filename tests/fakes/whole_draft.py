"""A model's draft, read to its end."""

from collections.abc import Sequence

from app.answering.claims import DraftClaim
from app.answering.context import Context
from app.answering.generate.draft_report import DraftReport
from app.answering.generate.llm import draft_by_model
from app.answering.prompts.prompt import Prompt
from app.answering.question.question import Question
from app.answering.window import Turn
from app.gateway.chat import ChatModel


async def whole_draft(
    question: str,
    context: Context,
    model: ChatModel,
    prompt: Prompt,
    *,
    history: Sequence[Turn] = (),
) -> tuple[tuple[DraftClaim, ...], DraftReport]:
    """All claims, and how it ended."""
    claims: list[DraftClaim] = []

    async def keep(claim: DraftClaim) -> None:
        claims.append(claim)

    report = await draft_by_model(
        Question(text=question),
        context,
        shown_history=history,
        model=model,
        prompt=prompt,
        on_claim=keep,
    )
    return tuple(claims), report
