"""A claim in words of its own: held against the sentences of its quotes together.

`compare` asks one sentence for everything, which a retelling in other words or of two sentences
fails. Here the sentences that hold most stand together, and a lower share of the words is enough;
numbers and names must still be there, polarity must agree, and a claim that after all keeps the
words of a sentence must keep what they say.
"""

from collections.abc import Sequence
from typing import Final

from app.claims import Reason
from app.verify.alignment import check_alignment
from app.verify.claim_text import is_claim, statements_of
from app.verify.compare import Comparison
from app.verify.conditions import check_attribution, check_cause, check_condition
from app.verify.coverage import Held, coverage_of, held_by
from app.verify.evidence import PRONOUN_REACH, PRONOUNS
from app.verify.names import check_names
from app.verify.negation import check_negation
from app.verify.number_slots import check_numbers, has_moved_number, has_other_unit
from app.verify.opposites import check_opposites
from app.verify.pairing import check_pairing
from app.verify.statement import Statement
from app.verify.subjects import check_subject
from app.verify.wording import check_wording, has_like, repeats

MOST_SENTENCES: Final = 3
"""Sentences that may stand together; in more of them anything is found somewhere."""

MIN_HELD: Final = 4
"""Content words that a retelling has of its quotes: of `Paid leave was abolished` two of three
stand in any sentence about paid leave, and the third is all that is said."""

MIN_KEPT: Final = 0.8
"""Share of its words that a claim has from one sentence to be a selection from it, not a retelling:
what is exchanged between the same words changes what they say."""

MIN_SAME_MATTER: Final = 0.5
"""Share of its words that a claim has from one sentence to speak of the same thing, so that a
negation on one side only matters."""

MIN_SAME_SAYING: Final = 0.6
"""The same for a word and its opposite, which more often stand in two parts of a long sentence."""

_FOUND_IN_KEPT: Final = (
    check_numbers,
    check_names,
    check_negation,
    check_opposites,
    check_alignment,
    check_wording,
)
_FOUND_IN_ANY: Final = (
    check_subject,
    check_pairing,
    check_condition,
    check_cause,
    check_attribution,
)
"""What is asked of a claim in whatever words."""


def retold(text: str, evidence: Sequence[Statement], minimum: float) -> Comparison | None:
    """What supports the claim as a retelling; None when nothing does.

    Args:
        text: the claim.
        evidence: the sentences of its quotes.
        minimum: share of the claim's content words that they must hold together.
    """
    units = [unit for unit in statements_of(text, a_is_name=False) if _says_something(unit)]
    found = [_retold_sentence(unit, evidence, minimum) for unit in units]
    held = [each for each in found if each is not None]
    if not held or len(held) < len(found):
        return None
    return Comparison(
        coverage=min(each.coverage for each in held),
        reasons=(),
        used=frozenset().union(*(each.used for each in held)),
    )


def _says_something(unit: Statement) -> bool:
    return is_claim(" ".join(token.raw for token in unit.tokens))


def _retold_sentence(
    claim: Statement, evidence: Sequence[Statement], minimum: float
) -> Comparison | None:
    held_in = [held_by(claim, sentence) for sentence in evidence]
    best = _best(held_in)
    held = frozenset[int]().union(*(held_in[index] for index in best))
    share = coverage_of(claim, held)
    if len(held) < MIN_HELD or share < minimum:
        return None
    sentences = [evidence[index] for index in best]
    close = coverage_of(claim, held_in[best[0]])
    if (
        _is_foreign(claim, held, sentences)
        or _has_other_subject(claim, sentences)
        or _turns_round(claim, sentences, close)
        or _says_otherwise(claim, sentences[0], close)
    ):
        return None
    if close >= MIN_KEPT or repeats(claim, sentences[0]):
        reasons = _reasons_of_kept(claim, sentences)
        if reasons:
            return None
    return Comparison(coverage=share, reasons=(), used=frozenset(best))


def _best(held_in: Sequence[Held]) -> list[int]:
    """The sentences that hold most, each by what it adds to those before it."""
    chosen: list[int] = []
    held: Held = frozenset()
    while len(chosen) < MOST_SENTENCES:
        # Of equals the first, so that the same claim is always given the same quotes.
        best = max(range(len(held_in)), key=lambda i: (len(held_in[i] - held), -i), default=None)
        if best is None or not held_in[best] - held:
            break
        chosen.append(best)
        held |= held_in[best]
    return chosen


def _is_foreign(claim: Statement, held: Held, sentences: Sequence[Statement]) -> bool:
    """True when a number or a name is missing, or a clause of which nothing is held is added."""
    for index in claim.content:
        token = claim.tokens[index]
        if index not in held and (token.is_name or token.measure is not None):
            return True
    if has_other_unit(claim, sentences):
        return True
    if all((found := check_names(claim, each)) and _is_opener(claim, found) for each in sentences):
        return True
    return any(held.isdisjoint(places) for places in _later_clauses(claim) if places)


def _later_clauses(claim: Statement) -> list[list[int]]:
    """Content of the clauses after the first; an adverb alone (`and eventually,`) adds nothing."""
    clauses = sorted({claim.clauses[index] for index in claim.content})[1:]
    return [
        [index for index in claim.in_clause(clause) if not claim.tokens[index].raw.endswith("ly")]
        for clause in clauses
    ]


def _is_opener(claim: Statement, found: Reason) -> bool:
    first = claim.tokens[claim.content[0]]
    return found.code == "name_missing" and found.detail == first.raw


def _has_other_subject(claim: Statement, sentences: Sequence[Statement]) -> bool:
    """True when something comes from a sentence about somebody else.

    Of `Ana leads Rome. Bo leads Bonn.` the two together do not say that Ana leads Bonn.
    """
    first = held_by(claim, sentences[0])
    return any(
        not held_by(claim, other) <= first and _opens_with_stranger(claim, other)
        for other in sentences[1:]
    )


def _opens_with_stranger(claim: Statement, sentence: Statement) -> bool:
    if any(token.key in PRONOUNS for token in sentence.tokens[:PRONOUN_REACH]):
        return False
    opener = next((sentence.tokens[index] for index in sentence.content), None)
    return (
        opener is not None
        and opener.key not in claim.indices_by_key
        and not has_like(opener.key, claim.keys)
    )


def _turns_round(claim: Statement, sentences: Sequence[Statement], close: float) -> bool:
    if len(claim.negations) > sum(len(each.negations) for each in sentences):
        return True
    return (
        close >= MIN_SAME_MATTER
        and bool(claim.negations) != bool(sentences[0].negations)
        and check_negation(claim, sentences[0]) is not None
    )


def _says_otherwise(claim: Statement, sentence: Statement, close: float) -> bool:
    if has_moved_number(claim, sentence):
        return True
    if any(check(claim, sentence) is not None for check in _FOUND_IN_ANY):
        return True
    return close >= MIN_SAME_SAYING and check_opposites(claim, sentence) is not None


def _reasons_of_kept(claim: Statement, sentences: Sequence[Statement]) -> list[Reason]:
    found = (check(claim, sentences[0]) for check in _FOUND_IN_KEPT)
    # What is missing there may stand in another sentence; that it stands somewhere is known.
    return [
        reason
        for reason in found
        if reason is not None and reason.code not in {"number_missing", "name_missing"}
    ]
