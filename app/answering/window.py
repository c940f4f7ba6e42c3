"""A model's window: token counts without its tokenizer, room for sources, the turns that fit."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

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

    `count_tokens` may be any tokenizer's: it sees where words fall to pieces. Where it takes a long
    rare word for one unknown token, the length of the text gives the higher estimate.
    """
    estimates = []
    for text, count in zip(texts, count_tokens(texts) if texts else [], strict=True):
        ascii_characters = sum(character < "\x80" for character in text)
        other_bytes = len(text.encode()) - ascii_characters
        by_length = ascii_characters / CHARACTERS_PER_TOKEN + other_bytes / BYTES_PER_TOKEN
        estimates.append(int(SAFETY * max(count, by_length)) + 1)
    return estimates


def budget_for(window: int, *, prompt_tokens: int, output_tokens: int) -> int:
    """Tokens left for sources in a window that also holds the rest of the prompt and the output."""
    return max(0, window - prompt_tokens - output_tokens)


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One message of the earlier conversation."""

    role: Literal["user", "assistant"]
    content: str


def recent_turns(
    turns: Sequence[Turn], *, budget_tokens: int, count_tokens: CountTokens
) -> list[Turn]:
    """The newest turns that fit, whole, without a gap, beginning with one of the user's.

    Turns come oldest first. None is left out between two that are kept, because the model would
    take the older one for what was said just before; an answer without its question goes too.
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
