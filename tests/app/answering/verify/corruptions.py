"""Ways to make a true sentence false, each applied wherever it can be."""

import itertools
import re
from collections.abc import Iterator

NUMBER = re.compile(r"\d[\d.,]*\d|\d")
NUMBER_WORD = re.compile(r"\b(?:two|five|eight|nine|ten|eleven|thirty|fourteen)\b")
AUXILIARY = re.compile(r"\b(?:is|are|was|were|may|must|can|will|has|had|does|do)\b(?! not\b)")
NEGATION = re.compile(r"\b(?:not |never |no |None of |without |except |unless )|(?<=can)not\b")
NAME = re.compile(r"(?<=[a-z0-9,.] )[A-Z][a-z]{3,}\b")
UNIT = re.compile(r"(?<=\d )(?:days|euros|hours|minutes|degrees|metres|kg|percent|years)\b")
OTHER_UNIT = {
    "days": "weeks",
    "euros": "dollars",
    "hours": "days",
    "minutes": "hours",
    "degrees": "metres",
    "metres": "miles",
    "kg": "tons",
    "percent": "euros",
    "years": "months",
}
OPPOSITES = {
    "above": "below",
    "after": "before",
    "at least": "at most",
    "opened": "closed",
    "rose": "fell",
    "rejected": "accepted",
    "prohibited": "allowed",
    "more": "less",
    "longer": "shorter",
    "paid leave": "unpaid leave",
    "must": "may",
}


def changed_numbers(sentence: str) -> Iterator[str]:
    """Each digit in turn becomes the next one, and each number word another one."""
    for match in NUMBER.finditer(sentence):
        for offset, digit in enumerate(match.group()):
            if digit.isdigit():
                place = match.start() + offset
                yield sentence[:place] + str((int(digit) + 1) % 10) + sentence[place + 1 :]
    for match in NUMBER_WORD.finditer(sentence):
        yield sentence[: match.start()] + "seventeen" + sentence[match.end() :]


def swapped_numbers(sentence: str) -> Iterator[str]:
    """Each two neighbouring numbers change places."""
    numbers = list(NUMBER.finditer(sentence))
    for one, other in itertools.pairwise(numbers):
        if one.group() != other.group():
            between = sentence[one.end() : other.start()]
            swapped = f"{other.group()}{between}{one.group()}"
            yield sentence[: one.start()] + swapped + sentence[other.end() :]


def added_negations(sentence: str) -> Iterator[str]:
    """`not` and `never` after each auxiliary."""
    for match in AUXILIARY.finditer(sentence):
        for word in ("not", "never"):
            yield f"{sentence[: match.end()]} {word}{sentence[match.end() :]}"


def removed_negations(sentence: str) -> Iterator[str]:
    """Each negation and exception word is left out."""
    for match in NEGATION.finditer(sentence):
        yield sentence[: match.start()] + sentence[match.end() :]


def changed_names(sentence: str) -> Iterator[str]:
    """Each capitalised word inside the sentence becomes a name from nowhere."""
    for match in NAME.finditer(sentence):
        yield sentence[: match.start()] + "Zanzibar" + sentence[match.end() :]


def changed_units(sentence: str) -> Iterator[str]:
    """Each counted thing becomes another one."""
    for match in UNIT.finditer(sentence):
        yield sentence[: match.start()] + OTHER_UNIT[match.group()] + sentence[match.end() :]


def opposite_words(sentence: str) -> Iterator[str]:
    """Each word with a well-known opposite becomes that one."""
    for word, opposite in OPPOSITES.items():
        if re.search(rf"\b{word}\b", sentence):
            yield re.sub(rf"\b{word}\b", opposite, sentence, count=1)


CORRUPTIONS = {
    "changed_number": changed_numbers,
    "swapped_numbers": swapped_numbers,
    "added_negation": added_negations,
    "removed_negation": removed_negations,
    "changed_name": changed_names,
    "changed_unit": changed_units,
    "opposite_word": opposite_words,
}
