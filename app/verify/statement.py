"""A sentence ready to be compared: its tokens, its clauses, and which of it was quoted."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from app.verify.numbers import says
from app.verify.tokens import Token
from kb.text import word_set

CONJUNCTIONS: Final = word_set(
    "and or but while whereas although though however yet because who which whom whose if when"
)
CLAUSE_MARKS: Final = frozenset(",;:.!?()[]|\n\u2013\u2014\u3001\u3002\uff0c\uff1b")

_INSIDE_NAMES: Final = word_set("of the and for")
"""Small words that initials leave out."""

START: Final = 4
"""Letters that a place and its people share at least: `Kent`, `Kentish`."""

MAX_NAME_WORDS: Final = 6
"""Longer runs of capitals are headings."""


@dataclass(frozen=True, kw_only=True)
class Statement:
    """Tokens of one sentence; those with an index in `quoted` may support, the others only object.

    `background` holds keys that the reader knows from around the sentence: its headings and, when
    it begins with a pronoun, the sentence before.
    """

    tokens: Sequence[Token]
    quoted: range
    background: frozenset[str] = frozenset()

    @cached_property
    def content(self) -> list[int]:
        """Indices of content tokens."""
        return [index for index, token in enumerate(self.tokens) if token.is_content]

    @cached_property
    def indices_by_key(self) -> dict[str, list[int]]:
        """Where each content key stands."""
        found: dict[str, list[int]] = {}
        for index in self.content:
            found.setdefault(self.tokens[index].key, []).append(index)
        return found

    @cached_property
    def indices_by_any_key(self) -> dict[str, list[int]]:
        """Where each key stands, stop words included; number words as they are written."""
        found: dict[str, list[int]] = {}
        for index, token in enumerate(self.tokens):
            key = token.key if token.measure is None else token.raw.casefold()
            found.setdefault(key, []).append(index)
        return found

    @cached_property
    def keys(self) -> frozenset[str]:
        """Content keys of the quoted part."""
        return frozenset(self.tokens[index].key for index in self.content if index in self.quoted)

    @cached_property
    def words(self) -> frozenset[str]:
        """Folded words of the quoted part, stop words included."""
        return frozenset(self.tokens[index].raw.casefold() for index in self.quoted)

    @cached_property
    def negations(self) -> list[int]:
        """Indices of negations, quoted or not: one outside the quote counts all the same."""
        return [index for index, token in enumerate(self.tokens) if token.is_negation]

    @cached_property
    def measures(self) -> list[int]:
        """Indices of numbers and dates."""
        return [index for index, token in enumerate(self.tokens) if token.measure is not None]

    @cached_property
    def clauses(self) -> list[int]:
        """The number of the clause that each token stands in; what opens a clause belongs to it."""
        numbers: list[int] = []
        clause = 0
        for token in self.tokens:
            clause += is_boundary(token)
            numbers.append(clause)
        return numbers

    @cached_property
    def capitalised(self) -> frozenset[str]:
        """Bare words of the quoted part that begin with a capital."""
        quoted = (self.tokens[index].raw for index in self.quoted)
        return frozenset(bare_word(raw) for raw in quoted if raw[0].isupper())

    @cached_property
    def capitalised_by_start(self) -> dict[str, list[str]]:
        """The same by their first letters."""
        found: dict[str, list[str]] = {}
        for word in self.capitalised:
            if len(word) >= START:
                found.setdefault(word[:START], []).append(word)
        return found

    @cached_property
    def shortened(self) -> frozenset[str]:
        """Bare words of the quoted part that are all capitals, two at least: `US`, `U.S`."""
        quoted = (self.tokens[index].raw for index in self.quoted)
        return frozenset(
            bare for raw in quoted if raw.isupper() and len(bare := bare_word(raw)) > 1
        )

    @cached_property
    def initials(self) -> dict[str, frozenset[str]]:
        """The first letters of names of several words, with the words: `us` of `United States`."""
        found: dict[str, frozenset[str]] = {}
        for run in self._name_runs():
            for start, end in itertools.combinations(range(len(run) + 1), 2):
                if end - start > 1:
                    words = run[start:end]
                    found["".join(word[0] for word in words)] = frozenset(words)
        return found

    @cached_property
    def joined(self) -> dict[str, tuple[str, str]]:
        """Two words of the quoted part that stand side by side, by what they are as one."""
        raws = [bare_word(self.tokens[index].raw) for index in self.quoted]
        return {one + other: (one, other) for one, other in itertools.pairwise(raws)}

    def _name_runs(self) -> Iterator[list[str]]:
        run: list[str] = []
        for index in self.quoted:
            raw = self.tokens[index].raw
            if raw[0].isupper():
                run.append(bare_word(raw))
            elif raw not in _INSIDE_NAMES:
                yield run[:MAX_NAME_WORDS]
                run = []
        yield run[:MAX_NAME_WORDS]

    def in_clause(self, clause: int) -> Iterator[int]:
        """Indices of the content tokens of a clause."""
        return (index for index in self.content if self.clauses[index] == clause)

    def holds(self, token: Token) -> bool:
        """True when the quoted part says what this content token says."""
        if token.measure is not None:
            # The first token has the index 0, so `any` would not count it.
            return next(self.measures_saying(token), None) is not None
        return token.key in self.keys

    def measures_saying(self, token: Token) -> Iterator[int]:
        """Indices of the quoted measures that say at least what this measure says."""
        for index in self.measures:
            measure = self.tokens[index].measure
            if (
                index in self.quoted
                and measure is not None
                and token.measure is not None
                and says(measure, token.measure)
            ):
                yield index


def is_boundary(token: Token) -> bool:
    """True for what separates clauses."""
    if token.kind == "mark":
        return token.key in CLAUSE_MARKS
    return not token.is_content and token.key in CONJUNCTIONS


def bare_word(raw: str) -> str:
    """The word in small letters, without `'s` and full stops."""
    return raw.casefold().replace("\u2019", "'").removesuffix("'s").replace(".", "")
