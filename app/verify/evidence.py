"""A located quote -> the sentences it touches, ready to be compared with a claim."""

import bisect
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from app.context import Source
from app.verify.locate import SearchableText
from app.verify.statement import Statement
from app.verify.tokens import Token, tokenize
from kb.text import Span, word_set

MIN_QUOTE_WORDS: Final = 2
"""Content words a quote must hold: `the` or `5` stands in every document and proves nothing."""

PRONOUN_REACH: Final = 4
"""Tokens from the start of a sentence among which a pronoun is its subject."""

PRONOUNS: Final = word_set("he she it they his her its their this these that those such both")
_LABEL: Final = re.compile(r"\b[B-HJ-Z]\b")


@dataclass(frozen=True)
class SearchableSource:
    """A source of the context, with what comparing needs worked out once."""

    source: Source

    @cached_property
    def text(self) -> SearchableText:
        """Its text, to look for quotes in."""
        return SearchableText(self.source.passage.text)

    @cached_property
    def headings(self) -> frozenset[str]:
        """Names in its title and section path."""
        passage = self.source.passage
        lines = [*([passage.title] if passage.title else []), *passage.location["section"]]
        return frozenset(
            token.key for line in lines for token in tokenize(line) if token.is_content
        )

    def statements(self, quoted: Span) -> list[Statement]:
        """The sentences that the quote touches; what it leaves out of them may only object."""
        every = self.text.sentences
        first = bisect.bisect_right(every, quoted.start, key=lambda sentence: sentence.end)
        touched = itertools.takewhile(
            lambda place: place[1].start < quoted.end, enumerate(every[first:], start=first)
        )
        return [self._statement(index, sentence, quoted) for index, sentence in touched]

    def _statement(self, index: int, sentence: Span, quoted: Span) -> Statement:
        tokens = self._tokens(sentence)
        inside = [
            position
            for position, token in enumerate(tokens)
            if quoted.start <= sentence.start + token.start
            and sentence.start + token.end <= quoted.end
        ]
        background = self.headings
        if index and any(token.key in PRONOUNS for token in tokens[:PRONOUN_REACH]):
            before = self._tokens(self.text.sentences[index - 1])
            background |= {token.key for token in before if token.is_content}
        return Statement(
            tokens=tokens,
            quoted=range(inside[0], inside[-1] + 1) if inside else range(0),
            background=background,
        )

    def _tokens(self, sentence: Span) -> Sequence[Token]:
        text = self.text.text[sentence.start : sentence.end]
        return tokenize(text, a_is_name=has_labels(text))


def has_labels(text: str) -> bool:
    """True when single capitals stand for things, so that a first `A` may too."""
    return _LABEL.search(text) is not None


def is_trivial(statements: list[Statement]) -> bool:
    """True when the quote is too small to support anything."""
    words = sum(
        index in statement.quoted for statement in statements for index in statement.content
    )
    return words < MIN_QUOTE_WORDS
