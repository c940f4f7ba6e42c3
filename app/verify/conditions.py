"""What a sentence hangs on: its condition, its cause, and whose opinion it is. English only."""

from collections.abc import Iterable
from typing import Final

from app.claims import Reason
from app.verify.statement import Statement
from app.verify.wording import has_like
from kb.text import stem, word_set

_CONDITIONS: Final = (
    ("only", "if"),
    ("only", "when"),
    ("only", "after"),
    ("only", "with"),
    (",", "provided"),
    ("provided", "that"),
    ("on", "condition"),
    ("as", "long", "as"),
    ("subject", "to"),
)
_SAYS_CONDITION: Final = word_set(
    "if when once unless only provided providing with after subject require requires required need "
    "needs must whose who long before without"
)
"""With one of these the claim says the condition, or another one, in its own way."""

MIN_TOLD: Final = 2
"""Words of what is said under a condition that a claim about it has."""

_CAUSES: Final = {
    "because": "because",
    "since": "because",
    "if": "if",
    "when": "if",
    "after": "after",
    "before": "before",
    "until": "before",
}
"""What leads on to a cause, a condition or an earlier or later event, and what it means."""

MIN_CROSSED: Final = 2
"""Words on each side that stand on the other side of the evidence."""

_OPINIONS: Final = frozenset(
    map(
        stem,
        word_set(
            "believe claim argue allege suspect think thought assume speculate suggest fear hope "
            "rumour rumor"
        ),
    )
)
_OF_OPINIONS: Final = word_set("that the it this they")
"""What follows one of them when it tells what is believed."""

_HEDGES: Final = _OPINIONS | frozenset(
    map(
        stem,
        word_set(
            "according may might could possible possibly perhaps probable probably say said view "
            "opinion report reported"
        ),
    )
)
"""With one of these the claim too says that somebody believes it."""


def check_condition(claim: Statement, evidence: Statement) -> Reason | None:
    """Why the claim lacks the evidence's condition, None when it does not.

    Of `pets may stay, provided that they are small` a claim tells that pets may stay.
    """
    found = _find_condition(evidence)
    if found is None or not _SAYS_CONDITION.isdisjoint(_words(claim)):
        return None
    condition = _condition_at(evidence, found)
    inside = _keys(evidence, condition)
    outside = _keys(evidence, set(evidence.content).difference(condition))
    told = frozenset(claim.indices_by_key)
    if not inside or inside & told or len(outside & told) < MIN_TOLD:
        return None
    raws = [token.raw for token in evidence.tokens[found.start : found.stop]]
    return Reason(code="stronger_word", detail=" ".join(raws).strip(", "))


def _find_condition(statement: Statement) -> range | None:
    words = _words(statement)
    return next(
        (
            range(start, start + len(phrase))
            for start in range(len(words))
            for phrase in _CONDITIONS
            if tuple(words[start : start + len(phrase)]) == phrase
        ),
        None,
    )


def _condition_at(statement: Statement, opener: range) -> list[int]:
    """Content from the opener to the next mark behind it."""
    inside: list[int] = []
    for index in range(opener.stop, len(statement.tokens)):
        token = statement.tokens[index]
        if token.kind == "mark" and inside:
            break
        if token.is_content:
            inside.append(index)
    return inside


def check_cause(claim: Statement, evidence: Statement) -> Reason | None:
    """Why cause and effect changed places, None when they did not: `it fell because it broke`."""
    here, there = _divided(claim), _divided(evidence)
    if here is None or there is None or here[0] != there[0]:
        return None
    (_, effect, cause), (_, true_effect, true_cause) = here, there
    crossed = _shared(effect, true_cause), _shared(cause, true_effect)
    straight = _shared(effect, true_effect) + _shared(cause, true_cause)
    if min(crossed) < MIN_CROSSED or sum(crossed) <= 2 * straight:
        return None
    return Reason(code="name_moved", detail=here[0])


def _divided(statement: Statement) -> tuple[str, frozenset[str], frozenset[str]] | None:
    """What leads on to the cause, what it is the cause of, and the cause."""
    words = _words(statement)
    places = [index for index, word in enumerate(words) if word in _CAUSES]
    if len(places) != 1:
        return None
    (place,) = places
    comma = next((i for i in range(place, len(words)) if words[i] == ","), len(words))
    end = comma if place == 0 else len(words)
    cause = _keys(statement, [index for index in statement.content if place < index < end])
    effect = _keys(statement, [index for index in statement.content if not place < index < end])
    return _CAUSES[words[place]], effect - cause, cause - effect


def _shared(keys: frozenset[str], others: frozenset[str]) -> int:
    return sum(key in others or has_like(key, others) for key in keys)


def check_attribution(claim: Statement, evidence: Statement) -> Reason | None:
    """Why an opinion is told as a fact, None when it is not.

    Of `auditors believe that X` a claim tells X.
    """
    place = next(
        (
            index
            for index, token in enumerate(evidence.tokens[:-1])
            if token.key in _OPINIONS and evidence.tokens[index + 1].raw.casefold() in _OF_OPINIONS
        ),
        None,
    )
    if place is None or not _HEDGES.isdisjoint(map(stem, _words(claim))):
        return None
    holder = _keys(evidence, [index for index in evidence.content if index <= place])
    opinion = _keys(evidence, [index for index in evidence.content if index > place])
    told = frozenset(claim.indices_by_key)
    if len((opinion - holder) & told) <= len(holder & told):
        return None
    return Reason(code="stronger_word", detail=evidence.tokens[place].raw)


def _words(statement: Statement) -> list[str]:
    return [token.raw.casefold() for token in statement.tokens]


def _keys(statement: Statement, indices: Iterable[int]) -> frozenset[str]:
    return frozenset(statement.tokens[index].key for index in indices)
