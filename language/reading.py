"""A sentence as its words, and the words that do something to others: bounds, modals, negations."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final

from language.lexicon import Lexicon, lexicon_of
from language.stems import stem
from language.text import is_unspaced
from language.tokens import Token, tokenize

CLAUSE_MARKS: Final = frozenset(",;:.!?()[]|\n\u2013\u2014\u3001\u3002\uff0c\uff1b")

MIN_SHARED_START: Final = 5
"""Letters that two words of one family share at least: `publisher`, `publication`."""

REACH: Final = 5
"""Tokens behind a word among which what it is said of stands: `up to about 30`."""

HEADS: Final = {"bound": 1, "bound_after": 1, "modal": 1, "negation": 1, "role": 1}
"""Content words that a mark of the group is said of; of others, two."""


Sides = Mapping[int, Mapping[int, int]]


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A word that does something to others: `tokens[start:end]` is `name` of `group`.

    `heads` are the indices of the content tokens that it is said of.
    """

    group: str
    name: str
    start: int
    end: int
    heads: tuple[int, ...]


@dataclass(frozen=True)
class Reading:
    """One sentence as its words, and what they do."""

    tokens: Sequence[Token]

    @cached_property
    def lexicon(self) -> Lexicon:
        """The words of its language."""
        return lexicon_of(self.words)

    @cached_property
    def words(self) -> list[str]:
        """Its words, folded."""
        return [token.raw.casefold().replace("\u2019", "'") for token in self.tokens]

    @cached_property
    def content(self) -> list[int]:
        """Indices of what carries meaning: no stop words, no marks, no negations."""
        return [i for i, token in enumerate(self.tokens) if token.is_content]

    @cached_property
    def clauses(self) -> list[int]:
        """The number of the clause that each token stands in; what opens one belongs to it."""
        clause, numbers = 0, []
        for token, word in zip(self.tokens, self.words, strict=True):
            is_mark = token.kind == "mark" and token.key in CLAUSE_MARKS
            clause += is_mark or word in self.lexicon.clause_words
            numbers.append(clause)
        return numbers

    @cached_property
    def places(self) -> dict[str, list[int]]:
        """Where each content key stands."""
        found: dict[str, list[int]] = {}
        for index in self.content:
            found.setdefault(self.tokens[index].key, []).append(index)
        return found

    @cached_property
    def places_by_start(self) -> dict[str, list[int]]:
        """The same by the first letters of longer words that are no names."""
        found: dict[str, list[int]] = {}
        for index in self.content:
            token = self.tokens[index]
            if token.kind == "word" and len(token.key) >= MIN_SHARED_START:
                found.setdefault(token.key[:MIN_SHARED_START], []).append(index)
        return found

    @cached_property
    def measures(self) -> list[int]:
        """Indices of numbers and dates."""
        return [i for i, token in enumerate(self.tokens) if token.measure is not None]

    @cached_property
    def names(self) -> list[list[int]]:
        """Runs of name tokens; in German, where nouns have capitals, only of codes and the like."""
        runs: list[list[int]] = []
        for index, token in enumerate(self.tokens):
            is_plain = token.kind == "word" and token.raw[1:].islower()
            if not token.is_name or (is_plain and not self.lexicon.has_plain_nouns):
                continue
            if runs and self._joins(runs[-1][-1], index):
                runs[-1].append(index)
            else:
                runs.append([index])
        return runs

    def _joins(self, before: int, index: int) -> bool:
        return index - before == 1 or (index == before + 2 and self.words[before + 1] == "of")

    @cached_property
    def marks(self) -> list[Mark]:
        """All marks in order; a negation inside a bound (`no more than`) is none."""
        found = list(self._marks())
        spoken_for = {
            index
            for mark in found
            if mark.group in {"bound", "bound_after"}
            for index in range(mark.start, mark.end)
        }
        return [
            mark
            for mark in found
            if not (mark.group == "negation" and (mark.name == "none" or mark.start in spoken_for))
        ]

    def named(self, group: str) -> list[Mark]:
        """The marks of a group."""
        return [mark for mark in self.marks if mark.group == group]

    def names_on(self, group: str, head: int) -> frozenset[str]:
        """What marks of this group say of a token; those behind a number count with the others."""
        groups = {group, f"{group}_after"}
        return frozenset(
            mark.name for mark in self.marks if mark.group in groups and head in mark.heads
        )

    @cached_property
    def exclusive(self) -> Sides:
        """For each set of words that exclude each other the sides said, and by which token."""
        return self._sides(self.lexicon.exclusive)

    @cached_property
    def antonyms(self) -> Sides:
        """The same for pairs of opposites."""
        return self._sides(self.lexicon.antonyms)

    def _sides(self, table: Mapping[str, Sequence[tuple[int, int]]]) -> Sides:
        found: dict[int, dict[int, int]] = {}
        for index, word in enumerate(self.words):
            for number, side in table.get(stem(word), ()):
                found.setdefault(number, {}).setdefault(side, index)
        return found

    def _marks(self) -> Iterator[Mark]:
        taken: dict[str, int] = {}
        for start, token in enumerate(self.tokens):
            if token.is_name and self.lexicon.has_plain_nouns:
                continue
            for phrase in self.lexicon.phrases_at(self.words, start):
                end = start + len(phrase.words)
                if taken.get(phrase.group, 0) <= start:
                    taken[phrase.group] = end
                    heads = self._heads(phrase.group, start, end)
                    yield Mark(
                        group=phrase.group, name=phrase.name, start=start, end=end, heads=heads
                    )

    def _heads(self, group: str, start: int, end: int) -> tuple[int, ...]:
        if group == "unit":
            return tuple(i for i in (start - 1,) if i >= 0 and self._counts(i))
        if group == "bound_after":
            return tuple(
                i for i in range(start - 1, max(-1, start - REACH), -1) if self._counts(i)
            )[:1]
        ahead: Iterable[int] = range(end, min(len(self.tokens), end + REACH))
        if group == "bound":
            return tuple(i for i in ahead if self._counts(i))[:1]
        found = [i for i in ahead if self.tokens[i].is_content]
        if group == "negation":
            found = [i for i in found if self.clauses[i] == self.clauses[start]] or [
                i for i in range(start - 1, -1, -1) if self.tokens[i].is_content
            ]
        return tuple(found[: HEADS.get(group, 2)])

    def _counts(self, index: int) -> bool:
        return self.tokens[index].measure is not None


@lru_cache(maxsize=2048)
def read_sentence(text: str) -> Reading:
    """The sentence read in its language."""
    return Reading(tokenize(text))


def is_language_known(text: str) -> bool:
    """True when the negations of the text's language are understood.

    Latin letters without any known function word count as English.
    """
    reading = read_sentence(text)
    letters = [word for word in reading.words if word[0].isalpha()]
    others = sum(is_unspaced(word[0]) or "\u0370" <= word[0] <= "\u1dff" for word in letters)
    return 2 * others <= len(letters) and bool(reading.lexicon.phrases)
