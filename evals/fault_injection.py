"""Claims made from true quotes, then made false: how many of the falsehoods are caught?"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
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

Wording = Literal["verbatim", "paraphrase", "inference"]
"""How a true claim is worded: as its source; as people or models have told a given text in their
words; or apart from the text, which people found to prove it only afterwards or taken together."""

INFERRED: Final = frozenset({"wice", "contractnli", "factcheckgpt", "fool_me_twice", "mtrag_un"})
"""Sets whose true claims are inferences: sentences of articles held against whole pages, fixed
hypotheses about any contract, claims made before a search, claims written to be hard to check,
answers of many sentences. Those of other sets retell a text that their writer had before them."""

SEED: Final = 20261121
"""Of the choice of sentences and of every falsehood."""

AROUND_CHARS: Final = 600
"""Text kept on both sides of a quote: a passage of usual length."""

WORDS: Final = range(8, 41)
"""Words of a sentence that is quoted: shorter ones are headings, longer ones are tables."""

MAX_SIBLINGS: Final = 3
"""Sentences of a passage that is cited in the place of the right one."""

MAX_GOLD_CHARS: Final = 3_000
"""Longer evidence is a document, not the passages that prove the claim."""


@dataclass(frozen=True, kw_only=True)
class TrueClaim:
    """A claim that its quotes, sentences of `source`, prove."""

    dataset: str
    text: str
    quotes: tuple[str, ...]
    source: str
    title: str | None = None
    siblings: tuple[str, ...] = ()
    """Other sentences about the same thing, none of which is among the quotes."""


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
    """Every wording there is: sentences that quote themselves, and claims that were written."""
    claims_of: dict[Wording, list[TrueClaim]] = {"verbatim": [], "paraphrase": [], "inference": []}
    for dataset in datasets:
        random = Random(SEED)  # noqa: S311  # a repeatable sample
        claims = read_claims(evaldata, dataset)
        random.shuffle(claims)
        quoted = (_quoting_itself(claim, random) for claim in claims)
        claims_of["verbatim"] += [each for each in quoted if each is not None][:claims_per_set]
        written = (_written(claim, random) for claim in claims if claim.is_supported)
        wording: Wording = "inference" if dataset in INFERRED else "paraphrase"
        claims_of[wording] += [each for each in written if each is not None][:claims_per_set]
    return [_report(wording, found, profile) for wording, found in claims_of.items() if found]


def is_kept(text: str, claim: TrueClaim, profile: ProfileName) -> bool:
    """True when the text is supported by the claim's quotes."""
    context = context_of_given([GivenSource(id="source", text=claim.source, title=claim.title)])
    citations = tuple(DraftCitation(source="source", quote=quote) for quote in claim.quotes)
    draft = Draft(status="answered", claims=(DraftClaim(text=text, citations=citations),))
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
    source = text[max(0, start - AROUND_CHARS) : end + AROUND_CHARS]
    return TrueClaim(
        dataset=claim.dataset,
        text=text[start:end],
        quotes=(text[start:end],),
        source=source,
        siblings=_others(source, text[start:end]),
    )


def _written(claim: LabelledClaim, random: Random) -> TrueClaim | None:
    source = claim.gold or claim.context
    if len(source) > MAX_GOLD_CHARS:
        return None
    others = claim.distractors or _others(claim.context, source)
    start = random.randrange(max(1, len(others) - MAX_SIBLINGS + 1))
    return TrueClaim(
        dataset=claim.dataset,
        text=claim.claim,
        quotes=_sentences(source),
        source=source,
        title=claim.title,
        siblings=tuple(others[start : start + MAX_SIBLINGS]),
    )


def _sentences(text: str) -> tuple[str, ...]:
    return tuple(text[start:end] for start, end in sentences(text))


def _others(text: str, cited: str) -> tuple[str, ...]:
    return tuple(each for each in _sentences(text) if each not in cited)


def _report(wording: Wording, claims: Sequence[TrueClaim], profile: ProfileName) -> InjectionReport:
    kept = [is_kept(claim.text, claim, profile) for claim in claims]
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
            caught.append((not is_kept(false, claim, profile), was_kept))
    return _kind_report(kind, caught)


def _moved(
    kind: str, claims: Sequence[TrueClaim], kept: Sequence[bool], profile: ProfileName
) -> KindReport:
    """The claim as it is, cited to another claim's quotes or to its neighbours in the source."""
    caught: list[tuple[bool, bool]] = []
    for index, (claim, was_kept) in enumerate(zip(claims, kept, strict=True)):
        if kind == "other_topic":
            # Half of all claims further on: another set or another document.
            cited = claims[(index + len(claims) // 2) % len(claims)]
        else:
            cited = replace(claim, quotes=claim.siblings, source="\n".join(claim.siblings))
        if cited.quotes and cited.source != claim.source:
            caught.append((not is_kept(claim.text, cited, profile), was_kept))
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
