"""The expected answer type of a question, and whether a text holds an answer of that type.

In English, German and French; the text may be in another of them than the question. A question
that asks for nothing so plain expects `other`, which every text holds.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from app.generate.attribute import attribute_of, holds_any
from app.generate.proper_names import is_typo, names_in, words_of
from app.generate.small_words import Language, language_of
from app.generate.specifics import Run, month_of, read_specifics
from app.generate.vocabulary import (
    AMOUNTS,
    CARDINALS,
    CLOCK_WORDS,
    MEASURED,
    MEASURING_VERBS,
    MONTHS,
    PLACES,
    ROLE_ENDINGS,
    ROLES,
    TIME_WORDS,
    UNITS,
    VERBS_TOO,
    WEEKDAYS,
)
from kb.text import STOP_WORDS, content_stems, stem

AnswerKind = Literal[
    "person", "number", "time", "place", "reason", "steps", "decision", "contact", "other"
]

MIN_YEAR_DIGITS: Final = 3
"""Of a number that may be a year."""

MAX_WORDS: Final = 24
"""Of a question that are compared with every word of a text."""

MIN_SHARE_OF_PREDICATE: Final = 0.5
"""Of the words of a yes-or-no question that a text must hold to decide it."""

_KIND_PATTERNS: Final[tuple[tuple[AnswerKind, re.Pattern[str]], ...]] = (
    (
        "time",
        re.compile(
            r"\bwhen\b|\b(?:what|which) (?:year|month|day|date|decade|century|time|period|era)s?\b"
            r"|\b(?:ab |bis |seit )?wann\b|\bwelche[mnrs]? (?:jahr|monat|tag|datum|uhrzeit)"
            r"|\bquand\b|\bquelle (?:date|heure|année)\b|\bquel (?:jour|mois)\b|\bdeadline\b",
            re.IGNORECASE,
        ),
    ),
    (
        "number",
        re.compile(
            r"\bhow (?:many|much|long|far|old|tall|large|big|high|deep|fast|often|wide|heavy|soon)"
            r"\b|\b(?:what|which) (?:(?:is|was|are|were) the )?(?:percent|percentage|number|amount"
            r"|fraction|proportion|population)\b"
            r"|\bwie ?(?:viele?n?|lange?|hoch|weit|oft|alt|groß|gross|schwer|schnell|teuer)\b"
            r"|\bcombien\b",
            re.IGNORECASE,
        ),
    ),
    ("reason", re.compile(r"\b(?:why|how come|warum|wieso|weshalb|pourquoi)\b", re.IGNORECASE)),
    (
        "person",
        re.compile(
            r"\b(?:who|whom|whose|wer|wem|wen|wessen)\b|^\W*+(?:à |de |par |avec )?qui\b"
            r"|\b(?:what|which) (?:person|company|organi[sz]ation|team|department)\b",
            re.IGNORECASE,
        ),
    ),
    (
        "place",
        re.compile(
            r"\b(?:where|wo|wohin|woher|où)\b|\b(?:what|which) (?:city|country|state|town|region"
            r"|island|continent|county|nation|province)\b",
            re.IGNORECASE,
        ),
    ),
    (
        "steps",
        re.compile(
            r"\bhow (?:do|can|should|must|to)\b|^\W*+wie (?!ist|sind|war|heißt)\w++|^\W*+comment\b",
            re.IGNORECASE,
        ),
    ),
    (
        "decision",
        re.compile(
            r"^\W*+(?:is|are|was|were|am|do|does|did|has|have|had|can|could|may|might|must|shall"
            r"|should|will|would|need|ist|sind|darf|dürfen|kann|können|muss|müssen|gibt|hat|haben"
            r"|wird|werden|gilt|est-ce|peut-on|puis-je|dois-je|faut-il|y a-t-il|est-il|a-t-on)"
            r"(?:n't)?\s(?!.*\b(?:or|oder|ou)\b)",
            re.IGNORECASE | re.DOTALL,
        ),
    ),
)
_DIMENSIONS_BY_WORD: Final = {
    "long": ("duration", "length"),
    "lange": ("duration",),
    "lang": ("duration", "length"),
    "far": ("length", "duration"),
    "weit": ("length",),
    "tall": ("length",),
    "deep": ("length",),
    "wide": ("length",),
    "heavy": ("mass",),
    "schwer": ("mass",),
    "teuer": ("money",),
    "temps": ("duration",),
}
_SUBORDINATE: Final = re.compile(
    r"^\W*+(?:when|where|while|if|wenn|quand|si)\b[^,?]*+,\s(?=[^?]*\b(?:what|which|who|whom|how|why"
    r"|was|wer|wie|welche|que|qui|quel|combien|can|may|must|do|does|is|are)\b)",
    re.IGNORECASE,
)
_OTHER: Final = re.compile(
    r"\b(?:what|which|how (?!many|much|long|far|old|tall|large|big|high|deep|fast|often|wide|heavy"
    r"|soon|do|can|should|must|to)|quel(?:le)?s?|welche[mnrs]?)\b",
    re.IGNORECASE,
)
_GERMAN_WHAT: Final = re.compile(r"^\W*+was\b", re.IGNORECASE)
_HOW: Final = re.compile(r"\b(?:how|wie|combien de)\s(\w++)", re.IGNORECASE)
_CLOCK: Final = re.compile(
    r"\b\d{1,2}(?::\d\d| ?(?:am|pm|a\.m|p\.m|uhr|h\d{0,2}|o'clock))"
    r"|\b(?:noon|midnight|mittags?|mitternacht|midi|minuit)\b"
    r"|\b(?:at|by|from|until|till|before|after|um|ab|bis|\u00e0)"
    r" (?:half past |quarter (?:past|to) |halb )?"
    r"(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|eins|zwei|drei|vier|f\u00fcnf"
    r"|sechs|sieben|acht|neun|zehn|elf|zw\u00f6lf)\b",
    re.IGNORECASE,
)
_PHONE: Final = re.compile(r"\+?\d(?:[ ()/.-]{0,2}\d){5,}|\bext(?:ension|\.)? ?\d{2,}|\b\d{3,5}\b")
_EMAIL: Final = re.compile(r"[^\s@]@[^\s@]")
_WEB: Final = re.compile(
    r"\bhttps?://|\bwww\.|\w\.(?:com|org|net|eu|de|fr|io|example|co)\b", re.IGNORECASE
)
_FAX: Final = re.compile(r"\bfax\b", re.IGNORECASE)
_CLOCK_ASKED: Final = re.compile(
    r"\bat (?:what|which) time\b|\bwhat time\b|\bum wie viel uhr\b|\buhrzeit\b|\bquelle heure\b",
    re.IGNORECASE,
)
_YEAR: Final = re.compile(r"(?:1\d|20)\d\d")
_CALENDAR: Final = WEEKDAYS.keys() | {"century", "decade", "today"}
_CONTACTS: Final = {"fax": _FAX, "phone": _PHONE, "email": _EMAIL, "web": _WEB}


@dataclass(frozen=True, kw_only=True)
class ExpectedAnswer:
    """What an answer must be; `dimensions` are those of its unit, empty where any number will do.

    `asked` are the question's words: naming them again answers nothing.
    """

    kind: AnswerKind
    dimensions: tuple[str, ...]
    asked: frozenset[str]
    predicate: frozenset[str]
    attribute: tuple[str, ...]
    language: Language

    def is_named_in(self, text: str) -> bool:
        """True for a name, number or date that the question has not: a sign of the answer.

        Stricter than `is_missing_in`, which lets pass whatever may answer.
        """
        if self.kind in {"person", "place"}:
            return _has_new_name(text, self.asked)
        if self.kind not in {"time", "number"}:
            return False
        is_one = _is_time if self.kind == "time" else _is_number
        return any(
            is_one(word) for word in _WORD.findall(text) if word.casefold() not in self.asked
        )

    def lacks_attribute(self, text: str, background: str) -> bool:
        """True when no form of the attribute asked for is there, nor a value that implies it.

        Of a yes-or-no question it is half of what is said of the subject. Synonyms and wider terms
        lack it too: a text that is close to the question may still
        answer. A text in another language is not judged.
        """
        if language_of(f"{text} {background}") != self.language:
            return False
        if self.kind == "decision":
            return not self._decides(text, background)
        if not self.attribute or self.dimensions or self.kind in {"steps", "reason"}:
            return False
        return not holds_any(self.attribute, words_of(text) | words_of(background))

    def is_missing_in(self, text: str, background: str) -> bool:
        """True when the text holds nothing of the kind that the question does not hold itself."""
        return not self._is_in(text, background)

    def _is_in(self, text: str, background: str) -> bool:
        held = True
        match self.kind:
            case "number":
                held = self._has_number(text, background)
            case "time":
                held = _has_time(text, self.asked, by_clock="clock" in self.dimensions)
            case "person":
                held = _has_new_name(text, self.asked) or _has_role(text, self.asked)
            case "place":
                held = _has_new_name(text, self.asked) or _has_any(text, PLACES)
            case "contact":
                held = any(_CONTACTS[each].search(text) for each in self.dimensions)
            case "decision" | "reason" | "steps" | "other":
                pass
        return held

    def _has_number(self, text: str, background: str) -> bool:
        has_number = any(
            (any(map(str.isdigit, word)) and word.casefold() not in self.asked)
            or word.casefold() in AMOUNTS
            for word in _WORD.findall(text)
        )
        if not has_number or not self.dimensions:
            return has_number
        words = {run.folded for each in (text, background) for run in read_specifics(each).runs}
        return any(
            UNITS[each] & words or any(MEASURED.get(word) == each for word in words)
            for each in self.dimensions
        )

    def _decides(self, text: str, background: str) -> bool:
        if not self.predicate:
            return True
        own, around = frozenset(content_stems(text)), frozenset(content_stems(background))
        held = sum(_is_held(each, own) or _is_held(each, around) for each in self.predicate)
        in_text = any(_is_held(each, own) for each in self.predicate)
        return in_text and held >= MIN_SHARE_OF_PREDICATE * len(self.predicate)


_WORD: Final = re.compile(r"[^\W_]++(?:['\u2019][^\W_]++)?")


@lru_cache(maxsize=256)
def expected_answer(question: str) -> ExpectedAnswer:
    """The expected answer type of the question."""
    kind = _kind(question)
    asked = frozenset(word.casefold() for word in _WORD.findall(question))
    names = frozenset(
        content_stems(" ".join(name for group in names_in(question) for name in group))
    )
    dimensions = tuple(_dimensions(question, kind, asked))
    if any(each in _CONTACTS for each in dimensions):
        kind = "contact"
        dimensions = tuple(each for each in dimensions if each in _CONTACTS)
    elif dimensions and kind == "other":
        kind = "number"
    return ExpectedAnswer(
        kind=kind,
        dimensions=dimensions,
        asked=asked,
        predicate=frozenset(content_stems(question)[:MAX_WORDS]) - names,
        attribute=tuple(
            word for word in attribute_of(question)[:MAX_WORDS] if stem(word) not in names
        ),
        language=language_of(question),
    )


def _kind(question: str) -> AnswerKind:
    """By the first question word; one that opens a subordinate clause asks nothing."""
    clause = _SUBORDINATE.match(question)
    asking = question[clause.end() :] if clause else question
    found = [
        (match.start(), kind)
        for kind, pattern in _KIND_PATTERNS
        if (match := pattern.search(asking))
    ]
    kind = min(found)[1] if found else "other"
    other = _OTHER.search(asking)
    if other and found and other.start() < min(found)[0]:
        return "other"
    is_what = kind == "decision" and _GERMAN_WHAT.match(asking)
    return "other" if is_what and language_of(question) == "de" else kind


def _dimensions(question: str, kind: AnswerKind, asked: frozenset[str]) -> Iterator[str]:
    """Of the unit that the answer needs; of a how-question, or of the noun after what."""
    how = _HOW.search(question)
    if kind == "number" and how:
        yield from _DIMENSIONS_BY_WORD.get(how.group(1).casefold(), ())
    if kind in {"number", "other"}:
        measured = [*attribute_of(question), *(asked & MEASURING_VERBS)]
        yield from (MEASURED[word] for word in measured if word in MEASURED)
    if kind == "time" and _CLOCK_ASKED.search(question):
        yield "clock"


def _is_time(word: str) -> bool:
    folded = word.casefold()
    is_month = folded in MONTHS and (folded not in VERBS_TOO or word[0].isupper())
    return is_month or folded in _CALENDAR or _YEAR.fullmatch(word) is not None


def _is_number(word: str) -> bool:
    return any(map(str.isdigit, word)) or word.casefold() in CARDINALS


def _has_time(text: str, asked: frozenset[str], *, by_clock: bool) -> bool:
    specifics = read_specifics(text)
    if _CLOCK.search(text):
        return True
    if by_clock:
        return any(run.folded in CLOCK_WORDS for run in specifics.runs)
    return bool(specifics.values.get("day")) or any(
        run.folded not in asked and (_tells_time(run) or month_of(specifics.runs, place))
        for place, run in enumerate(specifics.runs)
    )


def _tells_time(run: Run) -> bool:
    is_word = run.folded in WEEKDAYS or run.folded in TIME_WORDS or run.folded in UNITS["duration"]
    return is_word or (len(run.text) >= MIN_YEAR_DIGITS and run.text.isdecimal())


def _has_new_name(text: str, asked: frozenset[str]) -> bool:
    """A word with a capital letter that the question has not; the first word has one anyway."""
    words = _WORD.findall(text)
    return any(
        word[0].isupper() and word.casefold() not in asked and word.casefold() not in STOP_WORDS
        for word in words[1:]
    )


def _has_role(text: str, asked: frozenset[str]) -> bool:
    return any(
        (word in ROLES or word.endswith(ROLE_ENDINGS)) and word not in asked
        for word in words_of(text)
    )


def _has_any(text: str, known: frozenset[str]) -> bool:
    return not known.isdisjoint(words_of(text))


def _is_held(wanted: str, known: frozenset[str]) -> bool:
    return wanted in known or (len(wanted) > 4 and any(is_typo(wanted, each) for each in known))  # noqa: PLR2004


# --- As the ranking asks it ----------------------------------------------------------------------
