"""Edits of numbers, names and other words, and statements denied.

Each function takes a rule and what is compared, and yields the words at fault.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Final

from app.verify.compared import MIN_TIGHT, Compared, Rule
from app.verify.edits import raw_of
from language.numbers import Quantity, says
from language.reading import Mark, Reading
from language.tokens import Token

MINUTES: Final[Mapping[str, int]] = {
    "minute": 1,
    "hour": 60,
    "day": 1_440,
    "week": 10_080,
    "month": 43_800,
    "quarter": 131_400,
    "year": 525_600,
    "decade": 5_256_000,
}
"""Of units of time, so that 24 months are two years."""

SCALES: Final[Mapping[str, int]] = {"thousand": 1_000, "million": 1_000_000}
"""What a column or a text says that its numbers are in."""

TOLERANCE: Final = Decimal("0.015")
"""Share by which 30 days and a month, or 52 weeks and a year, may differ."""

DECADE: Final = 10
"""Years of one."""

SMALL_COUNT: Final = 12
"""Up to it a bare number of the claim may count what the evidence lists, if it gives no other."""

LEAST_COUNT: Final = 2
"""Up to it a number in words (`one`, `both`, `second`) is often no figure of the source."""

MIN_NAME_START: Final = 4
"""Letters that a place and its people share at least: `Kent`, `Kentish`."""


def excluded(_: Rule, both: Compared) -> Iterator[str]:
    """A word of the claim that shuts out the evidence's: `weekly` for `monthly`."""
    if not both.is_close:
        return
    theirs = both.best.evidence.exclusive
    for number, sides in both.claim.exclusive.items():
        for side, index in sides.items():
            is_known = both.claim.tokens[index].key in both.known or any(
                side in reading.exclusive.get(number, {}) for reading in both.around
            )
            if number in theirs and not is_known:
                yield both.claim.tokens[index].raw


def unit(rule: Rule, both: Compared) -> Iterator[str]:
    """A number with the unit of another one: `30 weeks` for `30 days`."""
    for here in both.claim.measures:
        mine = both.claim.names_on(rule["group"], here)
        theirs = [
            reading.names_on(rule["group"], there)
            for reading in both.evidence
            for there in reading.measures
            if _says(reading.tokens[there], both.claim.tokens[here])
        ]
        if mine and theirs and all(units and units.isdisjoint(mine) for units in theirs):
            yield both.claim.tokens[here].raw


def number_missing(_: Rule, both: Compared) -> Iterator[str]:
    """A number or date of the claim that nothing of the evidence says, in any unit."""
    for here in both.claim.measures:
        token = both.claim.tokens[here]
        is_told = any(_says(r.tokens[i], token) for r in both.around for i in r.measures)
        if not is_told and not _follows(both, here):
            yield token.raw


def _follows(both: Compared, here: int) -> bool:
    """True for a number that can be worked out: in another unit, a bound, a decade, a count."""
    measure, raw = both.claim.tokens[here].measure, both.claim.tokens[here].raw
    if not isinstance(measure, Quantity):
        return False
    if measure.value <= LEAST_COUNT and raw.isalpha():
        return True
    theirs = [
        (reading, index, there)
        for reading in both.around
        for index in reading.measures
        if isinstance(there := reading.tokens[index].measure, Quantity)
    ]
    if measure.value <= SMALL_COUNT and measure.unit is None:
        bare = [there for _, _, there in theirs if there.unit is None and not there.is_year]
        if not bare and not both.claim.names_on("unit", here):
            return True
    scales = {SCALES[mark.name] for reading in both.around for mark in reading.named("scale")}
    bounds = both.claim.names_on("bound", here)
    minutes = _minutes(both.claim, here, measure)
    return any(
        (there.unit == measure.unit and _is_within(there.value, measure.value, bounds))
        or (measure.unit == "decade" and 0 <= there.value - measure.value < DECADE)
        or any(there.value * scale == measure.value for scale in scales)
        # The unit of a cell stands in the head of its column; `tables` compares the two.
        or (there.unit is None and there.value == measure.value and "|" in reading.words)
        or (minutes and abs(_minutes(reading, index, there) - minutes) <= TOLERANCE * minutes)
        for reading, index, there in theirs
    )


def _is_within(told: Decimal, claimed: Decimal, bounds: frozenset[str]) -> bool:
    """True when the evidence's number lies on the side of the claim's bound."""
    is_above = told >= claimed and not bounds.isdisjoint({"min", "above"})
    return is_above or (told <= claimed and not bounds.isdisjoint({"max", "below"}))


def _minutes(reading: Reading, index: int, measure: Quantity) -> Decimal:
    """How long a number of a unit of time is; 0 for other units."""
    units = reading.names_on("unit", index)
    return measure.value * sum(MINUTES.get(name, 0) for name in units)


def _says(evidence: Token, claim: Token) -> bool:
    return (
        evidence.measure is not None
        and claim.measure is not None
        and says(evidence.measure, claim.measure)
    )


def name_missing(_: Rule, both: Compared) -> Iterator[str]:
    """A name that neither evidence nor background has, in any form.

    Of a name of several words most are enough: `Richard Milhous Nixon` is Richard Nixon.
    """
    for run in both.claim.names:
        strange = [index for index in run if not _has_name(both, both.claim.tokens[index])]
        if 2 * len(strange) >= len(run):
            yield from (both.claim.tokens[index].raw for index in strange)


def _has_name(both: Compared, token: Token) -> bool:
    bare = token.raw.casefold().replace("\u2019", "'").removesuffix("'s").replace(".", "")
    if token.key in both.known or bare in both.known:
        return True
    start = bare[:MIN_NAME_START]
    if len(bare) > MIN_NAME_START and any(word.startswith(start) for word in both.known):
        return True
    return token.raw.isupper() and any(bare in reading.initials for reading in both.around)


def belongs(_: Rule, both: Compared) -> Iterator[str]:
    """A number that the evidence has in a clause of another one: `Bonn 5` for `Bonn 7`."""
    clauses = [clause for reading in both.evidence for clause in _clauses_of(reading)]
    for here in both.claim.measures:
        token = both.claim.tokens[here]
        mine = [c for c in clauses if any(_says(t, token) for t in c)]
        others = [c for c in clauses if c not in mine and any(_is_rival(t, token) for t in c)]
        mine_keys = {t.key for c in mine for t in c}
        other_keys = {t.key for c in others for t in c}
        clause = both.claim.clauses[here]
        beside = {
            both.claim.tokens[i].key
            for i in both.claim.content
            if both.claim.clauses[i] == clause and i not in both.claim.measures
        }
        if mine and beside & (other_keys - mine_keys) and not beside & (mine_keys - other_keys):
            yield token.raw


def _is_rival(token: Token, claimed: Token) -> bool:
    return (
        token.measure is not None
        and claimed.measure is not None
        and token.measure.kind == claimed.measure.kind
    )


def _clauses_of(reading: Reading) -> list[list[Token]]:
    found: dict[int, list[Token]] = {}
    for index in reading.content:
        found.setdefault(reading.clauses[index], []).append(reading.tokens[index])
    return list(found.values())


# --- Whole sentences ------------------------------------------------------------------------------


def polarity(rule: Rule, both: Compared) -> Iterator[str]:
    """A statement turned round: an odd number of negations and opposites sets the two apart."""
    opposites = list(_opposites(both))
    told = len(both.best.pairs) + len(opposites)
    if told < MIN_TIGHT * len(both.claim.content):
        return
    ours = both.claim.named("negation")
    theirs = both.best.evidence.named("negation")
    if len(ours) == len(theirs) and not opposites:
        return
    theirs = [mark for mark in theirs if _concerns(both, mark)]
    if (len(ours) + len(theirs) + len(opposites)) % 2 == 0:
        return
    kind = (
        "opposite_word"
        if opposites
        else "negation_added"
        if len(ours) > len(theirs)
        else "negation_dropped"
    )
    if kind != rule["code"]:
        return
    if opposites:
        yield opposites[0]
    elif len(ours) > len(theirs):
        if any(i in both.best.pairs for i in ours[-1].heads):
            yield raw_of(both.claim, ours[-1])
    else:
        yield raw_of(both.best.evidence, theirs[-1])


def _concerns(both: Compared, mark: Mark) -> bool:
    """True when the claim tells what this negation of the evidence stands before."""
    evidence, back = both.best.evidence, both.best.back
    if not any(head in back for head in mark.heads):
        return False
    clause = evidence.clauses[mark.start]
    inside = sum(evidence.clauses[i] == clause for i in back)
    return inside * 2 >= len(back)


def _opposites(both: Compared) -> Iterator[str]:
    ours, theirs = (side.antonyms for side in (both.claim, both.best.evidence))
    seen: set[int] = set()
    for number, sides in ours.items():
        rivals = theirs.get(number, {})
        for side, index in sides.items():
            if rivals and side not in rivals and index not in seen and len(sides) == 1:
                seen.add(index)
                yield both.claim.tokens[index].raw
