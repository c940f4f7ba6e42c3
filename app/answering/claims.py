"""Claims as a generator drafts them and as verification leaves them, between the stages."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypedDict, assert_never

from kb.passages import Passage

DraftStatus = Literal["answered", "unsupported", "needs_clarification"]
Verdict = Literal["supported", "unsupported", "contradicted"]
MatchMethod = Literal["exact", "normalized", "snapped"]
Wording = Literal["source", "model"]
"""Whose words a claim is shown in."""

ReasonCode = Literal[
    "not_a_claim",
    "no_citation",
    "source_unknown",
    "quote_not_found",
    "quote_altered",
    "quote_trivial",
    "number_missing",
    "number_moved",
    "name_missing",
    "name_moved",
    "negation_added",
    "negation_dropped",
    "opposite_word",
    "stronger_word",
    "coverage_low",
    "polarity_unknown",
    "quote_instructs",
    "form_refused",
    "not_read",
    "not_proved",
    "beside_the_question",
    "flagged",
]


@dataclass(frozen=True, kw_only=True)
class DraftCitation:
    """The quote that a generator gives for a claim; nothing of it is trusted yet."""

    source: str
    quote: str


@dataclass(frozen=True, kw_only=True)
class DraftClaim:
    """One sentence of a drafted answer."""

    text: str
    citations: tuple[DraftCitation, ...]
    is_computed: bool = False
    """True for a claim computed from all rows of a table, of which a model has seen only some."""


@dataclass(frozen=True, kw_only=True)
class Draft:
    """An answer as a generator writes it, before anything of it is proved."""

    status: DraftStatus
    claims: tuple[DraftClaim, ...] = ()
    clarifying_question: str | None = None


Severity = Literal["denies", "decides", "doubts"]
"""How far a reason speaks against a claim: see `severity_of`."""


class Checks(TypedDict):
    """True: passed. A check that could not be made, because an earlier one failed, is False."""

    source: bool
    quote: bool
    numbers: bool
    names: bool
    negation: bool
    coverage: bool


CheckName = Literal["source", "quote", "numbers", "names", "negation", "coverage"]

PASSED: Final = Checks(
    source=True, quote=True, numbers=True, names=True, negation=True, coverage=True
)
"""Of the source's own words."""


@dataclass(frozen=True, kw_only=True)
class Reason:
    """The reason for which a claim or a citation fell; `detail` is the word or number at fault."""

    code: ReasonCode
    detail: str = ""


def check_of(code: ReasonCode) -> CheckName:
    """The check that a reason belongs to; `coverage` for those that say it is not proved."""
    match code:
        case "number_missing" | "number_moved":
            return "numbers"
        case "name_missing" | "name_moved":
            return "names"
        case "negation_added" | "negation_dropped" | "opposite_word" | "stronger_word":
            return "negation"
        case (
            "not_a_claim"
            | "no_citation"
            | "source_unknown"
            | "quote_not_found"
            | "quote_altered"
            | "quote_trivial"
            | "coverage_low"
            | "polarity_unknown"
            | "quote_instructs"
            | "form_refused"
            | "not_read"
            | "not_proved"
            | "beside_the_question"
            | "flagged"
        ):
            return "coverage"
        case _:
            assert_never(code)


def severity_of(code: ReasonCode) -> Severity:
    """How far a reason speaks against a claim.

    `denies`: the quote says the opposite. `decides`: no measure of support outweighs it, since no
    source has the number or name. `doubts`: all others.
    """
    match code:
        case "negation_added" | "negation_dropped" | "opposite_word":
            return "denies"
        case "number_missing" | "name_missing":
            return "decides"
        case (
            "not_a_claim"
            | "no_citation"
            | "source_unknown"
            | "quote_not_found"
            | "quote_altered"
            | "quote_trivial"
            | "number_moved"
            | "name_moved"
            | "stronger_word"
            | "coverage_low"
            | "polarity_unknown"
            | "quote_instructs"
            | "form_refused"
            | "not_read"
            | "not_proved"
            | "beside_the_question"
            | "flagged"
        ):
            return "doubts"
        case _:
            assert_never(code)


def checks_of(reasons: Sequence[Reason]) -> Checks:
    """The checks of a quote that exists, of which these reasons say what failed."""
    failed = {check_of(reason.code) for reason in reasons}
    return Checks(
        source=True,
        quote=True,
        numbers="numbers" not in failed,
        names="names" not in failed,
        negation="negation" not in failed,
        coverage="coverage" not in failed,
    )


@dataclass(frozen=True, kw_only=True)
class VerifiedCitation:
    """A quote that stands in the source.

    `quote` is the source's own words: `content[char_start:char_end]` of the document version.
    """

    source: str
    passage: Passage
    quote: str
    char_start: int
    char_end: int
    method: MatchMethod
    checks: Checks
    reader: str | None = None
    """The reader of a claim in other words than this quote; None: the claim is its words."""


@dataclass(frozen=True, kw_only=True)
class RejectedCitation:
    """A citation whose source or quote does not exist, as the generator wrote it."""

    source: str
    quote: str
    reason: Reason
    checks: Checks


@dataclass(frozen=True, kw_only=True)
class ReplacedDraft:
    """A generator's sentence in whose place its quote is shown, and what was found about it."""

    text: str
    verdict: Verdict
    checks: Checks
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, kw_only=True)
class VerifiedClaim:
    """One claim and what was found about it.

    `text` may be shown when the claim is supported: the source's own words (`wording` "source"), or
    the generator's (`"model"`) that a reader has proved. `score` is 0 to 1, above 0.5 for supported
    claims only. `citations` are the ones that carry the claim when it is supported, and every
    located one otherwise. `draft` is the generator's sentence where its quote took its place.
    """

    text: str
    verdict: Verdict
    score: float
    wording: Wording = "source"
    citations: tuple[VerifiedCitation, ...] = ()
    rejected: tuple[RejectedCitation, ...] = ()
    reasons: tuple[Reason, ...] = ()
    draft: ReplacedDraft | None = None
