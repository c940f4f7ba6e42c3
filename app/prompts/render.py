"""Question, conversation and sources -> the text of a request, with data fenced off from rules."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from app.context import Source
from app.prompts.prompt import Prompt


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One message of the earlier conversation."""

    role: Literal["user", "assistant"]
    content: str


@dataclass(frozen=True, kw_only=True)
class RenderedPrompt:
    """What the model is shown first."""

    system: str
    user: str


def render_prompt(
    prompt: Prompt,
    *,
    question: str,
    history: Sequence[Turn],
    sources: Sequence[Source],
    fence: str,
) -> RenderedPrompt:
    """The prompt filled in.

    Args:
        prompt: the version to use.
        question: the last question.
        history: the conversation before it, oldest first.
        sources: what may be quoted, in the order shown.
        fence: the token of the marker lines; random for each request, so that no text can hold it.

    Raises:
        ValueError: a text holds the fence, and could therefore pretend to end.
    """
    titles = [source.passage.title or "" for source in sources]
    texts = [source.passage.text for source in sources]
    if any(fence in text for text in (question, *titles, *texts, *_contents(history))):
        raise ValueError("a text of the request holds the fence: draw another one")
    return RenderedPrompt(
        system=prompt.system.substitute(fence=fence),
        # One pass: a '$question' inside a source stays what it is.
        user=prompt.user.substitute(
            fence=fence,
            sources="\n".join(_source_block(source, fence) for source in sources),
            history="\n".join(_block(f"{turn.role} said", turn.content, fence) for turn in history),
            question=question,
        ),
    )


def _contents(history: Sequence[Turn]) -> list[str]:
    return [turn.content for turn in history]


def _source_block(source: Source, fence: str) -> str:
    title = " ".join((source.passage.title or "").split())
    return _block(f"source {source.id}", f"Title: {title}\n\n{source.passage.text}", fence)


def _block(name: str, content: str, fence: str) -> str:
    return f"<<{fence} {name}>>\n{content}\n<<{fence} end>>"
