"""Is a name of the claim in its evidence in another form: shortened, joined, of the people?"""

from datetime import date
from typing import Final

from app.verify.dates import CalendarDate
from app.verify.statement import START, Statement, bare_word
from app.verify.tokens import Token
from kb.text import word_set

_PLACE_ENDINGS: Final = frozenset({"", "a", "y", "o", "e"})
_PEOPLE_ENDINGS: Final = frozenset({"n", "an", "ian", "ean", "ish", "ese"})
"""What is left of a place, and of its people, behind the letters that they share."""

_IRREGULAR: Final = """
england english britain british uk
france french
germany german
spain spanish
netherlands dutch
greece greek
wales welsh
scotland scottish scots
ireland irish
denmark danish
sweden swedish
switzerland swiss
norway norwegian
poland polish
turkey turkish
finland finnish
us usa america american
"""
"""Places and their people whose names share too few letters."""

_PLACE_BY_WORD: Final = {
    word: frozenset(line.split())
    for line in _IRREGULAR.strip().splitlines()
    for word in line.split()
}

_NO_PEOPLE: Final = word_set(
    "julian lucian marian adrian fabian florian damian cristian christian vivian lillian"
)
"""Names of persons that end as those of peoples do: Julian is not of Julia."""

_OF_OTHERS: Final = frozenset({frozenset({"niger", "nigerian"})})
"""Places and people that look alike, and are not of one country."""

_MONTHS: Final = tuple(date(2000, month, 1).strftime("%B").casefold() for month in range(1, 13))


def has_name(evidence: Statement, claim: Statement, name: Token) -> bool:
    """True when the evidence has the name, in whatever of these forms."""
    return (
        name.key in evidence.keys
        or name.key in evidence.background
        or _is_month_of(evidence, name)
        or _is_people_of(evidence, name)
        or _is_shortened(evidence, claim, name)
        or _is_joined(evidence, claim, name)
    )


def _is_month_of(evidence: Statement, name: Token) -> bool:
    word = name.raw.casefold()
    return word in _MONTHS and any(
        isinstance(measure, CalendarDate) and measure.month == _MONTHS.index(word) + 1
        for index in evidence.measures
        if (measure := evidence.tokens[index].measure) and index in evidence.quoted
    )


def _is_people_of(evidence: Statement, name: Token) -> bool:
    word = _bare(name)
    if not _PLACE_BY_WORD.get(word, frozenset()).isdisjoint(evidence.capitalised):
        return True
    alike = evidence.capitalised_by_start.get(word[:START], ())
    return any(
        _are_of_one_place(word, other) and _NO_PEOPLE.isdisjoint({word, other}) for other in alike
    )


def _are_of_one_place(one: str, other: str) -> bool:
    if frozenset({one, other}) in _OF_OTHERS:
        return False
    shared = START
    while shared < min(len(one), len(other)) and one[shared] == other[shared]:
        shared += 1
    rests = one[shared:], other[shared:]
    return any(
        place in _PLACE_ENDINGS and people in _PEOPLE_ENDINGS
        for place, people in (rests, rests[::-1])
    )


def _is_shortened(evidence: Statement, claim: Statement, name: Token) -> bool:
    """`US` for `United States`, or the other way round."""
    word = _bare(name)
    if word in evidence.initials:
        return True
    return any(
        word in told and short in evidence.shortened for short, told in claim.initials.items()
    )


def _is_joined(evidence: Statement, claim: Statement, name: Token) -> bool:
    """`TechCrunch` for `Tech Crunch`, or the other way round."""
    word = _bare(name)
    if word in evidence.joined:
        return True
    return any(word in pair and joined in evidence.words for joined, pair in claim.joined.items())


def _bare(name: Token) -> str:
    return bare_word(name.raw)
