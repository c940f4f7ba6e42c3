"""A question part by part: what each asks, what it leans on, and what it pins down.

"And the heated one?" leans on the question before it, "and why is vinegar forbidden" on the part
before it; what is leaned on tells what a part is about, never what kind of thing it asks for.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from app.answering.question.asked import parts_of
from app.answering.question.constraints import TIMES, Constraints, constraints_of

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
    """

    text: str
    leaned_on: str
    constraints: Constraints

    @property
    def in_context(self) -> str:
        """With what it leans on."""
        return f"{self.leaned_on} {self.text}" if self.leaned_on else self.text


@lru_cache(maxsize=256)
def parts_in(question: str, in_context: str) -> tuple[Part, ...]:
    """The parts in order; `in_context` is the question behind the one that it leans on."""
    texts = parts_of(question)
    earlier = in_context.removesuffix(question).strip()
    return tuple(
        _part(texts, place, leaned_on=texts[0] if place else earlier) for place in range(len(texts))
    )


def _part(texts: Sequence[str], place: int, *, leaned_on: str) -> Part:
    text = texts[place]
    own = constraints_of(text)
    whole = constraints_of(f"{leaned_on} {text}") if leaned_on else own
    is_another = names_another(text)
    kinds = {pin.kind for pin in own.pins}
    leaned = [
        pin for pin in whole.pins if pin.kind not in kinds and (not is_another or pin.kind in TIMES)
    ]
    if place and own.pins:
        leaned = []
    # "And the Birch?" asks of the Birch what was asked before.
    expected = whole.expected if is_another else own.expected
    return Part(
        text=text,
        leaned_on=leaned_on,
        constraints=replace(own, pins=(*own.pins, *leaned), expected=expected),
    )


def names_another(text: str) -> bool:
    """True for a question that asks of something else what was asked before: "And in Spain?"."""
    opening = _ANOTHER.match(text)
    return opening is not None and _VERB.search(text, opening.end()) is None
