"""Two sentences that answer the same question with different values, in whatever words.

Two sentences are read as two answers when they hold the same words of the question, are equally
near to it and near each other, and each gives a value of one kind that the other does not. They are
not when each names a case of its own. The rule is careful on purpose: of 435 everyday questions it
takes none for a conflict that is none, and misses four of ten whose wording has less in common.
"""

from typing import Final

from app.answering.evidence.ranking import SentenceEvidence
from app.answering.question.parts import QuestionReading
from app.answering.question.proper_names import names_in
from app.answering.question.specifics import read_specifics
from app.answering.question.vocabulary import CARDINALS, UNITS
from kb.store.spaces import AS_IT_IS, CosineScale
from language.stems import content_stems

MIN_COSINE: Final = 0.5
"""Cosine of the two sentences."""

MIN_SHARED: Final = 0.75
"""Share that both hold of the question's words that either holds."""

MIN_HELD: Final = 0.5
"""Share that both hold of all the question's words."""

MAX_APART: Final = 0.08
"""Difference of their cosines with the question: a sentence on a special case is farther."""

MAX_VALUES: Final = 4
"""Values of a sentence; one with more lists several cases."""

_UNIT_WITHIN: Final = 2
"""Words behind a number among which its unit is looked for: three working days."""


def answer_otherwise(
    question: QuestionReading,
    one: SentenceEvidence,
    other: SentenceEvidence,
    scale: CosineScale = AS_IT_IS,
) -> bool:
    """True when both answer the question, and each with a value that the other does not give."""
    if one.vector is None or other.vector is None:
        return False
    if scale.equated(float(one.vector @ other.vector)) < MIN_COSINE:
        return False
    if abs(one.cosine - other.cosine) > MAX_APART:
        return False
    # Two sentences with names that the question has not speak each of its own case.
    folded = question.in_context.casefold()
    if all(
        any(name.casefold() not in folded for names in names_in(each.text) for name in names)
        for each in (one, other)
    ):
        return False

    held_one, held_other = (
        frozenset(content_stems(question.in_context, each.language)).intersection(
            content_stems(f"{each.named_by} {each.text}", each.language)
        )
        for each in (one, other)
    )
    asked = frozenset(content_stems(question.in_context, one.language))
    least = max(1, MIN_SHARED * len(held_one | held_other), MIN_HELD * len(asked))
    return len(held_one & held_other) >= least and _give_other_values(question, one, other)


def _give_other_values(
    question: QuestionReading, one: SentenceEvidence, other: SentenceEvidence
) -> bool:
    """True when of each kind of value that both give, each gives one that the other does not."""
    asked = frozenset().union(*_values(question.in_context).values())
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


def _values(text: str) -> dict[str, set[str]]:
    """Weekdays and numbers by what they measure, or by the noun that they count."""
    specifics = read_specifics(text)
    runs = specifics.runs
    found: dict[str, set[str]] = {"weekday": set(specifics.values.get("weekday", ()))}
    for place, run in enumerate(runs):
        if not run.is_number and run.folded not in CARDINALS:
            continue
        # The dimension of a unit near the number, else the word after it.
        after = runs[place + 1 : place + 1 + _UNIT_WITHIN]
        near = (*after, *runs[max(place - 1, 0) : place])
        dimensions = (
            dimension for each in near for dimension, units in UNITS.items() if each.folded in units
        )
        noun = after[0].folded if after and not after[0].is_number else ""
        number = run.text if run.is_number else str(CARDINALS[run.folded])
        found.setdefault(next(dimensions, noun), set()).add(number)
    return found
