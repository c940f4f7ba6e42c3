"""What fits into a model's window: tokens without its tokenizer, room for sources, old turns."""

from collections.abc import Callable, Sequence
from typing import Final, Literal, Protocol, TypeVar

CHARACTERS_PER_TOKEN: Final = 3.0
"""Of ASCII: prose has 5 and more, tables of numbers and identifiers 2 to 3."""

BYTES_PER_TOKEN: Final = 1.5
"""Of all else, as UTF-8: Chinese has 1 to 3 bytes of a character in each token."""

SAFETY: Final = 1.1
"""With it no text of 1,499 was underestimated for any of four tokenizers (cl100k, o200k, those of
Anthropic and DeepSeek; prose, papers, manuals, code, tables, German to Chinese): true counts are at
most .94 of the estimate, .6 of it in English prose. Older ones (p50k) exceed it by up to 8 % in
Chinese.
"""

CountTokens = Callable[[Sequence[str]], Sequence[int]]


def estimated_tokens(texts: Sequence[str], count_tokens: CountTokens) -> list[int]:
    """An upper estimate of the tokens of each text for a model whose tokenizer is not at hand.

    `count_tokens` is any tokenizer's. It sees where words fall to pieces; where it reads a long
    rare word as one unknown token, the number of characters speaks.
    """
    if not texts:
        return []
    counts = count_tokens(texts)
    return [
        int(SAFETY * max(count, _by_length(text))) + 1
        for text, count in zip(texts, counts, strict=True)
    ]


def budget_for(window: int, *, prompt_tokens: int, output_tokens: int) -> int:
    """Tokens left for sources in a window that also holds the rest of the prompt and the output."""
    return max(0, window - prompt_tokens - output_tokens)


class SaidBefore(Protocol):
    """A turn of a conversation."""

    @property
    def role(self) -> Literal["user", "assistant"]:
        """Who said it."""

    @property
    def content(self) -> str:
        """What was said."""


_Turn = TypeVar("_Turn", bound=SaidBefore)


def recent_turns(
    turns: Sequence[_Turn], *, budget_tokens: int, count_tokens: CountTokens
) -> list[_Turn]:
    """The newest turns that fit, whole, without a gap, beginning with one of the user's.

    Turns come oldest first. The first one from the end that does not fit ends it, because what is
    older would be read as said just before; an answer without its question is left out too.
    """
    costs = count_tokens([turn.content for turn in turns]) if turns else []
    first, left = len(turns), budget_tokens
    while first > 0 and costs[first - 1] <= left:
        first -= 1
        left -= costs[first]
    kept = list(turns[first:])
    while kept and first > 0 and kept[0].role == "assistant":
        kept.pop(0)
    return kept


def _by_length(text: str) -> float:
    ascii_characters = sum(character < "\x80" for character in text)
    other_bytes = len(text.encode()) - ascii_characters
    return ascii_characters / CHARACTERS_PER_TOKEN + other_bytes / BYTES_PER_TOKEN
