"""Question, conversation and sources -> the text of a request, with data fenced off from rules."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.answering.context import Source
from app.answering.guard.instructions import instruction_spans, shown_to_model, without_spans
from app.answering.guard.markup import broken_markup
from app.answering.prompts.prompt import Prompt
from app.answering.window import Turn
from language.text import Span


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """Text of a source that talks to the model and is not shown; a span of its passage's text."""

    source_id: str
    span: Span


@dataclass(frozen=True, kw_only=True)
class RenderedPrompt:
    """The messages that the model is shown first, and the text that is left out of them."""

    system: str
    user: str
    left_out: tuple[LeftOut, ...]


def render_prompt(
    prompt: Prompt,
    *,
    question: str,
    history: Sequence[Turn],
    sources: Sequence[Source],
    fence: str,
) -> RenderedPrompt:
    """The prompt filled in.

    Sentences of sources, titles and earlier turns that instruct the model are left out, and what
    is left cannot be taken for the markup of a prompt.

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
    turns_said = [turn.content for turn in history]
    if any(fence in text for text in (question, *titles, *texts, *turns_said)):
        raise ValueError("a text of the request holds the fence: draw another one")
    hidden = {source.id: instruction_spans(source.passage.text) for source in sources}
    blocks: list[str] = []
    for source in sources:
        title = shown_to_model(" ".join((source.passage.title or "").split()))
        text = broken_markup(without_spans(source.passage.text, hidden[source.id]))
        blocks.append(_block(f"source {source.id}", f"Title: {title}\n\n{text}", fence))
    turns = [_block(f"{turn.role} said", shown_to_model(turn.content), fence) for turn in history]
    # One pass each: a '$question' inside a source stays what it is.
    rules = (prompt.system.substitute(fence=fence), prompt.format.safe_substitute(fence=fence))
    request = (
        prompt.context.safe_substitute(
            fence=fence, sources="\n".join(blocks), history="\n".join(turns)
        ),
        prompt.instruction.substitute(fence=fence, question=broken_markup(question)),
    )
    return RenderedPrompt(
        system="\n\n".join(rules),
        user="\n".join(request),
        left_out=tuple(
            LeftOut(source_id=source_id, span=span)
            for source_id, spans in hidden.items()
            for span in spans
        ),
    )


def _block(name: str, content: str, fence: str) -> str:
    return f"<<{fence} {name}>>\n{content}\n<<{fence} end>>"
