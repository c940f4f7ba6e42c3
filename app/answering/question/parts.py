"""What a question says, read once: its parts, what each asks for and leans on, and pins down.

"And the heated one?" leans on the question before it, "and why is vinegar forbidden" on the part
before it; what is leaned on tells what a part is about, never what kind of thing it asks for.
"""

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from app.answering.question.asked import (
    asks_for_all,
    asks_for_everything,
    asks_how,
    defined_term,
    parts_of,
)
from app.answering.question.constraints import TIMES, Constraints, constraints_of
from app.answering.question.specifics import identifiers

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
    """One question of what is asked.

    Attributes:
        text: as it was put.
        leaned_on: the words of others that tell what it is about; often empty.
        constraints: what its evidence must be about, and hold.
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
    """What a question says.

    Attributes:
        text: as it was put.
        in_context: the text behind the question that it leans on; the text alone if on none.
        constraints: what an answer to `in_context` must be about, and hold.
        identifiers: in `in_context`, in lower case and parted by blanks.
        parts: the questions that it asks, in order; at least one.
    """

    text: str
    in_context: str
    constraints: Constraints
    identifiers: frozenset[str]
    parts: tuple[Part, ...]


def parts_in(question: str, in_context: str) -> tuple[Part, ...]:
    """The parts in order; `in_context` is the question behind the one that it leans on."""
    return read_question(question, in_context).parts


@lru_cache(maxsize=256)
def read_question(text: str, in_context: str | None = None) -> QuestionReading:
    """What the question says; `in_context` is its text behind the question that it leans on."""
    in_context = in_context or text
    texts = parts_of(text)
    earlier = in_context.removesuffix(text).strip()
    return QuestionReading(
        text=text,
        in_context=in_context,
        constraints=constraints_of(in_context),
        identifiers=frozenset(identifiers(in_context)),
        parts=tuple(
            _part(each, leaned_on=texts[0] if place else earlier, is_first=place == 0)
            for place, each in enumerate(texts)
        ),
    )


def _part(text: str, *, leaned_on: str, is_first: bool) -> Part:
    own = constraints_of(text)
    whole = constraints_of(f"{leaned_on} {text}") if leaned_on else own
    # "And the Birch?" asks of the Birch what was asked before, at the same time.
    opening = _ANOTHER.match(text)
    is_another = opening is not None and _VERB.search(text, opening.end()) is None
    expected = whole.expected if is_another else own.expected
    kinds = {pin.kind for pin in own.pins}
    leaned = [
        pin for pin in whole.pins if pin.kind not in kinds and (not is_another or pin.kind in TIMES)
    ]
    if not is_first and own.pins:
        leaned = []
    return Part(
        text=text,
        leaned_on=leaned_on,
        constraints=replace(own, pins=(*own.pins, *leaned), expected=expected),
        asks_how=asks_how(text),
        asks_for_all=asks_for_all(text),
        asks_for_everything=asks_for_everything(text),
        defined_term=defined_term(text),
    )
