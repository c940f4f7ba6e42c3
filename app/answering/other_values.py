"""Do two sentences answer the same question with different values, in whatever words?

Sentences of two documents that hold the same words of the question, are equally near to it and near
each other, and give each a value of one kind that the other does not, are read as two answers. What
names a case of its own on both sides is not. Careful on purpose: of 435 everyday questions it reads
none as a conflict that is none, and misses four of ten whose wording has less in common.
"""

from typing import Final

from app.answering.evidence.ranking import SentenceEvidence
from app.answering.question.proper_names import names_in
from app.answering.question.specifics import Run, read_specifics
from app.answering.question.vocabulary import CARDINALS, UNITS
from language.stems import content_stems

MIN_COSINE: Final = 0.5
"""Of the two sentences."""

MIN_SHARED: Final = 0.75
"""Of the question's words that either holds, what both hold."""

MIN_HELD: Final = 0.5
"""Of the question's words, what both hold."""

MAX_APART: Final = 0.08
"""Of their nearness to the question: a sentence on a special case is farther from it."""

MAX_VALUES: Final = 4
"""Of a sentence; one with more lists the cases that it tells apart."""

_UNIT_WITHIN: Final = 2
"""Words after a number: three working days."""


def answer_otherwise(question: str, one: SentenceEvidence, other: SentenceEvidence) -> bool:
    """True when both answer the question, and each with a value that the other does not give."""
    if one.vector is None or other.vector is None or float(one.vector @ other.vector) < MIN_COSINE:
        return False
    if abs(one.cosine - other.cosine) > MAX_APART or (
        _own_names(question, one) and _own_names(question, other)
    ):
        return False
    return _hold_the_same(question, one, other) and _give_other_values(question, one, other)


def _own_names(question: str, evidence: SentenceEvidence) -> frozenset[str]:
    """Names that the question has not: by them a sentence tells of its own case."""
    asked = question.casefold()
    return frozenset(
        name for group in names_in(evidence.text) for name in group if name.casefold() not in asked
    )


def _hold_the_same(question: str, one: SentenceEvidence, other: SentenceEvidence) -> bool:
    held = []
    for each in (one, other):
        told = frozenset(content_stems(f"{each.named_by} {each.text}", each.language))
        held.append(told.intersection(content_stems(question, each.language)))
    both, either = held[0] & held[1], held[0] | held[1]
    asked = frozenset(content_stems(question, one.language))
    return len(both) >= max(1, MIN_SHARED * len(either), MIN_HELD * len(asked))


def _give_other_values(question: str, one: SentenceEvidence, other: SentenceEvidence) -> bool:
    asked = frozenset().union(*_values(question).values())
    first, second = (
        {kind: values - asked for kind, values in _values(each.text).items() if values - asked}
        for each in (one, other)
    )
    if any(sum(map(len, each.values())) > MAX_VALUES for each in (first, second)):
        return False
    common = first.keys() & second.keys()
    return bool(common) and all(
        first[kind] - second[kind] and second[kind] - first[kind] for kind in common
    )


def _values(text: str) -> dict[str, frozenset[str]]:
    """Weekdays and numbers by what they measure, or by the noun that they count."""
    specifics = read_specifics(text)
    found: dict[str, set[str]] = {"weekday": set(specifics.values.get("weekday", ()))}
    for place, run in enumerate(specifics.runs):
        if run.is_number or run.folded in CARDINALS:
            number = run.text if run.is_number else str(CARDINALS[run.folded])
            found.setdefault(_measured(specifics.runs, place), set()).add(number)
    return {kind: frozenset(values) for kind, values in found.items()}


def _measured(runs: tuple[Run, ...], place: int) -> str:
    """Of the number at the place: the dimension of its unit, else the word after it."""
    after = runs[place + 1 : place + 1 + _UNIT_WITHIN]
    for run in (*after, *runs[max(place - 1, 0) : place]):
        for kind, words in UNITS.items():
            if run.folded in words:
                return kind
    return after[0].folded if after and not after[0].is_number else ""
