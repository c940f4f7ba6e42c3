"""A question read once: its parts, how each is put, what it leans on, its constraints.

"And the heated one?" leans on the question before it, "and why is vinegar forbidden" on the part
before it. The question or part that is leaned on says what a part is about, never what kind of
thing it asks for.
"""

import re
from dataclasses import dataclass, replace
from typing import Final

from app.answering.question.constraints import TIMES, Constraints, constraints_of
from app.answering.question.specifics import identifiers
from app.answering.question.wording import defined_term
from language.remembered import remembered
from language.stems import content_stems

MAX_PARTS: Final = 3
"""A question that seems to have more is read as one."""

_QUESTION_WORD: Final = (
    r"(?:how|what|which|who|whom|whose|when|where|why|is|are|was|were|do|does|did|can|may|must|will"
    r"|wie|was|wer|wem|wen|wann|wo|warum|welche[mnrs]?|ist|sind|darf|kann|muss|gibt"
    r"|comment|combien|quand|o\u00f9|qui|quel(?:le)?s?|pourquoi|est-ce|peut-on)"
)
_BEFORE_QUESTION_WORD: Final = (
    r"(?:(?:by|on|at|in|for|from|since|until|till|to|with|of|under|through|about|bis|ab|seit|auf|an"
    r"|am|im|f\u00fcr|mit|von|zu|bei|\u00e0|de|depuis|jusqu'\u00e0|par|pour|dans|sur|avec|en)\s)?"
)
_NEXT_PART: Final = re.compile(
    rf"(?:,\s|\?\s|\s(?=(?:and|und|et)\s))(?:(?:and|und|et)\s)?"
    rf"(?={_BEFORE_QUESTION_WORD}{_QUESTION_WORD}\b)",
    re.IGNORECASE,
)
_ASKS: Final = re.compile(rf"\b{_QUESTION_WORD}\b", re.IGNORECASE)
_HOW: Final = re.compile(
    r"\bhow (?:do|does|can|could|should|must|to|is|are)\b|\bstep by step\b|\bprocedure\b"
    r"|\bschritt f\u00fcr schritt\b|\banleitung\b|\bvorgehen\b"
    r"|\bwie (?!viel|(?:lange?|hoch|oft|weit|gro\u00df|alt|teuer|hei\u00dft|ist|sind)\b)\w"
    r"|\bcomment\b|\b\u00e9tape par \u00e9tape\b|\bproc\u00e9dure\b|\bmarche \u00e0 suivre\b"
    r"|\bwhat (?:do|does|should|must|can|shall) \w{1,30} (?:have to |need to )?do\b|\bwhat to do\b"
    r"|\bwhat (?:is|has) to be done\b|\b(?:take|walk|talk|guide) (?:me|us) through\b"
    r"|\bwas (?:ist (?:\w{1,30} )?zu (?:tun|machen)|tun|tue? ich|mache? ich)\b"
    r"|\bwas (?:muss|soll|sollte|kann) (?:ich|man) (?:\w{1,30} ){0,4}(?:tun|machen|unternehmen)\b"
    r"|\bque (?:dois-je|faut-il|doit-on|puis-je|peut-on) faire\b|\bque faire\b",
    re.IGNORECASE,
)
_EVERYTHING: Final = re.compile(
    r"\b(?:everything|all (?:the )?(?:details|data|figures|information)|all about|alles"
    r"|alle (?:angaben|daten|einzelheiten|informationen|details)|tous les d\u00e9tails"
    r"|toutes les (?:informations|donn\u00e9es)|tout sur)\b",
    re.IGNORECASE,
)
_STEPS: Final = re.compile(r"\b(?:steps?|schritte?|\u00e9tapes?)\b", re.IGNORECASE)
_ALL_OF: Final = re.compile(
    r"\W*+(?:(?:please\s)?(?:list|name|show)\b|(?:in\s)?which\b"
    r"|what (?:\w{1,30} ){0,2}?(?:are|were|must|do|does|did|should|may)\b"
    r"|what (?:is|was) (?:new|needed|required|included|forbidden|allowed|decided|planned|covered"
    r"|being|to be)\b|welche[mnrs]?\b"
    r"|was (?:sind|ist|muss)\b|(?:quels|quelles)\b|nenne\b|liste\b|cite)",
    re.IGNORECASE,
)
_ANOTHER: Final = re.compile(
    r"\W*+(?:(?:and|or|und|oder|et|ou|mais|but|aber)\s(?:(?:for|about|with|on|in|at|f\u00fcr|bei|mit|in|am|im"
    r"|pour|chez|avec|\u00e0|au|aux)\s)?(?:the|that|those|an?|der|die|das|den|dem|ein\w{0,2}|l[ea]s?|un|une"
    r"|celui|celle|ceux)?\b|(?:and |or )?(?:what|how) about\b|(?:und )?was ist mit\b)",
    re.IGNORECASE,
)
_VERB: Final = re.compile(
    r"\b(?:is|are|was|were|do|does|did|has|have|had|can|may|must|will|should|what|which|who|whom"
    r"|whose|when|where|why|how|ist|sind|war|hat|haben|darf|kann|muss|wird|was|wer|wem|wann|wo|warum"
    r"|wie|welche[mnrs]?|est|sont|a|ont|peut|doit|faut|qui|quand|o\u00f9|pourquoi|comment|combien"
    r"|quel(?:le)?s?)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True)
class Part:
    """One of the questions that are asked together.

    Attributes:
        text: as it was put.
        leaned_on: the question or part that says what it is about; often empty.
        constraints: those on its evidence.
        asks_how: a procedure answers it.
        asks_for_all: a whole list answers it, where no item of it does.
        asks_for_everything: it wants all that is known of one thing.
        defined_term: what it asks a definition of; None when it asks for something else.
    """

    text: str
    leaned_on: str
    constraints: Constraints
    asks_how: bool
    asks_for_all: bool
    asks_for_everything: bool
    defined_term: str | None

    @property
    def in_context(self) -> str:
        """The part behind what it leans on."""
        return f"{self.leaned_on} {self.text}" if self.leaned_on else self.text


@dataclass(frozen=True, kw_only=True)
class QuestionReading:
    """A question as it was read.

    Attributes:
        text: as it was put.
        in_context: the text behind the question that it leans on; the text alone if on none.
        constraints: those on evidence for `in_context`.
        stems: of the words of `in_context` that say something.
        identifiers: in `in_context`, in lower case and parted by blanks.
        parts: the questions that it asks, in order; at least one.
    """

    text: str
    in_context: str
    constraints: Constraints
    stems: frozenset[str]
    identifiers: frozenset[str]
    parts: tuple[Part, ...]


@remembered(256)
def read_question(text: str, earlier: str = "") -> QuestionReading:
    """The question, read; `earlier` is the question that it leans on, often empty.

    "What does it cost and when does it open?" asks two questions. "In the old plant, what drives
    the pump?" asks one: what is in front of it asks nothing.
    """
    in_context = f"{earlier} {text}" if earlier else text
    split = [part.strip(" ,?") for part in _NEXT_PART.split(text)]
    texts = [part for part in split if content_stems(part)]
    if not 1 < len(texts) <= MAX_PARTS or not all(_ASKS.search(part) for part in texts):
        texts = [text]
    return QuestionReading(
        text=text,
        in_context=in_context,
        constraints=constraints_of(in_context),
        stems=frozenset(content_stems(in_context)),
        identifiers=frozenset(identifiers(in_context)),
        parts=(
            _read_part(texts[0], leaned_on=earlier.strip(), is_first=True),
            *(_read_part(each, leaned_on=texts[0], is_first=False) for each in texts[1:]),
        ),
    )


def _read_part(text: str, *, leaned_on: str, is_first: bool) -> Part:
    """One of the questions, with the constraints that it takes over from what it leans on."""
    own = constraints_of(text)
    whole = constraints_of(f"{leaned_on} {text}") if leaned_on else own
    # "And the Birch?" asks of the Birch what was asked before, at the same time.
    opening = _ANOTHER.match(text)
    is_another = opening is not None and _VERB.search(text, opening.end()) is None
    answer_type = whole.answer_type if is_another else own.answer_type
    kinds = {pin.kind for pin in own.pins}
    leaned = [
        pin for pin in whole.pins if pin.kind not in kinds and (not is_another or pin.kind in TIMES)
    ]
    if not is_first and own.pins:
        leaned = []
    return Part(
        text=text,
        leaned_on=leaned_on,
        constraints=replace(own, pins=(*own.pins, *leaned), answer_type=answer_type),
        asks_how=_HOW.search(text) is not None or _STEPS.search(text) is not None,
        asks_for_all=_ALL_OF.match(text) is not None,
        asks_for_everything=_EVERYTHING.search(text) is not None,
        defined_term=defined_term(text),
    )
