"""Texts that come with a request -> a context like one that was retrieved."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final
from uuid import UUID

from app.context import Context, Source
from app.verify.grounding import GroundedClaim, ground, index_context, split_answer
from app.verify.profiles import ProfileName, fitted_profiles
from kb.errors import InvalidInput
from kb.passages import Location, Passage

MAX_SENTENCES: Final = 1_000
"""Of all claims of one request together: each is answered with up to three quotes."""

_NEVER_STORED: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class GivenSource:
    """A text under the caller's own name for it."""

    id: str
    text: str
    title: str | None = None


def ground_given(
    claims: Sequence[str], sources: Sequence[GivenSource], profile: ProfileName
) -> list[GroundedClaim]:
    """Each claim, held against the texts; InvalidInput for more than MAX_SENTENCES sentences."""
    if sum(len(split_answer(claim)) for claim in claims) > MAX_SENTENCES:
        raise InvalidInput(f"The claims have more than {MAX_SENTENCES} sentences.")
    indexed = index_context(context_of_given(sources))
    fitted = fitted_profiles()
    return [ground(claim, indexed, fitted, profile) for claim in claims]


def ground_answer(
    answer: str, sources: Sequence[GivenSource], profile: ProfileName, *, most_claims: int
) -> list[GroundedClaim]:
    """The same for each sentence of an answer; InvalidInput for more than `most_claims`."""
    claims = split_answer(answer)
    if len(claims) > most_claims:
        raise InvalidInput(f"The answer has more than {most_claims} sentences.")
    return ground_given(claims, sources, profile)


def context_of_given(sources: Sequence[GivenSource]) -> Context:
    """The texts as sources, whole and in order; offsets of citations are offsets into them."""
    return Context(
        sources=tuple(_source(source, number) for number, source in enumerate(sources, start=1)),
        budget=0,
        used=0,
        dropped=(),
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
