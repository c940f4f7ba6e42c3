"""A sentence ready to be compared: its tokens, its clauses, and which of it was quoted."""

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

    def in_clause(self, clause: int) -> Iterator[int]:
        """Indices of the content tokens of a clause."""
        return (index for index in self.content if self.clauses[index] == clause)

    def holds(self, token: Token) -> bool:
        """True when the quoted part says what this content token says."""
        if token.measure is not None:
            return any(self.measures_saying(token))
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
