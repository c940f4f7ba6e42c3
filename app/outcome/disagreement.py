"""Do the sources agree? Two sentences on one thing that cannot both hold, and what sets them apart.

Read from words alone: nearly the same sentence with another number, date, name or polarity. What
names its own case on each side (`in Berlin`, `in Paris`) is no disagreement but a choice that the
question left open.
"""

import itertools
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Final

from app.claims import DraftCitation, DraftClaim
from app.verify.claim_text import statements_of
from app.verify.compare import compare
from app.verify.statement import Statement
from kb.passages import Passage
from kb.text import content_stems, fold

MIN_SHARED: Final = 0.6
"""Of the words besides numbers, on the side that has fewer; below, two sentences are about two
things, whatever their numbers are."""

MAX_QUALIFIERS: Final = 3
"""Words that set one side apart; with more it is another statement, not another case."""


GAP: Final = "_"
ASKS_WHO: Final = frozenset({"who", "whom", "whose"})


Cases = tuple[tuple[str, ...], tuple[str, ...]]


@dataclass(frozen=True, kw_only=True)
class Side:
    """A sentence of a source, verbatim, and where it stands."""

    text: str
    source_id: str
    passage: Passage

    @property
    def claim(self) -> DraftClaim:
        """The sentence as a claim that quotes itself."""
        citation = DraftCitation(source=self.source_id, quote=self.text)
        return DraftClaim(text=self.text, citations=(citation,))


@dataclass(frozen=True, kw_only=True)
class Disagreement:
    """Two sides; `cases` are the words by which each names its own case, empty in a conflict."""

    first: Side
    second: Side
    cases: Cases

    @property
    def is_conflict(self) -> bool:
        """True when nothing says that the sides speak of different cases."""
        return not any(self.cases)


def find_disagreement(question: str, sides: Sequence[Side]) -> Disagreement | None:
    """The first two sides, in their order, that disagree on what is asked; None when none do.

    Sides of one document version are not compared: a document that lists several values lists them
    on purpose. Where the question names the case of one side, that side is meant.
    """
    asked = frozenset(content_stems(question))
    asks_who = not ASKS_WHO.isdisjoint(fold(question).text.split())
    read = [
        _Reading(side=side, statement=statement, names_are_values=asks_who)
        for side in sides
        if (statement := _single(side.text)) is not None
    ]
    for first, second in itertools.combinations(read, 2):
        if _place(first.side) == _place(second.side):
            continue
        cases = _compare(asked, first, second)
        if cases is not None:
            return Disagreement(first=first.side, second=second.side, cases=cases)
    return None


def newer(first: Side, second: Side) -> Side | None:
    """The side that took effect later, or was updated later; None when neither did."""
    older_at, newer_at = _in_force_since(first), _in_force_since(second)
    if older_at == newer_at:
        return None
    return first if older_at > newer_at else second


@dataclass(frozen=True, kw_only=True)
class _Reading:
    """A side taken apart into values and what they are values of."""

    side: Side
    statement: Statement
    names_are_values: bool

    @cached_property
    def values(self) -> list[int]:
        """Numbers, dates, and names where the question asks for one."""
        return [
            index
            for index, token in enumerate(self.statement.tokens)
            if token.measure is not None or (self.names_are_values and token.is_name)
        ]

    @cached_property
    def word_by_key(self) -> dict[str, str]:
        """Other content words as written, without negations and the units behind numbers."""
        units = {index + 1 for index in self.statement.measures}
        without = {*self.values, *units, *self.statement.negations}
        tokens = self.statement.tokens
        return {
            tokens[index].key: tokens[index].raw
            for index in self.statement.content
            if index not in without
        }

    def own_values(self, other: "_Reading") -> list[str]:
        """The values that the other side does not give; words of one name are one value."""
        tokens = self.statement.tokens
        own = [index for index in self.values if not other.statement.holds(tokens[index])]
        return [tokens[index].raw for index in own if index - 1 not in own]

    def frame(self, shared: Collection[str]) -> list[str]:
        """The sentence with a gap for each run of values, units and words that are its own."""
        frame: list[str] = []
        for token in self.statement.tokens:
            is_own = token.is_content and token.key not in shared
            if not is_own:
                frame.append(token.key)
            elif not frame or frame[-1] != GAP:
                frame.append(GAP)
        return frame


def _compare(asked: frozenset[str], one: _Reading, other: _Reading) -> Cases | None:
    """The words that set each side apart; None when they do not disagree on what is asked."""
    shared = one.word_by_key.keys() & other.word_by_key.keys()
    fewer = min(len(one.word_by_key), len(other.word_by_key))
    apart = (one.word_by_key.keys() | other.word_by_key.keys()) - shared
    if not fewer or len(shared) < MIN_SHARED * fewer or apart & asked:
        return None
    own, others_own = one.own_values(other), other.own_values(one)
    values_differ = bool(own and others_own)
    if not apart and max(len(own), len(others_own)) > 1:
        # Fees of 2025 and fees of 2026: nobody can tell which value is the case of which.
        return None
    if not apart:
        is_contradiction = values_differ or _polarity_differs(one, other)
        return ((), ()) if is_contradiction else None
    cases = (
        tuple(word for key, word in one.word_by_key.items() if key not in shared),
        tuple(word for key, word in other.word_by_key.items() if key not in shared),
    )
    is_choice = all(cases) and max(map(len, cases)) <= MAX_QUALIFIERS and values_differ
    # Else one side speaks of everything and the other of a special case, or of other things.
    return cases if is_choice and one.frame(shared) == other.frame(shared) else None


def _polarity_differs(one: _Reading, other: _Reading) -> bool:
    return compare(one.side.text, [other.statement]).is_contradicted


def _single(text: str) -> Statement | None:
    """The text as one statement; None for several sentences, of which any may be meant."""
    statements = statements_of(text, a_is_name=False)
    return statements[0] if len(statements) == 1 else None


def _place(side: Side) -> tuple[object, int]:
    return side.passage.document_id, side.passage.document_version


def _in_force_since(side: Side) -> datetime:
    return side.passage.effective_at or side.passage.updated_at
