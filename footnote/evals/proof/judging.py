"""The text shown of each case, and the counts over cases."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from app.http.answers.schemas import Answer
from footnote.evals.case_files import content_sha256
from footnote.evals.metrics import share
from footnote.evals.proof.cases import KINDS, LANGUAGES, ORIGINS, ProofCase
from footnote.evals.proof.scripted import Put
from footnote.evals.provenance import spread
from footnote.evals.results import DIGITS, Result
from language.lines import ITEM

Ending = Literal["told", "quoted", "lost", "not_asked", "not_retrieved"]
"""`told`: in the model's words, or in words that are the claim's; of a truth, in the model's words.
`quoted`: words of its quote. `not_asked`: no model was, the evidence being thought too weak.
`not_retrieved`: the model was not shown the quote."""


@dataclass(frozen=True, kw_only=True)
class ShownClaim:
    """A claim of an answer; `wording` is whose words it is in, None where an answer tells not."""

    text: str
    wording: str | None
    quotes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A case and what became of it; `shown`: the answer's text."""

    case: ProofCase
    ending: Ending
    shown: str
    milliseconds: float

    @property
    def is_put(self) -> bool:
        """True when the claim reached verification."""
        return self.ending in {"told", "quoted", "lost"}


@dataclass(frozen=True, kw_only=True)
class Tally:
    """The counts of some cases."""

    cases: int
    not_asked: int
    not_retrieved: int
    lies: int
    lies_shown: int
    truths: int
    truths_lost: int
    truths_told: int
    truths_quoted: int


def shown_claims(answer: Answer) -> list[ShownClaim]:
    """The supported claims, in order."""
    quotes = {citation.id: citation.quote for citation in answer.citations}
    return [
        ShownClaim(
            text=claim.text,
            wording=claim.model_dump().get("wording"),
            quotes=tuple(quotes[citation_id] for citation_id in claim.citations),
        )
        for claim in answer.claims
        if claim.verdict == "supported"
    ]


def ending_of(case: ProofCase, put: Put, shown: Sequence[ShownClaim]) -> Ending:
    """The ending of the case's only claim."""
    if not put.is_asked:
        return "not_asked"
    if not put.is_retrieved:
        return "not_retrieved"
    said = [_folded(each.text) for each in shown]
    is_said = _folded(case.claim) in said
    if any(each.wording == "model" for each in shown) or (
        is_said and (not case.is_true or shown[0].wording is None)
    ):
        return "told"
    quote = _folded(case.quote)
    words = [*said, *(_folded(each) for claim in shown for each in claim.quotes)]
    is_quoted = any(quote in each or each in quote for each in words if each)
    return "quoted" if is_quoted else "lost"


def tally(ended: Sequence[Ended]) -> Tally:
    """The counts; lies and truths are of those that reached verification."""
    lies = [each.ending for each in ended if each.is_put and not each.case.is_true]
    truths = [each.ending for each in ended if each.is_put and each.case.is_true]
    return Tally(
        cases=len(ended),
        not_asked=sum(each.ending == "not_asked" for each in ended),
        not_retrieved=sum(each.ending == "not_retrieved" for each in ended),
        lies=len(lies),
        lies_shown=lies.count("told"),
        truths=len(truths),
        truths_lost=truths.count("lost"),
        truths_told=truths.count("told"),
        truths_quoted=truths.count("quoted"),
    )


def parts_of(ended: Sequence[Ended]) -> dict[str, list[Ended]]:
    """The cases of each kind and language, of tables and of prose; parts without a case are not."""
    parts: dict[str, list[Ended]] = {
        kind: [each for each in ended if each.case.kind == kind] for kind in KINDS
    }
    for language in LANGUAGES:
        parts[language] = [each for each in ended if each.case.language == language]
    parts["tables"] = [each for each in ended if each.case.is_table]
    parts["prose"] = [each for each in ended if not each.case.is_table]
    return {name: part for name, part in parts.items() if part}


def results_of(ended: Sequence[Ended], *, variant: str, is_whole: bool) -> list[Result]:
    """A result for each origin that has cases; figures rise with quality."""
    results = []
    for origin in ORIGINS:
        of_origin = [each for each in ended if each.case.origin == origin]
        if not of_origin:
            continue
        milliseconds = [each.milliseconds for each in of_origin]
        lies = [each for each in of_origin if not each.case.is_true]
        truths = [each for each in of_origin if each.case.is_true]
        shown = " ".join(each.case.id for each in lies if each.ending == "told")
        lost = " ".join(each.case.id for each in truths if each.ending == "lost")
        results.append(
            Result(
                dataset=origin,
                dataset_sha256=content_sha256(each.case for each in of_origin),
                split=None,
                is_whole=is_whole,
                variant=variant,
                figures=figures_of(of_origin),
                figures_by_split={
                    name: figures_of(part) for name, part in parts_of(of_origin).items()
                },
                latency_ms=spread(milliseconds),
                details={
                    **asdict(tally(of_origin)),
                    "shown": shown or None,
                    "lost": lost or None,
                },
                question_ids=[each.case.id for each in of_origin],
                scores={
                    name: [float(each.ending == name) for each in of_origin]
                    for name in ("told", "quoted", "lost")
                },
                milliseconds=milliseconds,
            )
        )
    return results


def figures_of(ended: Sequence[Ended]) -> dict[str, float]:
    """Shares from 0 to 1; shares of nothing are left out.

    `put`: of all cases, those that reached verification. Of these: `lies_kept_out`; `truths_kept`,
    told or quoted; `truths_told`, in the model's words.
    """
    lies = [each.ending for each in ended if each.is_put and not each.case.is_true]
    truths = [each.ending for each in ended if each.is_put and each.case.is_true]
    figures = {"put": share([each.is_put for each in ended])}
    if lies:
        figures["lies_kept_out"] = share([ending != "told" for ending in lies])
    if truths:
        figures["truths_kept"] = share([ending != "lost" for ending in truths])
        figures["truths_told"] = share([ending == "told" for ending in truths])
    return {name: round(value, DIGITS) for name, value in figures.items()}


def _folded(text: str) -> str:
    """The text as it is compared: markers of list items, which quotes leave out, are none of it."""
    return " ".join(ITEM.sub("", text).casefold().split()).rstrip(".")
