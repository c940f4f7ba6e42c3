"""Claims made from true quotes, then made false: how many of the falsehoods are caught?"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final, Literal, TypedDict

from app.claims import Draft, DraftCitation, DraftClaim
from app.verify.given import GivenSource, context_of_given
from app.verify.profiles import ProfileName
from app.verify.verify import verify
from evals.corruption import CORRUPTIONS
from evals.grounding_claims import LabelledClaim, read_claims
from evals.metrics import share
from kb.text import sentences

Wording = Literal["verbatim", "paraphrase"]

SEED: Final = 20261121
"""Of the choice of sentences and of every falsehood."""

AROUND_CHARS: Final = 600
"""Text kept on both sides of a quote: a passage of usual length."""

WORDS: Final = range(8, 41)
"""Words of a sentence that is quoted: shorter ones are headings, longer ones are tables."""

MAX_GOLD_CHARS: Final = 3_000
"""Longer evidence is a document, not the passages that prove the claim."""


@dataclass(frozen=True, kw_only=True)
class TrueClaim:
    """A claim that its quotes, sentences of `source`, prove."""

    dataset: str
    text: str
    quotes: tuple[str, ...]
    source: str


class KindReport(TypedDict):
    """One kind of falsehood; `caught_of_kept` counts only claims whose true form is kept."""

    kind: str
    n: int
    caught: float
    n_kept: int
    caught_of_kept: float | None


class InjectionReport(TypedDict):
    """One wording; `false_alarms` is the share of true claims that fall, untouched."""

    wording: Wording
    claims: int
    false_alarms: float
    false_alarms_by_set: dict[str, float]
    kinds: list[KindReport]


def inject_faults(
    evaldata: Path, datasets: Sequence[str], *, claims_per_set: int, profile: ProfileName
) -> list[InjectionReport]:
    """Both wordings: sentences that quote themselves, and claims that people wrote."""
    verbatim: list[TrueClaim] = []
    paraphrased: list[TrueClaim] = []
    for dataset in datasets:
        random = Random(SEED)  # noqa: S311  # a repeatable sample
        claims = read_claims(evaldata, dataset)
        random.shuffle(claims)
        quoted = (_quoting_itself(claim, random) for claim in claims)
        verbatim += [each for each in quoted if each is not None][:claims_per_set]
        written = (_written(claim) for claim in claims if claim.is_supported)
        paraphrased += [each for each in written if each is not None][:claims_per_set]
    return [
        _report("verbatim", verbatim, profile),
        _report("paraphrase", paraphrased, profile),
    ]


def is_kept(claim: str, quotes: Sequence[str], source: str, profile: ProfileName) -> bool:
    """True when the claim is supported by these quotes of the source."""
    context = context_of_given([GivenSource(id="source", text=source)])
    citations = tuple(DraftCitation(source="source", quote=quote) for quote in quotes)
    draft = Draft(status="answered", claims=(DraftClaim(text=claim, citations=citations),))
    return bool(verify(draft, context, profile).supported)


def _quoting_itself(claim: LabelledClaim, random: Random) -> TrueClaim | None:
    text = claim.context
    spans = [
        span
        for span in sentences(text)
        if len(text[slice(*span)].split()) in WORDS
        and text[span.start].isupper()
        and text[span.end - 1] == "."
    ]
    if not spans:
        return None
    start, end = random.choice(spans)
    return TrueClaim(
        dataset=claim.dataset,
        text=text[start:end],
        quotes=(text[start:end],),
        source=text[max(0, start - AROUND_CHARS) : end + AROUND_CHARS],
    )


def _written(claim: LabelledClaim) -> TrueClaim | None:
    source = claim.gold or claim.context
    if len(source) > MAX_GOLD_CHARS:
        return None
    quotes = tuple(source[start:end] for start, end in sentences(source))
    return TrueClaim(dataset=claim.dataset, text=claim.claim, quotes=quotes, source=source)


def _report(wording: Wording, claims: Sequence[TrueClaim], profile: ProfileName) -> InjectionReport:
    kept = [is_kept(claim.text, claim.quotes, claim.source, profile) for claim in claims]
    by_set: dict[str, list[bool]] = {}
    for claim, was_kept in zip(claims, kept, strict=True):
        by_set.setdefault(claim.dataset, []).append(not was_kept)
    return InjectionReport(
        wording=wording,
        claims=len(claims),
        false_alarms=share([not was_kept for was_kept in kept]),
        false_alarms_by_set={name: share(flags) for name, flags in by_set.items()},
        kinds=[
            *(_corrupted(kind, claims, kept, profile) for kind in CORRUPTIONS),
            _moved("other_topic", claims, kept, profile),
            _moved("sibling_sentence", claims, kept, profile),
        ],
    )


def _corrupted(
    kind: str, claims: Sequence[TrueClaim], kept: Sequence[bool], profile: ProfileName
) -> KindReport:
    random = Random(SEED)  # noqa: S311  # repeatable falsehoods
    caught: list[tuple[bool, bool]] = []
    for claim, was_kept in zip(claims, kept, strict=True):
        false = CORRUPTIONS[kind](claim.text, claim.source, random)
        if false is not None:
            caught.append((not is_kept(false, claim.quotes, claim.source, profile), was_kept))
    return _kind_report(kind, caught)


def _moved(
    kind: str, claims: Sequence[TrueClaim], kept: Sequence[bool], profile: ProfileName
) -> KindReport:
    """The claim as it is, cited to another claim's quotes or to its neighbours in the source."""
    caught: list[tuple[bool, bool]] = []
    for index, (claim, was_kept) in enumerate(zip(claims, kept, strict=True)):
        if kind == "other_topic":
            # Half of all claims further on: another set or another document.
            other = claims[(index + len(claims) // 2) % len(claims)]
            quotes, source = other.quotes, other.source
        else:
            source = claim.source
            cited = "\n".join(claim.quotes)
            quotes = tuple(
                text for span in sentences(source) if (text := source[slice(*span)]) not in cited
            )
        if quotes:
            caught.append((not is_kept(claim.text, quotes, source, profile), was_kept))
    return _kind_report(kind, caught)


def _kind_report(kind: str, caught: Sequence[tuple[bool, bool]]) -> KindReport:
    of_kept = [is_caught for is_caught, was_kept in caught if was_kept]
    return KindReport(
        kind=kind,
        n=len(caught),
        caught=share([is_caught for is_caught, _ in caught]),
        n_kept=len(of_kept),
        caught_of_kept=share(of_kept) if of_kept else None,
    )
