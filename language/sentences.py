"""Text -> its sentences, none so long that comparing it costs more than its share.

What is asked of two sentences grows with the square of their words, and worse where they hold many
numbers. Nothing that people write comes near the bounds; what does is cut between two words, and
costs then what as many sentences cost.
"""

import re
from typing import Final

from language.text import Span, sentences

MAX_CHARS: Final = 3_000
"""Characters of a piece: some sentences of contracts are nearly as long."""

MAX_NUMBERS: Final = 100
"""Groups of digits in a piece: more than the widest rows of tables that people quote."""

_DIGITS_OR_SPACE: Final = re.compile(r"\d+|\s")


def bounded_sentences(text: str) -> list[Span]:
    """The sentences in order; one beyond the bounds in several pieces."""
    pieces: list[Span] = []
    for sentence in sentences(text):
        start, end = sentence
        if end - start <= min(MAX_CHARS, MAX_NUMBERS):
            pieces.append(sentence)
            continue
        while start < end:
            stop = _reach(text, start, end)
            bare = text[start:stop].rstrip()
            if bare:
                pieces.append(Span(start, start + len(bare)))
            start = stop
            while start < end and text[start].isspace():
                start += 1
    return pieces


def _reach(text: str, start: int, end: int) -> int:
    """The end of the piece that begins at `start`: a space, or the limit where there is none."""
    limit = min(end, start + MAX_CHARS)
    numbers, space = 0, None
    for match in _DIGITS_OR_SPACE.finditer(text, start, limit):
        if match.group().isspace():
            space = match.start()
            continue
        numbers += 1
        if numbers > MAX_NUMBERS:
            return space if space is not None else match.start()
    if limit == end:
        return end
    return space if space is not None else limit
