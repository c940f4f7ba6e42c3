"""True claims made false, each in one way: by plain rules that know nothing of the verifier.

Every function takes a claim and the text it is true of, and gives a falsehood or None when the
claim has no place for it. What is put in is looked up in the text first, so that it is foreign.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Final

Corruption = Callable[[str, str, Random], str | None]
"""Claim, the text it is true of, randomness -> a falsehood."""

_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
_UNITS: Final = (
    ("seconds", "minutes", "hours", "days", "weeks", "months", "years"),
    ("metres", "meters", "kilometres", "kilometers", "miles", "feet", "inches", "km"),
    ("grams", "kilograms", "tonnes", "tons", "pounds", "kg"),
    ("percent", "points"),
    ("million", "billion", "thousand"),
    ("dollars", "euros", "pounds", "yen"),
)
"""Each line: units that can stand in each other's place."""

_SURNAMES: Final = (
    "Okonkwo", "Lindqvist", "Marchetti", "Tanaka", "Novakova", "Fairweather", "Delacroix",
    "Abernathy", "Kowalczyk", "Vasquez",
)  # fmt: skip
_AUXILIARIES: Final = (
    "is", "are", "was", "were", "has", "have", "had", "can", "could", "will", "would", "may",
    "must", "shall", "should", "does", "did",
)  # fmt: skip
_WORDS: Final = (
    "harvest", "umbrella", "granite", "lantern", "orchestra", "sandwich", "violet", "glacier",
    "bicycle", "monastery",
)  # fmt: skip

_PLAIN_NUMBER: Final = re.compile(r"(?<![\[\w.,/:-])\d+(?![\w/:-]|[.,]\d)")
_MONEY: Final = re.compile(
    r"(?<=[$\u20ac\u00a3])\d+(?:[.,]\d+)*|\d+(?:[.,]\d+)*(?= (?:dollars|euros)\b)"
)
_DATE: Final = re.compile(
    rf"\b(?P<month>{'|'.join(_MONTHS)}) (?P<day>\d{{1,2}})\b"
    rf"|\b(?P<day2>\d{{1,2}}) (?P<month2>{'|'.join(_MONTHS)})\b"
    r"|\b(?:in|since|by|until|of) (?P<year>(?:1[5-9]|20)\d\d)\b"
)
_CAPITALISED: Final = re.compile(r"(?<=[a-z,] )(?:[A-Z][a-z]{2,})(?: [A-Z][a-z]{2,})*\b")
_ORDINARY: Final = re.compile(r"(?<=[a-z] )[a-z]{6,}(?= |[.,])")
_NEGATED: Final = re.compile(r"\b(?:not|never) |(?<=can)not\b|(?<=[a-z])n't\b")


def new_number(claim: str, text: str, random: Random) -> str | None:
    """A number is another one, of as many digits, that the text does not have."""
    return _replaced(_PLAIN_NUMBER, claim, random, lambda old: _other_number(old, text, random))


def new_money(claim: str, text: str, random: Random) -> str | None:
    """An amount of money is another one."""
    return _replaced(_MONEY, claim, random, lambda old: _other_number(old, text, random))


def new_date(claim: str, text: str, random: Random) -> str | None:
    """A date has another day or month, or another year."""

    def other(old: str) -> str:
        month = next((month for month in _MONTHS if month in old), None)
        if month and random.random() < 1 / 2:
            return old.replace(month, random.choice([m for m in _MONTHS if m not in text]))
        digits = re.search(r"\d+", old)
        if digits is None:
            return old
        is_year = len(digits.group()) > len("31")
        days = [str(day) for day in range(1, 29) if not re.search(rf"\b{day}\b", text)]
        new = _other_number(digits.group(), text, random) if is_year else random.choice(days)
        return old.replace(digits.group(), new)

    return _replaced(_DATE, claim, random, other)


def new_unit(claim: str, text: str, random: Random) -> str | None:
    """What a number counts is another unit of the same family."""
    lines = {unit: line for line in _UNITS for unit in line}
    pattern = re.compile(rf"(?<=\d )(?:{'|'.join(lines)})\b")

    def other(old: str) -> str:
        free = [unit for unit in lines[old] if unit not in text and unit[:4] != old[:4]]
        return random.choice(free) if free else old

    return _replaced(pattern, claim, random, other)


def added_negation(claim: str, _text: str, random: Random) -> str | None:
    """`not` or `never` after an auxiliary that had none."""
    pattern = re.compile(rf"\b(?:{'|'.join(_AUXILIARIES)})\b(?! not| never|n't)")
    return _replaced(pattern, claim, random, lambda old: f"{old} {random.choice(['not', 'never'])}")


def dropped_negation(claim: str, _text: str, random: Random) -> str | None:
    """A negation is left out."""
    return _replaced(_NEGATED, claim, random, lambda _: "")


def new_name(claim: str, text: str, random: Random) -> str | None:
    """A name inside the claim is one that the text does not have."""
    free = [name for name in _SURNAMES if name not in text]
    return _replaced(_CAPITALISED, claim, random, lambda _: random.choice(free))


def new_word(claim: str, text: str, random: Random) -> str | None:
    """One ordinary word is another one, which the text does not have."""
    free = [word for word in _WORDS if word not in text.lower()]
    return _replaced(_ORDINARY, claim, random, lambda _: random.choice(free))


def swapped_names(claim: str, _text: str, random: Random) -> str | None:
    """Two names change places."""
    return _swapped(_CAPITALISED, claim, random)


def swapped_numbers(claim: str, _text: str, random: Random) -> str | None:
    """Two numbers change places."""
    return _swapped(_PLAIN_NUMBER, claim, random)


CORRUPTIONS: Final[Mapping[str, Corruption]] = {
    "new_number": new_number,
    "new_date": new_date,
    "new_money": new_money,
    "new_unit": new_unit,
    "added_negation": added_negation,
    "dropped_negation": dropped_negation,
    "new_name": new_name,
    "new_word": new_word,
    "swapped_names": swapped_names,
    "swapped_numbers": swapped_numbers,
}
"""By the name that reports use."""


def _replaced(
    pattern: re.Pattern[str], claim: str, random: Random, other: Callable[[str], str]
) -> str | None:
    places = list(pattern.finditer(claim))
    if not places:
        return None
    place = random.choice(places)
    false = claim[: place.start()] + other(place.group()) + claim[place.end() :]
    return None if false == claim else false


def _swapped(pattern: re.Pattern[str], claim: str, random: Random) -> str | None:
    places = _different(list(pattern.finditer(claim)))
    if len(places) < 2:  # noqa: PLR2004  # a swap needs two
        return None
    one, other = sorted(random.sample(places, 2), key=lambda place: place.start())
    between = claim[one.end() : other.start()]
    # `Ana and Bo` says the same turned round.
    if between.strip(" ,") in {"", "and", "or"}:
        return None
    return claim[: one.start()] + other.group() + between + one.group() + claim[other.end() :]


def _different(places: Sequence[re.Match[str]]) -> list[re.Match[str]]:
    first = {place.group(): place for place in reversed(places)}
    return sorted(first.values(), key=lambda place: place.start())


def _other_number(old: str, text: str, random: Random) -> str:
    digits = [index for index, character in enumerate(old) if character.isdigit()]
    for _ in range(20):
        index = random.choice(digits)
        choices = [d for d in "123456789" if d != old[index]]
        new = old[:index] + random.choice(choices) + old[index + 1 :]
        if not re.search(rf"(?<!\d){re.escape(new)}(?!\d)", text):
            return new
    return old
