"""A short way to put a claim and its quotes before the verifier."""

from app.claims import Draft, DraftCitation, DraftClaim, VerifiedClaim
from app.context import Context
from app.verify.cited import cited_sources
from app.verify.read import Opinion
from app.verify.verify import Repeated, decide, examine, verify

AGREES = Opinion(is_supported=True, probability=0.97)


def claim_of(text: str, *quotes: str, context: Context, source: str | None = None) -> DraftClaim:
    """A claim that cites these quotes of the first source, or of the one named."""
    source_id = context.sources[0].id if source is None else source
    citations = tuple(DraftCitation(source=source_id, quote=quote) for quote in quotes)
    return DraftClaim(text=text, citations=citations)


def judge(text: str, *quotes: str, context: Context, source: str | None = None) -> VerifiedClaim:
    """What is shown of one claim where nothing reads it."""
    claim = claim_of(text, *quotes, context=context, source=source)
    return verify(Draft(status="answered", claims=(claim,)), context).claims[0]


def read(
    text: str, *quotes: str, context: Context, opinion: Opinion = AGREES, name: str = "a reader"
) -> VerifiedClaim:
    """What is shown of one claim where somebody has read it."""
    examined = examine(claim_of(text, *quotes, context=context), cited_sources(context))
    if isinstance(examined, Repeated):
        return examined.shown()
    if isinstance(examined, VerifiedClaim):
        return examined
    return decide(examined, opinion, reader=name, is_about=lambda _extract: True)
