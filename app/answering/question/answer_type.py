"""The type of answer that a question expects, and whether a text holds an answer of that type.

English, German and French are read; the text may be in another of them than the question. A
question that asks for nothing so plain expects `other`, which every text holds.
"""

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, assert_never

from app.answering.question.answer_values import (
    SHAPED,
    has_shape,
    holds_amount,
    holds_cause,
    holds_code,
    holds_measure,
    holds_new_name,
    holds_new_number,
    holds_new_time,
    holds_place,
    holds_role,
    holds_time,
)
from app.answering.question.proper_names import names_in
from app.answering.question.spelling import holds_any, words_of
from app.answering.question.vocabulary import CODES, MEASURED, MEASURING_VERBS, UNITS
from app.answering.question.wording import (
    Language,
    attribute_of,
    content_words,
    defined_term,
    language_of,
)
from language.remembered import remembered
from language.stems import content_stems, stem

AnswerKind = Literal[
    "person",
    "number",
    "code",
    "time",
    "place",
    "reason",
    "steps",
    "decision",
    "contact",
    "other",
]

MAX_WORDS: Final = 24
"""Words of a question that are compared with every word of a text."""

MIN_SHARE_OF_PREDICATE: Final = 0.5
"""Share of the words of a yes-or-no question that a text must hold to decide it."""

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
            r"\bhow (?:many|much|long|far|old|tall|large|big|high|deep|fast|often|wide|heavy|soon"
            r"|warm|hot|cold)\b"
            r"|\b(?:what|which) (?:(?:is|was|are|were) the )?(?:percent|percentage|number|amount"
            r"|fraction|proportion|population)\b"
            r"|\bwie ?(?:viele?n?|lange?|hoch|weit|oft|alt|groß|gross|schwer|schnell|teuer|warm"
            r"|kalt|heiß)\b"
            r"|\bcombien\b",
            re.IGNORECASE,
        ),
    ),
    (
        "reason",
        re.compile(
            r"\b(?:why|how come|for what reason|warum|wieso|weshalb|aus welchem grund|pourquoi"
            r"|pour quelle raison)\b",
            re.IGNORECASE,
        ),
    ),
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
            r"\bhow (?:do|can|should|must|to)\b"
            r"|^\W*+wie (?!ist|sind|war|hei(?:ß|ss))\w++|^\W*+comment\b",
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
    "warm": ("temperature",),
    "hot": ("temperature",),
    "cold": ("temperature",),
    "kalt": ("temperature",),
    "heiss": ("temperature",),
    "fast": ("speed",),
    "schnell": ("speed",),
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
_COUNTS: Final = re.compile(
    r"\b(?:how many|wie ?viele?n?|combien d(?:e\b|'|\u2019))", re.IGNORECASE
)
_IN_UNIT: Final = re.compile(r"\b(?:in|en) ([^\W\d_]++)(?=\W*+$)")
_REGION: Final = re.compile(
    r"\b(?:what|which) (?:city|country|state|town|region|island|continent|county|nation|province)\b"
    r"|\bwelche[mnrs]? (?:stadt|land|ort)\b|\bquel(?:le)? (?:ville|pays|r\u00e9gion)\b",
    re.IGNORECASE,
)
_GERMAN_WHAT: Final = re.compile(r"^\W*+was\b", re.IGNORECASE)
_HOW: Final = re.compile(r"\b(?:how|wie|combien de)\s(\w++)", re.IGNORECASE)
_NUMBER_ASKED: Final = re.compile(
    r"\b(?:what|which)(?:'s| is| are| was| were)?(?: [^\W\d_]++['\u2019]?s?){0,2}"
    r" (?!(?:the|an?|its|their|our|your|my|this|that|total|max(?:imum)?|min(?:imum)?|average|exact"
    r"|whole|overall|same|(?:high|low|larg|small|great)est|right|usual|required|permitted|allowed)\b)"
    r"[^\W\d_]++ numbers?\b",
    re.IGNORECASE,
)
"""The number of one thing, such as a serial number, and not how many there are."""
_CLOCK_ASKED: Final = re.compile(
    r"\bat (?:what|which) time\b|\bwhat time\b|\bum wie viel uhr\b|\buhrzeit\b|\bquelle heure\b",
    re.IGNORECASE,
)


_WORD: Final = re.compile(r"[^\W_]++(?:['\u2019][^\W_]++)?")
_IMPLIED: Final = MEASURED.keys() | _DIMENSIONS_BY_WORD.keys() | frozenset().union(*UNITS.values())
"""Words that a value in its unit implies."""


@dataclass(frozen=True, kw_only=True)
class AnswerType:
    """The type that an answer must have.

    Attributes:
        kind: other than `other` only where the question is plain about it.
        dimensions: of the unit of a number, or the shapes of a contact; empty where any will do.
        asked: the question's words: naming them again answers nothing.
        predicate: what a question for a decision says of its subject.
        attribute: the words of which an answer must hold one; empty where the question names none.
        language: of the question.
    """

    kind: AnswerKind
    dimensions: tuple[str, ...]
    asked: frozenset[str]
    predicate: tuple[str, ...]
    attribute: tuple[str, ...]
    language: Language

    def is_named_in(self, text: str) -> bool:
        """True for a name, number or date that the question has not: a sign of the answer.

        Stricter than `is_held_by`, which is true of whatever may answer.
        """
        match self.kind:
            case "person" | "place":
                return holds_new_name(text, self.asked)
            case "time":
                return holds_new_time(text, self.asked)
            case "number":
                return holds_new_number(text, self.asked)
            case "code" | "reason" | "steps" | "decision" | "contact" | "other":
                return False
            case _:
                assert_never(self.kind)

    def is_held_by(self, text: str, named_by: str) -> bool:
        """True when the text holds a value of the kind that the question does not hold itself.

        A column or heading among `named_by` may give the unit; a sentence nearby gives another's.
        """
        match self.kind:
            case "code":
                held = holds_code(text, self.asked) or holds_any(self.attribute, words_of(text))
            case "number" if self.dimensions:
                held = any(
                    holds_measure(text, named_by, each, self.asked) for each in self.dimensions
                )
            case "number":
                held = holds_amount(text, self.asked)
            case "time":
                held = holds_time(text, self.asked, by_clock="clock" in self.dimensions)
            case "person":
                held = holds_new_name(text, self.asked) or holds_role(text, self.asked)
            case "place":
                is_placed = "region" not in self.dimensions and holds_place(text)
                held = is_placed or holds_new_name(text, self.asked)
            case "contact":
                held = any(has_shape(text, each) for each in self.dimensions)
            case "reason":
                held = holds_cause(text)
            case "decision" | "steps" | "other":
                held = True
            case _:
                assert_never(self.kind)
        return held

    def lacks_attribute(self, text: str, background: str) -> bool:
        """True when no form of the attribute asked for is there, nor a value that implies it.

        Of a yes-or-no question it is half of what is said of the subject. Synonyms and wider terms
        lack it too: a text that is close to the question may still answer. One in another language
        is not judged. Of `background` only titles, headings and columns may be given: a sentence
        nearby names the attribute of another thing.
        """
        if language_of(f"{text} {background}") != self.language:
            return False
        own = words_of(text)
        known = own | words_of(background)
        match self.kind:
            case "decision":
                count = sum(holds_any([each], known) for each in self.predicate)
                is_most = count >= MIN_SHARE_OF_PREDICATE * len(self.predicate)
                return bool(self.predicate) and not (is_most and holds_any(self.predicate, own))
            case "steps" | "reason" | "contact":
                return False
            case "person" | "number" | "code" | "time" | "place" | "other":
                return bool(self.attribute) and not holds_any(self.attribute, known)
            case _:
                assert_never(self.kind)


@remembered(256)
def answer_type_of(question: str) -> AnswerType:
    """The type of answer that the question expects."""
    kind = _kind(question)
    words = [word.casefold() for word in _WORD.findall(question)]
    attribute: Sequence[str] = attribute_of(question)
    dimensions = tuple(_dimensions(question, kind, attribute, frozenset(words)))
    shapes = tuple(each for each in dimensions if each in SHAPED)
    if shapes:
        kind = "contact"
        dimensions = tuple(each for each in shapes if each != "address") or shapes
    elif dimensions and kind == "other":
        kind = "number"
    elif kind == "other" and _is_code_asked(question, attribute):
        kind = "code"

    said = content_words(words)
    term = defined_term(question)
    if term is not None and not dimensions:
        attribute = [word.casefold() for word in _WORD.findall(term)]
    elif dimensions and "count" not in dimensions:
        # Its value implies a measure: what remains is what is measured.
        attribute = [word for word in said if word not in _IMPLIED]
    names = frozenset(content_stems(" ".join(itertools.chain.from_iterable(names_in(question)))))
    return AnswerType(
        kind=kind,
        dimensions=dimensions,
        asked=frozenset(words),
        predicate=tuple(word for word in said[:MAX_WORDS] if stem(word) not in names),
        attribute=tuple(word for word in attribute[:MAX_WORDS] if stem(word) not in names),
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


def _is_code_asked(question: str, attribute: Sequence[str]) -> bool:
    """True for an account, a part number and the like."""
    is_noun_of_code = any(word in CODES or word.endswith("nummer") for word in attribute)
    return is_noun_of_code or _NUMBER_ASKED.search(question) is not None


def _dimensions(
    question: str, kind: AnswerKind, attribute: Sequence[str], asked: frozenset[str]
) -> Iterator[str]:
    """The dimensions of the unit that the answer needs, by `how long` or by the noun after what."""
    how = _HOW.search(question)
    if kind == "number" and how:
        yield from _DIMENSIONS_BY_WORD.get(how.group(1).casefold(), ())
    if kind in {"number", "other"}:
        measured = [*attribute, *(asked & MEASURING_VERBS)]
        yield from (MEASURED[word] for word in measured if word in MEASURED)
    if kind == "number" and _COUNTS.search(question):
        named = {*attribute, *_IN_UNIT.findall(question)}
        yield from [each for each, words in UNITS.items() if words & named] or ["count"]
    if kind == "place" and _REGION.search(question):
        yield "region"
    if kind == "time" and _CLOCK_ASKED.search(question):
        yield "clock"
