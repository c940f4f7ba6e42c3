"""Checks claims that come without quotes against texts that come with them.

Stages: divide into sentences, take those in a source's words as proved, find for the others the
sentences that hold most of their words, look for vetoes, score. It is a classifier by rules: a
claim in other words that it calls supported is not proved.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final, Literal
from uuid import UUID

from app.answering.claims import Reason, VerifiedCitation, checks_of, severity_of
from app.answering.context import Source
from app.answering.verify.cited import CitedSource
from app.answering.verify.coverage import SentenceIndex
from app.answering.verify.evidence import gather_evidence
from app.answering.verify.profiles import Fitted, ProfileName, Weights, fitted_profiles
from app.answering.verify.verbatim import bare_claim, claims_something, find_verbatim, without_lead
from kb.errors import InvalidInput
from kb.passages import Location, Passage
from language.reading import is_language_known, read_sentence
from language.sentences import bounded_sentences

GroundingVerdict = Literal["supported", "unsupported", "contradicted", "not_checkable"]

MAX_SENTENCES: Final = 1_000
"""Sentences of all claims of one request: each is answered with up to three quotes."""

BEST_SENTENCES: Final = 3
"""Sentences that a claim is compared with together; over three, recall separates supported
claims from others best, in answers to questions."""

MIN_HELD_TO_CONTRADICT: Final = 0.75
"""Share of content words that the sources hold; with fewer they speak of something else."""

MIN_CARRIED: Final = 0.2
"""Score of a sentence that the others of its claim may carry: under it, hardly a word is found."""

Feature = Literal["held", "veto"]

_NEVER_STORED: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class GivenSource:
    """A text under the caller's own name for it; citations have offsets into it."""

    id: str
    text: str
    title: str | None = None


@dataclass(frozen=True, kw_only=True)
class GroundedClaim:
    """One claim and the sources' word on it; `score` is 0 to 1, 0 when they say nothing.

    `score` ranks claims by how well they are held; the verdict also heeds what speaks against them.
    """

    text: str
    verdict: GroundingVerdict
    score: float
    citations: tuple[VerifiedCitation, ...] = ()
    reasons: tuple[Reason, ...] = ()
    is_polarity_checked: bool = True
    """False when it is in a language whose negations are not understood."""


@dataclass(frozen=True, kw_only=True)
class Support:
    """The sources' support of one sentence of a claim.

    Attributes:
        citations: of the claim's own words when it is verbatim, else of the sentences that hold
            most of them.
        reasons: why it is not supported; () when it is verbatim.
        held: the share of its content words that the citations hold, 0 to 1.
        is_vetoed: an edit between it and the citations makes another statement of them.
        is_denied: one of these vetoes is such that no score outweighs it.
    """

    citations: tuple[VerifiedCitation, ...]
    reasons: tuple[Reason, ...] = ()
    is_verbatim: bool = False
    is_polarity_checked: bool = True
    held: float = 1.0
    is_vetoed: bool = False
    is_denied: bool = False

    @property
    def features(self) -> dict[Feature, float]:
        """The numbers that the score is made of."""
        return {"held": self.held, "veto": float(self.is_vetoed)}

    @property
    def is_decided(self) -> bool:
        """True when no score makes it supported."""
        return self.is_denied or not (self.is_verbatim or self.is_polarity_checked)

    def score(self, weights: Weights) -> float:
        """The chance that a person would call it supported, 0 to 1, where the fit was made."""
        if not self.citations:
            return 0.0
        return 1.0 if self.is_verbatim else score_of(self.features, weights)


def score_of(features: Mapping[Feature, float], weights: Weights) -> float:
    """The logistic function of the weighted sum of the features."""
    logit = weights["bias"] + sum(weights[name] * value for name, value in features.items())
    return 1 / (1 + math.exp(-logit))


def ground_given(
    claims: Sequence[str], sources: Sequence[GivenSource], profile: ProfileName
) -> list[GroundedClaim]:
    """Each claim, held against the texts; InvalidInput for more than MAX_SENTENCES sentences."""
    if sum(len(sentences_of(claim)) for claim in claims) > MAX_SENTENCES:
        raise InvalidInput(f"The claims have more than {MAX_SENTENCES} sentences.")
    indexed = index_given(sources)
    fitted = fitted_profiles()
    return [ground(claim, indexed, fitted, profile) for claim in claims]


def ground_answer(
    answer: str, sources: Sequence[GivenSource], profile: ProfileName, *, most_claims: int
) -> list[GroundedClaim]:
    """Each sentence of an answer as a claim; InvalidInput for more than `most_claims`."""
    claims = sentences_of(answer)
    if len(claims) > most_claims:
        raise InvalidInput(f"The answer has more than {most_claims} sentences.")
    return ground_given(claims, sources, profile)


def ground(claim: str, index: SentenceIndex, fitted: Fitted, name: ProfileName) -> GroundedClaim:
    """The claim's verdict; its score is the mean of its sentences'.

    It is supported when the mean is enough, nothing decisive speaks against a sentence, and none is
    so thin that the others cannot carry it. What asserts nothing (a question, a lead-in) is
    `not_checkable`, and counts for nothing beside other sentences.
    """
    supports = supports_of(claim, index)
    if not supports:
        nothing = (Reason(code="not_a_claim"),)
        return GroundedClaim(text=claim, verdict="not_checkable", score=0.0, reasons=nothing)
    scores = [each.score(fitted["weights"]) for each in supports]
    score = sum(scores) / len(scores)
    is_enough = score >= fitted["profiles"][name]["min_score"] and min(scores) >= MIN_CARRIED
    verdict: GroundingVerdict = (
        "contradicted"
        if any(each.is_denied and each.held >= MIN_HELD_TO_CONTRADICT for each in supports)
        else "supported"
        if is_enough and not any(each.is_decided for each in supports)
        else "unsupported"
    )
    reasons = dict.fromkeys(reason for each in supports for reason in each.reasons)
    return GroundedClaim(
        text=claim,
        verdict=verdict,
        score=score,
        citations=tuple(quote for each in supports for quote in each.citations),
        reasons=() if verdict == "supported" else tuple(reasons),
        is_polarity_checked=all(each.is_polarity_checked for each in supports),
    )


def supports_of(claim: str, index: SentenceIndex) -> list[Support]:
    """The support of each sentence that asserts something."""
    sources = {source.source.id: source for source in index.sources}
    supports: list[Support] = []
    for sentence in map(bare_claim, sentences_of(claim)):
        text = without_lead(sentence)
        if not claims_something(text):
            continue
        is_known = is_language_known(sentence)
        verbatim = find_verbatim(sentence, (), sources)
        if verbatim is not None:
            said = tuple(each for extract in verbatim.extracts for each in extract.citations)
            supports.append(Support(citations=said, is_verbatim=True, is_polarity_checked=is_known))
            continue

        reading = read_sentence(text)
        quotes = index.best(reading, BEST_SENTENCES)
        found = {key for quote in quotes for key in read_sentence(quote.text).places}
        content = [reading.tokens[place] for place in reading.content]
        missing = [token.raw for token in content if token.key not in found]
        vetoes = gather_evidence(quotes).vetoes(text)
        reasons = [*vetoes]
        if missing or not vetoes:
            reasons.append(Reason(code="coverage_low", detail=", ".join(missing)))
        if not is_known:
            reasons.append(Reason(code="polarity_unknown"))
        checks = checks_of(reasons)
        supports.append(
            Support(
                citations=tuple(each.source.citation(each.span, checks=checks) for each in quotes),
                reasons=tuple(reasons) if quotes else (Reason(code="no_citation"),),
                is_polarity_checked=is_known,
                held=1 - len(missing) / max(1, len(content)),
                is_vetoed=bool(vetoes),
                is_denied=any(severity_of(reason.code) != "doubts" for reason in vetoes),
            )
        )
    return supports


def sentences_of(text: str) -> list[str]:
    """The sentences of an answer, each a claim."""
    return [text[start:end] for start, end in bounded_sentences(text)]


def index_given(sources: Sequence[GivenSource]) -> SentenceIndex:
    """The texts, whole and in order, ready for any number of claims."""
    cited: list[CitedSource] = []
    for number, given in enumerate(sources, start=1):
        passage = Passage(
            chunk_id=number,
            document_id=UUID(int=number),
            document_version=1,
            external_id=given.id,
            title=given.title,
            filename=None,
            source_uri=None,
            content_sha256=sha256(given.text.encode()).hexdigest(),
            updated_at=_NEVER_STORED,
            text=given.text,
            location=Location(
                section=[],
                page=None,
                slide=None,
                sheet=None,
                row=None,
                char_start=0,
                char_end=len(given.text),
            ),
            score=1.0,
            bm25=None,
            cosine=None,
        )
        cited.append(CitedSource(Source(id=given.id, passage=passage, parts=(passage,))))
    return SentenceIndex(cited)
