"""Reads a sentence: its words, and those that modify others, as bounds, modals and negations do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from language.lexicon import Lexicon, lexicon_of
from language.remembered import remembered
from language.stems import stem
from language.text import is_unspaced
from language.tokens import Token, tokenize

CLAUSE_MARKS: Final = frozenset(",;:.!?()[]|\n\u2013\u2014\u3001\u3002\uff0c\uff1b")

MIN_SHARED_START: Final = 5
"""Letters that two words of one family share at least: `publisher`, `publication`."""

REACH: Final = 5
"""Tokens behind a mark among which its head stands: `up to about 30`."""

HEADS: Final = {"bound": 1, "bound_after": 1, "modal": 1, "negation": 1, "role": 1}
"""The most heads of a mark by its group; of other groups, two."""

Sides = Mapping[int, Mapping[int, int]]


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A word that modifies others: `tokens[start:end]` is `name` of `group`.

    `heads` are the indices of the content tokens that it is said of.
    """

    group: str
    name: str
    start: int
    end: int
    heads: tuple[int, ...]


@dataclass(frozen=True)
class Reading:
    """One sentence as its words and marks; each view of it is made when it is first asked for."""

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
        """Indices of the tokens that carry meaning: no stop words, punctuation or negations."""
        return [i for i, token in enumerate(self.tokens) if token.is_content]

    @cached_property
    def clauses(self) -> list[int]:
        """The number of each token's clause; a word or mark that opens a clause belongs to it."""
        clause, numbers = 0, []
        for token, word in zip(self.tokens, self.words, strict=True):
            is_mark = token.kind == "mark" and token.key in CLAUSE_MARKS
            clause += is_mark or word in self.lexicon.clause_words
            numbers.append(clause)
        return numbers

    @cached_property
    def places(self) -> dict[str, list[int]]:
        """The indices of each content key."""
        found: dict[str, list[int]] = {}
        for index in self.content:
            found.setdefault(self.tokens[index].key, []).append(index)
        return found

    @cached_property
    def places_by_start(self) -> dict[str, list[int]]:
        """The indices of longer words that are no names, by their first letters."""
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
            before = runs[-1][-1] if runs else None
            joins = before is not None and (
                index - before == 1 or (index == before + 2 and self.words[before + 1] == "of")
            )
            if joins:
                runs[-1].append(index)
            else:
                runs.append([index])
        return runs

    @cached_property
    def marks(self) -> list[Mark]:
        """All marks in order; a negation inside a bound (`no more than`) is none."""
        found: list[Mark] = []
        end_by_group: dict[str, int] = {}
        for start, token in enumerate(self.tokens):
            if token.is_name and self.lexicon.has_plain_nouns:
                continue
            for phrase in self.lexicon.phrases_at(self.words, start):
                group, end = phrase.group, start + len(phrase.words)
                if end_by_group.get(group, 0) <= start:
                    end_by_group[group] = end
                    heads = self._heads(group, start, end)
                    found.append(
                        Mark(group=group, name=phrase.name, start=start, end=end, heads=heads)
                    )
        in_bounds = {
            index
            for mark in found
            if mark.group in {"bound", "bound_after"}
            for index in range(mark.start, mark.end)
        }
        return [
            mark
            for mark in found
            if not (mark.group == "negation" and (mark.name == "none" or mark.start in in_bounds))
        ]

    def named(self, group: str) -> list[Mark]:
        """The marks of a group."""
        return [mark for mark in self.marks if mark.group == group]

    def names_on(self, group: str, head: int) -> frozenset[str]:
        """The names of the group's marks on a token, of those behind a number too."""
        groups = {group, f"{group}_after"}
        return frozenset(
            mark.name for mark in self.marks if mark.group in groups and head in mark.heads
        )

    @cached_property
    def exclusive(self) -> Sides:
        """The sides said of each set of words that exclude each other, with the token's index."""
        return self._sides(self.lexicon.exclusive)

    @cached_property
    def antonyms(self) -> Sides:
        """The sides said of each pair of opposites, with the token's index."""
        return self._sides(self.lexicon.antonyms)

    def _sides(self, table: Mapping[str, Sequence[tuple[int, int]]]) -> Sides:
        found: dict[int, dict[int, int]] = {}
        for index, word in enumerate(self.words):
            for number, side in table.get(stem(word), ()):
                found.setdefault(number, {}).setdefault(side, index)
        return found

    def _heads(self, group: str, start: int, end: int) -> tuple[int, ...]:
        """The indices of the tokens that a mark is said of, the nearest first."""
        ahead = range(end, min(len(self.tokens), end + REACH))
        behind = range(start - 1, max(-1, start - REACH), -1)
        if group == "unit":
            return tuple(i for i in range(max(0, start - 1), start) if self.tokens[i].measure)
        if group == "bound_after":
            return tuple(i for i in behind if self.tokens[i].measure)[:1]
        if group == "bound":
            return tuple(i for i in ahead if self.tokens[i].measure)[:1]
        found = [i for i in ahead if self.tokens[i].is_content]
        if group == "negation":
            found = [i for i in found if self.clauses[i] == self.clauses[start]] or [
                i for i in range(start - 1, -1, -1) if self.tokens[i].is_content
            ]
        return tuple(found[: HEADS.get(group, 2)])


@remembered(2048)
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
