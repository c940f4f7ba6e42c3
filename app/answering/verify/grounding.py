"""Claims that come without quotes, held against texts that come with them.

Stages: divide into sentences, take those in a source's words as proved, find for the others the
sentences that hold most of their words, look for vetoes, score. It is a classifier by rules: what
it calls supported in other words is not proved.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final, Literal
from uuid import UUID

from app.answering.claims import Reason, ReasonCode, VerifiedCitation, checks_of
from app.answering.context import Source
from app.answering.verify.cited import CitedSource
from app.answering.verify.coverage import SentenceIndex, missing_words
from app.answering.verify.evidence import Evidence
from app.answering.verify.profiles import Fitted, ProfileName, Weights, fitted_profiles
from app.answering.verify.verbatim import bare_claim, claims_something, find_verbatim, without_lead
from kb.errors import InvalidInput
from kb.passages import Location, Passage
from language.reading import is_language_known, read_sentence
from language.sentences import bounded_sentences

GroundingVerdict = Literal["supported", "unsupported", "contradicted", "not_checkable"]

MAX_SENTENCES: Final = 1_000
"""Of all claims of one request together: each is answered with up to three quotes."""

BEST_SENTENCES: Final = 3
"""Sentences that a claim is held against together; recall over three told supported claims from
others best on answers to questions."""

DECISIVE: Final[frozenset[ReasonCode]] = frozenset(
    {"number_missing", "name_missing", "negation_added", "negation_dropped", "opposite_word"}
)
"""What no score outweighs."""

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
    """One claim and what the sources say about it; `score` is 0 to 1, 0 when nothing is said.

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
    """What the sources say about one sentence of a claim.

    `quotes` stand in the claim's own words when it is verbatim, else they are the sentences that
    hold most of its words: `held` is the share of them, 0 to 1; `missing` are the others.
    """

    quotes: tuple[VerifiedCitation, ...]
    is_verbatim: bool = False
    is_polarity_checked: bool = True
    held: float = 1.0
    missing: str = ""
    vetoes: tuple[Reason, ...] = ()

    @property
    def features(self) -> dict[Feature, float]:
        """What the score is made of."""
        return {"held": self.held, "veto": float(bool(self.vetoes))}

    @property
    def is_denied(self) -> bool:
        """True when something speaks against it that no score outweighs."""
        return any(reason.code in DECISIVE for reason in self.vetoes)

    @property
    def is_contradicted(self) -> bool:
        """True when the sources speak of the same thing, and otherwise."""
        return self.is_denied and self.held >= MIN_HELD_TO_CONTRADICT

    @property
    def is_decided(self) -> bool:
        """True when no score makes it supported."""
        return self.is_denied or not (self.is_verbatim or self.is_polarity_checked)

    def score(self, weights: Weights) -> float:
        """The chance that a person would call it supported, 0 to 1, where the fit was made."""
        if not self.quotes:
            return 0.0
        return 1.0 if self.is_verbatim else score_of(self.features, weights)

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """What is wrong with it; at least one reason where it is not verbatim."""
        if self.is_verbatim or not self.quotes:
            return () if self.is_verbatim else (Reason(code="no_citation"),)
        is_thin = self.missing or not self.vetoes
        thin = [Reason(code="coverage_low", detail=self.missing)] if is_thin else []
        unknown = [] if self.is_polarity_checked else [Reason(code="polarity_unknown")]
        return (*self.vetoes, *thin, *unknown)

    @property
    def citations(self) -> list[VerifiedCitation]:
        """The quotes with what the checks found."""
        checks = checks_of(self.reasons)
        return [replace(quote, checks=checks) for quote in self.quotes]


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
    """The same for each sentence of an answer; InvalidInput for more than `most_claims`."""
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
        if any(each.is_contradicted for each in supports)
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
    """What the sources say about each sentence that asserts something."""
    texts = (bare_claim(sentence) for sentence in sentences_of(claim))
    return [_support(text, index) for text in texts if claims_something(without_lead(text))]


def _support(text: str, index: SentenceIndex) -> Support:
    sources = {source.source.id: source for source in index.sources}
    is_known = is_language_known(text)
    verbatim = find_verbatim(text, (), sources)
    if verbatim is not None:
        said = tuple(each for extract in verbatim.extracts for each in extract.citations)
        return Support(quotes=said, is_verbatim=True, is_polarity_checked=is_known)
    text = without_lead(text)
    claim = read_sentence(text)
    quotes = tuple(index.best(claim, BEST_SENTENCES))
    missing = missing_words(claim, quotes)
    return Support(
        quotes=tuple(quote.source.citation(quote.span) for quote in quotes),
        is_polarity_checked=is_known,
        held=1 - len(missing) / max(1, len(claim.content)),
        missing=", ".join(token.raw for token in missing),
        vetoes=Evidence(quotes=quotes).vetoes(text),
    )


def sentences_of(text: str) -> list[str]:
    """The sentences of an answer, each a claim."""
    return [text[start:end] for start, end in bounded_sentences(text)]


def index_given(sources: Sequence[GivenSource]) -> SentenceIndex:
    """The texts, whole and in order, ready for any number of claims."""
    return SentenceIndex(
        [CitedSource(_source(source, number)) for number, source in enumerate(sources, start=1)]
    )


def _source(given: GivenSource, number: int) -> Source:
    passage = Passage(
        chunk_id=number,
        document_id=UUID(int=number),
        document_version=1,
        external_id=given.id,
        title=given.title,
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
    return Source(id=given.id, passage=passage, parts=(passage,))
