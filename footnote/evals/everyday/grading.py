"""Is an answer right, and could one show it to somebody? Rules over its text; no model."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

from app.answering.outcome import AnswerStatus
from footnote.evals.everyday.cases import EverydayCase
from language.text import normal_form

Outcome = Literal["right", "ugly", "wrong", "beside", "wrongly_unsupported", "wrongly_answered"]
"""`ugly`: right, in a form that nobody wants to read. `beside`: nothing of what was asked, and
nothing wrong. `wrongly_unsupported`: no text where one was due; `wrongly_answered`: the reverse."""

OUTCOMES: Final[tuple[Outcome, ...]] = get_args(Outcome)

WITH_TEXT: Final = frozenset[AnswerStatus]({"answered", "partially_supported", "conflicting"})

CELL_MARK: Final = " | "
"""Cells as they are stored; a reader wants them told."""

_DECIMALS_OF_NOTHING: Final = re.compile(r"[.,]0{1,2}(?!\w)(?![.,]\d)")
"""A sum may be told as 120.00."""

_MARKUP: Final = str.maketrans({"*": None, "`": None, "\u2019": "'", "\u201c": '"', "\u201d": '"'})


@dataclass(frozen=True, kw_only=True)
class Shown:
    """The answer as the asker saw it, without its markers, and each of its claims."""

    status: AnswerStatus
    text: str
    claims: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Grade:
    """The outcome; `faults` say why it is not right."""

    outcome: Outcome
    faults: tuple[str, ...] = ()


def normalized(text: str) -> str:
    """NFKC, case folded, single spaces, plain quotes, without Markdown's marks of emphasis."""
    return " ".join(normal_form("NFKC", text).casefold().translate(_MARKUP).split())


def grade(case: EverydayCase, shown: Shown, *, headings: frozenset[str]) -> Grade:
    """The first that applies; `headings` are those of all documents, normalized."""
    is_due = not WITH_TEXT.isdisjoint(case.expected)
    if not shown.text.strip():
        if shown.status in case.expected and shown.status not in WITH_TEXT:
            return Grade(outcome="right")
        silent: Outcome = "wrongly_unsupported" if is_due else "wrong"
        return Grade(outcome=silent, faults=(f"is {shown.status}",))

    content = _grade_content(case, normalized(shown.text), shown.status)
    if content.outcome != "right":
        return content
    ugly = tuple(_faults_of_form(case, shown, headings))
    return Grade(outcome="ugly", faults=ugly) if ugly else content


def find(text: str, phrase: str, start: int = 0) -> int:
    """The position of the phrase, as whole words or a whole number, in normalized text; -1 without.

    `12` is in `12.00`, and not in `120`, `12.5`, `12,000` or `1,12`.
    """
    wanted = normalized(phrase)
    at = text.find(wanted, start)
    while at >= 0 and _is_cut(text, at, at + len(wanted)):
        at = text.find(wanted, at + 1)
    return at


def _is_cut(text: str, start: int, end: int) -> bool:
    if text[end - 1].isdigit() and _DECIMALS_OF_NOTHING.match(text, end):
        return _goes_on(text, start - 1, -1, text[start])
    return _goes_on(text, start - 1, -1, text[start]) or _goes_on(text, end, 1, text[end - 1])


def _goes_on(text: str, at: int, step: int, edge: str) -> bool:
    """True when the word or number with this edge goes on at the place, outwards by `step`."""
    beyond = text[at] if 0 <= at < len(text) else " "
    if not edge.isalnum():
        return False
    after = at + step
    is_point = beyond in ".," and 0 <= after < len(text) and text[after].isdigit()
    return beyond.isalnum() or (edge.isdigit() and is_point)


def _grade_content(case: EverydayCase, text: str, status: AnswerStatus) -> Grade:
    wrong = tuple(f"says {value!r}" for value in case.must_not if find(text, value) >= 0)
    if wrong:
        return Grade(outcome="wrong", faults=wrong)
    if WITH_TEXT.isdisjoint(case.expected):
        return Grade(outcome="wrongly_answered", faults=(f"is {status}",))

    due = [(entry,) if isinstance(entry, str) else entry for entry in case.must]
    missing = [
        entry
        for entry, phrases in zip(case.must, due, strict=True)
        if all(find(text, each) < 0 for each in phrases)
    ]
    if missing:
        outcome: Outcome = "beside" if len(missing) == len(case.must) else "wrong"
        return Grade(outcome=outcome, faults=tuple(f"lacks {entry!r}" for entry in missing))
    if case.in_order and not _is_in_order(text, due):
        return Grade(outcome="wrong", faults=("is in another order",))

    # A claim that was removed beside a right answer does not make it wrong.
    accepted = {*case.expected, *(["partially_supported"] if "answered" in case.expected else [])}
    if status not in accepted:
        return Grade(outcome="wrong", faults=(f"is {status}",))
    return Grade(outcome="right")


def _is_in_order(text: str, entries: Sequence[Sequence[str]]) -> bool:
    at = 0
    for entry in entries:
        places = [find(text, each, at) for each in entry]
        at = min((place for place in places if place >= 0), default=-1)
        if at < 0:
            return False
    return True


def _faults_of_form(case: EverydayCase, shown: Shown, headings: frozenset[str]) -> Iterator[str]:
    text = normalized(shown.text)
    claims = [normalized(claim).lstrip("# ").rstrip(" :.") for claim in shown.claims]
    if CELL_MARK in shown.text:
        yield "shows cells as they are stored"
    if not headings.isdisjoint(claims):
        yield "shows a heading alone"
    if len(set(claims)) < len(claims):
        yield "says something twice"
    if case.max_chars is not None and len(text) > case.max_chars:
        yield f"has {len(text)} characters"
    if case.max_claims is not None and len(claims) > case.max_claims:
        yield f"has {len(claims)} claims"
    for value in case.noise:
        if find(text, value) >= 0:
            yield f"also says {value!r}"
