"""One edit that turns a true sentence into a lie: where it can be made, and what it writes."""

import re
from collections.abc import Callable
from dataclasses import dataclass


class CannotLie(Exception):
    """No sentence of the sources lends itself to this lie."""


@dataclass(frozen=True, kw_only=True)
class Edit:
    """Replaces the first match of `place` by what `rewrite` makes of it."""

    place: re.Pattern[str]
    rewrite: Callable[[re.Match[str]], str]

    def is_possible(self, sentence: str) -> bool:
        return self.place.search(sentence) is not None

    def apply(self, sentence: str) -> str:
        return self.place.sub(self.rewrite, sentence, count=1)


NUMBER = re.compile(r"\d+")
AUXILIARY = re.compile(r"\b(is|are|was|were|can|may|must|will|has|have|should)\b(?! not| never)")
NOT = re.compile(r" (?:not|never)\b|(?<=can)not\b")
NAME = re.compile(r"(?<=[a-z,] )[A-Z][a-z]{3,}\b")
TWO_NUMBERS = re.compile(r"(?<![\d.,/])(\d+)(?![\d.,:])( [a-z]+,? [a-z].*?[a-z] )(\d+)(?![\d.,:])")
OPPOSITES = {
    "before": "after",
    "after": "before",
    "below": "above",
    "above": "below",
    "more": "less",
    "less": "more",
    "slower": "faster",
    "longer": "shorter",
    "closed": "open",
    "open": "closed",
    "up": "down",
    "rejected": "accepted",
    "allowed": "forbidden",
    "free": "expensive",
    "lost": "found",
    "until": "since",
    "least": "most",
    "most": "least",
    "first": "last",
}
OPPOSITE = re.compile(rf"\b(?:{'|'.join(OPPOSITES)})\b")
STRONGER = {
    "may": "must",
    "can": "must",
    "should": "must",
    "about": "exactly",
    "at least": "exactly",
    "at most": "exactly",
    "almost": "completely",
}
# "may not" says no less than "must not".
WEAK = re.compile(rf"\b(?:{'|'.join(STRONGER)})\b(?! not)")
UNITS = {
    "minutes": "days",
    "hours": "weeks",
    "days": "hours",
    "weeks": "days",
    "months": "years",
    "years": "months",
    "year": "month",
    "euros": "dollars",
    "dollars": "euros",
    "million": "billion",
    "percent": "points",
    "mg": "g",
    "g": "kg",
    "metres": "feet",
    "kilometres": "miles",
    "centimetres": "metres",
    "tonnes": "kilograms",
    "degrees": "volts",
}
UNIT = re.compile(rf"(?<=\d )(?:{'|'.join(UNITS)})\b")
CONTENT_WORD = re.compile(r"(?<= )(?!within|between|therefore|should|because|before)[a-z]{6,}\b")


def _other_number(match: re.Match[str]) -> str:
    """A number of as many digits whose first digit is another one, never 0."""
    return f"{int(match[0][0]) % 9 + 1}{match[0][1:]}"


def _with_not(match: re.Match[str]) -> str:
    return f"{match[0]} not"


def _without(_match: re.Match[str]) -> str:
    return ""


def _other_name(_match: re.Match[str]) -> str:
    return "Quillfeather"


def _swapped(match: re.Match[str]) -> str:
    if match[1] == match[3]:
        raise CannotLie
    return f"{match[3]}{match[2]}{match[1]}"


def _other_word(_match: re.Match[str]) -> str:
    return "zeppelin"


def _other_unit(match: re.Match[str]) -> str:
    return UNITS[match[0]]


def _opposite(match: re.Match[str]) -> str:
    return OPPOSITES[match[0]]


def _stronger(match: re.Match[str]) -> str:
    return STRONGER[match[0]]


EDITS = {
    "changed_number": Edit(place=NUMBER, rewrite=_other_number),
    "swapped_numbers": Edit(place=TWO_NUMBERS, rewrite=_swapped),
    "changed_unit": Edit(place=UNIT, rewrite=_other_unit),
    "changed_name": Edit(place=NAME, rewrite=_other_name),
    "changed_word": Edit(place=CONTENT_WORD, rewrite=_other_word),
    "added_not": Edit(place=AUXILIARY, rewrite=_with_not),
    "removed_not": Edit(place=NOT, rewrite=_without),
    "opposite_word": Edit(place=OPPOSITE, rewrite=_opposite),
    "stronger_word": Edit(place=WEAK, rewrite=_stronger),
}
"""By the name of the lie."""
